"""The OpenAPI 3.1 document of the programming interface: `openapi.json`, filled from the models that validate."""

import json
from importlib import metadata, resources
from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import models_json_schema

from sqf_pipeline.registry.outcomes import OUTCOME_WORDS, STUDY_FIELDS, STUDY_OUTCOMES, Outcome
from sqf_pipeline.registry.year_and_month_words import year_words
from sqf_pipeline.service.loaded_bundle import Service
from sqf_pipeline.service.manifest import FieldSpec
from sqf_pipeline.service.schemas import Health, ModelsOut, PredictionsOut, Problem
from sqf_pipeline.service.study_contract import HINTS, STUDY_ROUTES

_REFERENCE = "#/components/schemas/{model}"
_ANSWERS: tuple[type[BaseModel], ...] = (PredictionsOut, ModelsOut, Health, Problem)


def build_document(service: Service) -> dict[str, Any]:
    """Return the OpenAPI document of a loaded service."""
    text = resources.files(__package__).joinpath("openapi.json").read_text(encoding="utf-8")
    document: dict[str, Any] = json.loads(text)
    templates = json.dumps(document.pop("templates"))
    _, answers = models_json_schema(
        [(model, "serialization") for model in _ANSWERS], ref_template=_REFERENCE, by_alias=True
    )
    schemas = dict(answers["$defs"])
    paths: dict[str, Any] = {}
    for outcome in STUDY_OUTCOMES:  # each fills a copy of its own
        if outcome in service.validators:
            operation = _prediction(service, outcome, schemas, json.loads(templates)["prediction"])
            paths[f"/api/v1/predictions/{outcome}"] = {"post": operation}
        if (outcome, "study") in service.predictors:
            route, names = STUDY_ROUTES[outcome]
            own = json.loads(templates)
            paths[f"/api/{route}"] = {"post": _study_prediction(service, outcome, own["study_prediction"])}
            words = {"operationId": names, "summary": f"The fields of {route}, with labels"}
            paths[f"/api/{names}"] = {"get": own["study_names"] | words}
    manifest = service.manifest
    document["info"] |= {
        "version": metadata.version("sqf-pipeline"),
        "description": "Probabilities that a stop by the New York City police ended in an arrest or a summons, "
        f"from models trained on {year_words(sorted(manifest.training_years))} and tested on "
        f"{manifest.test_year} (source: {manifest.source}). For research and audit; not for decisions about persons.",
    }
    return document | {"paths": paths | document["paths"], "components": {"schemas": schemas}}


def _prediction(
    service: Service, outcome: Outcome, schemas: dict[str, Any], operation: dict[str, Any]
) -> dict[str, Any]:
    schema = TypeAdapter.json_schema(service.validators[outcome], ref_template=_REFERENCE)
    schemas |= schema.pop("$defs", {})
    examples = {}
    for tier in service.tiers(outcome):
        stop = {spec.name: _default(spec) for spec in service.predictors[outcome, tier].entry.fields}
        examples[tier] = {"summary": f"A typical stop, tier {tier}", "value": {"tier": tier, "stops": [stop]}}
    operation["requestBody"]["content"]["application/json"] = {"schema": schema, "examples": examples}
    summary = f"Probability that a stop ended in {OUTCOME_WORDS[outcome]['noun']}"
    return operation | {"operationId": f"predict_{outcome}", "summary": summary}


def _study_prediction(service: Service, outcome: Outcome, operation: dict[str, Any]) -> dict[str, Any]:
    specs, fields = service.specs(outcome, "study"), STUDY_FIELDS[outcome]
    entry = service.predictors[outcome, "study"].entry
    body = {
        "type": "object",
        "required": list(fields),
        "properties": {field: _study_value(field, specs[name]) for field, name in fields.items()},
    }
    example = {field: _study_default(specs[name]) for field, name in fields.items()}
    operation["requestBody"]["content"]["application/json"] = {"schema": body, "example": example}
    return operation | {
        "operationId": STUDY_ROUTES[outcome][0],
        "summary": f"The study's own endpoint: class of {outcome}",
        "description": f'Answers ["0"] or ["1"], classified at the threshold {entry.default_threshold} '
        f"({entry.thresholds[entry.default_threshold].value:.4f}). MONTH is 1 to 12, DAY is 1 (Monday) to 7, or their "
        "English names; the study's alphabetical codes are not accepted.",
    }


