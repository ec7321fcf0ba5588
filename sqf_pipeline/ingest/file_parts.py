"""Which part of a year the name of a file speaks of: a quarter, months, a numbered part, or the whole."""

import re
from dataclasses import dataclass

from sqf_pipeline.registry.year_and_month_words import MONTHS

_MONTHS = {name[:length].lower(): number for number, name in enumerate(MONTHS, start=1) for length in (3, len(name))}
_MONTHS["sept"] = 9
_ORDINALS = {"1": 1, "2": 2, "3": 3, "4": 4, "1st": 1, "2nd": 2, "3rd": 3, "4th": 4, "first": 1, "second": 2}
_ORDINALS |= {"third": 3, "fourth": 4, "i": 1, "ii": 2, "iii": 3, "iv": 4}
_SPANS = {"q": 3, "qtr": 3, "quarter": 3, "qrt": 3, "h": 6, "half": 6, "s": 6, "semester": 6}
_SHORT_SPAN = re.compile(r"(q|qtr|quarter|h|half|s)([1-4])|([1-4])(q|qtr|h)")
_PART_WORDS = re.compile(
    r"part|pt|ytd|date|partial|prelim\w*|interim|excerpt|extract|sample|subset|first|last|percent|rows|head|weeks?|"
    r"months?|quarters?|qtrs?|q\w?|halves|half|bronx|brooklyn|manhattan|queens|staten|precinct|pct|through|thru|until"
)
_COPY = re.compile(r"\(\d+\)|\bcopy(?: \d+)?\b")
_TOKEN = re.compile(r"[a-z]+\d*|\d+[a-z]*|-")


@dataclass(frozen=True)
class NamedPart:
    """A part of a year."""

    months: frozenset[int] | None
    """The months it should hold, 1 to 12; None where the name does not say (`2`, `ytd`, `bronx`)."""
    numbered: bool = False
    """Whether a number alone distinguishes it from the other parts, so that several may make a whole."""


def part_in_name(stem: str, year: str) -> NamedPart | None:
    """Return the part that a file's name speaks of, None when it speaks of the whole year.

    A browser's ` (1)` and `copy` do not make a part. A number beside the year does: whoever numbers the files of a year
    has more than one. What cannot be told apart from a part is one, because a part that is taken for a whole year is
    wrong in every figure. `year` is the year as it stands in the name.
    """
    text = _COPY.sub(" ", stem.lower()).replace(year, " ").replace("_", " ").replace(".", " ")
    tokens = _TOKEN.findall(text.replace("\u2013", "-"))
    spans = _spans(tokens)
    if spans:
        return NamedPart(frozenset(month for first, last in spans for month in range(first, last + 1)))
    words = [token for token in tokens if _PART_WORDS.fullmatch(token)]
    if words or any(token[0].isdigit() for token in tokens):
        return NamedPart(None, numbered=set(words) <= {"part", "pt"})
    return None


def _spans(tokens: list[str]) -> list[tuple[int, int]]:
    """Return first and last month of everything in a name that says months; two are ends of one, but for `and`."""
    found: list[tuple[int, int, int, int]] = []  # place of its first and last token, first and last month
    place = 0
    while place < len(tokens):
        taken, span = _span_at(tokens, place)
        if span is not None:
            found.append((place, place + taken - 1, *span))
        place += taken
    joined: list[tuple[int, int]] = []
    end = -1
    for begin, last, low, high in found:
        between = tokens[end + 1 : begin]
        if joined and "and" not in between and joined[-1][0] <= high:
            joined[-1] = (joined[-1][0], high)
        else:
            joined.append((low, high))
        end = last
    return joined


def _span_at(tokens: list[str], place: int) -> tuple[int, tuple[int, int] | None]:
    """Return how many tokens from `place` on say a span of months, and the span; one and None when they say none."""
    token = tokens[place]
    following = [other for other in tokens[place + 1 : place + 3] if other != "-"]
    width = 1 + (tokens[place + 1 : place + 2] == ["-"])
    if token in _MONTHS:
        return 1, (_MONTHS[token], _MONTHS[token])
    if short := _SHORT_SPAN.fullmatch(token):
        unit, number = (short[1], short[2]) if short[1] else (short[4], short[3])
        return 1, _span(_SPANS[unit], int(number))
    if token in _SPANS and following and following[0] in _ORDINALS:
        return width + 1, _span(_SPANS[token], _ORDINALS[following[0]])
    if token in _ORDINALS and following and following[0] in _SPANS:
        return width + 1, _span(_SPANS[following[0]], _ORDINALS[token])
    return 1, None


def _span(length: int, number: int) -> tuple[int, int] | None:
    last = length * number
    return (last - length + 1, last) if last <= 12 else None
