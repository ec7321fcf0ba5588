"""The tables behind the page "Equal treatment?", made from the result tables and from stops and residents.

A weapon is never shown without firearm and knife beside it: they share a chart, a row each, and no choice takes one
of them away. Each note ends with what the figure cannot show.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import pandas as pd

from sqf_pipeline.disparity.acts_and_hits import entries
from sqf_pipeline.display import number, share, with_ends
from sqf_pipeline.export.analysis_residents import residents_tables
from sqf_pipeline.export.frame_tables import table_of
from sqf_pipeline.registry.words import group_label
from sqf_pipeline.service.analysis_table import AnalysisTable

HITS = {"weapon": "Any weapon", "firearm": "Firearm", "knife": "Knife", "contraband": "Contraband"}
STRATA = {
    "precinct_year": "Within precinct and year", "precinct_year_crime": "And suspected crime", "none": "Crude",
}  # fmt: skip
_HELD_EQUAL = {
    "risk": "Foreseen risk",
    "risk_place": "Foreseen risk, precinct and year",
    "risk_without_race_place": "Risk foreseen without race, precinct and year",
    "risk_of_all_stops_place": "Risk learnt from all stops, precinct and year",
}
VERDICTS = {
    "lower_bar": "A lower bar for the group", "higher_bar": "A higher bar for the group", "undecided": "Undecided",
    "too_few": "Too few",
}  # fmt: skip
_MODELS = {f"{hit}-at_stop-boosting": HITS[hit] for hit in ("weapon", "firearm", "knife")}
_UNITS = {"encounter": "Persons of one encounter", "precinct": "Whole precincts"}
_HALVES = {0.5: "Half of the finds", 0.9: "Nine tenths of the finds"}


def treatment_tables(stops: pd.DataFrame, results: Mapping[str, pd.DataFrame], year: int) -> list[AnalysisTable]:
    """Return every table of the page that stops of `year` and the result tables allow, in the order of the page."""
    makers: Mapping[str, Callable[[pd.DataFrame], list[AnalysisTable]]] = {
        "outcome_test_rates": hit_rates,
        "outcome_test_contrasts": hit_differences,
        "decision_and_hit_rates": decisions_and_hits,
        "risk_adjusted": risk_adjusted_differences,
        "threshold_test": thresholds,
        "veil_of_darkness": veil,
        "risk_concentration": concentration,
        "precision_at_recall": precision_by_group,
        "residents": partial(residents_tables, stops[stops["year"] == year]),
    }
    found = {name: results.get(name) for name in makers}
    shown = {name: rows for name, rows in found.items() if rows is not None and _has_rows(rows)}
    return [table for name, rows in shown.items() for table in makers[name](rows)]


def _has_rows(rows: pd.DataFrame) -> bool:
    """Return whether there is something to show: rows, and where they are of finds, some of those that are shown."""
    return bool(rows["hit"].isin(list(HITS)).any()) if "hit" in rows else bool(len(rows))


def _labelled(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows in the words of people, the longest window first, weapons and their kinds before other finds."""
    shown = rows[rows["hit"].isin(list(HITS))].copy()
    for kind, column in (("population", "population"), ("act", "act"), ("group", "race")):
        shown[column] = shown[column].map({entry.name: entry.label for entry in entries(kind)})
    shown["what"] = shown["hit"].map(HITS) + ": " + shown["race"]
    order = shown.assign(order=-shown["years"].str.len(), place=shown["hit"].map(list(HITS).index))
    return order.sort_values(["order", "years", "place"], kind="stable")


def _told(rows: pd.DataFrame, value: str, write: Callable[[Any], str]) -> str:
    """Return what frisks of all stops found on black persons in the longest window, each kind of weapon."""
    first = rows[(rows["years"] == rows["years"].iloc[0]) & (rows["population"] == rows["population"].iloc[0])]
    black = first[(first["race"] == "Black") & first["act"].isin(first["act"].head(1))].drop_duplicates("hit")
    of = black.set_index("hit")[value]
    parts = [f"{write(of.get(hit))} {words}" for hit, words in (("firearm", "firearms"), ("knife", "knives"))]
    return f"{first['years'].iloc[0]}: {', '.join(parts)}, {write(of.get('weapon'))} any weapon"


def hit_rates(rates: pd.DataFrame) -> list[AnalysisTable]:
    """Return how often acts find something by group, from the columns of `outcome_test_rates`."""
    rows = with_ends(_labelled(rates), "rate")
    return [table_of("hit_rates", rows, told=_told(rows, "rate", share))]


