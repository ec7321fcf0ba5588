"""Frequent categories that are gone: a column that was cut, or spelled anew."""

import pandas as pd
import pytest

from sqf_pipeline.cleaning.clean_stops import clean_stops
from sqf_pipeline.year_checks.category_changes import category_findings
from sqf_pipeline.year_checks.year_review import YearBefore, cleaning_findings
from sqf_pipeline_tests.unit.ingest.published import raw_stops
from sqf_pipeline_tests.unit.ingest.published_old_form import raw_old_stops

RACES = ["WHITE HISPANIC", "BLACK HISPANIC", "WHITE", "BLACK"]


def stops(column: str, texts: list[str], year: int):
    return clean_stops(raw_stops(*({column: text} for text in texts), year=year), year).stops


@pytest.fixture(scope="module")
def before():
    return stops("suspect_race", RACES * 25, 2019)


def test_distinct_categories_that_were_cut_to_one_are_red(before):
    now = stops("suspect_race", [race[:5] for race in RACES] * 25, 2020)
    (found,) = category_findings(now, before)
    assert (found.rule, found.severity) == ("categories", "red")
    assert "'BLACK HISPANIC' (25% of the year before)" in found.text
    assert "'WHITE HISPANIC' (25% of the year before)" in found.text


@pytest.mark.parametrize("gone", RACES)
def test_any_frequent_category_that_is_gone_is_red(before, gone):
    now = stops("suspect_race", [race for race in RACES if race != gone] * 30, 2020)
    (found,) = category_findings(now, before)
    assert f"{gone!r}" in found.text


def test_a_rare_one_and_the_same_ones_are_not_told_of(before):
    rare = stops("suspect_race", RACES * 25 + ["ASIAN / PACIFIC ISLANDER"] * 5, 2019)
    now = stops("suspect_race", RACES * 25, 2020)
    assert category_findings(now, rare) == []
    assert category_findings(now, before) == []


def test_a_handful_of_stops_says_nothing_of_what_is_gone(before):
    assert category_findings(stops("suspect_race", ["WHITE"] * 20, 2020), before) == []


def test_codes_that_no_model_uses_are_told_and_refuse_nothing():
    (found,) = category_findings(stops("demeanor_code", ["CM"] * 50, 2020), stops("demeanor_code", ["DE"] * 50, 2019))
    assert (found.severity, found.text.split(":")[0]) == ("warn", "demeanor_code")


def test_a_year_before_in_the_other_form_is_not_compared_and_that_is_told():
    """Every old stop is RADIO RUN or not; the new form never says the second, and leaves ages empty."""
    old = clean_stops(raw_old_stops(*[{}] * 40, year=2016), 2016)
    new = clean_stops(raw_stops(*[{}] * 20, *[{"suspect_age": ""}] * 20, year=2017), 2017)
    for now, earlier in ((new, old), (old, new)):
        (found,) = cleaning_findings(now.stops, now.loss, YearBefore(earlier.stops, earlier.loss, "whole"))
        assert (found.rule, found.severity) == ("form", "warn")
        assert f"another form ({earlier.stops['form'].iloc[0]})" in found.text
    former = YearBefore(new.stops.drop(columns="form"), None, None)  # stored before there was such a column
    assert cleaning_findings(new.stops, new.loss, former) == []


def test_a_category_of_the_old_form_that_is_gone_is_red():
    races = [{"race": race} for race in "BPQW"] * 25
    before = clean_stops(raw_old_stops(*races, year=2013), 2013)
    now = clean_stops(raw_old_stops(*races[:3] * 33, year=2014), 2014)
    found = cleaning_findings(now.stops, now.loss, YearBefore(before.stops, before.loss, "whole"))
    assert [(one.rule, one.severity) for one in found] == [("categories", "red")]
    assert "'WHITE' (25% of the year before)" in found[0].text


def test_the_paper_form_is_computed_and_its_end_is_no_fault_of_a_file():
    """From 28 June 2016 no stop is on the old paper, as in all of 2017."""
    before = pd.DataFrame({"paper_form": ["UF-250"] * 300, "form": ["OLD"] * 300})
    assert category_findings(before.assign(paper_form="STOP REPORT"), before) == []
