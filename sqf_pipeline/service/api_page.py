"""The OpenAPI document as a page: each operation with its fields, answers and an example."""

import json
from typing import Any


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
