"""Counts of the stops of a year by group, made when the year is stored, so that no view reads millions of stops."""

from dataclasses import dataclass

from sqf_pipeline.registry.columns import force_marks
from sqf_pipeline.registry.csv_tables import read_rows, records
from sqf_pipeline.registry.outcomes import OUTCOME_ENTRIES, OutcomeEntry


@dataclass(frozen=True)
class Group:
    """What stops are counted by, besides the year."""

    name: str  # column of a view, and the end of the view's name
    expression: str  # SQL of the column, over the table `stops`
    kind: str  # SQL type of the column
    title: str  # what the view's comment calls it
    comment: str  # comment on the column


@dataclass(frozen=True)
class Measure:
    """What is counted."""

    name: str
    share: str
    """Columns of a view: how many stops, and their share of the stops where that is known."""
    expression: str  # SQL of a truth value, over the table `stops`; null is unknown
    comment: str  # which stops are counted


def _happened(entry: OutcomeEntry) -> str:
    """Return the SQL of whether an outcome happened: recorded, or marked; the same as `registry.outcomes.happened`."""
    first, *marks = entry.positive
    return " OR ".join([first, *(f"coalesce({name}, false)" for name in marks)])


def _any_force() -> str:
    """Return whether a stop had any force; a mark of another form than the stop's is null, and says nothing."""
    return " OR ".join(f"coalesce({name}, false)" for name in force_marks())


GROUPS = records(read_rows(__package__, "stop_groups.csv"), Group)
MEASURES = (
    *(
        Measure(one.plural, f"{one.name}_share", _happened(one), f"Stops with {one.noun}")
        for one in OUTCOME_ENTRIES.values()
    ),
    Measure("frisks", "frisk_share", "frisked", "Stops in which the person was frisked"),
    Measure("searches", "search_share", "searched", "Stops in which the person was searched"),
    Measure(
        "force", "force_share", _any_force(),
        "Stops with any physical force that the form of the year has a box for, handcuffs among it, verbal instruction "
        "not",
    ),
)  # fmt: skip
COUNTED_TOGETHER = (*((group.name,) for group in GROUPS), ("precinct", "race"))
"""What is counted by together, each within a year; besides, the year alone."""


def counted_by(*names: str) -> str:
    """Return the condition on the rows of `stop_counts` that are counted by these groups and the year alone."""
    return " AND ".join(f"{group.name} {'<>' if group.name in names else '='} '*'" for group in GROUPS)


def value_of(name: str) -> str:
    """Return the SQL of a group's value in `stop_counts`, in its own type; null is unknown."""
    kind = next(group.kind for group in GROUPS if group.name == name)
    return f"nullif({name}, ''){'' if kind == 'text' else f'::{kind}'}"
