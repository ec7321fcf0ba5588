"""The OpenAPI 3.1 document of the programming interface, made from the same models that validate."""

from importlib import metadata
from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import models_json_schema

from sqf_pipeline.service.loaded_bundle import OUTCOMES, Service
from sqf_pipeline.service.manifest import FieldSpec, Outcome
from sqf_pipeline.service.schemas import Health, ModelsOut, PredictionsOut, Problem
from sqf_pipeline.service.study_contract import HINTS, STUDY_FIELDS, STUDY_ROUTES

_REFERENCE = "#/components/schemas/{model}"
_PROBLEMS = {
    "400": "The document is not JSON.",
    "413": "The document is larger than the service takes.",
    "415": "The document was not sent as application/json.",
    "422": "The document has faults; each is named by its place.",
}


def build_document(service: Service) -> dict[str, Any]:
    """Return the OpenAPI document of a loaded service."""
    schemas = _response_schemas()
    paths: dict[str, Any] = {}
    for outcome in OUTCOMES:
        if outcome in service.validators:
            paths |= _version_1_path(service, outcome, schemas)
        if (outcome, "study") in service.predictors:
            paths |= _study_paths(service, outcome)
    paths |= _description_paths()
    manifest = service.manifest
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "What follows a stop",
            "version": metadata.version("sqf-pipeline"),
            "description": "Probabilities that a stop by the New York City police ended in an arrest or a summons, "
            f"from models trained on {manifest.training_years[0]} to {manifest.training_years[-1]} and tested on "
            f"{manifest.test_year} (source: {manifest.source}). For research and audit; not for decisions about "
            "persons.",
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {"schemas": schemas},
    }


def _response_schemas() -> dict[str, Any]:
    models: list[tuple[type[BaseModel], Any]] = [
        (model, "serialization") for model in (PredictionsOut, ModelsOut, Health, Problem)
    ]
    _, document = models_json_schema(models, ref_template=_REFERENCE, by_alias=True)
    return dict(document["$defs"])


def _reference(name: str) -> dict[str, str]:
    return {"$ref": _REFERENCE.format(model=name)}


def _answer(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _problems(*codes: str) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": _reference("Problem")}}
    return {code: {"description": _PROBLEMS[code], "content": content} for code in codes}


def _example(fields: tuple[FieldSpec, ...]) -> dict[str, Any]:
    return {
        spec.name: int(spec.default) if spec.kind == "code" and spec.default is not None else spec.default
        for spec in fields
    }


def _version_1_path(service: Service, outcome: Outcome, schemas: dict[str, Any]) -> dict[str, Any]:
    schema = TypeAdapter.json_schema(service.validators[outcome], ref_template=_REFERENCE)
    schemas |= schema.pop("$defs", {})
    tiers = service.tiers(outcome)
    examples = {
        tier: {
            "summary": f"A typical stop, tier {tier}",
            "value": {"tier": tier, "stops": [_example(service.predictors[outcome, tier].entry.fields)]},
        }
        for tier in tiers
    }
    operation = {
        "operationId": f"predict_{outcome}",
        "tags": ["Version 1"],
        "summary": f"Probability that a stop ended in {'an arrest' if outcome == 'arrest' else 'a summons'}",
        "description": "One stop or a list. The probability is calibrated; the class is taken at a named threshold; "
        "the record says how often such a probability was right in the test year.",
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema, "examples": examples}}},
        "responses": {
            "200": _answer("The answers, in the order of the stops.", _reference("PredictionsOut")),
            **_problems("400", "413", "415", "422"),
        },
    }
    return {f"/api/v1/predictions/{outcome}": {"post": operation}}


def _study_value(field: str, spec: FieldSpec) -> dict[str, Any]:
    words = {"title": spec.label, "description": HINTS.get(field, spec.description)}
    if spec.kind == "flag":
        return words | {"enum": [0, 1, "0", "1"]}
    low, high = int(spec.minimum or 0), int(spec.maximum or 0)
    return words | {
        "anyOf": [
            {"type": "integer", "minimum": low, "maximum": high},
            {"type": "string", "maxLength": 32, "description": "The number as text."},
        ]
    }


def _study_paths(service: Service, outcome: Outcome) -> dict[str, Any]:
    specs = service.specs(outcome, "study")
    route, names = STUDY_ROUTES[outcome]
    fields = STUDY_FIELDS[outcome]
    body = {
        "type": "object",
        "required": list(fields),
        "properties": {field: _study_value(field, specs[name]) for field, name in fields.items()},
    }
    default = {field: _study_default(specs[name]) for field, name in fields.items()}
    entry = service.predictors[outcome, "study"].entry
    threshold = entry.thresholds[entry.default_threshold]
    predict = {
        "operationId": route,
        "tags": ["The study of 2021"],
        "summary": f"The study's own endpoint: class of {outcome}",
        "description": 'Answers ["0"] or ["1"], classified at the threshold '
        f"{entry.default_threshold} ({threshold.value:.4f}). MONTH is 1 to 12, DAY is 1 (Monday) to 7, or their "
        "English names; the study's alphabetical codes are not taken.",
        "requestBody": {"required": True, "content": {"application/json": {"schema": body, "example": default}}},
        "responses": {
            "200": _answer("The class.", {
                "type": "array", "minItems": 1, "maxItems": 1, "items": {"type": "string", "enum": ["0", "1"]},
            }),
            **_problems("400", "413", "415", "422"),
        },
    }  # fmt: skip
    label = {
        "type": "object",
        "required": ["name", "label", "expects"],
        "properties": {key: {"type": "string"} for key in ("name", "label", "expects")},
        "additionalProperties": False,
    }
    listing = {
        "operationId": names,
        "tags": ["The study of 2021"],
        "summary": f"The fields of {route}, with labels",
        "responses": {"200": _answer("The fields.", {"type": "array", "items": label})},
    }
    return {f"/api/{route}": {"post": predict}, f"/api/{names}": {"get": listing}}


def _study_default(spec: FieldSpec) -> Any:
    return int(spec.default) if isinstance(spec.default, (bool, float)) else spec.default


def _description_paths() -> dict[str, Any]:
    def get(name: str, summary: str, answer: dict[str, Any], **more: Any) -> dict[str, Any]:
        tags = ["About the service"]
        return {"get": {"operationId": name, "tags": tags, "summary": summary, "responses": {"200": answer, **more}}}

    unready = {
        "description": "A model does not answer.",
        "content": {"application/problem+json": {"schema": _reference("Problem")}},
    }
    text = {"description": "Metrics.", "content": {"text/plain": {"schema": {"type": "string"}}}}
    document = _answer("The document.", {"type": "object", "required": ["openapi", "paths"]})
    return {
        "/api/v1/models": get("models", "Every model of the export", _answer("The models.", _reference("ModelsOut"))),
        "/api/openapi.json": get("openapi", "This document", document),
        "/healthz": get("healthz", "Whether the service is alive", _answer("It is.", _reference("Health"))),
        "/readyz": get(
            "readyz", "Whether every model answers", _answer("All do.", _reference("Health")), **{"503": unready}
        ),
        "/metrics": get("metrics", "Counts and times for Prometheus", text),
    }
