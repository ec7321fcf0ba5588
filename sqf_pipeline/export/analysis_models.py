"""The tables behind the charts about models, and about the data's faults, made from the result tables."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from sqf_pipeline.export.field_specs import category_label, field_label
from sqf_pipeline.service.analysis_table import AnalysisTable, Cell, ChartSpec, TableColumn

_MOST_IMPORTANCES = 20
_IMPORTANCE_NOTES = {
    "impurity": "Impurity importance is the share of the training error that splits on the field removed.",
    "permutation": "Permutation importance is what a model loses on the test year when the field is shuffled; bars "
    "around it are its 95 % interval.",
}


def _column(name: str, label: str, kind: str = "text") -> TableColumn:
    return TableColumn.model_validate({"name": name, "label": label, "format": kind})


def _cell(value: Any) -> Cell:
    """Return a value as JSON can hold it; what is missing or infinite is None."""
    plain = value.item() if hasattr(value, "item") else value
    if plain is None or plain is pd.NA or (isinstance(plain, float) and not math.isfinite(plain)):
        return None
    return plain if isinstance(plain, bool | int | float) else str(plain)


def _rows(frame: pd.DataFrame, names: Sequence[str]) -> tuple[tuple[Cell, ...], ...]:
    columns = [[_cell(value) for value in frame[name].astype("object")] for name in names]
    return tuple(zip(*columns, strict=True))


def _in_order(frame: pd.DataFrame, model_titles: Mapping[str, str]) -> pd.DataFrame:
    """Return the rows of the models to show, in the order of `model_titles` and under what people call them."""
    shown = frame[frame["model"].isin(list(model_titles))]
    place = {name: number for number, name in enumerate(model_titles)}
    order = shown["model"].map(place).to_numpy().argsort(kind="stable")
    return shown.iloc[order].assign(model=lambda rows: rows["model"].map(dict(model_titles)))


def importance_table(importances: pd.DataFrame, model_titles: Mapping[str, str]) -> AnalysisTable:
    """Return what each model leans on: permutation importance where it was measured, else impurity.

    `importances` has the columns of the table `feature_importances`; `model_titles` names the models to show, in
    order, and what people call them.
    """
    chosen = importances[importances["rank"] <= _MOST_IMPORTANCES]
    measured = chosen[chosen["kind"] == "permutation"]
    others = chosen[~chosen["model"].isin(measured["model"].unique())]
    shown = _in_order(pd.concat([measured, others]).sort_values("rank", kind="stable"), model_titles)
    shown = shown.assign(feature=[field_label(str(name)) for name in shown["feature"]])
    shown = shown.rename(columns={"low": "importance_low", "high": "importance_high"})
    first = shown[shown["rank"] == 1]
    leaders = first["feature"].mode()
    title = f"“{leaders.iloc[0]}” leads in {int((first['feature'] == leaders.iloc[0]).sum())} of {len(first)} models"
    columns = (
        _column("model", "Model"), _column("feature", "Field"), _column("importance", "Importance", "decimal"),
        _column("importance_low", "95 % low", "decimal"), _column("importance_high", "95 % high", "decimal"),
        _column("kind", "Kind"),
    )  # fmt: skip
    return AnalysisTable(
        name="importances", section="models", title=title, question="What do the models use?",
        note=" ".join(_IMPORTANCE_NOTES[kind] for kind in sorted(shown["kind"].astype(str).unique()))
        + " It says what a model uses, not what causes an outcome.",
        columns=columns, rows=_rows(shown, [column.name for column in columns]),
        chart=ChartSpec(kind="bar", x="feature", y=("importance",), select=("model",)),
    )  # fmt: skip


def calibration_table(bins: pd.DataFrame, model_titles: Mapping[str, str]) -> AnalysisTable:
    """Return foreseen and observed shares by bins, from the columns of the table `calibration_bins`."""
    shown = _in_order(bins, model_titles)
    inside = (shown["low"] <= shown["mean_probability"]) & (shown["mean_probability"] <= shown["high"])
    shown = shown.rename(columns={"low": "observed_share_low", "high": "observed_share_high"})
    columns = (
        _column("model", "Model"), _column("bin", "Bin", "plain"), _column("rows", "Stops", "count"),
        _column("mean_probability", "Mean probability", "percent"),
        _column("observed_share", "Observed share", "percent"),
        _column("observed_share_low", "95 % low", "percent"), _column("observed_share_high", "95 % high", "percent"),
    )  # fmt: skip
    return AnalysisTable(
        name="calibration", section="models",
        title=f"The probability lies in the observed share's interval in {int(inside.sum())} of {len(inside)} bins",
        question="When a model says 30 %, does it happen in 30 % of the stops?",
        note="Test-year stops in bins of about equal size. On the diagonal, probabilities are as they should be.",
        columns=columns, rows=_rows(shown, [column.name for column in columns]),
        chart=ChartSpec(
            kind="calibration", x="mean_probability", y=("observed_share",), size="rows", select=("model",)
        ),
    )  # fmt: skip


_ATTRIBUTE_COLUMNS = {"race": "suspect_race", "sex": "suspect_sex", "borough": "borough"}
_SUBGROUP_MEASURES = {
    "false_positive_rate": ("Flagged though it did not happen", "percent"),
    "false_negative_rate": ("Not flagged though it happened", "percent"),
    "selection_rate": ("Flagged", "percent"),
    "base_rate": ("Share with the outcome", "percent"),
    "mean_probability": ("Mean probability", "percent"),
    "roc_auc": ("ROC AUC", "decimal"),
}


def subgroup_table(subgroups: pd.DataFrame, model_titles: Mapping[str, str]) -> AnalysisTable:
    """Return each model's errors by group of people, from the columns of the table `subgroup_metrics`."""
    chosen = _in_order(subgroups[subgroups["base_rate"].notna()], model_titles)
    shown = chosen.assign(
        group_name=[
            category_label(_ATTRIBUTE_COLUMNS.get(str(attribute), ""), str(group))
            for attribute, group in zip(chosen["attribute"], chosen["group_name"], strict=True)
        ],
    )
    columns = [
        _column("model", "Model"), _column("attribute", "Grouped by"), _column("group_name", "Group"),
        _column("rows", "Stops", "count"),
    ]  # fmt: skip
    for name, (label, kind) in _SUBGROUP_MEASURES.items():
        columns.append(_column(name, label, kind))
        if {f"{name}_low", f"{name}_high"} <= set(shown.columns):
            columns.append(_column(f"{name}_low", f"{label}, 95 % low", kind))
            columns.append(_column(f"{name}_high", f"{label}, 95 % high", kind))
    race = shown[shown["attribute"] == "race"]
    rates = race["false_positive_rate"].dropna()
    title = (
        f"False alarms by race range from {rates.min() * 100:.0f} to {rates.max() * 100:.0f} % over the models"
        if len(rates)
        else "Errors by group of people"
    )
    return AnalysisTable(
        name="subgroups", section="people", title=title, question="For whom is a model wrong more often?",
        note="At the model's own threshold, on the test year. Groups of fewer than 50 stops are not shown. The label "
        "is an officer's decision: equal errors on it would not be justice.",
        columns=tuple(columns), rows=_rows(shown, [column.name for column in columns]),
        chart=ChartSpec(
            kind="interval", x="group_name", y=tuple(_SUBGROUP_MEASURES), size="rows", select=("model", "attribute")
        ),
    )  # fmt: skip


