"""Equal treatment and weapons in short; no figure of a weapon, firearm or knife stands without the other two."""

import pandas as pd

from sqf_pipeline.disparity.acts_and_hits import WEAPON_KINDS, entries
from sqf_pipeline.display import DisplayTable, count, share, with_ends, with_interval, words
from sqf_pipeline.registry.outcomes import model_order
from sqf_pipeline.registry.words import group_label
from sqf_pipeline.reporting.model_card_tables import SUMMARY_HEADS, card_table, estimates, metric_texts

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
    verdicts = rows["verdict"].map(lambda verdict: words(str(verdict)))
    named = rows.assign(race=rows["race"].map(labels), verdict=verdicts)
    return card_table("treatment", with_ends(with_ends(named, "act_difference", "act_"), "hit_difference", "hit_"))


def concentration_table(models: pd.DataFrame, intervals: pd.DataFrame, concentration: pd.DataFrame) -> DisplayTable:
    """Return how models of a weapon rank, and how few stops hold what they look for, one row a model.

    Made from `models`, `metric_intervals` and `risk_concentration` of one test year.
    """
    if concentration.empty:
        return DisplayTable()
    values, rows = estimates(intervals), []
    for model, outcome in _by_outcome(models, concentration).items():
        part = concentration[concentration["model"] == model]
        first = part.iloc[0]
        held = {
            f"share_{row.weapons_share:g}": with_interval(*map(share, (row.stops_share, row.low, row.high)))
            for row in part.itertuples()
        }
        below = f"{share(first['stops_below_1_percent'])}, {count(first['weapons_there'])} with one"
        ranked = metric_texts(values, model, SUMMARY_HEADS)
        rows.append({"outcome": outcome, "below": below, "model": model, **ranked, **held})
    heads = [(f"share_{held:g}", f"{share(held, 0)} are in the riskiest") for held in concentration["weapons_share"]]
    return card_table("concentration", rows, [*SUMMARY_HEADS.items(), *dict.fromkeys(heads)])


def recall_table(models: pd.DataFrame, at_recall: pd.DataFrame) -> DisplayTable:
    """Return what one threshold for everybody finds by group of people, the outcomes of a group below each other.

    Made from `models` and `precision_at_recall` of one test year.
    """
    if at_recall.empty:
        return DisplayTable()
    outcomes = _by_outcome(models, at_recall)
    groups = at_recall[["attribute", "group_name"]].agg(tuple, axis="columns")
    order = {group: place for place, group in enumerate(groups.unique())}
    rows = at_recall.assign(
        group=[group_label(*group) for group in groups],
        outcome=at_recall["model"].map(outcomes),
        place=groups.map(order),
        below=at_recall["model"].map({model: place for place, model in enumerate(outcomes)}),
    )
    return card_table("at_recall", rows.sort_values(["place", "below"], kind="stable"))


def _by_outcome(models: pd.DataFrame, results: pd.DataFrame) -> dict[str, str]:
    """Return the models of some results with their outcomes, in the order of outcomes."""
    outcome_of = models.set_index("model")["outcome"].astype(str).to_dict()
    there = [(str(model), outcome_of[model]) for model in dict.fromkeys(results["model"])]
    return dict(sorted(there, key=lambda pair: model_order(pair[1], "", pair[0])))
