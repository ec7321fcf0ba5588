"""Age bands, combined groups and Stanford's columns, each rule on stops made by hand."""

import pyarrow as pa
import pytest

from sqf_pipeline.export.recoding import RECODINGS, load_rules, recoded
from sqf_pipeline.registry.columns import load_columns
from sqf_pipeline.registry.kinds import DTYPES
from sqf_pipeline.registry.spellings import categories_by_spelling

TYPES = {"string": pa.string(), "boolean": pa.bool_(), "Int32": pa.int32(), "Int16": pa.int16(), "Int8": pa.int16(),
         "Float64": pa.float64(), "datetime64[s]": pa.date32()}  # fmt: skip
STANFORD = load_rules("open_policing.csv")
# of the project's published description of its columns
RACES = {"white", "black", "hispanic", "asian/pacific islander", "other/unknown"}
NAMES = {
    *("raw_row_number", "date", "time", "location", "lat", "lng", "precinct", "sector", "subject_age", "subject_race"),
    *("subject_sex", "department_name", "type", "arrest_made", "citation_issued", "outcome", "contraband_found"),
    *("contraband_weapons", "contraband_other", "frisk_performed", "search_conducted", "search_person"),
    *("search_basis", "reason_for_stop", "reason_for_frisk", "reason_for_search", "use_of_force_description"),
}


def stop(**values: object) -> pa.RecordBatch:
    """Return one stop: what is not said is null."""
    return pa.record_batch({c.name: pa.array([values.get(c.name)], TYPES[DTYPES[c.kind]]) for c in load_columns()})


def stanford(**values: object) -> dict[str, object]:
    return recoded(stop(**values), STANFORD).to_pylist()[0]


def test_names_are_stanfords_and_sources_are_the_registrys():
    own = {"year", "stop_id", "raw_suspect_race"}
    assert {rule.name for rule in STANFORD} == NAMES | own
    known = {column.name for column in load_columns()} | {"*"}
    for table in ("derived_columns.csv", *RECODINGS.values()):
        assert {source for rule in load_rules(table) for source in rule.sources} <= known


def test_every_category_of_race_and_sex_becomes_one_of_stanfords():
    for race in {*categories_by_spelling("suspect_race").values(), None, "SOMETHING NEW"}:
        assert stanford(suspect_race=race or None)["subject_race"] in RACES
    assert stanford(suspect_race="BLACK HISPANIC")["subject_race"] == "hispanic"
    assert stanford(suspect_race="WHITE HISPANIC")["subject_race"] == "hispanic"
    assert stanford(suspect_race="BLACK")["subject_race"] == "black"
    assert stanford(suspect_race=None)["subject_race"] == "other/unknown"
    sexes = {stanford(suspect_sex=sex or None)["subject_sex"] for sex in categories_by_spelling("suspect_sex").values()}
    assert sexes <= {"male", "female", None}


@pytest.mark.parametrize(
    ("arrested", "summons", "outcome"),
    [(True, True, "arrest"), (True, None, "arrest"), (False, True, "summons"), (None, True, "summons"),
     (False, False, None), (None, None, None)],
)  # fmt: skip
def test_the_outcome_is_the_strictest_that_is_known(arrested, summons, outcome):
    made = stanford(arrested=arrested, summons_issued=summons)
    assert (made["arrest_made"], made["citation_issued"], made["outcome"]) == (arrested, summons, outcome)


@pytest.mark.parametrize(
    ("searched", "weapon", "other", "found", "weapons"),
    [(True, True, False, True, True), (True, False, False, False, None), (False, True, None, True, True),
     (None, True, False, None, None), (True, None, False, None, None), (True, None, True, True, None)],
)  # fmt: skip
def test_contraband_is_null_where_the_search_is_unknown_and_its_kind_only_where_it_was_found(
    searched, weapon, other, found, weapons
):
    made = stanford(searched=searched, weapon_found=weapon, other_contraband_found=other)
    assert (made["contraband_found"], made["contraband_weapons"]) == (found, weapons)


@pytest.mark.parametrize(
    ("searched", "basis", "expected"),
    [(True, "search_basis_consent", "consent"), (True, "search_basis_outline", "other"), (True, None, "probable cause"),
     (False, "search_basis_consent", None), (None, "search_basis_consent", None)],
)  # fmt: skip
def test_the_basis_of_a_search_is_told_where_there_was_one(searched, basis, expected):
    assert stanford(searched=searched, **({basis: True} if basis else {}))["search_basis"] == expected


@pytest.mark.parametrize(("age", "expected"), [(9, None), (10, 10), (110, 110), (111, None), (None, None)])
def test_ages_end_where_stanfords_do(age, expected):
    assert stanford(suspect_age=age)["subject_age"] == expected


@pytest.mark.parametrize(
    ("seconds", "clock"), [(0, "00:00"), (59, "00:00"), (12 * 3600, "12:00"), (86_399, "23:59"), (None, None)]
)
def test_times_are_hours_and_minutes(seconds, clock):
    assert stanford(stop_time_seconds=seconds)["time"] == clock


def test_reasons_and_force_are_listed_in_words():
    made = stanford(frisked=True, background_violent_crime=True, background_carries_weapon=True, force_handcuffs=True)
    assert made["reason_for_frisk"] == "violent crime|known to carry a weapon"
    assert made["use_of_force_description"] == "handcuffs"
    assert stanford(force_handcuffs=False)["use_of_force_description"] is None


@pytest.mark.parametrize(
    ("age", "band"),
    [(6, "under 18"), (17, "under 18"), (18, "18 to 24"), (24, "18 to 24"), (25, "25 to 34"), (54, "45 to 54"),
     (55, "55 and over"), (100, "55 and over"), (None, None)],
)  # fmt: skip
def test_age_bands(age, band):
    assert recoded(stop(suspect_age=age), load_rules("derived_columns.csv")).to_pylist()[0]["suspect_age_band"] == band


@pytest.mark.parametrize(
    ("race", "combined"),
    [("WHITE HISPANIC", "HISPANIC"), ("BLACK HISPANIC", "HISPANIC"), ("WHITE", "WHITE"), ("BLACK", "BLACK"),
     ("SOMETHING NEW", "SOMETHING NEW"), (None, None)],
)  # fmt: skip
def test_combined_groups(race, combined):
    made = recoded(stop(suspect_race=race), load_rules("derived_columns.csv")).to_pylist()[0]
    assert made["suspect_race_combined"] == combined
