"""Heights: one text to feet and inches, and what the spellings of a file as a whole decide."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from sqf_pipeline.cleaning.column_reading import Reading, Rows, plausible, within_range
from sqf_pipeline.registry.columns import Column
from sqf_pipeline.registry.spellings import normalise_text

TEN_INCHES_BY_FEET = frozenset({4, 5})
"""Feet at which a height that has lost its last zero more likely means ten inches than one (`DATA.md`, "Numbers": of
the text cells of 2021, 5 ft 10 stands 1,117 times and 5 ft 1 48 times, but 6 ft 1 404 times and 6 ft 10 once)."""

ENOUGH_TO_JUDGE = 200
"""From this many heights of 4 and 5 ft on, the shares of the two spellings are asked whether they can be true."""

SHARE_OF_ONE_INCH = (0.005, 0.5)
"""Where one inch and ten inches are told apart, one inch has 4 % of them at 5 ft (2021). Fewer than the first or more
than the second is no file that tells them apart: the rarer spelling stands in a few cells that came from elsewhere."""

ENOUGH_TOGETHER = 0.05
"""Heights of 5 ft 10, 5 ft 11 and 6 ft 10 are a fifth of all; `510` is how a file writes them where they are at least
this share of its two-digit heights, and a stray cell where they are fewer."""

PLAIN_INCHES = (36.0, 96.0)
"""Two digits are inches: feet are one digit, and nobody has fewer than 36."""

_DECIMAL = re.compile(r"([0-9])(?:[.,]([0-9]{0,3}))?")
_UNIT_OF_INCHES = r"\s*(?:\"|''|INCHES|INCH|INS?\.?)?"
_FEET_MARKED = re.compile(rf"([0-9])\s*(?:'|FT\.?|FEET|FOOT)\s*(?:-?\s*([0-9]{{1,2}})(?:\.0*)?{_UNIT_OF_INCHES})?")
_APART = re.compile(rf"([0-9])\s*[-/ ]\s*([0-9]{{1,2}})(?:\.0*)?{_UNIT_OF_INCHES}")
_INCHES = re.compile(rf"([0-9]{{2}})(?:\.(0*|50*))?{_UNIT_OF_INCHES}")
_TOGETHER = re.compile(r"([0-9])([01][0-9])(?:\.0*)?")


@dataclass(frozen=True)
class Written:
    """One height as written."""

    feet: int  # feet; 0 where the text has inches alone
    inches: float  # inches beside them, not yet settled where `zeros` says so
    zeros: int | None  # for `5.1`, `5.10`, `5.100`: how many zeros follow the one; None for every other height
    form: str  # `decimal`, `padded` (`5.01`), `apart` (`5'10"`), `together` (`510`) or `inches` (`70`)


def parse_height(text: str) -> float | None:
    """Return inches of one height that stands alone, as `read_heights` reads it in a file of its own.

    `5.11` is 5 ft 11 in, `5.1` and `5.10` are 5 ft 10 in, `6.1` is 6 ft 1 in, `5'10"` and `510` are 5 ft 10 in, and
    `70` is 70 inches.

    >>> [parse_height(text) == 5 * 12 + 10 for text in ("5.1", "5.10", "5' 10", "510", "70")]
    [True, True, True, True, True]
    >>> parse_height("6.1") == 6 * 12 + 1
    True
    >>> parse_height("5.12") is None
    True
    """
    return _settle({text: 1})[0][text]


def read_heights(rows_of: Rows, entry: Column, _: int) -> Reading:
    """Return the reading of a column of heights, in inches.

    NYPD writes feet.inches. A cell of text keeps the last zero of `5.10`; a cell of a number loses it, or shows two
    decimals of every height. A file that has both spellings tells one inch from ten. A file that has only one has
    lost the difference: its `.1` is the likelier of the two by the feet (`TEN_INCHES_BY_FEET`), and counted.
    """
    inches, ambiguous = _settle(rows_of)
    reading = within_range(rows_of, entry, Reading(dict(inches)))
    kept = [text for text in ambiguous if plausible(entry, inches[text] or 0)]
    reading.note(
        rows_of, "ambiguous_height", kept,
        "The last zero is lost, so one inch and ten inches look the same; read as ten inches at 4 and 5 ft, as one "
        "inch otherwise.",
    )  # fmt: skip
    return reading


def _settle(rows_of: Rows) -> tuple[dict[str, float | None], list[str]]:
    """Return inches by text, and the texts that are ambiguous."""
    known = {text: height for text in rows_of if (height := _parse(normalise_text(text))) is not None}
    ones = {text: height for text, height in known.items() if height.zeros is not None}
    ambiguous: list[str] = []
    if _has_padded_inches(rows_of, known):
        settled = dict.fromkeys(ones, 10.0)
    elif _tells_apart(rows_of, ones):
        fewest = min(height.zeros or 0 for height in ones.values())
        settled = {text: 1.0 if height.zeros == fewest else 10.0 for text, height in ones.items()}
    else:
        settled = {text: 10.0 if height.feet in TEN_INCHES_BY_FEET else 1.0 for text, height in ones.items()}
        ambiguous = list(ones)
    found: dict[str, float | None] = dict.fromkeys(rows_of)
    two_digits_have_feet = _leaves_out_separator(rows_of, known)
    for text, height in known.items():
        if height.form == "inches" and two_digits_have_feet:
            found[text] = height.inches // 10 * 12 + height.inches % 10
        else:
            found[text] = height.feet * 12 + settled.get(text, height.inches)
    return found, ambiguous


def _rows(rows_of: Rows, known: dict[str, Written], wanted: Callable[[Written], bool]) -> int:
    return sum(rows_of[text] for text, height in known.items() if wanted(height))


def _has_padded_inches(rows_of: Rows, known: dict[str, Written]) -> bool:
    """Return whether `5.01` is how the file writes one inch, so that `5.1` and `5.10` are ten."""
    padded = _rows(rows_of, known, lambda height: height.form == "padded")
    return padded > _rows(rows_of, known, lambda height: height.form == "decimal" and 2 <= height.inches <= 9)


def _leaves_out_separator(rows_of: Rows, known: dict[str, Written]) -> bool:
    """Return whether `59` stands beside `510` and so is 5 ft 9 in. Where `509` stands there, it is 59 inches."""
    together = _rows(rows_of, known, lambda height: height.form == "together" and height.inches >= 10)
    padded = _rows(rows_of, known, lambda height: height.form == "together" and height.inches < 10)
    return not padded and together > ENOUGH_TOGETHER * _rows(rows_of, known, lambda height: height.form == "inches")


def _tells_apart(rows_of: Rows, ones: dict[str, Written]) -> bool:
    """Return whether the file's spellings of one inch and of ten inches differ."""
    if len({height.zeros for height in ones.values()}) < 2:
        return False
    fewest = min(height.zeros or 0 for height in ones.values())
    usual = [(text, height) for text, height in ones.items() if height.feet in TEN_INCHES_BY_FEET]
    total = sum(rows_of[text] for text, _ in usual)
    one_inch = sum(rows_of[text] for text, height in usual if height.zeros == fewest)
    low, high = SHARE_OF_ONE_INCH
    return total < ENOUGH_TO_JUDGE or low * total <= one_inch <= high * total


def _parse(text: str) -> Written | None:
    if match := _DECIMAL.fullmatch(text):
        return _decimal(int(match[1]), match[2] or "")
    if match := _FEET_MARKED.fullmatch(text) or _APART.fullmatch(text):
        return _of_feet(int(match[1]), match[2] or "0", "apart")
    if match := _TOGETHER.fullmatch(text):
        return _of_feet(int(match[1]), match[2], "together")
    if match := _INCHES.fullmatch(text):
        inches = float(f"{match[1]}.{match[2] or 0}")
        return Written(0, inches, None, "inches") if PLAIN_INCHES[0] <= inches < PLAIN_INCHES[1] else None
    return None


def _decimal(feet: int, digits: str) -> Written | None:
    core = digits.rstrip("0")
    if core == "1":
        return Written(feet, 1, len(digits) - 1, "decimal")
    if len(core) == 2 and core[0] == "0":
        return Written(feet, int(core[1]), None, "padded")
    return _of_feet(feet, core or "0", "decimal") if len(core) < 2 or core == "11" else None


def _of_feet(feet: int, inches: str, form: str) -> Written | None:
    return Written(feet, int(inches), None, form) if int(inches) < 12 else None
