"""The registry of columns: what every column is called, means and may hold, and which mean the same in all forms."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Literal

from sqf_pipeline.registry.csv_tables import Number, Yes, read_rows, records
from sqf_pipeline.registry.forms.published_forms import NEW_FORM, forms

Kind = Literal[
    "identifier", "year", "date", "time", "integer", "number", "height", "month", "weekday",
    "category", "code", "flag", "mark", "text",
]  # fmt: skip
Known = Literal["at_stop", "value_at_stop", "completed", "during", "outcome_made", "outcome", "record"]
Comparable = Literal["same", "close", "different", "one form only"]

KNOWN_WORDS = {row["known"]: row["meaning"] for row in read_rows(__package__, "when_known.csv")}
"""When a value becomes known, in words."""
COMPARABLE = frozenset({"same", "close"})  # what the registry says of a column that may be used across forms


@dataclass(frozen=True)
class Column:
    """One column of a stop."""

    name: str  # our name, the same in frames, tables, models and documents
    published_names: tuple[str, ...]
    """Every name the column has had in files of the form in use since 2017; empty for a column that is computed, or
    that only an older form has (see `forms.published_forms`)."""
    kind: Kind
    """How a published text becomes a value; see `cleaning`. A `flag` is Y or N and stays null when it is null; a `mark`
    is set or absent, so that null means no."""
    unit: str  # unit of a number, empty where there is none
    minimum: Number
    maximum: Number
    """Plausible range, both ends included; a value outside becomes missing and is counted."""
    required: bool  # whether a file of the form in use without the column is refused
    known: Known  # when the value becomes known; see `when_known.csv`
    feature: Yes  # whether a model may use the column at all
    description: str  # one sentence for people, used in SQL comments and documents
    comparable: Comparable
    """Whether the column means the same in the old form (2003 to 2016) and the new: `same`, `close`, `different`, or
    `one form only`."""
    usage_warning: str  # what to heed when years of both forms are compared; empty where it is `same`


@cache
def load_columns() -> tuple[Column, ...]:
    """Return every column of the registry, in the order of the table."""
    new = {name: (field.published_names, field.required) for name, field in forms()[NEW_FORM].by_column.items()}
    return records(
        (
            row | dict(zip(("published_names", "required"), new.get(row["name"], ((), False)), strict=True))
            for row in read_rows(__package__, "columns.csv")
        ),
        Column,
    )


@cache
def columns_by_name() -> dict[str, Column]:
    """Return the registry as a dictionary from our name to the column."""
    return {entry.name: entry for entry in load_columns()}


@cache
def force_marks() -> tuple[str, ...]:
    """Return the marks of physical force, handcuffs among them; a verbal instruction is none."""
    return tuple(
        entry.name
        for entry in load_columns()
        if entry.kind == "mark" and entry.name.startswith("force_") and entry.name != "force_verbal_instruction"
    )


def column(name: str) -> Column:
    """Return the column called `name`; raises KeyError when the registry has none of that name."""
    return columns_by_name()[name]


def shared_columns(names: Iterable[str]) -> tuple[str, ...]:
    """Return the columns that stops of all these forms have and that mean the same in them, in the registry's order.

    A computed column counts as had by every form. A column whose value becomes known later in one of the forms than the
    registry says is left out: there it would give the outcome away (`search_basis_other` of the old form). Raises
    KeyError when there is no form of that name. `names` are forms as the column `form` of stops has them; one form
    alone has every column of its own.
    """
    chosen = [forms()[name] for name in dict.fromkeys(names)]
    published = frozenset().union(*(form.columns for form in forms().values()))
    shared = []
    for entry in load_columns():
        had = entry.name not in published or all(entry.name in form.columns for form in chosen)
        late = any(form.by_column[entry.name].known for form in chosen if entry.name in form.by_column)
        if had and not late and (len(chosen) == 1 or entry.comparable in COMPARABLE):
            shared.append(entry.name)
    return tuple(shared)
