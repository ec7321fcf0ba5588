"""The tables behind the charts about models, and about the data's faults, made from the result tables."""

from collections.abc import Mapping

import pandas as pd

from sqf_pipeline.evaluation.subgroups import AGE_BANDS
from sqf_pipeline.export.frame_tables import table_of
from sqf_pipeline.registry.metric_definitions import metrics_in
from sqf_pipeline.registry.words import field_label, group_label
from sqf_pipeline.service.analysis_table import AnalysisTable, ChartSpec

_MOST_IMPORTANCES = 20
_IMPORTANCE_NOTES = {
    "impurity": "Impurity importance is the share of the training error that is removed by splits on the field.",
    "permutation": "Permutation importance is what a model loses on the test year when the field is shuffled; bars "
    "around it are its 95 % interval.",
}
_METRICS = {metric.name: metric.title for metric in metrics_in("page")}
_COMPARED = {metric.name: metric.title for metric in metrics_in("compared")}
_SUBGROUP_METRICS = {
    "false_positive_rate": ("Flagged though it did not happen", "percent"),
    "false_negative_rate": ("Not flagged though it happened", "percent"),
    "selection_rate": ("Flagged", "percent"),
    "base_rate": ("Share with the outcome", "percent"),
    "mean_probability": ("Mean probability", "percent"),
    "roc_auc": ("ROC AUC", "decimal"),
}
_WHO = {"published": "Published", "measured_again": "Measured again, its way", "ours": "Ours, cleaned"}


def _in_order(frame: pd.DataFrame, model_titles: Mapping[str, str], value: str = "") -> pd.DataFrame:
    """Return the rows of the models to show, in the order of `model_titles` and under what people call them.

    `low` and `high` become the interval of `value`.
    """
    shown = frame[frame["model"].isin(list(model_titles))]
    place = {name: number for number, name in enumerate(model_titles)}
    order = shown["model"].map(place).to_numpy().argsort(kind="stable")
    named = shown.iloc[order].assign(model=lambda rows: rows["model"].map(dict(model_titles)))
    return named.rename(columns={"low": f"{value}_low", "high": f"{value}_high"})


def importance_table(importances: pd.DataFrame, model_titles: Mapping[str, str]) -> AnalysisTable:
    """Return what each model relies on: permutation importance where it was computed, else impurity.

    `importances` has the columns of the table `feature_importances`; `model_titles` names the models to show, in
    order, and what people call them.
    """
    chosen = importances[importances["rank"] <= _MOST_IMPORTANCES]
    measured = chosen[chosen["kind"] == "permutation"]
    others = chosen[~chosen["model"].isin(measured["model"].unique())]
    ranked = pd.concat([measured, others]).sort_values("rank", kind="stable")
    shown = _in_order(ranked, model_titles, "importance")
    shown = shown.assign(feature=[field_label(str(name)) for name in shown["feature"]])
    first = shown[shown["rank"] == 1]
    leader = first["feature"].mode().iloc[0]
    return table_of(
        shown,
        [("model", "Model"), ("feature", "Field"), ("importance", "Importance", "small"), ("kind", "Kind")],
        name="importances", section="models", question="What do the models use?",
        title=f"“{leader}” leads in {int((first['feature'] == leader).sum())} of {len(first)} models",
        note=" ".join(_IMPORTANCE_NOTES[kind] for kind in sorted(shown["kind"].astype(str).unique()))
        + " It says what a model uses, not what causes an outcome.",
        chart=ChartSpec(kind="bar", x="feature", y=("importance",), select=("model",)),
    )  # fmt: skip


