"""A client may name every field that is known at a tier, whichever of them the model in force uses."""

import pytest

from sqf_pipeline.registry.columns import load_columns
from sqf_pipeline.registry.outcomes import OUTCOME_ENTRIES
from sqf_pipeline_tests.service_support import TIER_FIELDS

KNOWN = {
    "at_stop": {"at_stop", "value_at_stop"},
    "during": {"at_stop", "value_at_stop", "completed", "during"},
}
SAMPLE = {"flag": True, "mark": True, "category": "ANYTHING AT ALL", "month": 5, "weekday": 2}


def known_fields(outcome: str, tier: str) -> dict[str, object]:
    """Return a value for each column that the registry lets a model of the outcome know at the tier."""
    columns = [
        column
        for column in load_columns()
        if column.feature and column.known in KNOWN[tier] and column.name not in OUTCOME_ENTRIES[outcome].barred
    ]
    return {column.name: SAMPLE.get(column.kind, int(column.minimum or 1)) for column in columns}


@pytest.mark.parametrize("outcome", ["arrest", "summons"])
@pytest.mark.parametrize("tier", ["at_stop", "during"])
def test_every_field_of_the_tier_is_taken_and_those_not_used_are_named_and_change_nothing(client, outcome, tier):
    every = known_fields(outcome, tier)
    unused = sorted(set(every) - set(TIER_FIELDS[tier]))
    assert len(unused) > 10
    used = {"suspect_age": 30, "suspected_crime": "ROBBERY", "precinct": 75}
    route = f"/api/v1/predictions/{outcome}"
    alone = client.post(route, json={"tier": tier, "stops": used}).get_json()
    full = client.post(route, json={"tier": tier, "stops": used | {name: every[name] for name in unused}})
    assert full.status_code == 200, full.text
    assert full.get_json()["unused"] == unused
    assert alone["unused"] == []
    assert full.get_json()["predictions"] == alone["predictions"]
    several = client.post(route, json={"tier": tier, "stops": [used, {unused[3]: every[unused[3]]}, {unused[0]: None}]})
    assert several.get_json()["unused"] == sorted([unused[0], unused[3]])


def test_models_tells_which_are_used_and_which_are_taken(client):
    for model in client.get("/api/v1/models").get_json()["models"]:
        used = {field["name"] for field in model["fields"]}
        if model["tier"] == "study":
            assert set(model["accepted"]) == used
        else:
            assert used == set(TIER_FIELDS[model["tier"]])
            assert set(model["accepted"]) == used | set(known_fields(model["outcome"], model["tier"]))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"tier": "at_stop", "stops": {"suspect_aeg": 20}}, "the nearest is suspect_age"),
        ({"tier": "during", "stops": [{}, {"SUSPECTED_CRIME": "ROBBERY"}]}, "the nearest is suspected_crime."),
        ({"tier": "at_stop", "stops": {"suspectAge": 20}}, "the nearest is suspect_age."),
        ({"tier": "at_stop", "stops": {"Suspect Age": 20}}, "the nearest is suspect_age."),
        ({"tier": "at_stop", "stops": {"age": 20}}, "the nearest is suspect_age."),
        ({"tier": "at_stop", "stops": {"SUSPECT_REPORTED_AGE": 20}}, "the nearest is suspect_age."),
        ({"tier": "at_stop", "stops": {"STOP_LOCATION_X": 20}}, "the nearest is x_feet."),
        ({"tier": "at_stop", "stops": {"one": 1}}, "There is no such field. /api"),
        ({"tier": "at_stop", "stops": {"": 1}}, "There is no such field. /api"),
        ({"tier": "at_stop", "stops": {"qzqz\u0000\n": 1}}, "There is no such field. /api"),
        ({"tier": "at_stop", "stops": {"suspect_age" * 9_000: 1}}, "There is no such field"),
        ({"tier": "at_stop", "stops": {"during": {"suspect_age": 1}}}, "There is no such field"),
        ({"tier": "at_stop", "stops": {}, "during": 1}, "expected tier, threshold, stops"),
        ({"tier": "during", "stops": {}, "during": {}, "at_stop": []}, "expected tier, threshold, stops"),
        (
            {"tier": "at_stop", "stops": {"searched": True}},
            "searched is not known at the tier at_stop; ask at the tier during",
        ),
        ({"tier": "during", "stops": {"arrested": True}}, "There is no such field"),
        ({"tier": "during", "stops": {"search_basis_incidental_to_arrest": True}}, "There is no such field"),
        ({"tier": "during", "stops": {}, "treshold": "x"}, "expected tier, threshold, stops"),
    ],
)
def test_unknown_names_are_refused_with_the_nearest(client, body, said):
    answer = client.post("/api/v1/predictions/arrest", json=body)
    assert answer.status_code == 422
    assert said in answer.get_json()["errors"][0]["detail"]


@pytest.mark.parametrize("value", ["x" * 201, 7, ["X"]])
def test_values_of_fields_that_are_not_used_are_checked_too(client, value):
    answer = client.post("/api/v1/predictions/arrest", json={"tier": "at_stop", "stops": {"patrol_borough": value}})
    assert answer.status_code == 422
    assert answer.get_json()["errors"][0]["pointer"] == "/stops/patrol_borough"
