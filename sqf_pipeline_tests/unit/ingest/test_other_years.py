"""Rows of another year in a year's file: a few are left out and counted, more are refused, a later one always."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqf_pipeline.ingest.header import PublishedFileError
from sqf_pipeline.ingest.reader import without_other_years
from sqf_pipeline_tests.unit.ingest.published import raw_stops

FORMS = {
    "YEAR2": lambda year: {"year": str(year)},
    "pandas": lambda year: {"year": f"{year}.0"},
    "two digits": lambda year: {"year": str(year % 100)},
    "ISO date alone": lambda year: {"year": "(null)", "stop_date": f"{year}-07-04"},
    "American date alone": lambda year: {"year": "", "stop_date": f"7/14/{year}"},
    "timestamp alone": lambda year: {"year": "NULL", "stop_date": f"{year}-07-04T00:00:00Z"},
}


@pytest.fixture(scope="module")
def good():
    return raw_stops(*[{}] * 300, year=2019)


@given(form=st.sampled_from(list(FORMS)), others=st.lists(st.sampled_from([2017, 2018]), max_size=12))
def test_earlier_rows_are_left_out_and_counted_up_to_one_in_a_hundred(good, form, others):
    mixed = good.copy()
    for place, year in enumerate(others):
        for name, text in FORMS[form](year).items():
            mixed.loc[place * 7, name] = text
    if len(others) > 3:
        with pytest.raises(PublishedFileError, match=r"expected stops of 2019, found .* among 300 rows; at most 1%"):
            without_other_years("sqf-2019.csv", mixed, 2019)
        return
    kept, counted = without_other_years("sqf-2019.csv", mixed, 2019)
    assert counted == dict(Counter(others))
    assert len(kept) == 300 - len(others)
    left_out = {str(1 + place * 7) for place in range(len(others))}
    assert set(kept["stop_id"]) == set(good["stop_id"]) - left_out


@pytest.mark.parametrize("form", FORMS)
def test_one_later_row_is_enough_to_refuse(good, form):
    mixed = good.copy()
    for name, text in FORMS[form](2020).items():
        mixed.loc[5, name] = text
    with pytest.raises(PublishedFileError, match="expected stops of 2019, found 1 of 2020, which is later"):
        without_other_years("sqf-2019.csv", mixed, 2019)


def test_a_slip_in_one_date_does_not_move_a_stop():
    """As row 7494 of 2020, which is dated 1/3/2018 though YEAR2 says 2020."""
    stops = raw_stops({}, {"stop_date": "1/3/2018"}, {"stop_date": "1/3/2031"}, year=2020)
    kept, counted = without_other_years("sqf-2020.csv", stops, 2020)
    assert len(kept) == 3
    assert counted == {}


def test_a_row_of_no_year_is_kept():
    kept, counted = without_other_years("x", raw_stops({}, {}, {"year": "?", "stop_date": "?"}, year=2020), 2020)
    assert (len(kept), counted) == (3, {})


@pytest.mark.parametrize("texts", [{"year": "2019"}, {"year": "19"}, {"year": "", "stop_date": "2019-01-02"}])
def test_the_file_of_another_year_is_refused(texts):
    with pytest.raises(PublishedFileError, match="expected stops of 2020, found the year '2019' in 3 rows"):
        without_other_years("sqf-2020.csv", raw_stops(*[texts] * 3, year=2020), 2020)