def hit_differences(contrasts: pd.DataFrame) -> list[AnalysisTable]:
    """Return how finds differ from those on white persons, from the columns of `outcome_test_contrasts`."""
    rows = with_ends(_labelled(contrasts), "difference")
    rows = pd.concat([rows[rows["strata"] == name].assign(strata=words) for name, words in STRATA.items()])
    told = _told(rows[rows["strata"] == STRATA["precinct_year"]], "difference", _points)
    return [table_of("hit_differences", rows, told=told)]


def _points(value: Any) -> str:
    return f"{number(None if pd.isna(value) else 100 * float(value), 1)} points"


def decisions_and_hits(decisions: pd.DataFrame) -> list[AnalysisTable]:
    """Return acts and finds together with their verdict, from the columns of `decision_and_hit_rates`."""
    inside = _labelled(decisions[decisions["strata"] == "precinct_year"])
    shown = with_ends(with_ends(inside, "act_difference", "act_"), "hit_difference", "hit_")
    judged = shown[shown["resampled"] == "encounter"]
    held = int(judged["verdict"].isin(["lower_bar", "higher_bar"]).sum())
    rows = shown.assign(verdict=shown["verdict"].map(VERDICTS), resampled=shown["resampled"].map(_UNITS))
    return [table_of("decisions_and_hits", rows, held=held, judged=len(judged))]


def risk_adjusted_differences(differences: pd.DataFrame) -> list[AnalysisTable]:
    """Return odds of an act at the same foreseen risk, from the columns of `risk_adjusted`; without risk apart."""
    at_risk = differences[differences["hit"].isin(list(HITS))]
    rows = _labelled(at_risk).assign(model=lambda found: found["model"].replace(_HELD_EQUAL))
    black = rows[(rows["race"] == "Black") & rows["model"].isin(rows["model"].head(1))]  # few stops may have none
    first = black[black["act"].isin(black["act"].head(1))].drop_duplicates("hit").set_index("hit")["odds_ratio"]
    told = ", ".join(f"{HITS[hit].lower()} {number(first.get(hit), 2)}" for hit in ("weapon", "firearm", "knife"))
    return [table_of("risk_adjusted_differences", rows, told=told)]


def thresholds(inferred: pd.DataFrame) -> list[AnalysisTable]:
    """Return the thresholds that passed every gate, and why others did not, from the columns of `threshold_test`."""
    rows = with_ends(_labelled(inferred), "threshold")
    held = int(rows["threshold"].notna().sum())
    told = rows.assign(verdict=rows["verdict"].str.replace("_", " ").str.capitalize())
    return [table_of("thresholds", told, held=held, judged=len(rows))]


def veil(measured: pd.DataFrame) -> list[AnalysisTable]:
    """Return who is stopped after dark, from the columns of `veil_of_darkness`; a small table, never a headline."""
    kinds = {entry.name: entry.label for entry in entries("population")}
    rows = measured.assign(
        population=measured["population"].map(kinds),
        contrast=measured["contrast"].str.capitalize(),
        placebo=measured["placebo"].map({True: "Placebo", False: "Test"}),
        verdict=measured["verdict"].str.replace("_", " ").str.capitalize(),
    )
    return [table_of("after_dark", with_ends(rows, "odds_ratio"))]


def _of_weapons(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the weapon models under the words for their finds; none unless all three are there."""
    shown = rows[rows["model"].isin(list(_MODELS))]
    return shown.assign(what=shown["model"].map(_MODELS)) if shown["model"].nunique() == len(_MODELS) else shown.head(0)


def concentration(measured: pd.DataFrame) -> list[AnalysisTable]:
    """Return how few stops hold most weapons of each kind, from the columns of `risk_concentration`."""
    rows = _of_weapons(measured)
    if rows.empty:
        return []
    rows = with_ends(rows, "stops_share")
    half = rows[rows["weapons_share"] == 0.5].set_index("what")["stops_share"]
    told = ", ".join(f"{what.lower()} {share(half.get(what))}" for what in _MODELS.values())
    return [table_of("weapon_concentration", rows.assign(weapons_share=rows["weapons_share"].map(_HALVES)), told=told)]


def precision_by_group(measured: pd.DataFrame) -> list[AnalysisTable]:
    """Return what one threshold for everybody finds in each group, from the columns of `precision_at_recall`."""
    rows = _of_weapons(measured)
    rows = rows[(rows["attribute"] != "all") & rows["precision"].notna()]
    if rows.empty:
        return []
    by, names = rows["attribute"].astype(str), rows["group_name"].astype(str)
    groups = [group_label(attribute, name) for attribute, name in zip(by, names, strict=True)]
    rows = rows.assign(what=rows["what"].str.cat(groups, sep=": "), attribute=by.str.capitalize())
    return [table_of("weapon_precision", rows.sort_values("attribute", ascending=False, kind="stable"))]