def calibration_table(bins: pd.DataFrame, model_titles: Mapping[str, str]) -> AnalysisTable:
    """Return predicted and observed shares by bins, from the columns of the table `calibration_bins`."""
    shown = _in_order(bins, model_titles, "observed_share")
    inside = shown["mean_probability"].between(shown["observed_share_low"], shown["observed_share_high"])
    return table_of(
        shown,
        [
            ("model", "Model"), ("bin", "Bin", "plain"), ("rows", "Stops", "count"),
            ("mean_probability", "Mean probability", "percent"), ("observed_share", "Observed share", "percent"),
        ],
        name="calibration", section="models",
        title=f"The probability lies in the observed share's interval in {int(inside.sum())} of {len(inside)} bins",
        question="When a model says 30 %, does it happen in 30 % of the stops?",
        note="Test-year stops in bins of about equal size. On the diagonal, probabilities are as they should be.",
        chart=ChartSpec(
            kind="calibration", x="mean_probability", y=("observed_share",), size="rows", select=("model",)
        ),
    )  # fmt: skip


def subgroup_table(subgroups: pd.DataFrame, model_titles: Mapping[str, str]) -> AnalysisTable:
    """Return each model's errors by group of people, from the columns of the table `subgroup_metrics`."""
    known = subgroups[subgroups["base_rate"].notna()]
    by_age = known["group_name"].map({band: place for place, band in enumerate(AGE_BANDS)}).fillna(len(AGE_BANDS))
    chosen = _in_order(known.iloc[by_age.argsort(kind="stable")], model_titles)
    names = [
        group_label(str(attribute), str(group))
        for attribute, group in zip(chosen["attribute"], chosen["group_name"], strict=True)
    ]
    rates = chosen.loc[chosen["attribute"] == "race", "false_positive_rate"].dropna()
    title = "Errors by group of people"
    if len(rates):
        low, high = rates.min() * 100, rates.max() * 100
        title = f"False alarms by race range from {low:.0f} to {high:.0f} % over the models"
    return table_of(
        chosen.assign(group_name=names),
        [
            ("model", "Model"), ("attribute", "Grouped by"), ("group_name", "Group"), ("rows", "Stops", "count"),
            *((name, *words) for name, words in _SUBGROUP_METRICS.items()),
        ],
        name="subgroups", section="people", title=title, question="For whom is a model wrong more often?",
        note="At the model's own threshold, on the test year. Groups of fewer than 50 stops are not shown. The label "
        "is an officer's decision: equal errors on it would not be justice.",
        chart=ChartSpec(
            kind="interval", x="group_name", y=tuple(_SUBGROUP_METRICS), size="rows", select=("model", "attribute")
        ),
    )  # fmt: skip


def metrics_table(metrics: pd.DataFrame, model_titles: Mapping[str, str]) -> AnalysisTable:
    """Return the metrics of the models with their intervals, from the columns of `metric_intervals`."""
    asked = metrics[metrics["metric"].isin(list(_METRICS))]
    ranked = asked.iloc[asked["metric"].map(list(_METRICS).index).argsort(kind="stable")]
    shown = _in_order(ranked, model_titles, "estimate")
    areas = shown[(shown["metric"] == "roc_auc") & shown["estimate"].notna()].sort_values("estimate", kind="stable")
    title = "Metrics on the test year"
    if len(areas) > 1:
        worst, best = areas.iloc[0], areas.iloc[-1]
        title = (
            f"ROC AUC goes from {worst['estimate']:.2f} ({worst['model']}) to {best['estimate']:.2f} ({best['model']})"
        )
    return table_of(
        shown.assign(metric=shown["metric"].map(_METRICS)),
        [("metric", "Metric"), ("model", "Model"), ("estimate", "Test year", "decimal")],
        name="measures", section="models", title=title,
        question="How good are the models, and how much of that is hindsight?",
        note="Search and force fields are filled in when the outcome is at hand; only the tier “at the stop” predicts.",
        chart=ChartSpec(kind="interval", x="model", y=("estimate",), select=("metric",)),
    )  # fmt: skip