def metrics_table(metrics: pd.DataFrame, model_titles: Mapping[str, str]) -> AnalysisTable:
    """Return the measures of the models with their intervals, from the columns of `metric_intervals`."""
    wanted = {
        "roc_auc": "ROC AUC", "average_precision": "Average precision", "brier_score": "Brier score",
        "brier_skill": "Brier skill", "calibration_slope": "Calibration slope", "recall": "Recall",
        "precision": "Precision",
    }  # fmt: skip
    shown = _in_order(metrics[metrics["metric"].isin(list(wanted))], model_titles)
    shown = shown.assign(metric=shown["metric"].map(wanted))
    areas = shown[shown["metric"] == wanted["roc_auc"]].sort_values("estimate", kind="stable")
    title = "Measures on the test year"
    if len(areas) > 1:
        worst, best = areas.iloc[0], areas.iloc[-1]
        title = (
            f"ROC AUC goes from {worst['estimate']:.2f} ({worst['model']}) to {best['estimate']:.2f} ({best['model']})"
        )
    shown = shown.rename(columns={"low": "estimate_low", "high": "estimate_high"})
    columns = (
        _column("metric", "Measure"), _column("model", "Model"), _column("estimate", "Test year", "decimal"),
        _column("estimate_low", "95 % low", "decimal"), _column("estimate_high", "95 % high", "decimal"),
    )  # fmt: skip
    return AnalysisTable(
        name="measures", section="models", title=title,
        question="How good are the models, and how much of that is hindsight?",
        note="Search and force fields are filled in when the outcome is at hand; only the tier “at the stop” foresees.",
        columns=columns, rows=_rows(shown, [column.name for column in columns]),
        chart=ChartSpec(kind="interval", x="model", y=("estimate",), select=("metric",)),
    )  # fmt: skip


