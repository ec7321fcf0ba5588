"""Date and time of a file: what the file as a whole settles, and each where only the other's column has it."""

import datetime as dt
from collections.abc import Callable

import numpy as np
import pandas as pd

from sqf_pipeline.cleaning.column_reading import Reading, Rows
from sqf_pipeline.cleaning.dates import EPOCHS, Order, WrittenDate, is_no_date, read_date
from sqf_pipeline.cleaning.numerals import parse_month, parse_number, parse_weekday, parse_year
from sqf_pipeline.cleaning.times_of_day import parse_numeric_times, parse_time
from sqf_pipeline.cleaning.timestamps import split_moment
from sqf_pipeline.errors import SqfError
from sqf_pipeline.registry.columns import Column
from sqf_pipeline.registry.spellings import normalise_text, null_spellings

DATE, TIME = "stop_date", "stop_time_seconds"

MOST_SWAPPED = 0.01
"""Largest share of dates that fit month and weekday only when day and month change places."""

_MIDNIGHTS = frozenset({"0:00", "00:00", "0:00:00", "00:00:00", "12:00 AM", "12:00:00 AM"})
_MIDNIGHTS_ELSEWHERE = frozenset({"04:00", "05:00", "04:00:00", "05:00:00"})
"""New York's midnight in the time of Greenwich, in summer and in winter."""


class ContradictoryDatesError(SqfError):
    """Dates of one file that cannot all be written in one order; the message counts both kinds."""


def complete_moments(texts: pd.DataFrame) -> pd.DataFrame:
    """Return the text frame with dates taken from the times' column and times from the dates', where theirs are empty.

    A time of day in the column of dates counts only when the column holds times at all: a midnight in every cell is
    how a program writes a date.
    """
    if DATE not in texts or TIME not in texts:
        return texts
    empty = {name: _cells(texts[name], lambda text: text in null_spellings()) for name in (DATE, TIME)}
    completed = texts
    for name, other, holds in ((TIME, DATE, holds_times), (DATE, TIME, holds_dates)):
        lacking = empty[name] & ~empty[other]
        if lacking.any() and holds(texts.loc[~empty[other], other]):
            completed = completed.assign(**{name: completed[name].astype(str).mask(lacking, texts[other].astype(str))})
    return completed


def shared_moment_column(names: dict[str, str], table: pd.DataFrame) -> dict[str, str]:
    """Return the published name of the one column that holds date and time, for the one of the two that is missing.

    `names` are ours to those in the file, under which `table` holds text as published.
    """
    for missing, other, holds in ((TIME, DATE, holds_times), (DATE, TIME, holds_dates)):
        if missing in names or other not in names:
            continue
        texts = table[names[other]]
        filled = texts[~_cells(texts, lambda text: text in null_spellings())]
        if len(filled) and holds(filled):
            return {missing: names[other]}
    return {}


def holds_dates(texts: pd.Series) -> bool:
    """Return whether most texts hold a date, whatever else they hold."""
    return bool(_cells(texts, _has_date).mean() > 0.5)


def holds_times(texts: pd.Series) -> bool:
    """Return whether most texts hold a time of day, and not merely the midnight of a date."""
    clocks = texts.map(_clock)
    timed = clocks != ""
    if timed.mean() <= 0.5:
        return False
    found = set(clocks[timed])
    greenwich = found <= _MIDNIGHTS_ELSEWHERE and bool(texts[timed].str.strip().str.upper().str.endswith("Z").all())
    return not found <= _MIDNIGHTS and not greenwich


def _cells(texts: pd.Series, of: Callable[[str], bool]) -> pd.Series:
    answers = {text: of(normalise_text(text)) for text in texts.unique()}
    return texts.map(answers).astype(bool)


def _has_date(text: str) -> bool:
    return not is_no_date(split_moment(text)[0]) and read_date(text) is not None


def _clock(text: str) -> str:
    """Return the time of day in a text of a date: a clock time, or the fraction of a serial number."""
    plain = normalise_text(text)
    number = parse_number(plain)
    if number is not None:
        return "" if number.is_integer() else f"{number % 1:.6f}"
    return split_moment(plain)[1]


def published_years(texts: pd.DataFrame) -> pd.Series:
    """Return the calendar year of every row (Int16, null where it cannot be read): YEAR2, else that of the date."""
    years = pd.Series(pd.NA, index=texts.index, dtype="Int16")
    if "year" in texts:
        years = texts["year"].map({text: parse_year(text) for text in texts["year"].unique()}).astype("Int16")
    if DATE in texts and years.isna().any():
        of_date = {text: _year_of_date(text) for text in texts[DATE].unique()}
        years = years.fillna(texts[DATE].map(of_date).astype("Int16"))
    return years


def _year_of_date(text: str) -> int | None:
    written = read_date(text)
    if written is None:
        return None
    if written.numbers:
        return written.numbers[2] % 100 + 2000
    date = written.settle("month first", EPOCHS["Excel"])
    return date.year if date and date.year >= 2003 else None


