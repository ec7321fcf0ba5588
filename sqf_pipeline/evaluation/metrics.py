"""How good a model's probabilities are, as numbers.

A metric that is not defined is None (nan in arrays), never a guess: the ROC AUC of one class, the precision of a
model that flags nobody, the calibration slope of a constant.

References
----------
Brier (1950), Verification of forecasts expressed in terms of probability, Monthly Weather Review 78.
Guo et al. (2017), On calibration of modern neural networks, ICML (expected calibration error).
Those of ranking and of recalibration stand in `ranking_metrics` and `recalibration`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sqf_pipeline.errors import SqfError
from sqf_pipeline.evaluation.ranking_metrics import RANK_METRICS, rank, rank_totals, recall_at_precision, weight_chunks
from sqf_pipeline.evaluation.recalibration import Recalibration, fit_recalibration
from sqf_pipeline.registry.metric_definitions import load_metrics

Floats = NDArray[np.float64]

CALIBRATION_BINS = 10
"""Bins of equal mass (as many rows in each as ties allow) of the calibration table and error."""

CELLS = ("tn", "fp", "fn", "tp")

METRICS = load_metrics()
"""Every metric by name, as `registry/metrics.csv` defines it."""


@dataclass(frozen=True)
class Forecast:
    """What a model said about stops, and what happened, each of shape (rows,); `make_forecast` makes and checks it."""

    actual: NDArray[np.bool_]  # whether the outcome happened
    probability: Floats  # of the outcome, each within [0, 1]
    score: Floats  # what the stops are ranked by; the probability unless calibration made ties

    @property
    def rows(self) -> int:
        """Number of stops."""
        return len(self.actual)

    def take(self, mask: NDArray[Any]) -> "Forecast":
        """Return the forecast of the chosen rows alone (a boolean mask or positions)."""
        return Forecast(self.actual[mask], self.probability[mask], self.score[mask])


def _as_floats(values: ArrayLike, name: str) -> Floats:
    try:
        numbers = np.asarray(values, dtype=np.float64)
    except TypeError as error:  # None and pandas.NA have no float in an array of objects
        raise ValueError(f"{name} holds missing values: leave those stops out, and count them, first") from error
    if numbers.ndim != 1:
        raise ValueError(f"{name} must have one dimension, found shape {numbers.shape}")
    missing = int(np.count_nonzero(~np.isfinite(numbers)))
    if missing:
        raise ValueError(
            f"{name} holds {missing} of {len(numbers)} values that are missing or infinite: leave those stops "
            "out, and count them, first"
        )
    return numbers


def make_forecast(actual: ArrayLike, probability: ArrayLike, score: ArrayLike | None = None) -> Forecast:
    """Return a checked forecast from arrays of shape (rows,).

    `actual` is bool, or 0 and 1. Stops of unknown outcome must have been left out (and counted) before, because no
    metric can use them. `score` is what to rank by, where the ranking must not lose what calibration ties; the
    probability if None. Raises ValueError when there are no rows, lengths differ, a value is missing, an outcome is
    neither 0 nor 1, or a probability lies outside [0, 1].
    """
    outcomes = _as_floats(actual, "actual")
    chances = _as_floats(probability, "probability")
    ranks = chances if score is None else _as_floats(score, "score")
    if not len(outcomes):
        raise ValueError("a forecast needs at least one stop, found none")
    if not len(outcomes) == len(chances) == len(ranks):
        raise ValueError(f"lengths differ: actual {len(outcomes)}, probability {len(chances)}, score {len(ranks)}")
    strange = int(np.count_nonzero((outcomes != 0) & (outcomes != 1)))
    if strange:
        raise ValueError(f"actual must be 0 or 1, found {strange} other values")
    if chances.min() < 0 or chances.max() > 1:
        raise ValueError(f"probability must be within [0, 1], found {chances.min():g} to {chances.max():g}")
    return Forecast(outcomes.astype(bool), chances, ranks)


def unknown_outcome(model: str, target: str) -> SqfError:
    """Return what is raised when a model cannot be evaluated because no test stop has a known outcome."""
    return SqfError(
        f"The model {model} cannot be measured: the column {target} is empty in every stop of the test year. Look at "
        "the published file of that year, or use another test year."
    )


def equal_mass_bin_index(values: Floats, bins: int = CALIBRATION_BINS) -> NDArray[np.intp]:
    """Return the bin of each value, 0 .. at most `bins` - 1, as many rows in each bin as ties allow.

    Equal values always share a bin, so that the result does not depend on the order of rows; bins that ties
    leave empty are skipped.
    """
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    middle_rank = np.cumsum(counts) - (counts + 1) / 2  # mean position of each distinct value, from 0
    raw = np.minimum(((middle_rank + 0.5) / len(values) * bins).astype(np.intp), bins - 1)
    return np.unique(raw[inverse], return_inverse=True)[1]


def confusion_metrics(tn: Floats, fp: Floats, fn: Floats, tp: Floats) -> dict[str, Floats]:
    """Return the metrics of counts (of any equal shapes); nan where one is not defined."""
    with np.errstate(divide="ignore", invalid="ignore"):
        total = tn + fp + fn + tp
        return {
            "accuracy": (tp + tn) / total,
            "balanced_accuracy": (tp / (tp + fn) + tn / (tn + fp)) / 2,
            "precision": tp / (tp + fp),
            "recall": tp / (tp + fn),
            "f1": np.where(tp + fn > 0, 2 * tp / (2 * tp + fp + fn), np.nan),
            "flagged_share": (tp + fp) / total,
        }


def confusion_cells(forecast: Forecast, threshold: float) -> Floats:
    """Return where each stop stands, 0 and 1 of shape (rows, 4): tn, fp, fn, tp.

    A stop is flagged when its probability is at least the threshold.

    >>> forecast = make_forecast([True, True, False, False], [0.9, 0.2, 0.5, 0.1])
    >>> [int(count) for count in confusion_cells(forecast, 0.5).sum(axis=0)]
    [1, 1, 1, 1]
    """
    flagged, actual = forecast.probability >= threshold, forecast.actual
    cells = (~flagged & ~actual, flagged & ~actual, ~flagged & actual, flagged & actual)
    return np.column_stack(cells).astype(np.float64)


def _sum_columns(forecast: Forecast, training_share: float) -> Floats:
    actual = forecast.actual.astype(np.float64)
    floor = np.finfo(np.float64).eps  # as in scikit-learn's log_loss
    kept = np.clip(forecast.probability, floor, 1 - floor)
    return np.column_stack(
        [
            np.ones_like(actual),
            actual,
            (forecast.probability - actual) ** 2,
            (training_share - actual) ** 2,
            -np.where(forecast.actual, np.log(kept), np.log1p(-kept)),
        ]
    )


def calibration_gaps(forecast: Forecast, bins: int = CALIBRATION_BINS) -> Floats:
    """Return columns, one a bin, whose weighted sums are its predicted minus its observed positives."""
    index = equal_mass_bin_index(forecast.probability, bins)
    columns = np.zeros((forecast.rows, index.max() + 1))
    columns[np.arange(forecast.rows), index] = forecast.probability - forecast.actual
    return columns


def weighted_metrics(
    forecast: Forecast,
    weights: NDArray[Any],
    *,
    training_share: float,
    threshold: float = 0.5,
    bins: int = CALIBRATION_BINS,
    precisions: Sequence[float] = (),
) -> dict[str, Floats]:
    """Return every metric for each reweighting of a forecast.

    One sort serves all resamples. Calibration intercepts and slopes are one Chebyshev step from the unweighted
    fit, which is exact to third order.

    Parameters
    ----------
    weights
        How often each stop counts, shape (resamples, rows), any numeric dtype, not negative.
    training_share
        Share of positives in the training set: what a model without features would always say.
    threshold
        Probability from which a stop counts as flagged, for the metrics of classification.
    bins
        Bins of equal mass for the calibration error; their edges come from the unweighted rows.
    precisions
        Precisions at which the recall is read off the curve, as `recall_at_precision_0.15` for 0.15.

    Returns
    -------
    Metric name to float64 array of shape (resamples,); nan where a metric is not defined.
    """
    if weights.ndim != 2 or weights.shape[1] != forecast.rows:
        raise ValueError(f"weights must have shape (resamples, {forecast.rows}), found {weights.shape}")
    if not 0 <= training_share <= 1:
        raise ValueError(f"training_share must be within [0, 1], found {training_share}")
    ranking = rank(forecast.actual, forecast.score)
    recalibration = fit_recalibration(forecast.actual.astype(np.float64), forecast.probability)
    columns = [
        _sum_columns(forecast, training_share),
        recalibration.columns,
        confusion_cells(forecast, threshold),
        calibration_gaps(forecast, bins),
    ]
    ends = np.cumsum([part.shape[1] for part in columns[:-1]])
    together = np.column_stack(columns)
    parts: list[dict[str, Floats]] = []
    for chunk in weight_chunks(weights):
        totals = rank_totals(ranking, chunk)
        part = _metrics_of_sums(recalibration, *np.split(chunk.astype(np.float64) @ together, ends, axis=1))
        part |= {name: measure(totals) for name, measure in RANK_METRICS.items()}
        part |= {recall_at_precision_name(target): recall_at_precision(totals, target) for target in precisions}
        parts.append(part)
    names = [*METRICS, *(recall_at_precision_name(target) for target in precisions)]
    return {name: np.concatenate([part[name] for part in parts]) for name in names}


def _metrics_of_sums(
    recalibration: Recalibration, sums: Floats, adjusted: Floats, cells: Floats, gaps: Floats
) -> dict[str, Floats]:
    """Return the metrics that weighted sums give: of `_sum_columns`, recalibration, confusion and calibration gaps."""
    total, positive, brier, constant, loss = sums.T
    with np.errstate(divide="ignore", invalid="ignore"):
        one_class = positive % total == 0
        return confusion_metrics(*cells.T) | {
            "brier_score": brier / total,
            "brier_skill": np.where(constant > 0, 1 - brier / constant, np.nan),
            "log_loss": loss / total,
            "calibration_intercept": np.where(one_class, np.nan, recalibration.intercepts(adjusted)),
            "calibration_slope": np.where(one_class, np.nan, recalibration.slopes(adjusted)),
            "expected_calibration_error": np.abs(gaps).sum(axis=1) / total,
        }


def recall_at_precision_name(precision: float) -> str:
    """Return the name of the metric "recall at this precision, read off the curve"."""
    return f"recall_at_precision_{precision:g}"


def none_if_nan(value: float) -> float | None:
    """Return a float, or None for nan and infinity, as tables and JSON want it."""
    return float(value) if np.isfinite(value) else None
