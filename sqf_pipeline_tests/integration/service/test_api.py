"""The programming interface: its answers, its refusals, its documents."""

import json

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from sqf_pipeline.export.model_entries import stops_of_frame
from sqf_pipeline.export.pipelines import load_pipelines
from sqf_pipeline.registry.outcomes import STUDY_FIELDS
from sqf_pipeline.service.bundle import open_bundle
from sqf_pipeline.service.predictor import load_predictors
from sqf_pipeline_tests.service_support import small_models

ROUTES = {"arrest": "/api/generate_arrest_prediction", "summons": "/api/generate_summon_prediction"}


@pytest.fixture(scope="module")
def predictors(export_folder):
    return load_predictors(open_bundle(export_folder))


@pytest.mark.parametrize("tier", ["during", "at_stop"])
@pytest.mark.parametrize("outcome", ["arrest", "summons"])
def test_answers_equal_the_pipelines(client, export_folder, predictors, outcome, tier):
    model = next(entry for entry in small_models().models if (entry.outcome, entry.feature_set.tier) == (outcome, tier))
    test = small_models().test
    stops = stops_of_frame(test, predictors[outcome, tier].entry.fields)
    answer = client.post(f"/api/v1/predictions/{outcome}", json={"tier": tier, "stops": stops})
    assert answer.status_code == 200
    found = answer.get_json()
    expected = load_pipelines(export_folder)[model.name].predict_proba(test)[:, 1]
    np.testing.assert_allclose([entry["probability"] for entry in found["predictions"]], expected, atol=1e-5)
    limit = model.thresholds["best_f1"].value
    clear = np.abs(expected - limit) > 1e-5
    classes = np.array([entry["class"] for entry in found["predictions"]])
    np.testing.assert_array_equal(classes[clear], (expected >= limit)[clear])
    assert (found["model"], found["source"], found["test_year"]) == (model.name, "sample", 2020)
    for entry in found["predictions"]:
        record = entry["test_year_record"]
        assert record["low"] <= entry["probability"] <= record["high"]
        assert record["share_low"] <= record["share"] <= record["share_high"]


@pytest.mark.parametrize("outcome", ["arrest", "summons"])
def test_the_studys_endpoint_answers_the_class(client, predictors, outcome):
    predictor = predictors[outcome, "study"]
    found = stops_of_frame(small_models().test, predictor.entry.fields)
    stops = [stop for stop in found if None not in stop.values()]
    assert len(stops) > 300
    seen = set()
    for stop in stops[:150]:
        body = {field: int(stop[name]) if isinstance(stop[name], bool) else str(stop[name])
                for field, name in STUDY_FIELDS[outcome].items()}  # fmt: skip
        answer = client.post(ROUTES[outcome], json=body)
        expected = "1" if predictor.predict([stop])[0].positive else "0"
        assert answer.get_json() == [expected], body
        seen.add(expected)
    assert seen == {"0", "1"}


@pytest.mark.parametrize("outcome", ["arrest", "summons"])
def test_a_question_that_flask_never_sees_is_answered_and_counted_as_by_flask(client, predictors, outcome):
    """Flask answers where the document's kind is written otherwise, an origin is named, or the document is long."""
    stop = dict(predictors[outcome, "study"].entry.probes[0].stop)
    body = json.dumps({field: stop[name] for field, name in STUDY_FIELDS[outcome].items()})
    route, kind = ROUTES[outcome], "application/json"
    ways = [
        {"data": body, "content_type": kind},
        {"data": body, "content_type": f"{kind}; charset=utf-8"},
        {"data": body, "content_type": kind, "headers": {"Origin": "https://example.org"}},
        {"data": body + " " * 5_000, "content_type": kind},
    ]
    endpoint = {"endpoint": "api." + route.removeprefix("/api/")}
    counted = {
        "sqf_requests_total": endpoint | {"method": "POST", "status": "200"}, "sqf_request_seconds_count": endpoint,
        "sqf_predictions_total": {"outcome": outcome, "tier": "study"},
    }  # fmt: skip
    answers = []
    for way in ways:
        before = [_metric(client, name, **labels) for name, labels in counted.items()]
        answer = client.post(route, **way)
        answers.append((answer.status_code, answer.data, sorted(answer.headers)))
        assert [_metric(client, name, **labels) for name, labels in counted.items()] == [one + 1 for one in before]
    assert answers[0][0] == 200
    assert answers == [answers[0]] * len(ways)


