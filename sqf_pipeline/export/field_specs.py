"""The inputs of a model as people meet them: labels, words for codes, ranges and defaults."""

import pandas as pd

from sqf_pipeline.registry.columns import Column, column
from sqf_pipeline.registry.spellings import known_categories
from sqf_pipeline.registry.words import category_label
from sqf_pipeline.service.accepted_fields import FIELD_KINDS, plain_field
from sqf_pipeline.service.encoding import Value
from sqf_pipeline.service.manifest import Category, FieldKind, FieldSpec


def describe_field(name: str, training: pd.Series) -> FieldSpec:
    """Return the description of the column `name`, whose training values give categories and the default.

    Raises KeyError when the registry has no such column, and ValueError when its kind cannot be an input.
    """
    entry = column(name)
    if entry.kind not in FIELD_KINDS:
        raise ValueError(f"{name} is of kind {entry.kind}, which cannot be an input of an exported model")
    plain, known = plain_field(entry), training.dropna()
    return plain.model_copy(
        update={
            "categories": _categories(name, plain.kind, known),
            "default": _default(plain.kind, known, entry),
            "published_name": entry.published_names[0] if entry.published_names else "",
        }
    )


def _categories(name: str, kind: FieldKind, known: pd.Series) -> tuple[Category, ...]:
    if kind not in ("category", "code"):
        return ()
    counts = {str(value): int(stops) for value, stops in known.astype("string").value_counts().items()}
    if kind == "code":
        order = sorted(counts, key=int)
    else:  # most frequent first; then what the vocabulary knows and the training years never met
        order = sorted(counts, key=lambda value: (-counts[value], value))
        order += [value for value in known_categories(name) if value not in counts]
    return tuple(
        Category(value=value, label=category_label(name, value), stops=counts.get(value, 0)) for value in order
    )


def _default(kind: FieldKind, known: pd.Series, entry: Column) -> Value:
    if known.empty:
        return None
    if kind in ("number", "integer") and entry.kind not in ("month", "weekday"):
        middle = float(known.astype("float64").median())
        return round(middle) if kind == "integer" else round(middle, 1)
    value = known.mode().iloc[0]
    if kind == "flag":
        return bool(value)
    return int(value) if kind == "integer" else str(value)
