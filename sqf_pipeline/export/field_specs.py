"""The inputs of a model as people meet them: labels, words for codes, ranges and defaults."""

import pandas as pd

from sqf_pipeline.registry.columns import Column, column
from sqf_pipeline.registry.spellings import known_categories
from sqf_pipeline.registry.words import category_label, field_label
from sqf_pipeline.service.accepted_fields import FIELD_KINDS, range_of, unit_of
from sqf_pipeline.service.encoding import Value
from sqf_pipeline.service.manifest import Category, FieldKind, FieldSpec


def describe_field(name: str, training: pd.Series) -> FieldSpec:
    """Return the description of the column `name`, whose training values give categories and the default.

    Raises KeyError when the registry has no such column, and ValueError when its kind cannot be an input.
    """
    entry = column(name)
    kind = FIELD_KINDS.get(entry.kind)
    if kind is None:
        raise ValueError(f"{name} is of kind {entry.kind}, which cannot be an input of an exported model")
    minimum, maximum = range_of(entry)
    known = training.dropna()
    return FieldSpec(
        name=name, label=field_label(name), description=entry.description, kind=kind, unit=unit_of(entry),
        minimum=minimum, maximum=maximum, categories=_categories(name, kind, known),
        default=_default(kind, known, entry),
        published_name=entry.published_names[0] if entry.published_names else "", known=entry.known,
    )  # fmt: skip


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