def _study_value(field: str, spec: FieldSpec) -> dict[str, Any]:
    words = {"title": spec.label, "description": HINTS.get(field, spec.description)}
    if spec.kind == "flag":
        return words | {"enum": [0, 1, "0", "1"]}
    number = {"type": "integer", "minimum": int(spec.minimum or 0), "maximum": int(spec.maximum or 0)}
    return words | {"anyOf": [number, {"type": "string", "maxLength": 32, "description": "The number as text."}]}


def _default(spec: FieldSpec) -> Any:
    return int(spec.default) if spec.kind == "code" and spec.default is not None else spec.default


def _study_default(spec: FieldSpec) -> Any:
    return int(spec.default) if isinstance(spec.default, bool | float) else spec.default


def operations_of(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Return every operation of an OpenAPI document, in its order.

    Beside `summary` and `description` each has `method`, `path`, `tag`, `examples` by name, `fields` by part, and what
    `responses` mean by code.
    """
    schemas = document["components"]["schemas"]
    return [
        _operation(method, path, operation, schemas)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def _operation(method: str, path: str, operation: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    examples = [(name, example["value"]) for name, example in content.get("examples", {}).items()]
    if "example" in content:
        examples.append(("example", content["example"]))
    return {
        "summary": operation["summary"], "description": operation.get("description", ""),
        "method": method.upper(), "path": path, "tag": operation["tags"][0],
        "examples": [(name, json.dumps(value, indent=2)) for name, value in examples],
        "fields": _parts(content.get("schema", {}), schemas),
        "responses": [(code, answer["description"]) for code, answer in operation["responses"].items()],
    }  # fmt: skip


def _parts(schema: dict[str, Any], schemas: dict[str, Any]) -> list[tuple[str, list[dict[str, str]]]]:
    """Return the fields of a request, one part for each kind of stop that it takes."""
    if "properties" in schema and "stops" not in schema["properties"]:
        return [("", [_field(name, entry) for name, entry in schema["properties"].items()])]
    parts = []
    for option in schema.get("oneOf", [schema] if schema else []):
        resolved = _resolve(option, schemas)
        stops = resolved.get("properties", {}).get("stops", {})
        stop = next((_resolve(kind, schemas) for kind in stops.get("oneOf", []) if "$ref" in kind), {})
        tier = resolved.get("properties", {}).get("tier", {}).get("const", "")
        fields = [_field(name, entry) for name, entry in stop.get("properties", {}).items()]
        parts.append((f"tier {tier}" if tier else "", fields))
    return parts


def _resolve(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    reference = schema.get("$ref")
    return dict(schemas[reference.rsplit("/", 1)[-1]]) if reference else schema


def _field(name: str, schema: dict[str, Any]) -> dict[str, str]:
    kinds = [kind for kind in schema.get("anyOf", [schema]) if kind.get("type") != "null"]
    return {
        "name": name,
        "values": " or ".join(dict.fromkeys(_values(kind) for kind in kinds)),
        "description": schema.get("description", schema.get("title", "")),
    }


def _values(kind: dict[str, Any]) -> str:
    if "enum" in kind:
        shown = ", ".join(json.dumps(value) for value in kind["enum"][:12])
        return shown + (", …" if len(kind["enum"]) > 12 else "")
    low, high = kind.get("minimum"), kind.get("maximum")
    bounds = f", {low:,} to {high:,}" if low is not None and high is not None else ""
    return f"{kind.get('type', 'value')}{bounds}"
