"""The study's own field names and ways of writing values."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqf_pipeline.export.field_specs import describe_field
from sqf_pipeline.registry.outcomes import SERVICE_FIELDS, STUDY_FIELDS
from sqf_pipeline.service.study_contract import StudyFieldError, field_labels, study_reader
from sqf_pipeline_tests.service_support import invented_stops

ARREST = {
    "SEARCHED_FLAG": 1, "WEAPON_FOUND_FLAG": "0", "SUSPECT_REPORTED_AGE": "27", "STOP_DURATION_MINUTES": 10.0,
    "MONTH": 4, "DAY": 5, "OBSERVED_DURATION_MINUTES": "1.0", "FRISKED_FLAG": "Y", "YEAR": 2020,
    "OFFICER_EXPLAINED_STOP_FLAG": 1, "OFFICER_IN_UNIFORM_FLAG": 0, "SUMMONS_ISSUED_FLAG": 0,
}  # fmt: skip
SUMMONS = {
    "SUSPECT_ARRESTED_FLAG": 0, "YEAR": "2020", "OBSERVED_DURATION_MINUTES": 1, "DAY": "Sunday", "MONTH": "April",
    "STOP_DURATION_MINUTES": 5, "SUSPECT_HEIGHT": "5.11", "SUSPECT_WEIGHT": 170, "SUSPECT_REPORTED_AGE": 30,
    "SECONDS": 51960, "STOP_LOCATION_X": 1003024, "STOP_LOCATION_Y": "206470.5",
}  # fmt: skip


@pytest.fixture(scope="module")
def specs():
    stops = invented_stops(100, 1)
    return {
        outcome: {spec.name: spec for spec in (describe_field(name, stops[name]) for name in fields.values())}
        for outcome, fields in STUDY_FIELDS.items()
    }


def test_the_fields_are_those_of_the_models():
    for outcome, fields in STUDY_FIELDS.items():
        assert sorted(fields.values()) == sorted(SERVICE_FIELDS[outcome])
        assert len(fields) == 12


def test_numbers_and_numeric_strings_are_read(specs):
    stop = study_reader("arrest", specs["arrest"])(ARREST)
    assert stop == {
        "searched": True, "weapon_found": False, "suspect_age": 27, "stop_duration_minutes": 10, "month": 4,
        "weekday": 5, "observed_duration_minutes": 1, "frisked": True, "year": 2020, "officer_explained_stop": True,
        "officer_in_uniform": False, "summons_issued": False,
    }  # fmt: skip


def test_names_of_months_and_days_and_heights(specs):
    stop = study_reader("summons", specs["summons"])(SUMMONS)
    assert (stop["month"], stop["weekday"], stop["suspect_height_inches"]) == (4, 7, 71.0)
    assert (stop["y_feet"], stop["stop_time_seconds"], stop["arrested"]) == (206470.5, 51960, False)


@pytest.mark.parametrize(
    ("written", "inches"),
    [("5.1", 70), (5.1, 70), ("5.10", 70), ("6.0", 72), (6, 72), (71, 71), (71.0, 71), ("6.1", 73), (6.1, 73),
     ("6.10", 73), ("5'10\"", 70), ("5-10", 70), ("510", 70)],
)  # fmt: skip
def test_heights(specs, written, inches):
    stop = study_reader("summons", specs["summons"])({**SUMMONS, "SUSPECT_HEIGHT": written})
    assert stop["suspect_height_inches"] == inches


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("MONTH", 13, "1 \\(January\\)"),
        ("MONTH", 0, "1 \\(January\\)"),
        ("DAY", "Someday", "1 \\(Monday\\)"),
        ("SEARCHED_FLAG", 2, "0 or 1"),
        ("SEARCHED_FLAG", "yes please", "0 or 1"),
        ("SUSPECT_REPORTED_AGE", 300, "6 to 100 years"),
        ("SUSPECT_REPORTED_AGE", "27.5", "a number"),
        ("SUSPECT_REPORTED_AGE", None, "required"),
        ("SUSPECT_REPORTED_AGE", [27], "not list"),
        ("SUSPECT_REPORTED_AGE", "9" * 400, "this long"),
        ("SUSPECT_REPORTED_AGE", 10**30, "6 to 100"),
        ("YEAR", "", "a number"),
    ],
)
def test_a_bad_value_is_named_by_its_field(specs, field, value, message):
    with pytest.raises(StudyFieldError, match=message) as caught:
        study_reader("arrest", specs["arrest"])({**ARREST, field: value})
    assert caught.value.field == field


@given(
    field=st.sampled_from(sorted(STUDY_FIELDS["summons"])),
    value=st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.integers()),
        st.text(alphabet="0123456789.-+eE '\"", max_size=8),
    ),
)  # fmt: skip
@settings(max_examples=400, deadline=None)
def test_whatever_is_sent_is_read_in_range_or_named(specs, field, value):
    named = None
    try:
        stop = study_reader("summons", specs["summons"])({**SUMMONS, field: value})
    except StudyFieldError as error:
        named = error.field
    if named is not None:
        assert named == field
        return
    spec = specs["summons"][STUDY_FIELDS["summons"][field]]
    read = stop[spec.name]
    assert isinstance(read, bool) if spec.kind == "flag" else spec.minimum <= read <= spec.maximum


def test_labels_stand_in_the_studys_order(specs):
    labels = field_labels("summons", specs["summons"])
    assert [entry["name"] for entry in labels] == list(STUDY_FIELDS["summons"])
    assert all(entry["label"] and entry["expects"] for entry in labels)
