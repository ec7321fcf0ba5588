"""A fitted model and the untouched test year to every result table, from one forecast and one set of resamples."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sqf_pipeline.evaluation.bootstrap import MetricDraws, draw_metrics, metric_intervals, paired_differences
from sqf_pipeline.evaluation.calibration_metrics import calibration_bins
from sqf_pipeline.evaluation.compared_models import MAIN_MODELS, reference_of
from sqf_pipeline.evaluation.importance import METRIC_BY_OUTCOME, impurity_importance, permutation_importance
from sqf_pipeline.evaluation.metrics import CELLS, METRICS, Forecast, make_forecast, none_if_nan, unknown_outcome
from sqf_pipeline.evaluation.multiple_comparisons import with_holm
from sqf_pipeline.evaluation.prepared_test_year import TestYear
from sqf_pipeline.evaluation.risk_concentration import precision_at_recall, risk_concentration
from sqf_pipeline.evaluation.subgroups import subgroup_metrics
from sqf_pipeline.evaluation.threshold_metrics import threshold_metrics
from sqf_pipeline.modelling.encoder import name_in_set
from sqf_pipeline.modelling.fitting import FittedModel
from sqf_pipeline.modelling.side_by_side import side_by_side
from sqf_pipeline.registry.outcomes import OUTCOME_ENTRIES, happened

GROUP_RESAMPLES = 250
WEAPONS = "weapons"
"""Family of outcomes whose concentration is measured."""
RISK_TABLES = ("risk_concentration", "precision_at_recall")
WITHOUT_RESAMPLES = ("predictions", "model_metrics", "confusion_matrices")


@dataclass(frozen=True)
class Evaluation:
    """Every result of one model on the test year."""

    model: str  # its name
    outcome: str  # what it foretells
    forecast: Forecast  # of stops whose outcome is known
    known: NDArray[np.bool_]  # which those are, shape (rows,)
    draws: MetricDraws  # measures on every resample, for paired differences
    tables: dict[str, pd.DataFrame]
    """Rows of result tables, `model` first. Those of predictions are of all stops, of unknown outcome too."""
    reference: str | None = None  # the model that it is compared with


def evaluate(fitted: FittedModel, test: TestYear) -> Evaluation:
    """Measure a fitted model on the test year.

    Stops of unknown outcome are predicted, and left out of every measure. Raises SqfError when no outcome is known.
    """
    actual = happened(test.stops, fitted.outcome)
    if not actual.notna().any():
        raise unknown_outcome(fitted.name, fitted.target)
    score = fitted.raw_score(test.inputs_of(fitted))
    probability = np.clip(fitted.calibrator.apply(score), 0.0, 1.0)
    known = actual.notna().to_numpy(dtype=bool)
    forecast = make_forecast(actual[known].to_numpy(dtype=bool), probability[known], score[known])
    weights = test.weights[:, known]
    in_use = fitted.thresholds[fitted.default_threshold].value
    draws = draw_metrics(
        forecast,
        weights,
        training_share=fitted.training_share,
        threshold=in_use,
        precisions=(OUTCOME_ENTRIES[fitted.outcome].stated_precision,),
    )
    estimates = {name: none_if_nan(draws.estimates[name]) for name in METRICS}
    metrics = pd.DataFrame(
        [estimates | {"threshold": in_use, "test_rows": forecast.rows, "test_positives": int(forecast.actual.sum())}]
    ).astype(dict.fromkeys(METRICS, "Float64"))
    at_thresholds = threshold_metrics(
        forecast, {name: threshold.value for name, threshold in fitted.thresholds.items()}, weights
    )
    predictions = pd.DataFrame(
        {
            "year": test.stops["year"].to_numpy(),
            "stop_id": test.stops["stop_id"].to_numpy(),
            "score": score,
            "probability": probability,
            "actual": actual.astype("boolean").array,
        }
    )
    tables = {
        "predictions": predictions,
        "model_metrics": metrics,
        "confusion_matrices": at_thresholds[["aim", "threshold", *CELLS]].rename(columns={"aim": "threshold_name"}),
        "metric_intervals": metric_intervals(draws),
        "threshold_metrics": at_thresholds,
        "calibration_bins": calibration_bins(forecast, clusters=test.clusters[known]),
    }
    of_model = {name: _of_model(table, fitted.name) for name, table in tables.items()}
    return Evaluation(fitted.name, fitted.outcome, forecast, known, draws, of_model)


def evaluate_groups(evaluation: Evaluation, test: TestYear, *, resamples: int = GROUP_RESAMPLES) -> pd.DataFrame:
    """Return `subgroup_metrics` of an evaluated model at its default threshold."""
    threshold = float(evaluation.tables["model_metrics"]["threshold"].iloc[0])
    known = evaluation.known
    table = subgroup_metrics(
        evaluation.forecast,
        test.labels[known],
        threshold=threshold,
        clusters=test.clusters[known],
        weights=test.weights[:resamples, known],
    )
    return _of_model(table, evaluation.model)


def evaluate_risks(evaluation: Evaluation, test: TestYear) -> dict[str, pd.DataFrame]:
    """Return `risk_concentration` and `precision_at_recall` of an evaluated model of a weapon."""
    known, forecast = evaluation.known, evaluation.forecast
    weights = test.weights[:, known]
    tables = risk_concentration(forecast, weights), precision_at_recall(forecast, test.labels[known], weights)
    return {name: _of_model(table, evaluation.model) for name, table in zip(RISK_TABLES, tables, strict=True)}


def compare(evaluations: Mapping[str, Evaluation], pairs: Iterable[tuple[str, str]]) -> pd.DataFrame:
    """Return `metric_differences`: model, reference_model and paired differences of each pair (model, reference).

    Verdicts are given twice: of a pair by itself, and adjusted for the number of pairs (see `with_holm`). Raises
    ValueError when the two models of a pair foretell different outcomes, or none are given.
    """
    frames = []
    for name, reference in pairs:
        first, second = evaluations[name], evaluations[reference]
        if first.outcome != second.outcome:
            raise ValueError(f"{name} foretells {first.outcome}, {reference} {second.outcome}: they have no difference")
        table = paired_differences(first.draws, second.draws)
        table.insert(0, "reference_model", pd.array([reference] * len(table), dtype="string"))
        frames.append(_of_model(table, name))
    if not frames:
        raise ValueError("no pairs of models to compare")
    return with_holm(pd.concat(frames, ignore_index=True))


def evaluate_all(
    models: Iterable[Callable[[], FittedModel]], test: TestYear, *, processes: int = 1, threads: bool = False
) -> dict[str, pd.DataFrame]:
    """Return every result table of models but `models` itself, without test year and source.

    Without resamples only the tables that need none are made: predictions, model_metrics, confusion_matrices,
    feature_importances.

    Each of `models` reads a model when it is measured, so that no more are in memory than are measured at a time:
    `processes`, or as many `threads`. The tables are the same.
    """
    tasks = (partial(_measure, read, test) for read in models)
    parts: dict[str, list[pd.DataFrame]] = {}
    evaluations = {each.model: each for each in side_by_side(tasks, processes, batch=4, threads=threads)}
    for each in evaluations.values():
        for name, table in each.tables.items():
            parts.setdefault(name, []).append(table)
    tables = {name: pd.concat(frames, ignore_index=True) for name, frames in parts.items()}
    if len(test.weights):
        pairs = [(name, each.reference) for name, each in sorted(evaluations.items()) if each.reference in evaluations]
        tables["metric_differences"] = compare(evaluations, pairs)
    return tables


def _measure(read: Callable[[], FittedModel], test: TestYear) -> Evaluation:
    """Measure one model in every way that its kind and the resamples allow."""
    model = read()
    evaluation = evaluate(model, test)
    tables, importances = dict(evaluation.tables), []
    if hasattr(model.pipeline[-1], "feature_importances_"):
        importances.append(impurity_rows(model))
    if not len(test.weights):
        tables = {name: tables[name] for name in WITHOUT_RESAMPLES}
    elif model.name in MAIN_MODELS:
        importances.append(permutation_rows(model, test))
        tables["subgroup_metrics"] = evaluate_groups(evaluation, test)
    if len(test.weights) and OUTCOME_ENTRIES[model.outcome].family == WEAPONS:
        tables |= evaluate_risks(evaluation, test)
    if importances:
        tables["feature_importances"] = pd.concat(importances, ignore_index=True)
    return replace(evaluation, tables=tables, reference=reference_of(model))


def impurity_rows(model: FittedModel) -> pd.DataFrame:
    """Return the impurity importances of a forest as rows of `feature_importances`."""
    classifier = model.pipeline[-1]
    if model.encoded_features:
        names = [name_in_set(name) for name in model.encoded_features]
    else:
        names = [str(name) for name in model.pipeline[:-1].get_feature_names_out()]
    return _of_model(impurity_importance(classifier.feature_importances_, names, model.columns), model.name)


def permutation_rows(model: FittedModel, test: TestYear) -> pd.DataFrame:
    """Return permutation importances of a model on the test year as rows of `feature_importances`."""
    known = test.stops[model.target].notna().to_numpy(dtype=bool)
    stops = test.stops[known]
    table = permutation_importance(
        model.pipeline,
        stops[list(model.columns)],
        stops[model.target].to_numpy(dtype=bool),
        model.columns,
        clusters=test.clusters[known],
        measure=METRIC_BY_OUTCOME[model.outcome],
    )
    return _of_model(table, model.name)


def _of_model(frame: pd.DataFrame, model: str) -> pd.DataFrame:
    frame = frame.copy()
    named: Any = pd.array([model] * len(frame), dtype="string")
    frame.insert(0, "model", named)
    return frame
