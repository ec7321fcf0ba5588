"""Text as published to typed stops."""

import pandas as pd
import pytest

from sqf_pipeline.cleaning.clean_stops import clean_stops
from sqf_pipeline.registry.columns import load_columns
from sqf_pipeline.registry.kinds import DTYPES
from sqf_pipeline.registry.spellings import null_spellings
from sqf_pipeline_tests.unit.ingest.published import raw_stops


def rules(quality: pd.DataFrame, name: str) -> dict[str, int]:
    return quality[quality["column_name"] == name].set_index("rule")["rows"].to_dict()


def test_every_column_comes_out_typed_and_no_row_is_lost():
    cleaned = clean_stops(raw_stops({}, {}, {}), 2018)
    assert len(cleaned.stops) == 3
    assert {name: str(dtype) for name, dtype in cleaned.stops.dtypes.items()} == {
        entry.name: DTYPES[entry.kind] for entry in load_columns()
    }
    stop = cleaned.stops.iloc[0]
    assert (stop["stop_time_seconds"], stop["suspect_height_inches"], stop["weekday"]) == (68_640, 68.0, 1)
    assert stop["longitude"] == pytest.approx(-73.9866, abs=0.001)
    assert stop["latitude"] == pytest.approx(40.7486, abs=0.001)
    assert stop["initiated_by"] == "RADIO RUN"


NOTHING = [
    "NULL", "null", "None", "nan", "NaT", "<NA>", "?", "&&", "#VALUE!", "#REF!", "#DIV/0!", "#NAME?", "#NUM!", "-",
    "--", ".", "nil", "\\N", " ", "\u00a0", "\u200b", "\u202f \u00a0", "(null)", "(nu", '""', "\uff1f",
]  # fmt: skip


def test_nothing_is_null_however_it_is_spelled():
    names = ["suspect_age", "suspect_race", "x_feet", "frisked"]
    spelled = sorted({*null_spellings(), *NOTHING})
    stops = clean_stops(raw_stops(*(dict.fromkeys(names, nothing) for nothing in spelled)), 2018).stops
    left = stops.set_index(pd.Index(spelled))[[*names, "longitude"]].notna().any(axis="columns")
    assert left.index[left].tolist() == []


def test_nothing_in_a_reason_means_no():
    stops = clean_stops(raw_stops({"action_casing": "("}, {"action_casing": "Y"}), 2018).stops
    assert stops["action_casing"].tolist() == [False, True]
    assert clean_stops(raw_stops({"shield_identifies_officer": "S"}), 2018).stops["shield_identifies_officer"][0]


@pytest.mark.parametrize(
    ("name", "text", "rule"),
    [
        ("suspect_age", "0", "implausible"),
        ("suspect_age", "120", "implausible"),
        ("suspect_weight_pounds", "5.7", "unreadable"),
        ("suspect_weight_pounds", "999", "implausible"),
        ("suspect_height_inches", "8.90", "implausible"),
        ("suspect_height_inches", "60.11", "unreadable"),
        ("observed_duration_minutes", "99999", "implausible"),
        ("stop_duration_minutes", "999", "implausible"),
        ("x_feet", "-73", "implausible"),
        ("frisked", "X", "unreadable"),
        ("action_casing", "X", "unreadable"),
        ("stop_date", "1/3/2017", "outside_year"),
        ("stop_date", "soon", "unreadable"),
        ("stop_time_seconds", "25:00:00", "unreadable"),
        ("suspect_build", "XXX", "coded_unknown"),
        ("suspect_race", "MALE", "misplaced"),
        ("suspect_age", "UNK", "coded_unknown"),
        ("frisked", "XXX", "coded_unknown"),
        ("suspect_height_inches", "unknown", "coded_unknown"),
        ("suspect_sex", "ZZZ", "coded_unknown"),
        ("suspect_weight_pounds", "5'10\"", "unreadable"),
        ("issuing_officer_command", "9999999999", "unreadable"),
        ("arrested", "2", "unreadable"),
        ("suspect_age", "999", "implausible"),
        ("year", "2020.5", "unreadable"),
    ],
)
def test_what_cannot_be_is_missing_and_counted(name: str, text: str, rule: str):
    cleaned = clean_stops(raw_stops({}, {name: text}, {name: text}), 2018)
    if name != "year":  # which is that of the file
        assert cleaned.stops[name].isna().tolist() == [False, True, True]
    assert rules(cleaned.quality, name) == {rule: 2}
    loss = cleaned.loss.set_index("column_name").loc[name, ["empty", "unreadable", "implausible"]]
    lost = {"coded_unknown": "empty", "implausible": "implausible", "outside_year": "implausible"}.get(
        rule, "unreadable"
    )
    assert loss[lost] == 2


