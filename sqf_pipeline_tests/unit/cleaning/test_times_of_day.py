"""Times of day: in every form, and beside or inside a date."""

import datetime as dt
from collections.abc import Callable

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sqf_pipeline.cleaning.clean_stops import clean_stops
from sqf_pipeline.cleaning.times_of_day import parse_numeric_times, parse_time
from sqf_pipeline.ingest.reader import PublishedFileError, read_published_file
from sqf_pipeline_tests.unit.ingest.published import published_names, raw_stops


def twelve(hour: int, minute: int, form: str) -> str:
    return f"{hour % 12 or 12}:{minute:02}{form.format('PM' if hour >= 12 else 'AM', 'p' if hour >= 12 else 'a')}"


CLOCKS: dict[str, Callable[[int, int], str]] = {
    "24 hours": lambda h, m: f"{h}:{m:02}",
    "24 hours, seconds": lambda h, m: f"{h:02}:{m:02}:00",
    "fractions of a second": lambda h, m: f"{h:02}:{m:02}:00.000000",
    "12 hours": lambda h, m: twelve(h, m, " {0}"),
    "12 hours, seconds": lambda h, m: twelve(h, m, ":00 {0}"),
    "12 hours, together": lambda h, m: twelve(h, m, "{0}"),
    "12 hours, points": lambda h, m: twelve(h, m, " {1}.m."),
    "12 hours, narrow space": lambda h, m: twelve(h, m, " {0}"),
    "what R writes": lambda h, m: f"1899-12-31T{h:02}:{m:02}:00Z",
    "what Excel's file holds": lambda h, m: f"1899-12-30 {h:02}:{m:02}:00",
    "what Excel shows": lambda h, m: f"1/0/1900 {h}:{m:02}",
    "pandas' duration": lambda h, m: f"0 days {h:02}:{m:02}:00",
    "R's period": lambda h, m: f"{h}H {m}M 0S",
    "a zone": lambda h, m: f"{h:02}:{m:02}:00-05",
    "a date and a zone": lambda h, m: f"2018-03-05T{h:02}:{m:02}:00+00:00",
}
NUMBERS: dict[str, Callable[[int, int], str]] = {
    "four digits": lambda h, m: f"{h:02}{m:02}",
    "digits without zeros": lambda h, m: f"{h * 100 + m}",
    "digits as a float": lambda h, m: f"{h * 100 + m}.0",
    "six digits": lambda h, m: f"{h:02}{m:02}00",
    "a fraction of a day": lambda h, m: repr((h * 60 + m) / 1440),
    "four decimals": lambda h, m: f"{(h * 60 + m) / 1440:.4f}",
    "decimal comma": lambda h, m: f"{(h * 60 + m) / 1440:.6f}".replace(".", ","),
    "exponent": lambda h, m: f"{(h * 60 + m) / 1440:.15E}",
    "a date's number": lambda h, m: f"{43164 + (h * 60 + m) / 1440:.6f}",
}


@given(st.sampled_from(sorted(CLOCKS)), st.integers(0, 23), st.integers(0, 59))
def test_a_time_reads_back_from_every_clock(form: str, hour: int, minute: int):
    assert parse_time(CLOCKS[form](hour, minute)) == hour * 3600 + minute * 60


@example("four decimals", 23, 33)
@given(st.sampled_from(sorted(NUMBERS)), st.integers(0, 23), st.integers(0, 59))
def test_a_time_reads_back_from_every_number(form: str, hour: int, minute: int):
    text = NUMBERS[form](hour, minute)
    if form == "a date's number" and (hour, minute) == (0, 0):
        return  # a date alone
    assert parse_numeric_times({text: 1}) == {text: hour * 3600 + minute * 60}


@pytest.mark.parametrize(
    "text",
    ["24:00:00", "13:00:00 PM", "0:30 AM", "12:60", "noon", "", "soon 14:30", "1:2", "14:30:61", "-1:30",
     "1 days 02:00:00"],
)  # fmt: skip
def test_what_is_no_time(text: str):
    assert parse_time(text) is None
    assert parse_numeric_times({text: 1}).get(text) is None


def test_what_a_fraction_of_a_day_leaves_before_the_minute_is_rounded():
    assert parse_time("14:29:59.999999") == parse_time("14:30:00.000001") == 52_200
    assert parse_time("23:59:59.9999") == 0


@pytest.mark.parametrize("text", ["2400", "1260", "99", "-5", "14.5", "1.25", "240000", "126000", "99999", "1e9"])
def test_what_is_no_time_as_a_number(text: str):
    assert parse_numeric_times({text: 1})[text] is None


def test_hours_alone_and_seconds_of_the_day_are_not_taken_for_hours_and_minutes():
    hours = {str(hour): 5 for hour in range(24)}
    assert set(parse_numeric_times(hours).values()) == {None}
    seconds = parse_numeric_times({str(second): 1 for second in range(36_000, 86_400, 1_234)})
    assert set(seconds.values()) == {None}


@given(st.text(max_size=20))
def test_no_text_breaks_the_reader(text: str):
    parse_time(text)
    parse_numeric_times({text: 1})


MOMENTS = ["2018-03-05 19:04:00", "2018-03-05T19:04:00Z", "3/5/2018 7:04 PM", "43164.794444", "05MAR2018:19:04:00"]


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("column", ["stop_date", "stop_time_seconds"])
def test_date_and_time_in_one_column(moment: str, column: str, tmp_path):
    other = {"stop_date": "stop_time_seconds", "stop_time_seconds": "stop_date"}[column]
    stops = raw_stops({}, {}).assign(**{column: moment})
    for texts in (stops.assign(**{other: "(null)"}), stops.drop(columns=other)):
        path = tmp_path / "sqf-2018.csv"
        texts.rename(columns=published_names()).to_csv(path, index=False)
        cleaned = clean_stops(read_published_file(path, 2018).frame, 2018).stops
        assert cleaned["stop_time_seconds"].tolist() == [68_640] * 2
        assert cleaned["stop_date"].dt.date.tolist() == [dt.date(2018, 3, 5)] * 2


@pytest.mark.parametrize(
    "midnight", ["2018-03-05", "2018-03-05 00:00:00", "2018-03-05T05:00:00Z", "3/5/2018 12:00:00 AM"]
)
def test_the_midnight_of_a_date_is_no_time(midnight: str, tmp_path):
    stops = raw_stops({"stop_time_seconds": "(null)"}, {}).assign(stop_date=midnight)
    assert clean_stops(stops, 2018).stops["stop_time_seconds"].tolist() == [pd.NA, 68_640]
    path = tmp_path / "sqf-2018.csv"
    stops.drop(columns="stop_time_seconds").rename(columns=published_names()).to_csv(path, index=False)
    with pytest.raises(PublishedFileError, match="STOP_FRISK_TIME"):
        read_published_file(path, 2018)
