"""Weapon, firearm and knife side by side: no figure of one stands without the others, which can differ in sign."""

import pandas as pd

from sqf_pipeline.display import DisplayTable, count, share, with_interval
from sqf_pipeline.registry.outcomes import model_order
from sqf_pipeline.registry.words import group_label
from sqf_pipeline.reporting.model_card_tables import SUMMARY_HEADS, card_table, estimates, metric_texts


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
