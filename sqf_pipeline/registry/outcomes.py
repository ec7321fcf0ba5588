"""What is predicted and from what: the outcomes of `outcomes.csv`, their columns, and the tiers of information."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from sqf_pipeline.registry.csv_tables import Listed, read_rows, records

if TYPE_CHECKING:
    import pandas as pd

Tier = Literal["study", "during", "at_stop"]

TIERS: tuple[Tier, ...] = ("at_stop", "during", "study")
"""Tiers in the order in which they are shown: what is known first comes first."""
TIER_ENTRIES: Mapping[str, Mapping[str, str]] = {row["tier"]: row for row in read_rows(__package__, "tiers.csv")}
"""What is said of each tier, and of the set of columns `study_2021`."""
KNOWN_BY_TIER: Mapping[str, frozenset[str]] = {
    name: frozenset(entry["known"].split()) for name, entry in TIER_ENTRIES.items() if entry["known"]
}
"""What the registry may say of when a column becomes known, for a model of that tier to use it."""
TIER_WORDS: Mapping[str, str] = {name: entry["words"] for name, entry in TIER_ENTRIES.items()}
_COLUMN_SETS = ("at_stop", "during", "study_2021", "study_2021_binned")


@dataclass(frozen=True)
class OutcomeEntry:
    """One outcome; to add one is to add a row to `outcomes.csv`."""

    name: str  # slug, the first part of the names of its models
    positive: Listed
    """Columns any of which makes it positive: first the one that records it, then marks, whose null means no."""
    own: Listed
    """Columns that it makes, or that have it as a part. Like `positive`, no model of it may see them at any tier."""
    gaps: Listed  # columns whose gaps predict it (see `evaluation.gap_marks`), which no model of it may see either
    rival: str  # column of the outcome that the study of 2021 has among its columns; empty where there is none
    tiers: Listed  # sets of columns from which it is modelled; with `study_2021` it is drawn, exported and served too
    estimators: Listed  # kinds of model that are fitted at each tier
    share: Literal["common", "rare"]
    """Whether a model is chosen and its yes or no is set as for an outcome that a large share of stops has."""
    stated_precision: float  # precision that one of the thresholds must hold
    family: str  # outcomes that are shown side by side, never one without the others
    noun: str
    plural: str
    title: str
    no: str
    """Words for people."""

    @property
    def common(self) -> bool:
        """Whether a large share of stops has it."""
        return self.share == "common"

    @property
    def barred(self) -> frozenset[str]:
        """Columns that no model of it may see."""
        return frozenset({*self.positive, *self.own, *self.gaps})


OUTCOME_ENTRIES: Mapping[str, OutcomeEntry] = {
    entry.name: entry for entry in records(read_rows(__package__, "outcomes.csv"), OutcomeEntry)
}
OUTCOMES: tuple[str, ...] = tuple(OUTCOME_ENTRIES)
STUDY_OUTCOMES: tuple[str, ...] = tuple(name for name, entry in OUTCOME_ENTRIES.items() if "study_2021" in entry.tiers)
"""Outcomes that are modelled from the study's columns as well; they are drawn, exported and served."""
TARGETS: Mapping[str, str] = {name: entry.positive[0] for name, entry in OUTCOME_ENTRIES.items()}
"""The column that records an outcome; whether it happened is asked of `happened`."""
STUDY_TARGETS: Mapping[str, str] = {name: TARGETS[name] for name in STUDY_OUTCOMES}
OUTCOME_WORDS: Mapping[str, Mapping[str, str]] = {
    name: {"noun": entry.noun, "plural": entry.plural, "title": entry.title, "yes": entry.title, "no": entry.no}
    for name, entry in OUTCOME_ENTRIES.items()
}
_FIELDS = read_rows(__package__, "study_fields.csv")
STUDY_FIELDS: Mapping[str, Mapping[str, str]] = {
    name: {row["field"]: row["column"] for row in _FIELDS if row["outcome"] == name} for name in STUDY_OUTCOMES
}
"""By outcome, the 2021 study's name of each of the twelve fields of its prediction services and ours, in the order of
its requests."""
SERVICE_FIELDS: Mapping[str, tuple[str, ...]] = {name: tuple(fields.values()) for name, fields in STUDY_FIELDS.items()}
"""By outcome, our names of the study's fields."""
if TYPE_CHECKING:
    Outcome = str
else:
    Outcome = Literal[STUDY_OUTCOMES]  # what the service may be asked for


def happened(stops: "pd.DataFrame", outcome: str) -> "pd.Series":
    """Return whether an outcome happened in each stop, boolean; null where nothing is marked and no record says no."""
    first, *marks = OUTCOME_ENTRIES[outcome].positive
    known = stops[first]
    for name in marks:
        known = known | stops[name].fillna(value=False)
    return known


def families(outcomes: Iterable[str]) -> dict[str, list[str]]:
    """Return outcomes by the family in which they are shown; one that is not listed is a family of its own."""
    grouped: dict[str, list[str]] = {}
    for outcome in outcomes:
        entry = OUTCOME_ENTRIES.get(outcome)
        grouped.setdefault(entry.family if entry else outcome, []).append(outcome)
    return grouped


def model_order(outcome: str, column_set: str, name: str = "") -> tuple[int, str, int, str, str]:
    """Return what models are sorted by wherever they are listed: outcome, columns (known first), then name."""
    sets = (*_COLUMN_SETS, *TIERS)
    places = [
        names.index(one) if one in names else len(names) for one, names in ((outcome, OUTCOMES), (column_set, sets))
    ]
    return places[0], outcome, places[1], column_set, name
