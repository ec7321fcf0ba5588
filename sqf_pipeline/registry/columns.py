"""The registry of columns: one table that says what every column is called, means and may hold."""

import csv
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal, cast

Kind = Literal[
    "identifier", "year", "date", "time", "integer", "number", "height", "month", "weekday",
    "category", "code", "flag", "mark", "text",
]  # fmt: skip
Known = Literal["at_stop", "value_at_stop", "completed", "during", "outcome_made", "outcome", "record"]

DTYPES = {
    "year": "Int16",
    "identifier": "string",
    "date": "datetime64[s]",
    "time": "Int32",
    "integer": "Int32",
    "number": "Float64",
    "height": "Float64",
    "month": "Int8",
    "weekday": "Int8",
    "category": "string",
    "code": "Int32",
    "flag": "boolean",
    "mark": "boolean",
    "text": "string",
}
"""Type of a clean column by its kind; a missing value is null in each."""


@dataclass(frozen=True)
class Column:
    """One column of a stop.

    Attributes
    ----------
    name
        Our name, the same in frames, tables, models and documents.
    published_names
        Every name the column has had in a published file; empty for a column that is computed.
    kind
        How a published text becomes a value; see `cleaning`. A `flag` is Y or N and stays null when it is
        null; a `mark` is set or absent, so that null means no.
    unit
        Unit of a number, empty where there is none.
    minimum, maximum
        Plausible range, both ends included; a value outside becomes missing and is counted.
    required
        Whether a file without the column is refused.
    known
        When the value becomes known: at the stop; at the stop, but whether it is missing only afterwards
        (`value_at_stop`); when the form is written or completed, the outcome being known (`completed`); during the
        encounter; because of the outcome (`outcome_made`); the outcome itself; or as a matter of record keeping.
    feature
        Whether a model may use the column at all.
    description
        One sentence for people, used in SQL comments and documents.
    """

    name: str
    published_names: tuple[str, ...]
    kind: Kind
    unit: str
    minimum: float | None
    maximum: float | None
    required: bool
    known: Known
    feature: bool
    description: str


def normalise_name(name: str) -> str:
    """Return a published name without case, spaces, underscores and byte order mark, for comparison."""
    return re.sub(r"[\W_]", "", name).upper()


@cache
def load_columns() -> tuple[Column, ...]:
    """Return every column of the registry, in the order of the table."""
    text = resources.files(__package__).joinpath("columns.csv").read_text(encoding="utf-8")
    return tuple(
        Column(
            name=row["name"],
            published_names=tuple(part for part in row["published_names"].split("|") if part),
            kind=cast("Kind", row["kind"]),
            unit=row["unit"],
            minimum=float(row["minimum"]) if row["minimum"] else None,
            maximum=float(row["maximum"]) if row["maximum"] else None,
            required=row["required"] == "yes",
            known=cast("Known", row["known"]),
            feature=row["feature"] == "yes",
            description=row["description"],
        )
        for row in csv.DictReader(text.splitlines())
    )


@cache
def columns_by_name() -> dict[str, Column]:
    """Return the registry as a dictionary from our name to the column."""
    return {entry.name: entry for entry in load_columns()}


def column(name: str) -> Column:
    """Return the column called `name`; raises KeyError when the registry has none of that name."""
    return columns_by_name()[name]


@cache
def names_by_published() -> dict[str, str]:
    """Return a dictionary from every normalised published name to our name."""
    return {normalise_name(name): entry.name for entry in load_columns() for name in entry.published_names}