def difference_table(differences: pd.DataFrame, model_titles: Mapping[str, str]) -> AnalysisTable:
    """Return whether the models differ from those of all columns, from the columns of `metric_differences`."""
    shown = _in_order(differences[differences["metric"].isin(list(_COMPARED))], model_titles, "difference")
    pairs = int(shown["comparisons"].fillna(0).max()) if len(shown) else 0
    apart = int(shown["adjusted_verdict"].isin(["better", "worse"]).sum())
    references = [str(name).replace("_", " ").replace("-", ", ").capitalize() for name in shown["reference_model"]]
    return table_of(
        shown.assign(metric=shown["metric"].map(_METRICS), reference_model=references),
        [
            ("model", "Model"), ("reference_model", "Against"), ("metric", "Metric"),
            ("difference", "Difference", "small"), ("adjusted_verdict", "Verdict on all pairs"),
        ],
        name="differences", section="models", title=f"{apart} of {len(shown)} differences hold for all pairs together",
        question="Is one model better than another?",
        note=f"On the same resamples of the same test-year stops. {pairs} pairs were compared by each metric: "
        "intervals are of each pair by itself, verdicts are adjusted for all of them by Holm's procedure.",
    )  # fmt: skip


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
    return table_of(
        long.assign(who=long["who"].map(_WHO)),
        [("outcome", "Outcome"), ("figure", "Figure"), ("who", "Whose"), ("value", "Value", "small")],
        name="study_beside_ours", section="study", title="The same figure three times",
        question="What did the study print, what does its own way give, and what do cleaned data give?",
        note="The study's way numbers and scales training and test stops separately, which hid that a stray bracket in "
        "a training year gave its flags other numbers than those of the test year.",
        chart=ChartSpec(kind="interval", x="who", y=("value",), select=("outcome", "figure")),
    )  # fmt: skip


def study_table(comparison: pd.DataFrame) -> AnalysisTable:
    """Return the 2021 study beside ours, from the columns of the table `study_2021_comparison`."""
    return table_of(
        _study_words(comparison),
        [
            ("outcome", "Outcome"), ("figure", "Figure"), ("published", "Published", "mixed"),
            ("measured_again", "Measured again, its way", "mixed"), ("ours", "Ours", "mixed"), ("note", "Note"),
        ],
        name="study", section="study", title="The study's figures, measured again, and ours",
        question="How do these models compare with the study of 2021?",
        note="Accuracy is no guide where 3 % of stops have the outcome: predicting nobody scores 0.97.",
    )  # fmt: skip


def quality_table(quality: pd.DataFrame) -> AnalysisTable:
    """Return what cleaning changed, from the columns of the table `data_quality`."""
    shown = quality[quality["rows"] > 0].sort_values(["year", "rows"], ascending=[True, False], kind="stable")
    return table_of(
        shown,
        [
            ("year", "Year", "plain"), ("column_name", "Column"), ("rule", "Rule"), ("rows", "Stops", "count"),
            ("description", "What was found and done"),
        ],
        name="data_quality", section="faults",
        title=f"Cleaning touched {int(shown['rows'].sum()):,} values in {shown['column_name'].nunique()} columns",
        question="What is wrong in the published files, and what was done about it?",
        note="Counts of stops. Implausible values become missing; none is kept or clipped.",
    )  # fmt: skip


def drift_table(drift: pd.DataFrame) -> AnalysisTable:
    """Return how the test year differs from its training years, from the columns of the table `drift`."""
    rank = {"fail": 0, "warn": 1, "ok": 2}
    counts = drift["status"].value_counts()
    return table_of(
        drift.assign(order=drift["status"].map(rank)).sort_values(["order", "column_name"], kind="stable"),
        [
            ("column_name", "Column"), ("measure", "Metric", "words"), ("value", "Test year", "mixed"),
            ("reference", "Training years", "mixed"), ("status", "Status"), ("detail", "Detail"),
        ],
        name="drift", section="faults",
        title=f"{int(counts.get('fail', 0))} failures and {int(counts.get('warn', 0))} warnings of drift",
        question="Does the test year look like the training years?",
        note="A unit that changes between years is what misled the study of 2021.",
    )  # fmt: skip
