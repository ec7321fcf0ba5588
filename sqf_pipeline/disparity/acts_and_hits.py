"""What is compared: acts of officers, what they found, groups of people and populations of stops, as data."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal, cast, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sqf_pipeline.registry.columns import columns_by_name
from sqf_pipeline.registry.csv_tables import read_rows
from sqf_pipeline.registry.outcomes import OUTCOME_ENTRIES
from sqf_pipeline.registry.stop_rules import columns_of, rule_holds
from sqf_pipeline.registry.year_and_month_words import year_runs

Kind = Literal["group", "population", "act", "hit"]

REFERENCE = "white"
"""Group that the others are compared with."""
WEAPON_KINDS = ("firearm", "knife")
"""Hits without which no weapon figure stands: what is found differs in sign by kind of weapon."""
FEWEST_ACTS = 50
"""Acts in a group below which no rate of it is given: too uncertain, and a small group may identify persons."""


@dataclass(frozen=True)
class Entry:
    """An act, a hit, a group or a population."""

    kind: Kind
    name: str  # in the tables
    label: str  # for people
    rule: str
    """Columns of the registry joined by `&`, `|`, `~`, `==` and `in`; empty means every stop. In the table an outcome
    of the registry stands for the columns that make it positive."""

    def holds(self, stops: pd.DataFrame) -> NDArray[np.bool_]:
        """Return where the rule holds, shape (stops,); a missing value satisfies none."""
        return rule_holds(stops, self.rule)

    def is_recorded(self, stops: pd.DataFrame) -> bool:
        """Return whether every year's form has the columns of the rule: one without any value is not recorded."""
        return all(
            name in stops.columns and stops[name].notna().groupby(stops["year"]).any().all()
            for name in columns_of(self.rule)
        )


@cache
def entries(kind: Kind) -> tuple[Entry, ...]:
    """Return the entries of a kind in the order of the table.

    Raises ValueError when a rule names no column of the registry, or a weapon stands without firearm and knife.
    """
    return tuple(entry for entry in read_entries(read_rows(__package__, "acts_and_hits.csv")) if entry.kind == kind)


def read_entries(rows: Iterable[Mapping[str, str]]) -> tuple[Entry, ...]:
    """Return the entries of a table's rows; raises as `entries` does."""
    positive = {outcome: f"({' | '.join(entry.positive)})" for outcome, entry in OUTCOME_ENTRIES.items()}
    found = []
    for row in rows:
        rule = re.sub(r"\b[a-z_]+\b", lambda word: positive.get(word[0], word[0]), row["rule"])
        unknown = [name for name in columns_of(rule) if name not in columns_by_name()]
        if unknown or row["kind"] not in get_args(Kind):
            raise ValueError(f"acts_and_hits.csv, {row['name']!r}: kind {row['kind']!r}, unknown columns {unknown}")
        found.append(Entry(cast("Kind", row["kind"]), row["name"], row["label"], rule))
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


def recorded_entries(stops: pd.DataFrame, kind: Kind) -> tuple[Entry, ...]:
    """Return the entries of a kind that the stops' forms record."""
    return tuple(entry for entry in entries(kind) if entry.is_recorded(stops))


def group_codes(stops: pd.DataFrame) -> NDArray[np.int64]:
    """Return the number of each stop's group in the order of the table, -1 for none of them, shape (stops,)."""
    codes = np.full(len(stops), -1, dtype=np.int64)
    for number, group in enumerate(entries("group")):
        codes[group.holds(stops)] = number
    return codes


def years_label(stops: pd.DataFrame) -> str:
    """Return the years of stops as the tables name them: `2014`, `2017-2020`, or `2014, 2017-2018`.

    >>> years_label(pd.DataFrame({"year": [2017, 2014, 2018]}))
    '2014, 2017-2018'
    """
    return year_runs({int(year) for year in stops["year"].dropna().unique()})
