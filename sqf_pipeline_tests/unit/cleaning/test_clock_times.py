"""Durations that are a time of day."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqf_pipeline.cleaning.clean_stops import clean_stops
from sqf_pipeline_tests.unit.ingest.published import raw_stops

OBSERVED, STOP = "observed_duration_minutes", "stop_duration_minutes"


def cleaned_of(name: str, hour: int, minute: int, number: int):
    cleaned = clean_stops(raw_stops({name: str(number), "stop_time_seconds": f"{hour}:{minute:02}:00"}), 2018)
    rules = cleaned.quality.set_index(["column_name", "rule"])["rows"]
    return cleaned, {rule: rows for (column, rule), rows in rules.items() if column == name}


@settings(max_examples=40)
@given(st.integers(1, 13), st.integers(0, 59), st.integers(-20, 20))
def test_a_duration_that_is_the_time_of_the_stop_is_missing(hour: int, minute: int, later: int):
    clock = hour * 60 + minute + later
    number = clock // 60 * 100 + clock % 60
    if not 100 <= number <= 1440:
        return
    cleaned, rules = cleaned_of(OBSERVED, hour, minute, number)
    assert cleaned.stops[OBSERVED].isna().all()
    assert rules == {"clock_time": 1}
    loss = cleaned.loss.set_index("column_name").loc[OBSERVED]
    assert (loss["implausible"], loss["kept"]) == (1, 0)


@pytest.mark.parametrize(
    ("name", "hour", "minute", "number"),
    [
        (OBSERVED, 5, 21, 500),  # 21 minutes from it
        (OBSERVED, 14, 30, 120),  # two hours
        (OBSERVED, 1, 30, 90),  # below the lowest number that is a clock time
        (OBSERVED, 2, 0, 160),  # no time has sixty minutes
        (STOP, 23, 30, 60),
        (STOP, 20, 0, 120),
        (STOP, 18, 5, 239),  # no time has ninety minutes
        (OBSERVED, 20, 40, 204),  # this field is not cut
    ],
)
def test_a_duration_that_is_none_stays(name: str, hour: int, minute: int, number: int):
    cleaned, rules = cleaned_of(name, hour, minute, number)
    assert cleaned.stops[name].tolist() == [number]
    assert rules == {}


@pytest.mark.parametrize(("hour", "minute", "number"), [(20, 47, 204), (23, 59, 234), (13, 25, 134), (0, 5, 235)])
def test_a_stop_duration_that_is_a_time_without_its_last_digit_is_missing(hour: int, minute: int, number: int):
    cleaned, rules = cleaned_of(STOP, hour, minute, number)
    assert cleaned.stops[STOP].isna().all()
    assert rules == {"time_cut_short": 1}


def test_a_stop_without_a_time_keeps_its_durations():
    stops = clean_stops(raw_stops({OBSERVED: "300", STOP: "204", "stop_time_seconds": "(null)"}), 2018).stops
    assert stops[[OBSERVED, STOP]].iloc[0].tolist() == [300, 204]
