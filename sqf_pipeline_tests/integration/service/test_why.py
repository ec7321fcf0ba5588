"""What moved an answer, held against the service's own answers to the same stop without one field."""

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sqf_pipeline_tests.service_support import CATEGORIES, TIER_FIELDS

ROUTE = "/api/v1/predictions/{}"
STOP = {
    "at_stop": {
        "suspected_crime": "CPW", "suspect_age": 22, "stop_time_seconds": 80_000, "precinct": 75, "x_feet": 1_003_024,
        "y_feet": 206_470, "borough": "BROOKLYN", "initiated_by": "RADIO RUN", "suspect_sex": "MALE", "weekday": 5,
        "observed_duration_minutes": 30, "action_fits_description": True,
    },
    "during": {
        "searched": True, "frisked": False, "weapon_found": True, "force_handcuffs": False, "precinct": 44,
        "stop_duration_minutes": 25, "suspected_crime": "ROBBERY", "suspect_age": 31, "stop_time_seconds": 3_600,
        "x_feet": 1_003_024, "y_feet": 206_470, "borough": "BRONX",
    },
}  # fmt: skip


def ask(client, outcome, tier, stops, **more):
    answer = client.post(ROUTE.format(outcome), json={"tier": tier, "stops": stops, **more})
    assert answer.status_code == 200, answer.text
    return answer.get_json()["predictions"]


def expected_reasons(client, outcome, tier, stop):
    """Return (field, change) of every field, strongest first, from one question with it and one without."""
    whole = ask(client, outcome, tier, stop, why=False)[0]["probability"]
    changes = []
    for name in stop:
        less = {other: value for other, value in stop.items() if other != name}
        changes.append((name, whole - ask(client, outcome, tier, less, why=False)[0]["probability"]))
    return sorted((one for one in changes if abs(one[1]) >= 0.001), key=lambda one: -abs(one[1]))


@pytest.mark.parametrize("outcome", ["arrest", "summons"])
@pytest.mark.parametrize("tier", ["at_stop", "during"])
@pytest.mark.parametrize("left_out", [(), ("suspect_age",), ("suspect_sex", "searched", "suspect_age", "precinct")])
def test_a_reason_is_the_difference_to_the_answer_without_the_field(client, outcome, tier, left_out):
    stop = {name: value for name, value in STOP[tier].items() if name not in left_out}
    answer = ask(client, outcome, tier, stop)[0]
    expected = expected_reasons(client, outcome, tier, stop)
    assert 1 <= len(answer["why"]) == min(len(expected), 5)
    sizes = [abs(reason["change"]) for reason in answer["why"]]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes == pytest.approx([abs(change) for _, change in expected[:5]], abs=1e-9)
    changes = dict(expected)
    for reason in answer["why"]:
        assert set(reason) == {"field", "without", "change"}
        assert reason["change"] == pytest.approx(changes[reason["field"]], abs=1e-9)
        assert reason["without"] + reason["change"] == pytest.approx(answer["probability"], abs=1e-12)


VALUES = {
    "suspected_crime": st.sampled_from(CATEGORIES["suspected_crime"]), "suspect_age": st.integers(10, 90),
    "suspect_sex": st.sampled_from(CATEGORIES["suspect_sex"]), "borough": st.sampled_from(CATEGORIES["borough"]),
    "precinct": st.integers(1, 123), "weekday": st.integers(1, 7), "stop_time_seconds": st.integers(0, 86_399),
}  # fmt: skip


@given(stop=st.fixed_dictionaries({}, optional=VALUES))
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_is_given_the_reasons_are_those_of_asking_twice(client, stop):
    found = {reason["field"]: reason["change"] for reason in ask(client, "arrest", "at_stop", stop)[0]["why"]}
    changes = dict(expected_reasons(client, "arrest", "at_stop", stop))
    assert found == pytest.approx({name: changes[name] for name in found}, abs=1e-9)
    assert len(found) == min(len(changes), 5)


def test_each_stop_of_a_long_list_has_its_own_reasons(client):
    stops = [{"suspect_age": 15 + place % 60, "precinct": 1 + place % 100} for place in range(120)]
    stops[60] = {}
    found = ask(client, "arrest", "during", stops)
    for place in (0, 49, 50, 51, 60, 99, 100, 119):
        assert found[place] == ask(client, "arrest", "during", stops[place])[0]
    assert found[60]["why"] == []


def test_reasons_are_there_unless_they_are_not_wanted(client):
    assert "why" in ask(client, "arrest", "during", STOP["during"])[0]
    without = ask(client, "arrest", "during", STOP["during"], why=False)[0]
    assert "why" not in without
    given = ask(client, "arrest", "during", STOP["during"], why=True)[0]
    assert {name: value for name, value in given.items() if name != "why"} == without


@pytest.mark.parametrize("value", [1, "true", None, [], {}, 0.0])
def test_why_is_yes_or_no(client, value):
    answer = client.post(ROUTE.format("arrest"), json={"tier": "during", "stops": {}, "why": value})
    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.get_json()["errors"]] == ["/why"]


def test_fields_that_the_model_does_not_use_are_no_reason(client):
    unused = {"patrol_borough": "PBBS", "suspect_build": "THIN"}
    assert not set(unused) & set(TIER_FIELDS["during"])
    assert ask(client, "arrest", "during", STOP["during"] | unused) == ask(client, "arrest", "during", STOP["during"])


def test_the_document_describes_the_reasons(client):
    schemas = client.get("/api/openapi.json").get_json()["components"]["schemas"]
    why = schemas["PredictionOut"]["properties"]["why"]
    assert why["items"]["$ref"].endswith("/Reason")
    assert why["maxItems"] == 5
    assert set(schemas["Reason"]["properties"]) == {"field", "without", "change"}
    assert "neither the person nor a cause" in why["description"]
    assert schemas["ArrestRequestDuring"]["properties"]["why"]["default"] is True


@pytest.mark.parametrize("tier", ["at_stop", "during"])
def test_the_form_says_in_words_what_the_interface_answers(client, tier):
    typed = {
        name: {True: "true", False: "false"}.get(value, str(value)) if isinstance(value, bool) else str(value)
        for name, value in STOP[tier].items()
    }
    places = client.get("/analysis/places.json").get_json()
    part = dict(zip([column["name"] for column in places["columns"]], places["rows"][3], strict=True))
    settled = {name: part[name] for name in ("precinct", "x_feet", "y_feet", "borough")}
    typed |= {"stop_time_seconds": "01:00", "point": f"{part['x_feet']}, {part['y_feet']}"}
    page = client.post(f"/arrest?tier={tier}", data=typed).text
    stop = STOP[tier] | {"stop_time_seconds": 3_600} | settled
    labels = {
        field["name"]: field["label"]
        for model in client.get("/api/v1/models").get_json()["models"]
        for field in model["fields"]
    }
    told = re.findall(r"<li>(.+?) <strong>.*?</strong> (raises|lowers) it by ([\d.]+) points, from ([\d.]+) %", page)
    assert told == [
        (
            labels[reason["field"]], "raises" if reason["change"] > 0 else "lowers",
            f"{abs(reason['change']) * 100:.1f}", f"{reason['without'] * 100:.1f}",
        )
        for reason in ask(client, "arrest", tier, stop)[0]["why"]
    ]  # fmt: skip
    assert len(told) >= 2


def test_a_form_without_anything_known_has_no_reason(client):
    page = client.post("/arrest?tier=during", data={}).text
    assert "Because of" not in page
    assert "No field that was given moves it" in page