def test_one_category_has_one_spelling():
    cleaned = clean_stops(raw_stops({"borough": "STATEN IS"}, {"borough": "Staten  Island"}), 2018)
    assert cleaned.stops["borough"].tolist() == ["STATEN ISLAND"] * 2
    assert rules(cleaned.quality, "borough") == {"respelled": 1}


def test_a_frequent_new_spelling_is_a_category_and_is_reported():
    changes = [{"suspect_race": "MARTIAN"}] * 10
    cleaned = clean_stops(raw_stops(*changes), 2018)
    assert set(cleaned.stops["suspect_race"]) == {"MARTIAN"}
    assert rules(cleaned.quality, "suspect_race") == {"new_category": 10}


def test_two_new_categories_of_a_column_are_one_entry_that_names_both():
    frequent = [{"suspect_race": "MARTIAN"}, {"suspect_race": "Martian"}, {"suspect_race": "VENUSIAN"}]
    cleaned = clean_stops(raw_stops(*frequent * 10), 2018)
    new = cleaned.quality[cleaned.quality["rule"] == "new_category"]
    assert new["rows"].tolist() == [3 * 10]
    assert "'MARTIAN' (20)" in new["description"].iloc[0]
    assert "'VENUSIAN' (10)" in new["description"].iloc[0]
    assert not cleaned.quality.duplicated(["year", "column_name", "rule"]).any()


def test_a_weapon_that_is_marked_and_not_found_is_counted_and_kept():
    changes = [{"firearm_found": "Y"}, {"knife_found": "Y", "other_weapon_found": "Y"}, {}, {"weapon_found": "(null)"}]
    cleaned = clean_stops(raw_stops(*changes, {"weapon_found": "Y", "firearm_found": "Y"}), 2018)
    assert rules(cleaned.quality, "weapon_found") == {"weapon_marked_not_found": 2}
    assert cleaned.stops["firearm_found"].tolist() == [True, False, False, False, True]
    assert cleaned.stops["weapon_found"].tolist() == [False, False, False, pd.NA, True]


def test_an_absent_optional_column_is_null():
    stops = clean_stops(raw_stops().drop(columns=["consent_asked", "action_casing"]), 2018).stops
    assert stops["consent_asked"].isna().all()
    assert stops["action_casing"].isna().all()


def test_month_and_weekday_come_from_the_date_when_they_are_absent():
    raw = raw_stops({}, {}).drop(columns=["month", "weekday", "year"])
    stops = clean_stops(raw, 2018).stops
    assert stops[["year", "month", "weekday"]].to_numpy().tolist() == [[2018, 3, 1]] * 2


def test_calendar_disagreements_are_counted():
    cleaned = clean_stops(raw_stops({"month": "April", "year": "2016"}), 2018)
    assert rules(cleaned.quality, "month") == {"disagrees_with_date": 1}
    assert rules(cleaned.quality, "year") == {"outside_year": 1}
    assert cleaned.stops["year"].tolist() == [2018]


def test_the_published_frame_is_left_alone():
    raw = raw_stops({"borough": "PBMS", "sector": "014"})
    before = raw.copy()
    clean_stops(raw, 2018)
    pd.testing.assert_frame_equal(raw, before)


def test_every_cell_of_a_column_is_accounted_for():
    changes = [{"suspect_age": "0"}, {"suspect_age": "old"}, {"suspect_age": "NULL"}, {"suspect_build": "XXX"}]
    cleaned = clean_stops(raw_stops(*changes, {"frisked": "2", "action_casing": "2"}).drop(columns="zip_code"), 2018)
    loss = cleaned.loss.set_index("column_name")
    counts = ["cells", "empty", "unreadable", "implausible", "kept"]
    assert loss.loc["suspect_age", counts].tolist() == [5, 1, 1, 1, 2]
    assert loss.loc["suspect_build", counts].tolist() == [5, 1, 0, 0, 4]
    assert loss.loc["frisked", counts].tolist() == [5, 0, 1, 0, 4]
    assert loss.loc["action_casing", counts].tolist() == [5, 4, 1, 0, 0]
    assert "zip_code" not in loss.index
    assert (loss[counts[1:]].sum(axis="columns") == loss["cells"]).all()
    assert [str(dtype) for dtype in cleaned.loss.dtypes] == ["Int16", "string", *["Int64"] * 5]
