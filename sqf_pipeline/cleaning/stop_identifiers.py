"""Numbers of stops: text to one canonical form, exact to the last digit."""

import re
from collections.abc import Iterable

from sqf_pipeline.cleaning.column_reading import Reading, Rows
from sqf_pipeline.errors import SqfError
from sqf_pipeline.registry.columns import Column
from sqf_pipeline.registry.spellings import normalise_text

_WHOLE = re.compile(r"([0-9]+|[0-9]{1,3}(?:[, '][0-9]{3})+)(?:\.0*)?")
_EXPONENT = re.compile(r"([0-9])(?:[.,]([0-9]*))?E\+?([0-9]{1,3})")
_LONGEST = 40
PLAIN_IDENTIFIER = "[1-9][0-9]*"
"""A number that is its own canonical form."""
_SPREADSHEET_ROUNDS_FROM = 11
"""Excel writes a number in full up to 11 digits, and as `2.02E+17`, rounded, from 12 on. Below that only programs
that round nothing write exponents (R writes 100,000 as 1e+05)."""


class LostIdentifierError(SqfError):
    """Numbers of stops that a program has rounded, so that stops can no longer be told apart."""


def parse_identifier(text: str) -> str | None:
    """Return the digits of a stop's number: no leading zeros, no thousands commas, no `.0`; None if there is none.

    Text, so that numbers of any length stay apart. A number in exponent form is read where all its digits are there,
    and is None where the last are lost (`2.02E+17`).

    >>> parse_identifier("20,200,000,000,000,000,001.0")
    '20200000000000000001'
    >>> [parse_identifier(text) for text in ("007", "1E+05", "0", "1.5", "2.02E+17")]
    ['7', '100000', None, None, None]
    """
    plain = normalise_text(text)
    if match := _WHOLE.fullmatch(plain):
        return re.sub(r"[^0-9]", "", match[1]).lstrip("0") or None
    match = _EXPONENT.fullmatch(plain)
    if match is None or has_lost_digits(plain):
        return None
    decimals, exponent = (match[2] or "").rstrip("0"), int(match[3])
    if match[1] == "0" or len(decimals) > exponent or exponent > _LONGEST:
        return None
    return match[1] + decimals.ljust(exponent, "0")


def has_lost_digits(text: str) -> bool:
    """Return whether a text is a stop's number in exponent form with fewer digits than the number has.

    >>> has_lost_digits("2.02E+17"), has_lost_digits("1E+05"), has_lost_digits("20200000000000000001")
    (True, False, False)
    """
    match = _EXPONENT.fullmatch(normalise_text(text))
    return match is not None and int(match[3]) >= _SPREADSHEET_ROUNDS_FROM and len(match[2] or "") < int(match[3])


def refuse_lost_digits(texts: Iterable[str], where: str) -> None:
    """Raise LostIdentifierError when any number of a stop has lost digits; `where` names the file or year."""
    lost = sorted({text.strip() for text in texts if has_lost_digits(text)})
    if lost:
        raise LostIdentifierError(
            f"{where}: expected complete stop numbers, found {lost[0]!r} (and {len(lost) - 1:,} others like "
            "it): their last digits are lost, so stops cannot be distinguished. A spreadsheet has rounded the "
            "column; fetch the file again, or save the column as text."
        )


def read_identifiers(rows_of: Rows, _: Column, year: int) -> Reading:
    """Return the reading of the column of stops' numbers; raises LostIdentifierError for rounded ones."""
    refuse_lost_digits(rows_of, str(year))
    reading = Reading({text: parse_identifier(text) for text in rows_of})
    unread = [text for text, value in reading.meant.items() if value is None]
    reading.reject(rows_of, "unreadable", unread, "Not a whole number of at least 1; set to missing.")
    return reading
