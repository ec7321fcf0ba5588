"""The service keeps what its own document says, for requests made from that document."""

import os

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

CASES = int(os.environ.get("SQF_SCHEMATHESIS_CASES", "25"))
"""Requests made for each operation in each mode; a longer run sets the variable."""
# every operation but that of the document itself, which is read to make the requests
OPERATIONS = (
    "GET /api/arrest_feature_names",
    "GET /api/feature_names",
    "GET /api/v1/models",
    "GET /healthz",
    "GET /metrics",
    "GET /readyz",
    "POST /api/generate_arrest_prediction",
    "POST /api/generate_summon_prediction",
    "POST /api/v1/predictions/arrest",
    "POST /api/v1/predictions/summons",
)


@pytest.fixture(scope="module")
def operations(app):
    document = schemathesis.openapi.from_wsgi("/api/openapi.json", app)
    found = [result.ok() for result in document.get_all_operations()]
    return {operation.label: operation for operation in found}


def test_the_operations_tried_are_all_there_are(operations):
    assert sorted(operations) == list(OPERATIONS)


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["right", "wrong"])
@pytest.mark.parametrize("label", OPERATIONS)
def test_no_answer_breaks_the_document(operations, label, mode):
    """Right requests are taken, wrong ones refused, no answer is a 5xx or unlike its schema."""
    if mode is GenerationMode.NEGATIVE and label.startswith("GET"):
        return  # these take nothing that could be wrong
    answered = set()
    # a document cannot say the range of a number that is written as text, as the study's clients do
    left_out = [positive_data_acceptance] if "generate" in label else []

    @given(case=operations[label].as_strategy(generation_mode=mode))
    @settings(
        max_examples=CASES if label.startswith("POST") else 3, deadline=None, derandomize=True, database=None,
        suppress_health_check=list(HealthCheck), phases=[Phase.generate],
    )  # fmt: skip
    def try_one(case: schemathesis.Case) -> None:
        answer = case.call_and_validate(excluded_checks=left_out)
        answered.add(answer.status_code)

    try_one()
    assert answered
    assert all(status < 500 for status in answered)


def test_the_document_names_every_machine_route(app, client):
    document = client.get("/api/openapi.json").get_json()
    routes = {str(rule) for rule in app.url_map.iter_rules() if rule.endpoint.startswith("api.")} | {"/metrics"}
    assert routes <= set(document["paths"])
    assert document["openapi"].startswith("3.1")
