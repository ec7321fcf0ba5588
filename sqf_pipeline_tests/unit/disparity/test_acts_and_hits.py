"""What is compared is data, and data that would mislead is refused."""

import csv

import numpy as np
import pandas as pd
import pytest

from sqf_pipeline.disparity.acts_and_hits import entries, group_codes, read_entries, recorded_entries, years_label
from sqf_pipeline.registry.declared_tables import result_frame


def read(*rows):
    return read_entries(csv.DictReader(["kind,name,label,rule", *rows]))


def entry(kind, name):
    return {one.name: one for one in entries(kind)}[name]


def test_a_weapon_without_firearm_and_knife_is_refused():
    weapon, firearm, knife = "hit,weapon,W,weapon_found", "hit,firearm,F,firearm_found", "hit,knife,K,knife_found"
    assert len(read(weapon, firearm, knife)) == 3
    for rest in ((), (firearm,), (knife,)):
        with pytest.raises(ValueError, match="beside it"):
            read(weapon, *rest)


@pytest.mark.parametrize("row", ["act,frisk,F,friskd", "deed,frisk,F,frisked"])
def test_a_column_or_kind_that_is_none_is_refused(row):
    with pytest.raises(ValueError, match=r"acts_and_hits\.csv"):
        read(row)


def test_weapon_is_stated_both_ways_and_a_missing_flag_is_no():
    stops = pd.DataFrame(
        {
            "weapon_found": pd.array([True, False, None, None], dtype="boolean"),
            "firearm_found": pd.array([False, True, False, None], dtype="boolean"),
            "knife_found": pd.array([False, False, None, None], dtype="boolean"),
            "other_weapon_found": pd.array([False, False, True, None], dtype="boolean"),
        }
    )
    assert entry("hit", "weapon").holds(stops).tolist() == [True, True, True, False]
    assert entry("hit", "weapon_recorded").holds(stops).tolist() == [True, False, False, False]


def test_groups_are_the_officers_words_and_the_rest_is_in_none():
    races = ["BLACK", "BLACK HISPANIC", "WHITE HISPANIC", "WHITE", "MIDDLE EASTERN / SOUTHWEST ASIAN", None]
    names = [group.name for group in entries("group")]
    codes = group_codes(pd.DataFrame({"suspect_race": pd.array(races, dtype="string")}))
    assert [names[code] if code >= 0 else None for code in codes] == [
        "black", "hispanic", "hispanic", "white", None, None,
    ]  # fmt: skip


def test_what_a_years_form_does_not_record_is_left_out():
    stops = pd.DataFrame(
        {
            "year": [2015, 2015, 2018],
            "searched": pd.array([True, False, True], dtype="boolean"),
            "search_basis_incidental_to_arrest": pd.array([None, None, True], dtype="boolean"),
        }
    )
    assert entry("act", "search").is_recorded(stops)
    assert not entry("act", "search_not_incident").is_recorded(stops)
    assert entry("act", "search_not_incident").is_recorded(stops[stops["year"] == 2018])
    assert [act.name for act in recorded_entries(stops, "act")] == ["search"]


def test_years_are_named_by_their_spans():
    assert years_label(pd.DataFrame({"year": pd.array([2015, 2014, None], dtype="Int16")})) == "2014-2015"
    assert years_label(pd.DataFrame({"year": [2020, 2018, 2017]})) == "2017-2018, 2020"


def test_a_table_without_rows_has_its_columns():
    table = result_frame("outcome_test_rates", [])
    assert not len(table)
    assert table.dtypes["hits"] == "Int64"
    assert table.dtypes["rate"] == "Float64"
    row = ("2020", "all", "frisk", "weapon", "white", 60, 3, float("nan"), None, 0.1, 1.0)
    assert np.array_equal(result_frame("outcome_test_rates", [row])[["rate", "low"]].isna(), [[True, True]])


def test_a_row_that_does_not_have_the_columns_of_its_table_is_refused():
    with pytest.raises(ValueError, match="columns"):
        result_frame("outcome_test_rates", [("2020", "all", "frisk")])
