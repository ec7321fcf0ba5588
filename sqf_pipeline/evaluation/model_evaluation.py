"""A fitted model and the untouched test year to every result table.

What belongs here: which measures are taken of a model, on which stops and at which thresholds, so that all tables of
a model come from one forecast and one set of resamples. What does not: the measures themselves, and storing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sqf_pipeline.evaluation.bootstrap import (
    RESAMPLES,
    SEED,
    MetricDraws,
    Weights,
    draw_metrics,
    metric_intervals,
    paired_differences,
    resample_weights,
    stop_clusters,
)
from sqf_pipeline.evaluation.calibration_metrics import calibration_bins
from sqf_pipeline.evaluation.curves import curve_points
from sqf_pipeline.evaluation.metrics import METRICS, Forecast, make_forecast, none_if_nan, unknown_outcome
from sqf_pipeline.evaluation.multiple_comparisons import with_holm
from sqf_pipeline.evaluation.subgroups import subgroup_labels, subgroup_metrics
from sqf_pipeline.evaluation.threshold_metrics import threshold_metrics
from sqf_pipeline.modelling.thresholds import STATED_PRECISION

if TYPE_CHECKING:
    import pandas as pd

    from sqf_pipeline.modelling.fitting import FittedModel

GROUP_RESAMPLES = 250
CURVE_RESAMPLES = 200
_CELLS = ["tn", "fp", "fn", "tp"]


@dataclass(frozen=True)
class TestYear:
    """Clean stops of the test year with the encounters and resamples that all models share.

    Attributes
    ----------
    stops
        Clean stops.
    clusters
        Encounter of each stop, shape (rows,).
    weights
        How often each stop stands in each resample, shape (resamples, rows).
    labels
        Group of each stop by attribute.
    """

    __test__ = False  # the name is not a test's

    stops: "pd.DataFrame"
    clusters: NDArray[np.intp]
    weights: Weights
    labels: "pd.DataFrame"


def prepare_test_year(stops: "pd.DataFrame", *, resamples: int = RESAMPLES, seed: int = SEED) -> TestYear:
    """Return a test year ready to measure models on; the same stops and seed give the same resamples."""
    clusters = stop_clusters(stops)
    weights = resample_weights(clusters, resamples=resamples, seed=seed)
    return TestYear(stops, clusters, weights, subgroup_labels(stops))


@dataclass(frozen=True)
class Evaluation:
    """Every result of one model on the test year; frames have the column `model` first.

    Attributes
    ----------
    model, outcome
        Name of the model, and what it foretells.
    forecast, known
        Probabilities and outcomes of stops whose outcome is known, and which those are, bool of shape (rows,).
    draws
        Measures on every resample, for paired differences.
    predictions
        year, stop_id, score, probability, actual; all stops, those of unknown outcome too.
    model_metrics
        One row: every measure, threshold (the model's default), test_rows, test_positives.
    metric_intervals, threshold_metrics, calibration_bins
        As their functions return them; the aim of a threshold is its name.
    confusion_matrices
        threshold_name, threshold, tn, fp, fn, tp.
    """

    model: str
    outcome: str
    forecast: Forecast
    known: NDArray[np.bool_]
    draws: MetricDraws
    predictions: "pd.DataFrame"
    model_metrics: "pd.DataFrame"
    metric_intervals: "pd.DataFrame"
    threshold_metrics: "pd.DataFrame"
    confusion_matrices: "pd.DataFrame"
    calibration_bins: "pd.DataFrame"


def evaluate(fitted: "FittedModel", test: TestYear) -> Evaluation:
    """Measure a fitted model on the test year.

    Stops of unknown outcome are predicted, and left out of every measure.

    Raises
    ------
    SqfError
        When the outcome of no test stop is known.
    """
    import pandas as pd

    if not test.stops[fitted.target].notna().any():
        raise unknown_outcome(fitted.name, fitted.target)
    score = fitted.raw_score(test.stops)
    probability = np.clip(fitted.calibrator.apply(score), 0.0, 1.0)
    actual = test.stops[fitted.target]
    known = actual.notna().to_numpy(dtype=bool)
    forecast = make_forecast(actual[known].to_numpy(dtype=bool), probability[known], score[known])
    weights = test.weights[:, known]
    in_use = fitted.thresholds[fitted.default_threshold].value
    draws = draw_metrics(
        forecast,
        weights,
        training_share=fitted.training_share,
        threshold=in_use,
        precisions=(STATED_PRECISION[fitted.outcome],),
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
    return Evaluation(
        model=fitted.name,
        outcome=fitted.outcome,
        forecast=forecast,
        known=known,
        draws=draws,
        predictions=_of_model(predictions, fitted.name),
        model_metrics=_of_model(metrics, fitted.name),
        metric_intervals=_of_model(metric_intervals(draws), fitted.name),
        threshold_metrics=_of_model(at_thresholds, fitted.name),
        confusion_matrices=_of_model(
            at_thresholds[["aim", "threshold", *_CELLS]].rename(columns={"aim": "threshold_name"}), fitted.name
        ),
        calibration_bins=_of_model(calibration_bins(forecast, clusters=test.clusters[known]), fitted.name),
    )


def evaluate_groups(evaluation: Evaluation, test: TestYear, *, resamples: int = GROUP_RESAMPLES) -> "pd.DataFrame":
    """Return `subgroup_metrics` of an evaluated model at its default threshold."""
    threshold = float(evaluation.model_metrics["threshold"].iloc[0])
    known = evaluation.known
    table = subgroup_metrics(
        evaluation.forecast,
        test.labels[known],
        threshold=threshold,
        clusters=test.clusters[known],
        weights=test.weights[:resamples, known],
    )
    return _of_model(table, evaluation.model)


def evaluate_curves(evaluation: Evaluation, test: TestYear, *, resamples: int = CURVE_RESAMPLES) -> "pd.DataFrame":
    """Return points of the ROC and precision-recall curves of an evaluated model, with bands."""
    points = curve_points(evaluation.forecast, test.weights[:resamples, evaluation.known])
    return _of_model(points, evaluation.model)


def compare(evaluations: Mapping[str, Evaluation], pairs: Iterable[tuple[str, str]]) -> "pd.DataFrame":
    """Return `metric_differences`: model, reference_model and paired differences of each pair (model, reference).

    Verdicts are given twice: of a pair by itself, and adjusted for the number of pairs (see `with_holm`).

    Raises
    ------
    ValueError
        When the two models of a pair foretell different outcomes, or none are given.
    """
    import pandas as pd

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


def _of_model(frame: "pd.DataFrame", model: str) -> "pd.DataFrame":
    import pandas as pd

    frame = frame.copy()
    named: Any = pd.array([model] * len(frame), dtype="string")
    frame.insert(0, "model", named)
    return frame


__all__ = [
    "CURVE_RESAMPLES", "GROUP_RESAMPLES", "Evaluation", "TestYear", "compare", "evaluate", "evaluate_curves",
    "evaluate_groups", "prepare_test_year",
]  # fmt: skip
