"""The tables behind the charts about models, and about the data's faults, made from the result tables."""

from collections.abc import Mapping

import pandas as pd

from sqf_pipeline.display import with_ends
from sqf_pipeline.evaluation.subgroups import AGE_BANDS
from sqf_pipeline.export.frame_tables import table_of
from sqf_pipeline.registry.metric_definitions import metrics_in
from sqf_pipeline.registry.words import field_label, group_label
from sqf_pipeline.service.analysis_table import AnalysisTable

_MOST_IMPORTANCES = 20
_IMPORTANCE_NOTES = {
    "impurity": "Impurity importance is the share of the training error that is removed by splits on the field.",
    "permutation": "Permutation importance is what a model loses on the test year when the field is shuffled; bars "
    "around it are its 95 % interval.",
}
_METRICS = {metric.name: metric.title for metric in metrics_in("page")}
_COMPARED = {metric.name: metric.title for metric in metrics_in("compared")}
_WHO = {"published": "Published", "measured_again": "Measured again, its way", "ours": "Ours, cleaned"}


def _in_order(frame: pd.DataFrame, model_titles: Mapping[str, str], value: str = "") -> pd.DataFrame:
    """Return the rows of the models to show, in the order of `model_titles` and under what people call them.

    `low` and `high` become the interval of `value`.
    """
    shown = frame[frame["model"].isin(list(model_titles))]
    place = {name: number for number, name in enumerate(model_titles)}
    order = shown["model"].map(place).to_numpy().argsort(kind="stable")
    named = shown.iloc[order].assign(model=lambda rows: rows["model"].map(dict(model_titles)))
    return with_ends(named, value)


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
    notes = [_IMPORTANCE_NOTES[kind] for kind in sorted(shown["kind"].astype(str).unique())]
    leads = int((first["feature"] == leader).sum())
    return table_of("importances", shown, leader=leader, leads=leads, models=len(first), kinds=" ".join(notes))


def calibration_table(bins: pd.DataFrame, model_titles: Mapping[str, str]) -> AnalysisTable:
    """Return predicted and observed shares by bins, from the columns of the table `calibration_bins`."""
    shown = _in_order(bins, model_titles, "observed_share")
    inside = shown["mean_probability"].between(shown["observed_share_low"], shown["observed_share_high"])
    return table_of("calibration", shown, inside=int(inside.sum()), bins=len(inside))


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
    return table_of("subgroups", chosen.assign(group_name=names), title=title)


def metrics_table(metrics: pd.DataFrame, model_titles: Mapping[str, str]) -> AnalysisTable:
    """Return the metrics of the models with their intervals, from the columns of `metric_intervals`."""
    asked = metrics[metrics["metric"].isin(list(_METRICS))]
    ranked = asked.iloc[asked["metric"].map(list(_METRICS).index).argsort(kind="stable")]
    shown = _in_order(ranked, model_titles, "estimate")
    areas = shown[(shown["metric"] == "roc_auc") & shown["estimate"].notna()].sort_values("estimate", kind="stable")
    title = "Metrics on the test year"
    if len(areas) > 1:
        worst, best = (f"{one['estimate']:.2f} ({one['model']})" for _, one in areas.iloc[[0, -1]].iterrows())
        title = f"ROC AUC goes from {worst} to {best}"
    return table_of("measures", shown.assign(metric=shown["metric"].map(_METRICS)), title=title)


def difference_table(differences: pd.DataFrame, model_titles: Mapping[str, str]) -> AnalysisTable:
    """Return whether the models differ from those of all columns, from the columns of `metric_differences`."""
    shown = _in_order(differences[differences["metric"].isin(list(_COMPARED))], model_titles, "difference")
    pairs = int(shown["comparisons"].fillna(0).max()) if len(shown) else 0
    apart = int(shown["adjusted_verdict"].isin(["better", "worse"]).sum())
    references = [str(name).replace("_", " ").replace("-", ", ").capitalize() for name in shown["reference_model"]]
    named = shown.assign(metric=shown["metric"].map(_METRICS), reference_model=references)
    return table_of("differences", named, apart=apart, shown=len(shown), pairs=pairs)


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
    return table_of("study_beside_ours", long.assign(who=long["who"].map(_WHO)))


def study_table(comparison: pd.DataFrame) -> AnalysisTable:
    """Return the 2021 study beside ours, from the columns of the table `study_2021_comparison`."""
    return table_of("study", _study_words(comparison))


def quality_table(quality: pd.DataFrame) -> AnalysisTable:
    """Return what cleaning changed, from the columns of the table `data_quality`."""
    shown = quality[quality["rows"] > 0].sort_values(["year", "rows"], ascending=[True, False], kind="stable")
    values, columns = int(shown["rows"].sum()), shown["column_name"].nunique()
    return table_of("data_quality", shown, values=values, columns=columns)


def drift_table(drift: pd.DataFrame) -> AnalysisTable:
    """Return how the test year differs from its training years, from the columns of the table `drift`."""
    rank = {"fail": 0, "warn": 1, "ok": 2}
    counts = drift["status"].value_counts()
    shown = drift.assign(order=drift["status"].map(rank)).sort_values(["order", "column_name"], kind="stable")
    return table_of("drift", shown, failures=int(counts.get("fail", 0)), warnings=int(counts.get("warn", 0)))
