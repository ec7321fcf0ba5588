"""Which charts are drawn of a test year, from which rows."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sqf_pipeline.evaluation.bootstrap import resample_weights, stop_clusters
from sqf_pipeline.evaluation.compared_models import MAIN_ESTIMATOR, MAIN_MODELS
from sqf_pipeline.evaluation.curves import CURVE_RESAMPLES, curve_points
from sqf_pipeline.evaluation.importance import METRIC_BY_OUTCOME
from sqf_pipeline.evaluation.result_rows import forecasts
from sqf_pipeline.registry.outcomes import STUDY_OUTCOMES, STUDY_TARGETS
from sqf_pipeline.reporting.plots import drift_plots, model_plots, stops_plots, subgroup_plots
from sqf_pipeline.reporting.plots.style import Origin

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class ChartInputs:
    """Stops and result tables of one test year; `stops` are those of the training years and of the test year."""

    test_year: int
    source: str
    stops: pd.DataFrame
    test_stops: pd.DataFrame
    models: pd.DataFrame
    predictions: pd.DataFrame
    metric_intervals: pd.DataFrame
    confusion_matrices: pd.DataFrame
    feature_importances: pd.DataFrame
    calibration_bins: pd.DataFrame
    subgroup_metrics: pd.DataFrame
    drift: pd.DataFrame
    data_note: str = ""


def draw_charts(inputs: ChartInputs) -> "Iterator[tuple[str, Figure]]":
    """Yield each chart with its name, one at a time."""
    years = sorted(int(year) for year in inputs.stops["year"].unique())
    of_stops = Origin(inputs.source, years, note=inputs.data_note)
    trained = [year for year in years if year < inputs.test_year]
    of_models = Origin(inputs.source, [inputs.test_year], trained, note=inputs.data_note)
    yield "stops_a_month", stops_plots.stops_a_month(inputs.stops, of_stops)
    yield "outcome_shares", stops_plots.outcome_shares(inputs.stops, of_stops)
    yield "hour_and_weekday", stops_plots.hour_and_weekday(inputs.stops, of_stops)
    yield "stops_map", stops_plots.stops_map(inputs.stops, of_stops)
    summonses = inputs.models[inputs.models["outcome"] == "summons"]
    yield "class_balance", model_plots.class_balance(summonses, of_models)
    for outcome in drawn_outcomes(inputs):
        yield from _charts_of_outcome(inputs, outcome, of_models)
    yield "drift", drift_plots.drift_overview(inputs.drift, of_models)


def drawn_outcomes(inputs: ChartInputs) -> list[str]:
    """Return the outcomes whose models are drawn: those that some test stops had and others had not."""
    return [outcome for outcome in STUDY_OUTCOMES if inputs.test_stops[STUDY_TARGETS[outcome]].nunique() == 2]


def _charts_of_outcome(inputs: ChartInputs, outcome: str, origin: Origin) -> "Iterator[tuple[str, Figure]]":
    fitted = set(inputs.models["model"])
    mains = [name for name in MAIN_MODELS if name.startswith(f"{outcome}-") and name in fitted]
    study = f"{outcome}-study_2021-{MAIN_ESTIMATOR}"
    if study not in fitted:  # years of two forms do not have the study's columns
        study = next(reversed(mains))
    known = inputs.test_stops[inputs.test_stops[STUDY_TARGETS[outcome]].notna()]
    yield (
        f"{outcome}_confusion_matrices",
        model_plots.confusion_matrices(
            inputs.confusion_matrices[inputs.confusion_matrices["model"] == study], origin, outcome=outcome
        ),
    )
    yield (
        f"{outcome}_roc_and_precision_recall",
        model_plots.roc_and_precision_recall(
            _curves(inputs, mains, known),
            inputs.metric_intervals[inputs.metric_intervals["model"].isin(mains)],
            origin,
            base_rate=float(known[STUDY_TARGETS[outcome]].mean()),
            rows=len(known),
        ),
    )
    bins = inputs.calibration_bins
    yield f"{outcome}_calibration", model_plots.calibration(bins[bins["model"].isin(mains)], origin)
    measure = METRIC_BY_OUTCOME[outcome]
    importances = inputs.feature_importances
    yield (
        f"{outcome}_importances",
        model_plots.importances(importances[importances["model"] == study], origin, measure=measure),
    )
    names = inputs.models.loc[inputs.models["outcome"] == outcome, "model"]
    yield (
        f"{outcome}_models",
        model_plots.metric_comparison(
            inputs.metric_intervals[inputs.metric_intervals["model"].isin(names)],
            measure,
            origin,
            chance=0.5 if measure == "roc_auc" else float(known[STUDY_TARGETS[outcome]].mean()),
        ),
    )
    groups = inputs.subgroup_metrics[inputs.subgroup_metrics["model"] == study]
    yield f"{outcome}_group_rates", subgroup_plots.subgroup_rates(groups, origin)
    yield f"{outcome}_group_quality", subgroup_plots.subgroup_quality(groups, origin)


def _curves(inputs: ChartInputs, names: list[str], known: pd.DataFrame) -> pd.DataFrame:
    """Return points of the curves of some models of one outcome, on the same resamples."""
    weights = resample_weights(stop_clusters(known), resamples=CURVE_RESAMPLES)
    chosen = inputs.predictions[inputs.predictions["model"].isin(names)]
    by_name = forecasts(chosen)
    order = known["stop_id"].to_numpy()
    parts = []
    for name in names:
        stop_ids = chosen.loc[(chosen["model"] == name) & chosen["actual"].notna(), "stop_id"].to_numpy()
        if not np.array_equal(stop_ids, order):
            raise ValueError(f"the predictions of {name} are of other stops than those given, or in another order")
        parts.append(curve_points(by_name[name], weights).assign(model=name))
    return pd.concat(parts, ignore_index=True)
