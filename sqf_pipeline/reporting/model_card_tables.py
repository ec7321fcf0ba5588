"""Result tables as the tables of the model card: `card_columns.csv` says what their columns are called."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from sqf_pipeline.display import DisplayTable, count, display_table, metric_text, number, share, with_ends, words
from sqf_pipeline.evaluation.model_selection import best_on_held_out
from sqf_pipeline.modelling.feature_sets import feature_sets
from sqf_pipeline.registry.csv_tables import read_rows
from sqf_pipeline.registry.metric_definitions import load_metrics, metrics_in
from sqf_pipeline.registry.outcomes import TIER_WORDS, model_order
from sqf_pipeline.registry.words import group_label

SUMMARY_COLUMNS = ("at_stop", "during", "study_2021")
"""Sets of columns in the card's first table: what is known when."""
PACKAGES_FIRST = ("python", "sqf-pipeline", "scikit-learn", "imbalanced-learn", "pandas", "numpy")
SUMMARY_HEADS = {metric.name: metric.title for metric in metrics_in("summary")}
"""Title by name of the metrics that the card shows first."""

Estimates = dict[tuple[str, str], tuple[Any, Any, Any]]
"""Estimate, low and high by model and metric."""
Tables = Mapping[str, pd.DataFrame]
"""Result tables of one test year by name, as the warehouse holds them; one that is lacking is an empty frame."""


def card_table(
    name: str, rows: pd.DataFrame | Iterable[Mapping[Any, Any]], more: Iterable[tuple[str, ...]] = ()
) -> DisplayTable:
    """Return rows as the table of the card called `name` in `card_columns.csv`.

    `more` are name, label and format of the columns that stand where the table says `*`.
    """
    columns: list[tuple[str, ...]] = []
    for row in read_rows(__package__, "card_columns.csv"):
        if row["table"] == name:
            columns += more if row["column"] == "*" else [(row["column"], row["label"], row["format"])]
    return display_table(rows.to_dict("records") if isinstance(rows, pd.DataFrame) else rows, columns)


def ordered_models(models: pd.DataFrame) -> pd.DataFrame:
    """Sort models by outcome, by tier (what is known first comes first), then by name."""
    keys = [
        model_order(str(row.outcome), str(row.feature_set), str(row.model)) for row in models.itertuples(index=False)
    ]
    return models.iloc[sorted(range(len(models)), key=keys.__getitem__)].reset_index(drop=True)


def chosen_models(models: pd.DataFrame) -> dict[tuple[str, str], str]:
    """Return the model chosen on the last training year by (outcome, feature set), in the order of the card."""
    best = best_on_held_out(models)
    return {key: best[key] for key in sorted(best, key=lambda key: model_order(*key))}


def estimates(intervals: pd.DataFrame) -> Estimates:
    """Return estimate, low and high by (model, metric)."""
    return {(str(row.model), str(row.metric)): (row.estimate, row.low, row.high) for row in intervals.itertuples()}


def metric_texts(values: Estimates, model: str, names: Iterable[str]) -> dict[str, str]:
    """Return metrics of a model with their intervals, as text."""
    return {name: metric_text(name, *values.get((model, name), (None, None, None))) for name in names}


def summary(tables: Tables) -> DisplayTable:
    """Return what was found: the model chosen for each outcome and moment, how it ranks, and the share of positives."""
    outcome_of = tables["models"].set_index("model")["outcome"].to_dict()
    counted = tables["threshold_metrics"]
    first = counted.assign(outcome=counted["model"].map(outcome_of)).dropna(subset=["outcome"])
    shares = {
        str(row.outcome): (row.tp + row.fn) / (row.tp + row.fn + row.tn + row.fp)
        for row in first.drop_duplicates("outcome").itertuples()
    }
    rows = [
        row | {"known": TIER_WORDS[row["columns"]], "share": shares.get(row["outcome"])}
        for row in _chosen_rows(tables)
        if row["columns"] in SUMMARY_COLUMNS
    ]
    return card_table("summary", rows, SUMMARY_HEADS.items())


def tiers(tables: Tables) -> DisplayTable:
    """Return, for each outcome and set of columns, the model chosen on the last training year with its metrics."""
    described = {name: entry.description for name, entry in feature_sets().items()}
    rows = [row | {"described": described.get(row["columns"], "")} for row in _chosen_rows(tables)]
    return card_table("tiers", rows, SUMMARY_HEADS.items())


def _chosen_rows(tables: Tables) -> list[dict[str, Any]]:
    """Return outcome, set of columns, model chosen on the last training year, and its metrics of the summary."""
    values = estimates(tables["metric_intervals"])
    return [
        {"outcome": outcome, "columns": columns, "model": model, **metric_texts(values, model, SUMMARY_HEADS)}
        for (outcome, columns), model in chosen_models(tables["models"]).items()
    ]