def difference_table(differences: pd.DataFrame, model_titles: Mapping[str, str]) -> AnalysisTable:
    """Return whether the models differ from those of all columns, from the columns of `metric_differences`."""
    wanted = {"roc_auc": "ROC AUC", "average_precision": "Average precision", "brier_score": "Brier score"}
    shown = _in_order(differences[differences["metric"].isin(list(wanted))], model_titles)
    pairs = int(shown["comparisons"].max()) if len(shown) else 0
    apart = int(shown["adjusted_verdict"].isin(["better", "worse"]).sum())
    shown = shown.assign(
        metric=shown["metric"].map(wanted),
        reference_model=[str(name).replace("_", " ").replace("-", ", ") for name in shown["reference_model"]],
    ).rename(columns={"low": "difference_low", "high": "difference_high"})
    columns = (
        _column("model", "Model"), _column("reference_model", "Against"), _column("metric", "Measure"),
        _column("difference", "Difference", "decimal"), _column("difference_low", "95 % low", "decimal"),
        _column("difference_high", "95 % high", "decimal"), _column("adjusted_verdict", "Verdict on all pairs"),
    )  # fmt: skip
    return AnalysisTable(
        name="differences", section="models", title=f"{apart} of {len(shown)} differences hold for all pairs together",
        question="Is one model better than another?",
        note=f"On the same resamples of the same test-year stops. {pairs} pairs were compared by each measure: "
        "intervals are of each pair by itself, verdicts are adjusted for all of them by Holm's procedure.",
        columns=columns, rows=_rows(shown, [column.name for column in columns]),
    )  # fmt: skip


_WHO = {"published": "Published", "measured_again": "Measured again, its way", "ours": "Ours, cleaned"}


def _study_words(comparison: pd.DataFrame) -> pd.DataFrame:
    """Return the comparison in words, figures that the study printed first."""
    printed = comparison.assign(order=comparison["published"].isna())
    shown = printed.sort_values(["outcome", "order"], kind="stable")
    return shown.assign(
        outcome=shown["outcome"].astype(str).str.capitalize(),
        figure=shown["figure"].astype(str).str.replace("_", " ").str.capitalize(),
    )


