"""Rows whose cells stand in the wrong columns."""

from sqf_pipeline.cleaning.clean_stops import clean_stops
from sqf_pipeline_tests.unit.ingest.published import raw_stops

LOST = {"precinct": "#NULL!", "x_feet": "#NULL!", "y_feet": "#NULL!", "zip_code": "(null)"}


def test_a_place_moved_by_one_column():
    moved = {**LOST, "sector": "023", "apartment": "C", "y_feet": "1000651.00", "zip_code": "022768"}
    stop = clean_stops(raw_stops({**moved, "patrol_borough": "(nul", "borough": "PBMN"}), 2018).stops.iloc[0]
    expected = {"precinct": 23, "x_feet": 1_000_651.0, "patrol_borough": "PBMN", "borough": "MANHATTAN"}
    assert stop[list(expected)].to_dict() == expected
    assert stop[["y_feet", "zip_code", "longitude"]].isna().all()


def test_a_place_moved_so_far_that_one_coordinate_was_cut():
    stop = clean_stops(
        raw_stops({**LOST, "sector": "PBBX", "apartment": "BRONX", "patrol_borough": "1011", "borough": "0237177"}),
        2018,
    ).stops.iloc[0]
    assert (stop["patrol_borough"], stop["borough"], stop["y_feet"]) == ("PBBX", "BRONX", 237_177.0)
    assert stop[["precinct", "x_feet", "longitude"]].isna().all()


def test_a_borough_that_was_cut():
    stop = clean_stops(
        raw_stops({**LOST, "sector": "BROOKL", "apartment": "061", "patrol_borough": "0154", "borough": "(null)"}), 2018
    ).stops.iloc[0]
    assert (stop["precinct"], stop["borough"]) == (61, "BROOKLYN")


def test_a_person_moved_by_one_column():
    moved = {
        "suspect_age": "(null)", "suspect_sex": "19", "suspect_race": "MALE", "suspect_height_inches": "#NULL!",
        "suspect_weight_pounds": "5.7", "suspect_build": "150", "suspect_eye_color": "THN",
        "suspect_hair_color": "BRO", "suspect_other_description": "BLK",
    }  # fmt: skip
    stop = clean_stops(raw_stops(moved), 2018).stops.iloc[0]
    found = stop[["suspect_age", "suspect_sex", "suspect_height_inches", "suspect_weight_pounds", "suspect_build"]]
    assert found.tolist() == [19, "MALE", 67.0, 150, "THN"]
    assert stop[["suspect_eye_color", "suspect_hair_color"]].tolist() == ["BRO", "BLK"]
    assert stop[["suspect_race"]].isna().all()


def test_outcomes_that_moved_are_unknown():
    moved = {
        "other_person_stopped": "", "arrested": "N", "arrest_offense": "(null)", "summons_issued": "(",
        "officer_in_uniform": "(", "id_card_identifies_officer": "N", "verbal_identifies_officer": "S",
        "frisked": "V", "searched": "(", "weapon_found": "(",
    }  # fmt: skip
    cleaned = clean_stops(raw_stops({}, moved), 2018)
    stop = cleaned.stops.iloc[1]
    assert stop[["arrested", "summons_issued", "frisked", "searched", "weapon_found"]].isna().all()
    assert stop[["officer_in_uniform", "shield_identifies_officer", "verbal_identifies_officer"]].tolist() == [
        False, True, True,
    ]  # fmt: skip
    assert "shifted_outcome_block" in set(cleaned.quality["rule"])


def test_an_ordinary_year_has_no_repairs():
    assert not clean_stops(raw_stops({}, {}), 2018).quality["rule"].str.startswith("shifted").any()