def metrics(tables: Tables, outcomes: Sequence[str], names: Sequence[str]) -> DisplayTable:
    """Return metrics with intervals, one row a model of the outcomes."""
    known, ordered, values = load_metrics(), ordered_models(tables["models"]), estimates(tables["metric_intervals"])
    rows = [
        {"model": model, **metric_texts(values, str(model), names)}
        for model in ordered.loc[ordered["outcome"].isin(outcomes), "model"]
    ]
    titles = [(name, known[name].title if name in known else words(name).capitalize()) for name in names]
    return card_table("metrics", rows, titles)


def curve_recalls(tables: Tables, outcomes: Sequence[str]) -> list[str]:
    """Return the names of recalls read off the test year's curve that were computed for models of the outcomes."""
    models = tables["models"].loc[tables["models"]["outcome"].isin(outcomes), "model"]
    frame = tables["metric_intervals"]
    names = frame.loc[frame["model"].isin(models), "metric"].astype(str)
    return sorted({name for name in names if name.startswith("recall_at_precision_")})


def cleaning(frame: pd.DataFrame) -> DisplayTable:
    """Return what cleaning did, one row a rule: stops it touched by year, and the columns it concerned."""
    years = sorted(int(year) for year in frame["year"].unique())
    totals = frame.groupby(["rule", "year"])["rows"].sum()
    rows = []
    for rule, part in frame.groupby("rule", sort=True):
        names = sorted(part["column_name"].unique())
        shown = ", ".join(words(name) for name in names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
        rows.append({"rule": rule, "columns": shown} | {str(year): totals.get((rule, year), 0) for year in years})
    return card_table("cleaning", rows, [(str(year), str(year), "count") for year in years])


def gap_marks(frame: pd.DataFrame) -> DisplayTable:
    """Return how well the gaps of stops alone predict their outcomes."""
    rows = [
        row
        | {
            "area": metric_text("roc_auc", row["roc_auc"], row["low"], row["high"]),
            "limit": None if pd.isna(row["highest"]) else f"below {number(row['highest'], 2)}",
        }
        for row in frame.to_dict("records")
    ]
    return card_table("gap_marks", rows)


def differences(frame: pd.DataFrame) -> DisplayTable:
    """Return paired differences between models, with the verdict that holds for all pairs together."""
    if frame.empty:
        return DisplayTable()
    titles = {metric.name: metric.title for metric in metrics_in("compared")}
    frame = frame[frame["metric"].isin(list(titles))].sort_values(["model", "reference_model", "metric"])
    return card_table("differences", with_ends(frame.assign(metric=frame["metric"].map(titles)), "difference"))


def thresholds(frame: pd.DataFrame) -> DisplayTable:
    """Return what follows from each threshold of a model."""
    reached = [number(value) if value != float("inf") else "out of reach" for value in frame["threshold"].astype(float)]
    return card_table("thresholds", frame.assign(threshold=reached))


def calibration(frame: pd.DataFrame) -> DisplayTable:
    """Return predicted and observed shares of a model by bin."""
    frame = frame.sort_values("bin")
    ranges = [f"{share(low)} to {share(high)}" for low, high in zip(frame["lower"], frame["upper"], strict=True)]
    return card_table("calibration", with_ends(frame.assign(range=ranges), "observed_share"))


def subgroups(frame: pd.DataFrame) -> DisplayTable:
    """Return rates and ranking of a model by group of people."""
    unbracketed = ("mean_probability", "expected_calibration_error")
    dropped = [f"{name}_{end}" for name in unbracketed for end in ("low", "high")]
    groups = [group_label(str(by), str(name)) for by, name in zip(frame["attribute"], frame["group_name"], strict=True)]
    return card_table("subgroups", frame.drop(columns=dropped, errors="ignore").assign(group_name=groups))


def importances(frame: pd.DataFrame, shown: int = 12) -> DisplayTable:
    """Return the most important columns of a model by permutation, with their rank by impurity."""
    by_impurity = frame[frame["kind"] == "impurity"].set_index("feature")["rank"].to_dict()
    top = frame[frame["kind"] == "permutation"].sort_values("rank").head(shown)
    return card_table("importances", with_ends(top.assign(impurity=top["feature"].map(by_impurity)), "importance"))


def fits(models: pd.DataFrame) -> DisplayTable:
    """Return how each model was made."""
    frame = ordered_models(models)
    positives = [
        f"{count(found)} ({share(found / rows)})"
        for found, rows in zip(frame["training_positives"], frame["training_rows"], strict=True)
    ]
    digests = {name: frame[name].astype(str).str[:12] for name in ("training_sha256", "test_sha256")}
    return card_table("fits", frame.assign(positives=positives, **digests))


def versions(models: pd.DataFrame) -> DisplayTable:
    """Return every version of the packages that the models were fitted with."""
    found: dict[str, set[str]] = {}
    for entry in models["package_versions"]:
        loaded = json.loads(entry) if isinstance(entry, str) else dict(entry or {})
        for package, version in loaded.items():
            found.setdefault(str(package), set()).add(str(version))
    first = {name: place for place, name in enumerate(PACKAGES_FIRST)}
    names = sorted(found, key=lambda name: (first.get(name, len(first)), name))
    return card_table("versions", [{"package": name, "version": ", ".join(sorted(found[name]))} for name in names])
