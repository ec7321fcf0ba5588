"""What a request may say of a stop besides the fields of the model in force, so that a client survives the next one."""

from collections.abc import Mapping

from sqf_pipeline.registry.columns import Column, load_columns
from sqf_pipeline.registry.outcomes import KNOWN_BY_TIER, OUTCOME_ENTRIES
from sqf_pipeline.registry.words import field_label
from sqf_pipeline.service.manifest import FieldKind, FieldSpec, ModelEntry

FIELD_KINDS: Mapping[str, FieldKind] = {
    "integer": "integer", "year": "integer", "time": "integer", "month": "integer", "weekday": "integer",
    "number": "number", "height": "number", "category": "category", "code": "code", "flag": "flag", "mark": "flag",
}  # fmt: skip
"""Kind of a field by the kind of its column; other kinds cannot be an input."""
HIGHEST_CODE = 9999  # largest integer code taken where the registry names no range; NYPD's commands have three digits


_UNITS = {"month": "1 January to 12 December", "weekday": "1 Monday to 7 Sunday"}


def plain_field(entry: Column) -> FieldSpec:
    """Return a column as a field without categories or default; raises KeyError for a kind that cannot be an input."""
    lowest, highest = entry.minimum, entry.maximum
    if entry.kind == "code":
        lowest, highest = lowest or 0, highest or HIGHEST_CODE
    return FieldSpec(
        name=entry.name, label=field_label(entry.name), description=entry.description, kind=FIELD_KINDS[entry.kind],
        unit=_UNITS.get(entry.kind, entry.unit), minimum=lowest, maximum=highest,
        known=entry.known,
    )  # fmt: skip


def unused_fields(model: ModelEntry) -> tuple[FieldSpec, ...]:
    """Return the fields that are known at a model's tier, may be used by a model of its outcome, and are not by this.

    They have no categories: any text of a category is accepted, as it changes nothing.
    """
    used = {spec.name for spec in model.fields}
    return tuple(
        plain_field(entry)
        for entry in load_columns()
        if entry.feature and entry.name not in used | OUTCOME_ENTRIES[model.outcome].barred
        and entry.known in KNOWN_BY_TIER[model.tier] and entry.kind in FIELD_KINDS
    )  # fmt: skip