@pytest.mark.parametrize(("route", "outcome"), [("arrest_feature_names", "arrest"), ("feature_names", "summons")])
def test_the_studys_field_names(client, route, outcome):
    assert [entry["name"] for entry in client.get(f"/api/{route}").get_json()] == list(STUDY_FIELDS[outcome])


def test_one_stop_and_a_named_threshold(client):
    body = {"tier": "during", "threshold": "equal_costs", "stops": {"searched": True}}
    found = client.post("/api/v1/predictions/arrest", json=body).get_json()
    assert len(found["predictions"]) == 1
    assert found["threshold"] == {"name": "equal_costs", "value": 0.5, "aim": "A miss costs as much as a false alarm"}


def test_absent_and_null_fields_are_the_same(client):
    answers = [
        client.post("/api/v1/predictions/arrest", json={"tier": "at_stop", "stops": stop}).get_json()
        for stop in ({}, {"suspect_age": None})
    ]
    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"tier": "during", "stops": {"suspect_age": 200}}, "/stops/suspect_age"),
        ({"tier": "during", "stops": [{}, {"suspect_age": "20"}]}, "/stops/1/suspect_age"),
        ({"tier": "during", "stops": [{"suspect_age": True}]}, "/stops/0/suspect_age"),
        ({"tier": "during", "stops": [{"suspect_age": 20.5}]}, "/stops/0/suspect_age"),
        ({"tier": "during", "stops": {"x_feet": 10**400}}, ""),
        ({"tier": "during", "stops": {"suspect_age": 10**60}}, "/stops/suspect_age"),
        ({"tier": "during", "stops": {"borough": "JERSEY"}}, "/stops/borough"),
        ({"tier": "during", "stops": {"searched": 1}}, "/stops/searched"),
        ({"tier": "during", "stops": {"no/such~field": 1}}, "/stops/no~1such~0field"),
        ({"tier": "at_stop", "stops": {"searched": True}}, "/stops/searched"),
        ({"tier": "study", "stops": {}}, ""),
        ({"tier": "during", "threshold": "best", "stops": {}}, "/threshold"),
        ({"tier": "during", "stops": []}, "/stops"),
        ({"tier": "during", "stops": [{}] * 1001}, "/stops"),
        ({"tier": "during", "stops": 7}, "/stops"),
        ({"tier": "during"}, "/stops"),
        ({"tier": "during", "stops": {}, "more": 1}, "/more"),
        ([], ""),
    ],
    ids=lambda value: str(value)[:40],
)
def test_faults_are_named_by_their_place(client, body, pointer):
    answer = client.post("/api/v1/predictions/arrest", data=json.dumps(body), content_type="application/json")
    assert (answer.status_code, answer.content_type) in {
        (422, "application/problem+json"), (400, "application/problem+json"),
    }  # fmt: skip
    problem = answer.get_json()
    assert problem["status"] == answer.status_code
    if pointer:
        assert pointer in [entry["pointer"] for entry in problem["errors"]]


@pytest.mark.parametrize("tier", [None, 1, "at-stop", "study", ["during"], {"during": 1}, True, "x" * 9_000])
def test_a_tier_that_there_is_not_is_told_with_those_that_there_are(client, tier):
    answer = client.post("/api/v1/predictions/arrest", json={"tier": tier, "stops": {}})
    assert answer.status_code == 422
    assert answer.get_json()["errors"] == [{"pointer": "/tier", "detail": "Expected during or at_stop."}]
    assert client.post("/api/v1/predictions/arrest", json={"stops": {}}).get_json() == answer.get_json()


@pytest.mark.parametrize("route", ["/api/v1/predictions/arrest", *ROUTES.values()])
@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "EOF"),
        (b"{} {}", "trailing"),
        (b"[" * 5_000, "recursion limit"),
        (b'{"x":' + b"9" * 5_000 + b"}", "number"),
    ],
)
def test_a_document_that_is_not_json_is_told_where(client, route, data, said):
    answer = client.post(route, data=data, content_type="application/json")
    assert answer.status_code == 400
    assert said in answer.get_json()["detail"]
    assert "line 1 column" in answer.get_json()["detail"]


