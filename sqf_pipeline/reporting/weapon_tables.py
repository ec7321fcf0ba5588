"""Weapon, firearm and knife side by side: no figure of one stands without the others, which can differ in sign."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from sqf_pipeline.display import DisplayTable, count, display_table, metric_text, share, with_interval
from sqf_pipeline.registry.metric_definitions import metrics_in
from sqf_pipeline.registry.outcomes import model_order
from sqf_pipeline.registry.words import group_label

_SUMMARY = metrics_in("summary")


def concentration_table(models: pd.DataFrame, intervals: pd.DataFrame, concentration: pd.DataFrame) -> DisplayTable:
    """Return how models of a weapon rank, and how few stops hold what they look for, one row a model.

    Parameters
    ----------
    models, intervals, concentration
        Rows of `models`, `metric_intervals` and `risk_concentration` of one test year.
    """
    if concentration.empty:
        return DisplayTable()
    values = {(row.model, row.metric): (row.estimate, row.low, row.high) for row in intervals.itertuples()}
    rows: list[dict[str, Any]] = []
    for model, outcome in _by_outcome(models, concentration):
        part = concentration[concentration["model"] == model]
        first = part.iloc[0]
        held = {
            f"share_{row.weapons_share:g}": with_interval(*map(share, (row.stops_share, row.low, row.high)))
            for row in part.itertuples()
        }
        metrics = {
            one.name: metric_text(one.name, *values.get((model, one.name), (None, None, None))) for one in _SUMMARY
        }
        below = f"{share(first['stops_below_1_percent'])}, {count(first['weapons_there'])} with one"
        rows.append({"outcome": outcome, **metrics, **held, "below": below, "model": model})
    heads = [(f"share_{held:g}", f"{share(held, 0)} are in the riskiest") for held in concentration["weapons_share"]]
    return display_table(
        rows,
        [("outcome", "Outcome"), *((one.name, one.title) for one in _SUMMARY), *dict.fromkeys(heads),
         ("below", "Stops below 1 % risk"), ("model", "Model", "code")],
    )  # fmt: skip


def recall_table(models: pd.DataFrame, at_recall: pd.DataFrame) -> DisplayTable:
    """Return what one threshold for everybody finds by group of people, the outcomes of a group below each other.

    Parameters
    ----------
    models, at_recall
        Rows of `models` and `precision_at_recall` of one test year.
    """
    if at_recall.empty:
        return DisplayTable()
    outcomes = dict(_by_outcome(models, at_recall))
    places = {model: place for place, model in enumerate(outcomes)}
    groups = at_recall[["attribute", "group_name"]].drop_duplicates().itertuples(index=False)
    order = {tuple(group): place for place, group in enumerate(groups)}
    rows: list[dict[Any, Any]] = sorted(
        at_recall.to_dict("records"),
        key=lambda row: (order[row["attribute"], row["group_name"]], places[row["model"]]),
    )
    shown = [
        row | {"group": group_label(row["attribute"], row["group_name"]), "outcome": outcomes[row["model"]]}
        for row in rows
    ]
    return display_table(
        shown,
        [("attribute", "By"), ("group", "Group"), ("outcome", "Outcome"), ("stops", "Stops", "count"),
         ("positives", "With it", "count"), ("precision", "Of those flagged, with it", "percent"),
         ("group_recall", "Of those with it, flagged", "percent")],
    )  # fmt: skip


def counts_table(counts: pd.DataFrame) -> DisplayTable:
    """Return how many stops had each outcome by year, as recorded and by marks alone: rows of `outcome_counts`."""
    return display_table(
        counts.to_dict("records"),
        [("outcome", "Outcome"), ("year", "Year", "plain"), ("stops", "Stops", "count"),
         ("positives", "With it", "count"), ("recorded", "Recorded", "count"),
         ("marked_only", "Marked, not recorded", "count"), ("unknown", "Not known", "count")],
    )  # fmt: skip


def _by_outcome(models: pd.DataFrame, results: pd.DataFrame) -> list[tuple[str, str]]:
    """Return the models of some results with their outcomes, in the order of outcomes."""
    outcome_of: Mapping[Any, Any] = models.set_index("model")["outcome"].to_dict()
    there = [(str(model), str(outcome_of[model])) for model in dict.fromkeys(results["model"])]
    return sorted(there, key=lambda pair: model_order(pair[1], "", pair[0]))
