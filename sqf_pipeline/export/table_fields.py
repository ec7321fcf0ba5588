"""How a declared column is told in the words of Frictionless, Croissant and R."""

from collections.abc import Mapping
from typing import Any

from sqf_pipeline.registry.kinds import KINDS

_PATTERNS = {"digits": "[1-9][0-9]*", "sha256": "[0-9a-f]{64}"}
_UNITS = {"year": "years", "count": "count"}

Declared = Mapping[str, str]


def unit_of(column: Declared) -> str:
    """Return the unit of a declared column; empty where it has none, `share` for what lies between 0 and 1."""
    share = column["kind"] == "number" and column["rule"] == "0..1"
    return column.get("unit") or ("share" if share else _UNITS.get(column["kind"], ""))


def frictionless_field(column: Declared) -> dict[str, Any]:
    """Return a declared column as a field of a Frictionless Table Schema (version 2).

    An empty cell is a missing value, but in a text that is never missing, where it is the empty text.
    """
    kind = KINDS[column["kind"]]["frictionless"]
    field: dict[str, Any] = {"name": column["column"], "type": kind, "description": column["comment"]}
    if unit_of(column):
        field["unit"] = unit_of(column)
    if kind == "boolean":
        field |= {"trueValues": ["true"], "falseValues": ["false"]}
    if column["null"] != "yes" and kind == "string":
        field["missingValues"] = []
    constraints: dict[str, Any] = _constraints(column["rule"], whole=kind != "number")
    if column["null"] != "yes":
        constraints["required"] = True
    if constraints:
        field["constraints"] = constraints
    for told in ("comparable", "usage_warning"):
        if column.get(told):
            field[told] = column[told]
    return field


def _constraints(rule: str, *, whole: bool) -> dict[str, Any]:
    if rule in _PATTERNS:
        return {"pattern": _PATTERNS[rule]}
    if rule == "filled":
        return {"minLength": 1}
    if rule.startswith("one of "):
        return {"enum": rule.removeprefix("one of ").split("|")}
    ends = zip(("minimum", "maximum"), rule.split("..") if rule else (), strict=False)
    return {name: int(end) if whole else float(end) for name, end in ends if end}


def croissant_field(column: Declared, record_set: str, source: Mapping[str, Any]) -> dict[str, Any]:
    """Return a declared column as a field of a Croissant record set, read from the Parquet files of `source`."""
    unit = unit_of(column)
    return {
        "@type": "cr:Field",
        "@id": f"{record_set}/{column['column']}",
        "name": column["column"],
        "description": column["comment"] + (f" Unit: {unit}." if unit and "Unit:" not in column["comment"] else ""),
        "dataType": KINDS[column["kind"]]["croissant"],
        "source": {**source, "extract": {"column": column["column"]}},
    }
