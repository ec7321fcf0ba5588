"""Result tables as the tables of the model card."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from sqf_pipeline.display import ABSENT, Cell, DisplayTable, count, display_table, metric_text, number, share, words
from sqf_pipeline.evaluation.model_selection import best_on_held_out
from sqf_pipeline.registry.metric_definitions import load_metrics, metrics_in
from sqf_pipeline.registry.outcomes import TIER_WORDS, model_order
from sqf_pipeline.registry.words import group_label

if TYPE_CHECKING:
    from sqf_pipeline.reporting.model_card import ModelCardInputs

SUMMARY_COLUMNS = ("at_stop", "during", "study_2021")
"""Sets of columns in the card's first table: what is known when."""
PACKAGES_FIRST = ("python", "sqf-pipeline", "scikit-learn", "imbalanced-learn", "pandas", "numpy")


def ordered_models(models: pd.DataFrame) -> pd.DataFrame:
    """Sort models by outcome, by tier (what is known first comes first), then by name."""
    keys = [
        model_order(str(row.outcome), str(row.feature_set), str(row.model)) for row in models.itertuples(index=False)
    ]
    return models.iloc[sorted(range(len(models)), key=keys.__getitem__)].reset_index(drop=True)


def chosen_models(inputs: "ModelCardInputs") -> dict[tuple[str, str], str]:
    """Return the model chosen on the last training year by (outcome, feature set), in the order of the card."""
    best = best_on_held_out(inputs.models)
    return {key: best[key] for key in sorted(best, key=lambda key: model_order(*key))}


def estimates(inputs: "ModelCardInputs") -> dict[tuple[str, str], tuple[Any, Any, Any]]:
    """Return estimate, low and high by (model, metric)."""
    frame = inputs.metric_intervals
    return {(str(row.model), str(row.metric)): (row.estimate, row.low, row.high) for row in frame.itertuples()}


def test_shares(inputs: "ModelCardInputs") -> dict[str, float]:
    """Return the share of test stops with each outcome, from the counts at any threshold of any of its models."""
    outcome_of = inputs.models.set_index("model")["outcome"].to_dict()
    frame = inputs.threshold_metrics
    first = frame.assign(outcome=frame["model"].map(outcome_of)).dropna(subset=["outcome"]).drop_duplicates("outcome")
    return {str(row.outcome): (row.tp + row.fn) / (row.tp + row.fn + row.tn + row.fp) for row in first.itertuples()}


_SUMMARY = metrics_in("summary")
_SUMMARY_HEADS = [(metric.name, metric.title) for metric in _SUMMARY]


def summary(inputs: "ModelCardInputs") -> DisplayTable:
    """Return what was found: the model chosen for each outcome and moment, how it ranks, and the share of positives."""
    shares = test_shares(inputs)
    rows = [
        row | {"known": TIER_WORDS[row["columns"]], "share": shares.get(row["outcome"])}
        for row in _chosen_rows(inputs)
        if row["columns"] in SUMMARY_COLUMNS
    ]
    return display_table(
        rows,
        [("outcome", "Outcome"), ("known", "What is known"), *_SUMMARY_HEADS, ("share", "Share with it", "percent"),
         ("model", "Model", "code")],
    )  # fmt: skip


def _chosen_rows(inputs: "ModelCardInputs") -> list[dict[str, Any]]:
    """Return outcome, set of columns, model chosen on the last training year, and its metrics of the summary."""
    values = estimates(inputs)
    return [
        {"outcome": outcome, "columns": columns, "model": model}
        | {metric.name: metric_text(metric.name, *_triple(values, model, metric.name)) for metric in _SUMMARY}
        for (outcome, columns), model in chosen_models(inputs).items()
    ]


def _triple(values: Mapping[tuple[str, str], tuple[Any, Any, Any]], model: str, metric: str) -> tuple[Any, Any, Any]:
    return values.get((model, metric), (None, None, None))


def metrics(inputs: "ModelCardInputs", outcomes: Sequence[str], names: Sequence[str]) -> DisplayTable:
    """Return metrics with intervals, one row a model of the outcomes."""
    values, known = estimates(inputs), load_metrics()
    ordered = ordered_models(inputs.models)
    rows = [
        {"model": model, **{name: metric_text(name, *_triple(values, str(model), name)) for name in names}}
        for model in ordered.loc[ordered["outcome"].isin(outcomes), "model"]
    ]
    titles = [(name, known[name].title if name in known else words(name).capitalize()) for name in names]
    return display_table(rows, [("model", "Model", "code"), *titles])


def tiers(inputs: "ModelCardInputs", described: Mapping[str, str]) -> DisplayTable:
    """Return, for each outcome and set of columns, the model chosen on the last training year with its metrics."""
    return display_table(
        [row | {"described": described.get(row["columns"], "")} for row in _chosen_rows(inputs)],
        [("outcome", "Outcome"), ("columns", "Columns", "words"), ("described", "What they are"),
         ("model", "Model", "code"), *_SUMMARY_HEADS],
    )  # fmt: skip


