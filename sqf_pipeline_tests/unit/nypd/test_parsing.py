"""One text to one value."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqf_pipeline.nypd import parsing


@given(st.integers(0, 23), st.integers(0, 59), st.integers(0, 59))
def test_a_time_reads_the_same_on_both_clocks(hours: int, minutes: int, seconds: int):
    expected = hours * 3600 + minutes * 60 + seconds
    half = "PM" if hours >= 12 else "AM"
    assert parsing.parse_time(f"{hours}:{minutes:02}:{seconds:02}") == expected
    assert parsing.parse_time(f"{hours % 12 or 12}:{minutes:02}:{seconds:02} {half}") == expected


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("12:00:00 AM", 0), ("12:00 PM", 43_200), ("2020-01-01 01:12:00", 4_320), ("0:05", 300)],
)
def test_times_at_the_edges(text: str, seconds: int):
    assert parsing.parse_time(text) == seconds


@pytest.mark.parametrize("text", ["24:00:00", "13:00:00 PM", "0:30 AM", "12:60", "noon", "", "12"])
def test_what_is_no_time(text: str):
    assert parsing.parse_time(text) is None


@given(st.dates(dt.date(2003, 1, 1), dt.date(2036, 12, 31)))
def test_a_date_reads_the_same_in_every_published_form(date: dt.date):
    forms = [
        date.isoformat(),
        f"{date.month}/{date.day}/{date.year}",
        f"{date:%m/%d/%Y}",
        f"{date} 00:00:00",
        str((date - dt.date(1899, 12, 30)).days),
    ]
    assert {parsing.parse_date(form) for form in forms} == {date}


@pytest.mark.parametrize("text", ["2/30/2018", "2018-13-01", "yesterday", "12", ""])
def test_what_is_no_date(text: str):
    assert parsing.parse_date(text) is None


@given(st.integers(3, 7), st.integers(0, 11))
def test_a_height_reads_the_same_from_text_and_from_a_sheet_of_numbers(feet: int, inches: int):
    # 2017 pads with a zero; a sheet of numbers drops it, so that 5.1 cannot be told from 5.10.
    padded = f"{feet}.{inches}0" if inches < 10 else f"{feet}.{inches}"
    expected = feet * 12 + (10 if inches == 1 else inches)
    assert parsing.parse_height(padded) == expected
    assert parsing.parse_height(f"{feet}.{inches}") == expected


@pytest.mark.parametrize(("text", "inches"), [("5.11", 71), ("5.1", 70), ("5.10", 70), ("6", 72), ("5'7\"", 67)])
def test_heights(text: str, inches: float):
    assert parsing.parse_height(text) == inches


@pytest.mark.parametrize("text", ["60.11", "5.13", "6.16", "tall", "-5.1", "5.111"])
def test_what_is_no_height(text: str):
    assert parsing.parse_height(text) is None


@given(st.integers(-(10**9), 10**9))
def test_whole_numbers(number: int):
    assert parsing.parse_whole_number(str(number)) == number
    assert parsing.parse_whole_number(f"{number}.00") == number
    assert parsing.parse_whole_number(f"{number}.7") is None


@given(st.text(max_size=12))
def test_no_text_breaks_a_parser(text: str):
    for parse in (
        parsing.parse_time,
        parsing.parse_date,
        parsing.parse_height,
        parsing.parse_number,
        parsing.parse_whole_number,
        parsing.parse_month,
        parsing.parse_weekday,
        parsing.parse_flag,
    ):
        parse(text)


def test_months_and_weekdays():
    assert [parsing.parse_month(name) for name in ("January", "DECEMBER", "4", "Smarch", "13")] == [
        1,
        12,
        4,
        None,
        None,
    ]
    assert [parsing.parse_weekday(name) for name in ("Monday", "SUNDAY", "7", "8", "Holiday")] == [1, 7, 7, None, None]