@pytest.mark.parametrize(
    "body",
    [
        {"tier": "during", "stops": {"borough": "<script>alert(1)</script>"}},
        {"tier": "<script>alert(1)</script>", "stops": {}},
        {"tier": {"alert": 1}, "stops": {}},
    ],
)
def test_faults_do_not_echo_what_was_sent(client, body):
    answer = client.post("/api/v1/predictions/arrest", json=body)
    assert b"alert" not in answer.data


def test_whole_numbers_may_be_written_with_a_point(client):
    body = {"tier": "during", "stops": [{"suspect_age": 20}, {"suspect_age": 20.0}]}
    found = client.post("/api/v1/predictions/arrest", json=body).get_json()["predictions"]
    assert found[0] == found[1]


@pytest.mark.parametrize("route", ["/api/v1/predictions/arrest", *ROUTES.values()])
@pytest.mark.parametrize(
    ("data", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"", "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b'{"a":' * 50_000, "application/json", 400),
        (b'{"tier": "during", "stops": {"x_feet": NaN}}', "application/json", (400, 422)),
        (b'{"tier": "during", "stops": {"x_feet": Infinity}}', "application/json", (400, 422)),
        (b'{"tier": "during", "stops": {"x_feet": 1e999}}', "application/json", (400, 422)),
        (b"null", "application/json", 422),
        (b"tier=during", "application/x-www-form-urlencoded", 415),
        (b"{}", "text/plain", 415),
        (b"{}", "", 415),
        (b" " * 2_000_000, "application/json", 413),
    ],
    ids=range(13),
)
def test_hostile_documents_are_refused(client, route, data, kind, status):
    answer = client.post(route, data=data, content_type=kind)
    expected = status if isinstance(status, tuple) else (status,)
    assert answer.status_code in expected
    assert answer.content_type == "application/problem+json"
    assert b"Traceback" not in answer.data
    assert client.get("/readyz").status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/predictions/arrest", 405),
        ("DELETE", "/api/v1/models", 405),
        ("BREW", "/api/v1/models", 405),
        ("GET", "/api/v1/nothing", 404),
        ("GET", "/api/../../etc/passwd", 404),
        ("GET", "/assets/../app.py", 404),
        ("GET", "/assets/%2e%2e%2fapp.py", 404),
        ("GET", "/analysis/..%2f..%2fmanifest.json", 404),
        ("GET", "/analysis/manifest.json", 404),
        ("GET", "/analysis/stops_by_year.exe", 404),
        ("GET", "/static/site.css", 404),
        ("POST", "/", 405),
    ],
)
def test_wrong_paths_and_methods(client, method, path, status):
    answer = client.open(path, method=method)
    assert answer.status_code == status
    if path.startswith("/api"):
        assert answer.content_type == "application/problem+json"
    if status == 405:
        assert answer.headers["Allow"]


def test_every_answer_carries_the_security_headers(client):
    for path in ("/", "/api/v1/models", "/assets/site.css", "/nothing", "/metrics"):
        headers = client.get(path).headers
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "Set-Cookie" not in headers


def test_an_error_inside_is_told_without_its_trace(app, monkeypatch):
    def explode():
        raise RuntimeError("secret detail")

    monkeypatch.setitem(app.view_functions, "api.healthz", explode)
    answer = app.test_client().get("/healthz")
    assert (answer.status_code, answer.content_type) == (500, "application/problem+json")
    assert b"secret" not in answer.data
    assert not app.debug


def test_models_and_health(client):
    document = client.get("/api/v1/models").get_json()
    assert [entry["tier"] for entry in document["models"]].count("study") == 2
    assert client.get("/healthz").get_json() == client.get("/readyz").get_json() == {"status": "ok"}


def test_metrics_count_stops_and_requests_without_a_clients_words(client):
    before = _metric(client, "sqf_predictions_total", outcome="summons", tier="at_stop")
    client.post("/api/v1/predictions/summons", json={"tier": "at_stop", "stops": [{}] * 7})
    assert _metric(client, "sqf_predictions_total", outcome="summons", tier="at_stop") == before + 7
    client.open("/<hostile>", method="STEAL")
    page = client.get("/metrics").text
    assert "hostile" not in page
    assert "STEAL" not in page


def _metric(client, name, **labels):
    for family in text_string_to_metric_families(client.get("/metrics").text):
        for sample in family.samples:
            if sample.name == name and sample.labels == labels:
                return sample.value
    return 0.0
