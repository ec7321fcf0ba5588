"""Dates: what one text says, and what the dates of a whole file settle."""

import datetime as dt
from collections.abc import Callable

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqf_pipeline.cleaning.calendar_columns import published_years, read_dates
from sqf_pipeline.cleaning.clean_stops import clean_stops
from sqf_pipeline.cleaning.dates import EPOCHS, read_date
from sqf_pipeline.errors import SqfError
from sqf_pipeline_tests.unit.ingest.published import raw_stops


def parse_date(text: str) -> dt.date | None:
    """Return the date of a text that stands alone, month first and days counted as Excel does."""
    written = read_date(text)
    return written.settle("month first", EPOCHS["Excel"]) if written else None


CERTAIN: dict[str, Callable[[dt.date], str]] = {
    "ISO": lambda day: f"{day}",
    "ISO at midnight": lambda day: f"{day} 00:00:00",
    "what R writes": lambda day: f"{day}T00:00:00Z",
    "a zone": lambda day: f"{day}T00:00:00-05:00",
    "PostgreSQL": lambda day: f"{day} 00:00:00+00",
    "fractions of a second": lambda day: f"{day} 00:00:00.000000",
    "a zone without a time": lambda day: f"{day}Z",
    "slashes": lambda day: f"{day:%Y/%m/%d}",
    "compact": lambda day: f"{day:%Y%m%d}",
    "SAS": lambda day: f"{day:%d%b%Y}".upper(),
    "SAS with a time": lambda day: f"{day:%d%b%Y}:00:00:00".upper(),
    "Stata": lambda day: f"{day:%d%b%Y}".lower(),
    "Excel's short form": lambda day: f"{day.day}-{day:%b}-{day:%y}",
    "day, month in words": lambda day: f"{day:%d %B %Y}",
    "month in words": lambda day: f"{day:%B} {day.day}, {day.year}",
    "Excel's long form": lambda day: f"{day:%A}, {day:%B} {day.day}, {day.year}",
}
BY_THE_FILE: dict[str, Callable[[dt.date], str]] = {
    "American": lambda day: f"{day.month}/{day.day}/{day.year}",
    "American, padded": lambda day: f"{day:%m/%d/%Y}",
    "American, two digits": lambda day: f"{day:%m/%d/%y}",
    "American, hyphens": lambda day: f"{day:%m-%d-%Y}",
    "American with a time": lambda day: f"{day.month}/{day.day}/{day.year} 0:00",
    "American with a 12-hour time": lambda day: f"{day.month}/{day.day}/{day.year} 12:00:00 AM",
    "European": lambda day: f"{day:%d/%m/%Y}",
    "German": lambda day: f"{day.day}.{day.month}.{day.year}",
    "European, two digits": lambda day: f"{day:%d/%m/%y}",
    "year first, two digits": lambda day: f"{day:%y-%m-%d}",
    "Excel": lambda day: f"{(day - dt.date(1899, 12, 30)).days}",
    "Excel as a float": lambda day: f"{(day - dt.date(1899, 12, 30)).days}.0",
    "Excel for Mac": lambda day: f"{(day - dt.date(1904, 1, 1)).days}",
    "R": lambda day: f"{(day - dt.date(1970, 1, 1)).days}",
    "SAS": lambda day: f"{(day - dt.date(1960, 1, 1)).days}",
}
days = st.dates(dt.date(2018, 1, 1), dt.date(2018, 12, 31))


def frame(texts: list[str], true: list[dt.date], *witness: str) -> pd.DataFrame:
    columns = {"stop_date": texts, "month": [f"{day:%B}" for day in true], "weekday": [f"{day:%A}" for day in true]}
    return pd.DataFrame({name: columns[name] for name in ("stop_date", *witness)}, dtype=str)


def dates_of(texts: pd.DataFrame, year: int = 2018) -> list[dt.date | None]:
    meant = read_dates(texts, year).meant
    return [meant[text.upper()] for text in texts["stop_date"]]


@given(days, st.sampled_from(sorted(CERTAIN)))
def test_a_date_reads_back_from_every_form_that_needs_no_file(day: dt.date, form: str):
    assert parse_date(CERTAIN[form](day)) == day


@given(st.lists(days, min_size=1, max_size=30), st.sampled_from(sorted(BY_THE_FILE)))
def test_a_file_reads_back_when_month_and_weekday_bear_witness(true: list[dt.date], form: str):
    texts = [BY_THE_FILE[form](day) for day in true]
    assert dates_of(frame(texts, true, "month", "weekday")) == true
    assert dates_of(frame(texts, true, "month")) == true


@given(st.lists(days, max_size=30), st.sampled_from(sorted(BY_THE_FILE)))
def test_a_file_reads_back_when_one_day_is_over_twelve(others: list[dt.date], form: str):
    true = [dt.date(2018, 3, 25), *others]
    assert dates_of(frame([BY_THE_FILE[form](day) for day in true], true)) == true


def test_without_any_evidence_dates_are_american():
    assert dates_of(frame(["3/5/2018"], [dt.date(2018, 3, 5)])) == [dt.date(2018, 3, 5)]


@pytest.mark.parametrize(
    "texts", [["13/1/2018", "1/13/2018"], ["25.12.2018", "12.25.2018"], ["31/1/18"] * 99 + ["1/31/18"]]
)
def test_dates_in_two_orders_are_refused(texts: list[str]):
    with pytest.raises(SqfError, match="only be month first"):
        read_dates(pd.DataFrame({"stop_date": texts}), 2018)


@given(st.lists(days.filter(lambda day: day.day <= 12 and day.day != day.month), min_size=1, max_size=9))
def test_dates_that_a_program_has_turned_round_are_refused(true: list[dt.date]):
    turned = [f"{day.year}-{day.day:02}-{day.month:02}" for day in true]
    right = [dt.date(2018, 5, 25)] * 90
    with pytest.raises(SqfError, match="swapped"):
        read_dates(frame([*turned * 10, *map(str, right)], [*true * 10, *right], "month", "weekday"), 2018)


def test_a_month_that_merely_disagrees_is_no_contradiction():
    cleaned = clean_stops(raw_stops({"month": "April"}, {}, {}), 2018)
    assert cleaned.stops["stop_date"].notna().all()


@pytest.mark.parametrize(
    "text",
    ["2/30/2018", "2018-13-01", "2018-00-10", "yesterday", "12", "", "5-MON-2018", "Martian 5, 2018", "20181301", "3/5",
     "1e9"],
)  # fmt: skip
def test_what_is_no_date(text: str):
    assert parse_date(text) is None


@given(st.text(max_size=20))
def test_no_text_breaks_the_reader(text: str):
    parse_date(text)


def test_the_year_of_a_row_is_that_of_its_column_or_else_of_its_date():
    texts = pd.DataFrame(
        {"year": ["2020.0", "(null)", "19", "?"], "stop_date": ["2019-01-01", "3/5/18", "x", "x"]}, dtype=str
    )
    assert published_years(texts).tolist() == [2020, 2018, 2019, pd.NA]
    assert published_years(texts[["stop_date"]]).tolist() == [2019, 2018, pd.NA, pd.NA]
