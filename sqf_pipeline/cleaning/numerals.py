"""Numbers, whole numbers, years, yes and no, months and weekdays: one text to one value."""

import math
import re

from sqf_pipeline.registry.spellings import categories_by_spelling, normalise_text, unit_words
from sqf_pipeline.registry.year_and_month_words import MONTHS, WEEKDAYS

_EXPONENT = r"(?:E[+-]?[0-9]{1,3})?"
_GROUPINGS = tuple(
    (re.compile(rf"[+-]?(?:{pattern}){_EXPONENT}"), drop)
    for pattern, drop in (
        (r"[0-9]+\.?[0-9]*|\.[0-9]+", ""),
        (r"[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]*)?", ","),
        (r"[0-9]{1,3}(?:[ '][0-9]{3})+(?:[.,][0-9]*)?", " '"),
        (r"[0-9]{1,3}(?:\.[0-9]{3}){2,}|[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]*", "."),
        (r"[0-9]+,[0-9]+", ""),
    )
)
"""Ways to write a number, each with what divides its thousands; the first that fits is taken, so that `1,234` is
a number of thousands. A comma that divides nothing is a decimal comma."""

_YEAR = re.compile(r"(20[0-9]{2}|[0-9]{2})")


def parse_number(text: str, unit: str = "") -> float | None:
    """Return the number that a text writes, with or without the words for `unit` (the registry's) behind it.

    Digits with a point, thousands divided in the American way (`1,005,432.5`), by spaces or in the European way
    (`1.005.432,5`), and exponents (`1.005432E+06`) are read. Infinity is not.

    >>> [parse_number(text) for text in ("1,005,432.5", "1.005.432,5", "12,5", "1.5E+3")]
    [1005432.5, 1005432.5, 12.5, 1500.0]
    >>> parse_number("about 5") is None
    True
    """
    plain = normalise_text(text)
    for word in unit_words(unit):
        if plain.endswith(word) and plain != word:
            plain = plain.removesuffix(word).rstrip()
            break
    for pattern, drop in _GROUPINGS:
        if pattern.fullmatch(plain):
            digits = plain.translate(dict.fromkeys(map(ord, drop))).replace(",", ".")
            number = float(digits)
            return number if math.isfinite(number) else None
    return None


def parse_whole_number(text: str, unit: str = "") -> float | None:
    """Return the whole number that a text writes, also as `12.00`; None for a fraction.

    >>> parse_whole_number("12.00"), parse_whole_number("12.5")
    (12.0, None)
    """
    number = parse_number(text, unit)
    return number if number is not None and number.is_integer() else None


def parse_year(text: str) -> int | None:
    """Return the calendar year that a text writes: `2020`, `2020.0`, `2,020`, or in two digits `20` and `'20`.

    >>> [parse_year(text) for text in ("2020", "2,020", "'20", "1999")]
    [2020, 2020, 2020, None]
    """
    number = parse_whole_number(text)
    match = _YEAR.fullmatch(f"{number:02.0f}") if number is not None and number >= 0 else None
    return int(match[1]) % 100 + 2000 if match else None


def parse_month(text: str) -> int | None:
    """Return 1 to 12 for the English name of a month, cut to three letters or more, or its number.

    >>> [parse_month(text) for text in ("September", "sept.", "9", "13", "se")]
    [9, 9, 9, None, None]
    """
    return _parse_name_or_number(text, MONTHS)


def parse_weekday(text: str) -> int | None:
    """Return 1 (Monday) to 7 (Sunday) for the English name of a weekday, cut to three letters or more, or a number.

    >>> [parse_weekday(text) for text in ("Wednesday", "wed", "3", "8")]
    [3, 3, 3, None]
    """
    return _parse_name_or_number(text, WEEKDAYS)


def _parse_name_or_number(text: str, names: tuple[str, ...]) -> int | None:
    number = parse_whole_number(text)
    if number is not None:
        return int(number) if 1 <= number <= len(names) else None
    name = normalise_text(text).rstrip(".,")
    named = (place for place, full in enumerate(names, start=1) if full.upper().startswith(name))
    return next(named, None) if len(name) >= 3 else None


def parse_flag(text: str) -> bool | None:
    """Return whether a flag says yes or no: a word of the vocabulary (`*flag`), 1 or 0; None for all else.

    >>> [parse_flag(text) for text in ("Y", "1", "n", "0.0", "2")]
    [True, True, False, False, None]
    """
    plain = normalise_text(text)
    said = categories_by_spelling("*flag").get(plain)
    if said is None and re.fullmatch(r"[01](?:[.,]0*)?", plain):
        return plain[0] == "1"
    return None if said is None else said == "Y"
