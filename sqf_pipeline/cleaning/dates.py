"""Calendar dates: one text to a date, or to what only the rest of the file can settle."""

import datetime as dt
import re
from dataclasses import dataclass
from typing import Literal

from sqf_pipeline.cleaning.numerals import parse_month, parse_number
from sqf_pipeline.cleaning.timestamps import split_moment
from sqf_pipeline.registry.spellings import normalise_text
from sqf_pipeline.registry.year_and_month_words import MONTHS, WEEKDAYS

Order = Literal["month first", "day first", "year first"]

EPOCHS = {
    "Excel": dt.date(1899, 12, 30),
    "Excel for Mac": dt.date(1904, 1, 1),
    "R": dt.date(1970, 1, 1),
    "SAS and Stata": dt.date(1960, 1, 1),
}
"""Programs that write a date as the number of days since a date of their own."""

_ISO = re.compile(r"(?P<year>[0-9]{4})([-/.])(?P<month>[0-9]{1,2})\2(?P<day>[0-9]{1,2})")
_COMPACT = re.compile(r"(?P<year>20[0-9]{2})(?P<month>[0-9]{2})(?P<day>[0-9]{2})(?:\.0*)?")
_MONTH_FIRST = re.compile(r"(?P<month>0?[1-9]|1[0-2])(?P<day>[0-9]{2})(?P<year>(?:19|20)[0-9]{2})(?:\.0*)?")
"""`1012014` is the first of January: of seven digits one is the month, never two (strptime takes October)."""
_NUMERIC = re.compile(r"([0-9]{1,2})([-/.])([0-9]{1,2})\2([0-9]{4}|[0-9]{2})")
_DAY_NAME = re.compile(rf"^(?:{'|'.join(f'{name[:3]}(?:{name[3:]})?' for name in map(str.upper, WEEKDAYS))})[.,]?\s*")
_NAMES = "|".join(f"{name}|{name[:3]}" for name in map(str.upper, MONTHS)) + "|SEPT"
_NAMED_DAY_FIRST = re.compile(
    rf"(?P<day>[0-9]{{1,2}})(?:ST|ND|RD|TH)?[-/ .]*(?P<month>{_NAMES})[-/ .,]*(?P<year>[0-9]{{4}}|[0-9]{{2}})"
)
_NAMED_MONTH_FIRST = re.compile(
    rf"(?P<month>{_NAMES})[-/ .]*(?P<day>[0-9]{{1,2}})(?:ST|ND|RD|TH)?[-/ .,]+(?P<year>[0-9]{{4}}|[0-9]{{2}})"
)
_NO_DATE = re.compile(
    r"1899-12-3[01]|12/3[01]/1899|3[01]/12/1899|1900-01-0[01]|0?1/0?[01]/1900|0?0/0?1/1900|1904-01-01|0?1/0?1/1904"
    r"|1970-01-01|1960-01-01|0 DAYS?"
)
SERIALS = (10_000, 80_000)
"""Numbers that can be days since one of the epochs: from 1987 to 2119 by R, Excel and what lies between."""


@dataclass(frozen=True)
class WrittenDate:
    """A date as written."""

    date: dt.date | None = None  # the date, where the text alone settles it
    numbers: tuple[int, int, int] | None = None
    """Three numbers whose order only the file settles: day, month and year in two of the six orders."""
    serial: int | None = None  # days since an epoch that only the file settles

    def settle(self, order: Order, epoch: dt.date) -> dt.date | None:
        """Return the date once the order of its numbers and the epoch are known; None for a day that is none."""
        if self.serial is not None:
            return epoch + dt.timedelta(days=self.serial)
        if self.numbers is None:
            return self.date
        first, second, third = self.numbers
        if order == "year first":
            return calendar_date(first, second, third)
        month, day = (first, second) if order == "month first" else (second, first)
        return calendar_date(third, month, day)


def calendar_date(year: int, month: int, day: int) -> dt.date | None:
    """Return a date of this century, its year in four digits or two; None where the calendar has no such day.

    >>> calendar_date(20, 2, 29)
    datetime.date(2020, 2, 29)
    >>> calendar_date(2019, 2, 29) is None
    True
    """
    try:
        return dt.date(year + 2000 if year < 100 else year, month, day)
    except ValueError:
        return None


def is_no_date(text: str) -> bool:
    """Return whether a text is a date that a program sets before a time of day that has none."""
    return _NO_DATE.fullmatch(text) is not None


def read_date(text: str) -> WrittenDate | None:
    """Return the date in a text; a time of day behind it and a time zone are passed over.

    The zone never moves the day: NYPD's times are New York's, and a program that marks a midnight with Z has only
    added what it writes by default.
    """
    day = _DAY_NAME.sub("", split_moment(normalise_text(text))[0], count=1)
    if match := _ISO.fullmatch(day) or _COMPACT.fullmatch(day) or _MONTH_FIRST.fullmatch(day):
        return _certain(match["year"], int(match["month"]), match["day"])
    if match := _NAMED_DAY_FIRST.fullmatch(day) or _NAMED_MONTH_FIRST.fullmatch(day):
        return _certain(match["year"], parse_month(match["month"]), match["day"])
    if match := _NUMERIC.fullmatch(day):
        return WrittenDate(numbers=(int(match[1]), int(match[3]), int(match[4])))
    number = parse_number(day)
    in_range = number is not None and SERIALS[0] <= number < SERIALS[1]
    return WrittenDate(serial=int(number or 0)) if in_range else None


def _certain(year: str, month: int | None, day: str) -> WrittenDate | None:
    date = calendar_date(int(year), month, int(day)) if month else None
    return WrittenDate(date=date) if date else None
