"""The programming interface: the study's endpoints, version 1, and what machines ask about the service."""

from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from io import BytesIO
from time import perf_counter
from typing import Any

import numpy as np
from flask import Blueprint, Flask, Response, current_app, request
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json, to_json
from werkzeug.exceptions import UnsupportedMediaType

from sqf_pipeline.registry.outcomes import STUDY_OUTCOMES, Outcome
from sqf_pipeline.service.accepted_fields import unused_fields
from sqf_pipeline.service.deployment import HEADERS
from sqf_pipeline.service.loaded_bundle import Service
from sqf_pipeline.service.manifest import ModelEntry
from sqf_pipeline.service.monitoring import Metrics
from sqf_pipeline.service.problems import problem
from sqf_pipeline.service.schemas import TIERS, FieldProblem, Health, ModelOut, ModelsOut, describe_errors
from sqf_pipeline.service.study_contract import LONGEST_SHORT, STUDY_ROUTES, StudyFieldError, field_labels, study_reader

JSON_TYPE = "application/json"
_LONGEST_DETAIL = 200
Answer = Callable[[bytes], bytes]


def register_api(app: Flask, service: Service, metrics: Metrics) -> None:
    """Add every JSON route to an application."""
    blueprint = Blueprint("api", __name__)
    for outcome in STUDY_OUTCOMES:
        if outcome in service.validators:
            _add_version_1(blueprint, service, metrics, outcome)
    studied = [outcome for outcome in STUDY_OUTCOMES if (outcome, "study") in service.predictors]
    answers = dict(_add_study(blueprint, service, metrics, outcome) for outcome in studied)
    _add_descriptions(blueprint, service)
    app.register_blueprint(blueprint)
    _answer_before_flask(app, answers, metrics)


def _json(body: BaseModel | dict[str, Any]) -> Response:
    data = body.model_dump_json(by_alias=True, exclude_none=True) if isinstance(body, BaseModel) else to_json(body)
    return Response(data, content_type=JSON_TYPE)


def _body() -> bytes:
    """Return the request's document; refuses one that is not declared as JSON, or is too large."""
    if request.mimetype != JSON_TYPE:
        raise UnsupportedMediaType
    return request.get_data(cache=False)


def _add_version_1(blueprint: Blueprint, service: Service, metrics: Metrics, outcome: Outcome) -> None:
    adapter = service.validators[outcome]
    by_tier = {tier: service.predictors[outcome, tier] for tier in service.tiers(outcome)}
    counters = {tier: metrics.predictions.labels(outcome, tier) for tier in by_tier}
    names: dict[str, list[str]] = {tier: _accepted(one.entry) for tier, one in by_tier.items()}
    others = {tier: frozenset(names[tier]) - service.specs(outcome, tier).keys() for tier in by_tier}

    @blueprint.post(f"/api/v1/predictions/{outcome}", endpoint=f"predict_{outcome}")
    def predict() -> Response:
        try:
            question = adapter.validate_json(_body())
        except ValidationError as error:
            return _invalid(error, names)
        one_or_many = question.stops if isinstance(question.stops, list) else [question.stops]
        counters[question.tier].inc(len(one_or_many))
        stops = [stop.__dict__ for stop in one_or_many]
        given = set().union(*(stop.model_fields_set for stop in one_or_many))
        predictor, threshold = by_tier[question.tier], question.threshold
        limit = predictor.entry.thresholds[threshold]
        return _json(  # `schemas.PredictionsOut` describes it
            {
                "outcome": outcome,
                "tier": question.tier,
                "model": predictor.entry.name,
                "source": service.manifest.source,
                "test_year": service.manifest.test_year,
                "threshold": {"name": threshold, "value": limit.value, "aim": limit.aim},
                "unused": sorted(given & others[question.tier]),
                "predictions": [
                    {"probability": one.probability, "class": int(one.positive), "test_year_record": one.record}
                    | ({"why": one.why} if question.why else {})
                    for one in predictor.predict(stops, threshold, why=question.why)
                ],
            }
        )


def _accepted(entry: ModelEntry) -> list[str]:
    return [spec.name for spec in (*entry.fields, *unused_fields(entry))]


def _invalid(error: ValidationError, names: Mapping[str, Collection[str]]) -> Response:
    errors = error.errors(include_url=False, include_context=False, include_input=False)
    if errors[0]["type"] == "json_invalid":
        return problem(400, f"The document is not valid JSON: {errors[0]['msg']}"[:_LONGEST_DETAIL])
    faults = describe_errors(list(errors[:20]), names)
    more = f" (the first 20 of {len(errors)} are listed)" if len(errors) > len(faults) else ""
    found = "1 fault" if len(errors) == 1 else f"{len(errors)} faults"
    return problem(422, f"The document has {found}{more}; each is named by its place.", faults)


