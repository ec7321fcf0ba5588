"""How many stops a year should have."""

import csv
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqf_pipeline.year_checks.expected_totals import official_totals, total_findings

FIRM = {2017: 11_629, 2018: 11_008, 2019: 13_459, 2020: 9_544, 2021: 8_947, 2023: 16_971}  # DATA.md and NYPD's files
WEAK = {2022: 15_102, 2024: 25_386, 2025: 26_422}


def severities(year: int, stops: int, *, excerpt: bool = False, partial: bool = False, before: int | None = None):
    found = total_findings(year, stops, excerpt=excerpt, partial=partial, stops_before=before)
    return [one.severity for one in found]


def test_the_table_holds_what_is_known():
    totals = official_totals()
    assert sorted(totals) == list(range(2003, 2026))
    assert {year: total.stops for year, total in totals.items() if year in FIRM | WEAK} == FIRM | WEAK
    assert {year for year, total in totals.items() if not total.firm} == set(WEAK)


def test_the_totals_of_the_old_form_are_those_of_its_files():
    """Lines of the published files of 2003 to 2014 (5,030,192) but headers, and a count by race of all to 2016."""
    totals = official_totals()
    assert sum(totals[year].stops for year in range(2003, 2015)) == 5_030_192 - 12
    assert sum(totals[year].stops for year in range(2003, 2017)) == 5_065_147
    assert all(totals[year].firm for year in range(2003, 2017))


@given(year=st.sampled_from(list(FIRM)), share=st.floats(0.01, 3))
def test_a_year_that_is_more_than_a_twentieth_off_its_official_total_is_red(year, share):
    stops = round(FIRM[year] * share)
    off = abs(stops - FIRM[year]) / FIRM[year]
    expected = [] if stops == FIRM[year] else ["red"] if off > 0.05 else ["warn"]
    assert severities(year, stops) == expected
    softened = ["warn"] if expected else []
    assert severities(year, stops, excerpt=True) == softened
    assert severities(year, stops, partial=True) == softened


@pytest.mark.parametrize("year", WEAK)
def test_a_weakly_witnessed_total_refuses_nothing(year):
    assert severities(year, 1_000) == ["warn"]
    assert severities(year, WEAK[year]) == []


@given(before=st.integers(1_000, 50_000), share=st.floats(0.01, 5))
def test_an_unknown_year_has_half_to_double_the_stops_of_the_year_before(before, share):
    stops = round(before * share)
    told = stops * 2 < before or stops > before * 2
    assert severities(2031, stops, before=before) == (["warn"] if told else [])
    assert severities(2031, stops) == []


def test_the_totals_are_those_of_the_published_files(real_data_dir: Path):
    for year in (2017, 2018, 2019):
        with (real_data_dir / f"sqf-{year}.csv").open(encoding="utf-8-sig", newline="") as file:
            rows = sum(1 for row in csv.reader(file) if any(row)) - 1
        assert severities(year, rows) == [], os.fspath(real_data_dir)