def read_dates(texts: pd.DataFrame, year: int) -> Reading:
    """Return the reading of the column of dates; the keys of `meant` are its texts as `normalise_text` gives them.

    The order of day, month and year, and the day from which serial numbers count, are those of the file as a whole:
    a number over 12 settles the order, else `month` and `weekday` bear witness, else it is American, month first. Dates
    of another year than the file's are rejected and counted. Raises ContradictoryDatesError when some dates can only be
    month first and others only day first, or when month and weekday show that day and month have changed places.
    """
    texts = texts[[name for name in (DATE, "month", "weekday") if name in texts]].astype(str)
    spelled = texts[DATE].map({text: normalise_text(text) for text in texts[DATE].unique()})
    rows_of = {text: int(rows) for text, rows in spelled.value_counts().items() if text not in null_spellings()}
    written = {text: read_date(text) for text in rows_of}
    known = {text: date for text, date in written.items() if date is not None}
    witness = _Witness(texts, spelled)
    epoch = _epoch(rows_of, known, year)
    order = _order(rows_of, known, year, witness)
    dates = {text: date.settle(order, epoch) for text, date in known.items()}
    _refuse_swapped(dates, witness)
    reading = Reading({text: dates.get(text) for text in rows_of})
    reading.reject(
        rows_of, "unreadable", [text for text, date in reading.meant.items() if date is None],
        "The date could not be read; set to missing.",
    )  # fmt: skip
    reading.reject(
        rows_of, "outside_year",
        [text for text, date in reading.meant.items() if date is not None and date.year != year],
        f"The date is not in {year}, the year of the file; set to missing.",
    )  # fmt: skip
    return reading


class _Witness:
    """Month and weekday of every row, against which a reading of the dates is held."""

    def __init__(self, texts: pd.DataFrame, spelled: pd.Series) -> None:
        self.spelled = spelled
        nothing = pd.Series(np.nan, index=texts.index)
        self.month = texts["month"].map(_each(texts["month"], parse_month)) if "month" in texts else nothing
        # numbers of weekdays begin on different days in different programs
        names = texts["weekday"].map(_each(texts["weekday"], _named_weekday)) if "weekday" in texts else nothing
        self.weekday = names.astype(float)

    def fits(self, dates: dict[str, dt.date | None]) -> pd.Series:
        """Return by row whether its date agrees with month and weekday, of which at least one must be known."""
        month = self.spelled.map({text: date.month for text, date in dates.items() if date})
        weekday = self.spelled.map({text: date.isoweekday() for text, date in dates.items() if date})
        known = month.notna() & (self.month.notna() | self.weekday.notna())
        month_fits = self.month.isna() | (self.month == month)
        return known & month_fits & (self.weekday.isna() | (self.weekday == weekday))


def _each(texts: pd.Series, parse: Callable[[str], int | None]) -> dict[str, int | None]:
    return {text: parse(text) for text in texts.unique()}


def _named_weekday(text: str) -> int | None:
    return None if parse_number(text) is not None else parse_weekday(text)


def _epoch(rows_of: Rows, known: dict[str, WrittenDate], year: int) -> dt.date:
    """Return the day from which serial numbers count: the one by which most lie in the year, Excel's before others."""
    serials = {text: date.serial for text, date in known.items() if date.serial is not None}

    def in_year(epoch: dt.date) -> int:
        return sum(rows_of[text] for text, days in serials.items() if (epoch + dt.timedelta(days=days)).year == year)

    return max(EPOCHS.values(), key=in_year)


def _order(rows_of: Rows, known: dict[str, WrittenDate], year: int, witness: _Witness) -> Order:
    """Return the order in which the file writes the numbers of a date."""
    numbers = {text: date.numbers for text, date in known.items() if date.numbers}
    two_digits = year % 100

    def rows(wanted: Callable[[tuple[int, int, int]], bool]) -> int:
        return sum(rows_of[text] for text, parts in numbers.items() if wanted(parts))

    if rows(lambda parts: parts[0] == two_digits) > rows(lambda parts: parts[2] in {two_digits, year}):
        return "year first"
    day_first = rows(lambda parts: 12 < parts[0] <= 31 and parts[1] <= 12)
    month_first = rows(lambda parts: 12 < parts[1] <= 31 and parts[0] <= 12)
    if day_first and month_first:
        raise ContradictoryDatesError(
            f"{year}: expected dates in one order, found {month_first:,} that can only be month first (such as 3/25) "
            f"and {day_first:,} that can only be day first (such as 25/3) in STOP_FRISK_DATE. A program has probably "
            "swapped day and month in some of them: get the file again, or save its dates as YYYY-MM-DD."
        )
    if day_first or month_first:
        return "day first" if day_first else "month first"
    fitting: dict[Order, int] = {
        order: int(witness.fits({text: known[text].settle(order, EPOCHS["Excel"]) for text in numbers}).sum())
        for order in ("month first", "day first")
    }
    return "day first" if fitting["day first"] > fitting["month first"] else "month first"


def _refuse_swapped(dates: dict[str, dt.date | None], witness: _Witness) -> None:
    """Refuse a file in which some dates fit month and weekday only with day and month swapped."""
    swapped = {text: _swapped(date) for text, date in dates.items()}
    fits, fits_swapped = witness.fits(dates), witness.fits(swapped)
    rows = int((fits_swapped & ~fits).sum())
    if rows > MOST_SWAPPED * int((fits | fits_swapped).sum()):
        raise ContradictoryDatesError(
            f"Expected dates that agree with MONTH2 and DAY2, found {rows:,} that agree only with day and month "
            f"swapped, and {int(fits.sum()):,} that agree as they are. A program has swapped them: get the file "
            "again, or save its dates as YYYY-MM-DD."
        )


def _swapped(date: dt.date | None) -> dt.date | None:
    return date.replace(month=date.day, day=date.month) if date and date.day <= 12 and date.day != date.month else None


def read_times(rows_of: Rows, _: Column, __: int) -> Reading:
    """Return the reading of a column of times of day, in seconds after midnight."""
    numeric = parse_numeric_times(rows_of)
    reading = Reading({text: numeric[text] if text in numeric else parse_time(text) for text in rows_of})
    unread = [text for text, seconds in reading.meant.items() if seconds is None]
    reading.reject(rows_of, "unreadable", unread, "The time could not be read; set to missing.")
    return reading