def study_chart_table(comparison: pd.DataFrame) -> AnalysisTable:
    """Return the study's shares beside ours, one row a figure and who says it, to be drawn."""
    shares = comparison[[*_WHO]].astype("Float64")
    between = ((shares >= 0) & (shares <= 1)).fillna(value=True).all(axis=1)
    several = shares.notna().sum(axis=1) > 1
    long = _study_words(comparison[between & several]).melt(
        id_vars=["outcome", "figure"], value_vars=list(_WHO), var_name="who", value_name="value"
    )
    long = long.dropna(subset=["value"]).sort_values(["outcome", "figure"], kind="stable")
    long = long.assign(who=long["who"].map(_WHO))
    columns = (
        _column("outcome", "Outcome"), _column("figure", "Figure"), _column("who", "Whose"),
        _column("value", "Value", "decimal"),
    )  # fmt: skip
    return AnalysisTable(
        name="study_beside_ours", section="study", title="The same figure three times",
        question="What did the study print, what does its own way give, and what do cleaned data give?",
        note="The study's way numbers and scales training and test stops separately, which hid that a stray bracket in "
        "a training year gave its flags other numbers than those of the test year.",
        columns=columns, rows=_rows(long, [column.name for column in columns]),
        chart=ChartSpec(kind="interval", x="who", y=("value",), select=("outcome", "figure")),
    )  # fmt: skip


def study_table(comparison: pd.DataFrame) -> AnalysisTable:
    """Return the 2021 study beside ours, from the columns of the table `study_2021_comparison`."""
    columns = (
        _column("outcome", "Outcome"), _column("figure", "Figure"), _column("published", "Published", "decimal"),
        _column("measured_again", "Measured again, its way", "decimal"), _column("ours", "Ours", "decimal"),
        _column("note", "Note"),
    )  # fmt: skip
    return AnalysisTable(
        name="study", section="study", title="The study's figures, measured again, and ours",
        question="How do these models compare with the study of 2021?",
        note="Accuracy says nothing where 3 % of stops have the outcome: predicting nobody scores 0.97.",
        columns=columns, rows=_rows(_study_words(comparison), [column.name for column in columns]),
    )  # fmt: skip


def quality_table(quality: pd.DataFrame) -> AnalysisTable:
    """Return what cleaning changed, from the columns of the table `data_quality`."""
    shown = quality[quality["rows"] > 0].sort_values(["year", "rows"], ascending=[True, False], kind="stable")
    columns = [
        _column("year", "Year", "plain"), _column("column_name", "Column"), _column("rule", "Rule"),
        _column("rows", "Stops", "count"), _column("description", "What was found and done"),
    ]  # fmt: skip
    return AnalysisTable(
        name="data_quality", section="faults",
        title=f"Cleaning touched {int(shown['rows'].sum()):,} values in {shown['column_name'].nunique()} columns",
        question="What is wrong in the published files, and what was done about it?",
        note="Counts of stops. Implausible values become missing; none is kept or clipped.",
        columns=tuple(columns), rows=_rows(shown, [column.name for column in columns]),
    )  # fmt: skip


def drift_table(drift: pd.DataFrame) -> AnalysisTable:
    """Return how the test year differs from its training years, from the columns of the table `drift`."""
    rank = {"fail": 0, "warn": 1, "ok": 2}
    shown = drift.sort_values(
        ["status", "column_name"], kind="stable", key=lambda s: s.map(rank) if s.name == "status" else s
    )
    counts = shown["status"].value_counts()
    columns = [
        _column("column_name", "Column"), _column("measure", "Measure"), _column("value", "Test year", "decimal"),
        _column("reference", "Training years", "decimal"), _column("status", "Status"), _column("detail", "Detail"),
    ]  # fmt: skip
    return AnalysisTable(
        name="drift", section="faults",
        title=f"{int(counts.get('fail', 0))} failures and {int(counts.get('warn', 0))} warnings of drift",
        question="Does the test year look like the training years?",
        note="A unit that changes between years is what misled the study of 2021.",
        columns=tuple(columns), rows=_rows(shown, [column.name for column in columns]),
    )  # fmt: skip
