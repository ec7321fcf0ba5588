"""What is predicted and from what: the outcomes, their columns, and the tiers of information."""

from collections.abc import Mapping
from typing import Literal

Outcome = Literal["arrest", "summons"]
Tier = Literal["study", "during", "at_stop"]

OUTCOMES: tuple[Outcome, ...] = ("arrest", "summons")
TARGETS: Mapping[str, str] = {"arrest": "arrested", "summons": "summons_issued"}
"""The column that says whether an outcome happened."""
RIVALS: Mapping[str, str] = {"arrest": "summons_issued", "summons": "arrested"}
"""The column of the other outcome."""
OUTCOME_WORDS: Mapping[str, Mapping[str, str]] = {
    "arrest": {"noun": "an arrest", "plural": "arrests", "title": "Arrest", "yes": "Arrest", "no": "No arrest"},
    "summons": {"noun": "a summons", "plural": "summonses", "title": "Summons", "yes": "Summons", "no": "No summons"},
}
TIERS: tuple[Tier, ...] = ("at_stop", "during", "study")
"""Tiers in the order in which they are shown: what is known first comes first."""
TIER_WORDS: Mapping[str, str] = {
    "at_stop": "at the stop", "during": "during the encounter", "study": "the study's fields",
    "study_2021": "the study's columns",
}  # fmt: skip
_COLUMN_SETS = ("at_stop", "during", "study_2021", "study_2021_binned")


def model_order(outcome: str, column_set: str, name: str = "") -> tuple[int, str, int, str, str]:
    """Return what models are sorted by wherever they are listed: outcome, columns (known first), then name."""
    known = outcome in TARGETS
    outcomes, sets = list(TARGETS), [*_COLUMN_SETS, *TIERS]
    return (
        outcomes.index(outcome) if known else len(outcomes),
        outcome,
        sets.index(column_set) if column_set in sets else len(sets),
        column_set,
        name,
    )