def _add_study(blueprint: Blueprint, service: Service, metrics: Metrics, outcome: Outcome) -> tuple[str, Answer]:
    """Add the study's endpoint of an outcome; return its route, and the function from a document to an answer."""
    predictor = service.predictors[outcome, "study"]
    limit = predictor.entry.thresholds[predictor.entry.default_threshold].value
    specs = service.specs(outcome, "study")
    labels = to_json(field_labels(outcome, specs))
    counter = metrics.predictions.labels(outcome, "study")
    route, names = STUDY_ROUTES[outcome]
    read = study_reader(outcome, specs)

    def answer(document: bytes) -> bytes:
        body = from_json(document, allow_inf_nan=False)
        if not isinstance(body, dict):
            raise StudyFieldError("", "An object with the study's field names is expected")
        positive = predictor.probabilities([read(body)])[0] >= limit
        counter.inc()
        return b'["1"]' if positive else b'["0"]'

    @blueprint.post(f"/api/{route}", endpoint=route)
    def predict() -> Response:
        try:
            return Response(answer(_body()), content_type=JSON_TYPE)
        except StudyFieldError as error:
            if not error.field:
                return problem(422, f"{error}.")
            fault = FieldProblem(pointer=f"/{error.field}", detail=str(error))
            return problem(422, f"{error.field}: {error}.", [fault])
        except ValueError as error:
            return problem(400, f"The document is not valid JSON: {error}"[:_LONGEST_DETAIL])

    @blueprint.get(f"/api/{names}", endpoint=names)
    def feature_names() -> Response:
        return Response(labels, content_type=JSON_TYPE)

    return route, answer


def _answer_before_flask(app: Flask, answers: Mapping[str, Answer], metrics: Metrics) -> None:
    """Answer a good question to the study's endpoints without Flask, which takes longer than the model.

    Whatever is unusual about a question, or wrong with it, is left to Flask, which then says so.
    """
    flask_answer = app.wsgi_app
    headers = [*HEADERS.items(), ("Content-Type", JSON_TYPE), ("Content-Length", "5")]
    served = {}
    for route, answer in answers.items():
        requests = metrics.requests.labels(f"api.{route}", "POST", 200)
        served[f"/api/{route}"] = answer, requests, metrics.seconds.labels(f"api.{route}")

    def first(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        started, length = perf_counter(), environ.get("CONTENT_LENGTH", "")
        if (
            environ.get("PATH_INFO") in served and environ["REQUEST_METHOD"] == "POST"
            and environ.get("CONTENT_TYPE") == JSON_TYPE and "HTTP_ORIGIN" not in environ
            and length.isdecimal() and int(length) <= LONGEST_SHORT
        ):  # fmt: skip
            answer, requests, seconds = served[environ["PATH_INFO"]]
            document = environ["wsgi.input"].read(int(length))
            with suppress(Exception):
                body = answer(document)
                start_response("200 OK", headers.copy())
                requests.inc()
                seconds.observe(perf_counter() - started)
                return [body]
            environ["wsgi.input"] = BytesIO(document)
        return flask_answer(environ, start_response)

    app.wsgi_app = first  # type: ignore[method-assign]


def _add_descriptions(blueprint: Blueprint, service: Service) -> None:
    documents = _models_document(service).model_dump_json().encode()

    @blueprint.get("/api/v1/models")
    def models() -> Response:
        return Response(documents, content_type=JSON_TYPE)

    @blueprint.get("/healthz")
    def healthz() -> Response:
        return _json(Health(status="ok"))

    @blueprint.get("/readyz")
    def readyz() -> Response:
        for predictor in service.predictors.values():
            answers = predictor.probabilities([predictor.entry.probes[0].stop])
            if not np.isfinite(answers).all():
                return problem(503, f"The model {predictor.entry.name} does not answer.")
        return _json(Health(status="ok", refused=current_app.config.get("REFUSED")))


def _models_document(service: Service) -> ModelsOut:
    manifest = service.manifest
    return ModelsOut(
        source=manifest.source, test_year=manifest.test_year, training_years=list(manifest.training_years),
        format_version=manifest.format_version, project_version=manifest.project_version,
        models=[
            ModelOut(
                accepted=_accepted(entry) if entry.tier in TIERS else [spec.name for spec in entry.fields],
                **{name: getattr(entry, name) for name in ModelOut.model_fields if name != "accepted"},
            )
            for entry in manifest.models
        ],
    )  # fmt: skip
