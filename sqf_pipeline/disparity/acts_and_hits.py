"""What is compared: acts of officers, what they found, groups of people and populations of stops, as data."""

import ast
import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal["group", "population", "act", "hit"]

REFERENCE = "white"
"""Group that the others are compared with."""
WEAPON_KINDS = ("firearm", "knife")
"""Hits without which no weapon figure stands: what is found differs in sign by kind of weapon."""
FEWEST_ACTS = 50
"""Acts in a group below which no rate of it is given: too uncertain, and a small group may identify persons."""


@dataclass(frozen=True)
class Entry:
    """An act, a hit, a group or a population.

    Attributes
    ----------
    kind, name, label
        What it is, its name in the tables, and its name for people.
    rule
        Columns of the registry joined by `&`, `|`, `~`, `==` and `in`; empty means every stop. In the table an outcome
        of the registry stands for the columns that make it positive.
    columns
        Columns that the rule reads.
    """

    kind: Kind
    name: str
    label: str
    rule: str
    columns: tuple[str, ...]


@cache
def entries(kind: Kind) -> tuple[Entry, ...]:
    """Return the entries of a kind in the order of the table.

    Raises
    ------
    ValueError
        When a rule names no column of the registry, or a weapon stands without firearm and knife beside it.
    """
    text = resources.files(__package__).joinpath("acts_and_hits.csv").read_text(encoding="utf-8")
    return tuple(entry for entry in read_entries(text) if entry.kind == kind)


def read_entries(text: str) -> tuple[Entry, ...]:
    """Return the entries of a table in CSV; raises as `entries` does."""
    from sqf_pipeline.registry.columns import columns_by_name
    from sqf_pipeline.registry.outcomes import OUTCOME_ENTRIES

    positive = {outcome: f"({' | '.join(entry.positive)})" for outcome, entry in OUTCOME_ENTRIES.items()}
    found = []
    for row in csv.DictReader(text.splitlines()):
        rule = re.sub(r"\b[a-z_]+\b", lambda word: positive.get(word[0], word[0]), row["rule"])
        tree = ast.walk(ast.parse(rule or "None", mode="eval"))
        names = tuple(sorted({node.id for node in tree if isinstance(node, ast.Name)}))
        unknown = [name for name in names if name not in columns_by_name()]
        if unknown or row["kind"] not in get_args(Kind):
            raise ValueError(f"acts_and_hits.csv, {row['name']!r}: kind {row['kind']!r}, unknown columns {unknown}")
        found.append(Entry(cast("Kind", row["kind"]), row["name"], row["label"], rule, names))
    hits = {entry.name for entry in found if entry.kind == "hit"}
    if any(name.startswith("weapon") for name in hits) and not hits.issuperset(WEAPON_KINDS):
        raise ValueError(f"acts_and_hits.csv: a weapon needs {' and '.join(WEAPON_KINDS)} beside it, hits are {hits}")
    return tuple(found)


def entry_named(kind: Kind, name: str) -> Entry:
    """Return an entry of `acts_and_hits.csv`; raises KeyError where there is none."""
    return {entry.name: entry for entry in entries(kind)}[name]


def group_names() -> list[str]:
    """Return the names of the groups in the order of the table, which is that of `group_codes`."""
    return [group.name for group in entries("group")]


def is_recorded(stops: "pd.DataFrame", entry: Entry) -> bool:
    """Return whether every year's form has the columns of an entry's rule: one without any value is not recorded."""
    for name in entry.columns:
        if name not in stops.columns or not stops[name].notna().groupby(stops["year"]).any().all():
            return False
    return True


def recorded_entries(stops: "pd.DataFrame", kind: Kind) -> tuple[Entry, ...]:
    """Return the entries of a kind that the stops' forms record."""
    return tuple(entry for entry in entries(kind) if is_recorded(stops, entry))


def holds(stops: "pd.DataFrame", entry: Entry) -> NDArray[np.bool_]:
    """Return where an entry's rule holds, shape (stops,); a missing value is no."""
    if not entry.rule:
        return np.ones(len(stops), dtype=bool)
    known = stops[list(entry.columns)]
    known = known.assign(**{name: known[name].fillna(False) for name in known if known[name].dtype == "boolean"})
    return known.eval(entry.rule, engine="python").fillna(False).to_numpy(dtype=bool)


def group_codes(stops: "pd.DataFrame") -> NDArray[np.int64]:
    """Return the number of each stop's group in the order of the table, -1 for none of them, shape (stops,)."""
    codes = np.full(len(stops), -1, dtype=np.int64)
    for number, group in enumerate(entries("group")):
        codes[holds(stops, group)] = number
    return codes


def years_label(stops: "pd.DataFrame") -> str:
    """Return the years of stops as the tables name them: `2014`, `2017-2020`, or `2014, 2017-2018`.

    >>> import pandas as pd
    >>> years_label(pd.DataFrame({"year": [2017, 2014, 2018]}))
    '2014, 2017-2018'
    """
    from sqf_pipeline.registry.year_and_month_words import year_runs

    return year_runs({int(year) for year in stops["year"].dropna()})


_DTYPES = {"str": "string", "int": "Int64", "float": "Float64", "bool": "boolean"}


def as_table(kind: type, rows: Sequence[Any]) -> "pd.DataFrame":
    """Return rows of a dataclass as a frame: a column a field, of nullable type; nan and None are null."""
    import pandas as pd

    frame = pd.DataFrame([vars(row) for row in rows], columns=[item.name for item in fields(kind)])
    types = {item.name: _DTYPES[str(getattr(item.type, "__name__", item.type)).split(" ")[0]] for item in fields(kind)}
    return frame.astype(types)