def curve_recalls(inputs: "ModelCardInputs", outcomes: Sequence[str]) -> list[str]:
    """Return the names of recalls read off the test year's curve that were computed for models of the outcomes."""
    models = inputs.models.loc[inputs.models["outcome"].isin(outcomes), "model"]
    frame = inputs.metric_intervals
    names = frame.loc[frame["model"].isin(models), "metric"].astype(str)
    return sorted({name for name in names if name.startswith("recall_at_precision_")})


def source_files(inputs: "ModelCardInputs") -> DisplayTable:
    """Return the published files: year, rows, name, digest."""
    return display_table(
        _records(inputs.source_files.sort_values("year")),
        [("year", "Year", "plain"), ("rows", "Stops", "count"), ("file_name", "File"), ("sha256", "SHA-256", "code")],
    )


def cleaning(inputs: "ModelCardInputs") -> DisplayTable:
    """Return what cleaning did, one row a rule: stops it touched by year, and the columns it concerned."""
    frame = inputs.data_quality
    years = sorted(int(year) for year in frame["year"].unique())
    totals = frame.groupby(["rule", "year"])["rows"].sum()
    rows = []
    for rule, part in frame.groupby("rule", sort=True):
        names = sorted(part["column_name"].unique())
        shown = ", ".join(words(name) for name in names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
        rows.append({"rule": rule, "columns": shown} | {str(year): totals.get((rule, year), 0) for year in years})
    counts = [(str(year), str(year), "count") for year in years]
    return display_table(rows, [("rule", "Rule", "words"), ("columns", "Columns"), *counts])


def gap_marks(inputs: "ModelCardInputs") -> DisplayTable:
    """Return how well the gaps of stops alone predict their outcomes."""
    rows = [
        row
        | {
            "area": metric_text("roc_auc", row["roc_auc"], row["low"], row["high"]),
            "limit": None if pd.isna(row["highest"]) else f"below {number(row['highest'], 2)}",
        }
        for row in _records(inputs.gap_marks)
    ]
    return display_table(
        rows,
        [("outcome", "Outcome"), ("tier", "Columns", "words"), ("columns", "With gaps", "count"),
         ("area", "ROC AUC of the gaps alone"), ("limit", "Must be")],
    )  # fmt: skip


def differences(inputs: "ModelCardInputs") -> DisplayTable:
    """Return paired differences between models, with the verdict that holds for all pairs together."""
    frame = inputs.metric_differences
    if frame.empty:
        return DisplayTable()
    titles = {metric.name: metric.title for metric in metrics_in("compared")}
    frame = frame[frame["metric"].isin(list(titles))].sort_values(["model", "reference_model", "metric"])
    return display_table(
        _records(frame.assign(metric=frame["metric"].map(titles)).rename(columns=_ends("difference"))),
        [("model", "Model", "code"), ("reference_model", "Against", "code"), ("metric", "Metric"),
         ("difference", "Difference", "small"), ("adjusted_verdict", "Verdict on all pairs")],
    )  # fmt: skip


def thresholds(inputs: "ModelCardInputs", model: str) -> DisplayTable:
    """Return what follows from each threshold of a model."""
    frame = _of_model(inputs.threshold_metrics, model)
    reached = [number(value) if value != float("inf") else "out of reach" for value in frame["threshold"].astype(float)]
    return display_table(
        _records(frame.assign(threshold=reached)),
        [("aim", "Aim", "words"), ("threshold", "Threshold"), ("tp", "True positives", "count"),
         ("fp", "False positives", "count"), ("fn", "False negatives", "count"), ("tn", "True negatives", "count"),
         ("precision", "Precision", "percent"), ("recall", "Recall", "percent"), ("f1", "F1", "decimal"),
         ("flagged_share", "Flagged", "percent")],
    )  # fmt: skip


def calibration(inputs: "ModelCardInputs", model: str) -> DisplayTable:
    """Return predicted and observed shares of a model by bin."""
    frame = _of_model(inputs.calibration_bins, model).sort_values("bin")
    ranges = [f"{share(low)} to {share(high)}" for low, high in zip(frame["lower"], frame["upper"], strict=True)]
    return display_table(
        _records(frame.assign(range=ranges).rename(columns=_ends("observed_share"))),
        [("bin", "Bin", "plain"), ("range", "Probabilities"), ("rows", "Stops", "count"),
         ("mean_probability", "Predicted", "percent"), ("observed_share", "Observed", "percent")],
    )  # fmt: skip


def subgroups(inputs: "ModelCardInputs", model: str) -> DisplayTable:
    """Return rates and ranking of a model by group of people."""
    frame = _of_model(inputs.subgroup_metrics, model)
    unbracketed = ("mean_probability", "expected_calibration_error")
    dropped = [f"{name}_{end}" for name in unbracketed for end in ("low", "high")]
    groups = [group_label(str(by), str(name)) for by, name in zip(frame["attribute"], frame["group_name"], strict=True)]
    return display_table(
        _records(frame.drop(columns=dropped, errors="ignore").assign(group_name=groups)),
        [("attribute", "By"), ("group_name", "Group"), ("rows", "Stops", "count"),
         ("base_rate", "Outcome happened", "percent"), ("selection_rate", "Flagged", "percent"),
         ("false_positive_rate", "Flagged in error", "percent"), ("false_negative_rate", "Missed", "percent"),
         ("mean_probability", "Predicted", "percent"), ("roc_auc", "ROC AUC", "decimal"),
         ("expected_calibration_error", "Calibration error", "percent")],
    )  # fmt: skip


def importances(inputs: "ModelCardInputs", model: str, shown: int = 12) -> DisplayTable:
    """Return the most important columns of a model by permutation, with their rank by impurity."""
    frame = _of_model(inputs.feature_importances, model)
    by_impurity = frame[frame["kind"] == "impurity"].set_index("feature")["rank"].to_dict()
    top = frame[frame["kind"] == "permutation"].sort_values("rank").head(shown)
    return display_table(
        _records(top.assign(impurity=top["feature"].map(by_impurity)).rename(columns=_ends("importance"))),
        [("rank", "Rank", "count"), ("feature", "Column", "words"), ("importance", "Loss when shuffled", "small"),
         ("impurity", "Rank by impurity", "count")],
    )  # fmt: skip


def drift(inputs: "ModelCardInputs") -> DisplayTable:
    """Return the checks of drift that warn or fail, failures first."""
    frame = inputs.drift[inputs.drift["status"] != "ok"].sort_values(["status", "column_name", "measure"])
    return display_table(
        _records(frame),
        [("status", "Status"), ("column_name", "Column", "words"), ("measure", "Metric", "words"), ("detail", "Found")],
    )


def study_2021(inputs: "ModelCardInputs") -> DisplayTable:
    """Return the study's figures, the same measured again, and ours."""
    return display_table(
        _records(inputs.study_2021_comparison.assign(note=inputs.study_2021_comparison["note"].fillna(""))),
        [("outcome", "Outcome"), ("figure", "Figure", "words"), ("published", "Published", "mixed"),
         ("measured_again", "Measured again", "mixed"), ("ours", "Ours", "mixed"), ("note", "Note")],
    )  # fmt: skip


def years(history: pd.DataFrame) -> DisplayTable:
    """Return ROC AUC and average precision of every model by test year; empty for a single year."""
    if "test_year" not in history.columns or history["test_year"].nunique() < 2:
        return DisplayTable()
    names = [metric.name for metric in _SUMMARY]
    wanted = history[history["metric"].isin(names)]
    rows: list[dict[str, Any]] = []
    for (model, year), part in wanted.groupby(["model", "test_year"], sort=True):
        found = {
            str(row.metric): metric_text(str(row.metric), row.estimate, row.low, row.high) for row in part.itertuples()
        }
        rows.append({"model": model, "year": int(year)} | {name: found.get(name, ABSENT) for name in names})
    return display_table(rows, [("model", "Model", "code"), ("year", "Test year", "plain"), *_SUMMARY_HEADS])


def fits(inputs: "ModelCardInputs") -> DisplayTable:
    """Return how each model was made."""
    frame = ordered_models(inputs.models)
    positives = [
        f"{count(found)} ({share(found / rows)})"
        for found, rows in zip(frame["training_positives"], frame["training_rows"], strict=True)
    ]
    digests = {name: frame[name].astype(str).str[:12] for name in ("training_sha256", "test_sha256")}
    return display_table(
        _records(frame.assign(positives=positives, **digests)),
        [("model", "Model", "code"), ("estimator", "Estimator", "words"), ("resampling", "Resampling", "words"),
         ("calibration", "Calibration", "words"), ("training_rows", "Training stops", "count"),
         ("positives", "With the outcome"), ("training_sha256", "Training digest", "code"),
         ("test_sha256", "Test digest", "code")],
    )  # fmt: skip


def versions(inputs: "ModelCardInputs") -> DisplayTable:
    """Return every version of the packages that the models were fitted with."""
    found: dict[str, set[str]] = {}
    for entry in inputs.models["package_versions"]:
        loaded = json.loads(entry) if isinstance(entry, str) else dict(entry or {})
        for package, version in loaded.items():
            found.setdefault(str(package), set()).add(str(version))
    first = {name: place for place, name in enumerate(PACKAGES_FIRST)}
    names = sorted(found, key=lambda name: (first.get(name, len(first)), name))
    rows: list[dict[str, Cell]] = [{"package": name, "version": ", ".join(sorted(found[name]))} for name in names]
    return display_table(rows, [("package", "Package"), ("version", "Version")])


def _records(frame: pd.DataFrame) -> list[dict[Any, Any]]:
    return frame.to_dict("records")


def _of_model(frame: pd.DataFrame, model: str) -> pd.DataFrame:
    return frame[frame["model"] == model]


def _ends(name: str) -> dict[str, str]:
    """Return the renaming that makes `low` and `high` the interval of a column."""
    return {"low": f"{name}_low", "high": f"{name}_high"}
