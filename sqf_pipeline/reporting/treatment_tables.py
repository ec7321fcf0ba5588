"""What the tests of equal treatment say in short, for the model card and the document."""

import pandas as pd

from sqf_pipeline.disparity.acts_and_hits import WEAPON_KINDS, entries
from sqf_pipeline.display import DisplayTable, words
from sqf_pipeline.reporting.model_card_tables import card_table

_HITS = ("weapon", *WEAPON_KINDS)


def treatment_years(decisions: pd.DataFrame) -> str:
    """Return the longest window of years of the table, '' when it is empty."""
    return "" if decisions.empty else str(max(decisions["years"].astype(str), key=len))


def treatment_summary(decisions: pd.DataFrame) -> DisplayTable:
    """Return frisks and finds of all stops against the reference group, within precinct and year, with the verdict.

    A row a group and kind of weapon, any weapon with firearm and knife beside it; empty when one of them is lacking.
    `decisions` has the columns of `decision_and_hit_rates`.
    """
    if decisions.empty:
        return DisplayTable()
    chosen = {
        "years": treatment_years(decisions), "population": "all", "act": "frisk", "strata": "precinct_year",
        "resampled": "precinct",
    }  # fmt: skip
    rows = decisions[(decisions[list(chosen)] == pd.Series(chosen)).all(axis=1) & decisions["hit"].isin(_HITS)]
    if set(rows["hit"]) != set(_HITS):
        return DisplayTable()
    labels = {entry.name: entry.label for entry in entries("group")}
    ends = {f"{what}_{end}": f"{what}_difference_{end}" for what in ("act", "hit") for end in ("low", "high")}
    shown = rows.rename(columns=ends).assign(
        race=rows["race"].map(labels), verdict=rows["verdict"].map(lambda verdict: words(str(verdict)))
    )
    return card_table("treatment", shown)
