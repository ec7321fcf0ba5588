"""How sure a metric is: bootstrap intervals of persons' stops, and of differences between models.

The unit that is resampled is the encounter. Several persons stopped at one time and place by one command are one
encounter; their rows share an outcome far more often than by chance (and a few of them are equal in everything
but the id), so that rows resampled one by one would make every interval too narrow. In 2020 about three rows in ten
belong to such an encounter.

References
----------
Efron and Tibshirani (1993), An Introduction to the Bootstrap (percentile interval, chapter 13).
Field and Welsh (2007), Bootstrapping clustered data, Journal of the Royal Statistical Society B 69.
Wilson (1927), Probable inference, the law of succession, and statistical inference, JASA 22.
Kish (1965), Survey Sampling (effective number of rows).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from sqf_pipeline.evaluation.metrics import METRICS, Floats, Forecast, none_if_nan, weighted_metrics

Weights = NDArray[np.uint8]

ENCOUNTER_COLUMNS = ("stop_date", "stop_time_seconds", "x_feet", "y_feet", "precinct", "issuing_officer_command")
"""Columns whose equality makes two rows persons of one encounter; missing values equal one another."""

RESAMPLES = 1000
LEVEL = 0.95
SEED = 1

_POSITIVELY_BIASED = frozenset({"expected_calibration_error"})
_ZERO = 1e-9  # what sums in another order may differ by
_LEAST_DEFINED = 0.5  # a metric that fewer resamples define has no interval


def stop_clusters(stops: pd.DataFrame) -> NDArray[np.intp]:
    """Return the encounter of each stop, numbered from 0, shape (rows,).

    Rows that are equal in everything but the id are always in one encounter. The numbers follow the order of
    the columns' values, not of the rows. Raises ValueError when a column of `ENCOUNTER_COLUMNS` is not in the frame.
    """
    absent = [name for name in ENCOUNTER_COLUMNS if name not in stops.columns]
    if absent:
        raise ValueError(f"stops lack the columns {absent}, by which persons of one encounter are known")
    encounter = stops.groupby(list(ENCOUNTER_COLUMNS), dropna=False, sort=True, observed=True).ngroup()
    return encounter.to_numpy(dtype=np.intp)


def resample_weights(clusters: ArrayLike, *, resamples: int = RESAMPLES, seed: int = SEED) -> Weights:
    """Return how often each row stands in each resample, uint8 of shape (resamples, rows).

    Each resample draws as many clusters as there are, with replacement, and takes all rows of each. The same
    seed gives the same weights, so that two models evaluated on them are paired.
    """
    groups = np.unique(np.asarray(clusters), return_inverse=True)[1]
    count = int(groups.max()) + 1
    generator = np.random.default_rng(seed)
    weights = np.empty((resamples, len(groups)), dtype=np.uint8)
    for row in weights:
        drawn = np.bincount(generator.integers(0, count, count), minlength=count)
        row[:] = np.minimum(drawn, np.iinfo(np.uint8).max)[groups]
    return weights


@dataclass(frozen=True)
class MetricDraws:
    """A forecast's metrics, and the same on every resample, by name of the metric."""

    estimates: dict[str, float]  # on the stops as they are; nan where not defined
    draws: dict[str, Floats]  # on the resamples, shape (resamples,)


def draw_metrics(
    forecast: Forecast,
    weights: Weights,
    *,
    training_share: float,
    threshold: float = 0.5,
    precisions: Sequence[float] = (),
) -> MetricDraws:
    """Compute the metrics of a forecast on its stops and on every resample; arguments as in `weighted_metrics`.

    The stops are measured by themselves: beside resamples, sums are added up in another order, and the last digit of
    an estimate would say whether there were any.
    """
    measured = partial(
        weighted_metrics, forecast, training_share=training_share, threshold=threshold, precisions=precisions
    )
    estimates = measured(np.ones((1, forecast.rows), dtype=weights.dtype))
    draws = measured(weights) if len(weights) else dict.fromkeys(estimates, np.empty(0))
    return MetricDraws({name: float(array[0]) for name, array in estimates.items()}, draws)


def percentile_interval(draws: Floats) -> tuple[float | None, float | None]:
    """Return the percentile interval of resampled values, or (None, None) when too few are defined."""
    defined = draws[np.isfinite(draws)]
    if len(defined) < max(_LEAST_DEFINED * len(draws), 2):
        return None, None
    low, high = np.quantile(defined, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def with_the_stops(weights: Weights) -> Weights:
    """Return resamples below a first one in which each stop stands once: shape (1 + resamples, rows)."""
    return np.concatenate([np.ones((1, weights.shape[1]), dtype=weights.dtype), weights])


def estimate_and_ends(drawn: Floats) -> tuple[float | None, float | None, float | None]:
    """Return a figure of the stops and its percentile interval from figures of shape (1 + resamples,).

    All are None where the figure of the stops themselves is not defined.
    """
    if not np.isfinite(drawn[0]):
        return None, None, None
    return float(drawn[0]), *percentile_interval(drawn[1:])


def metric_intervals(draws: MetricDraws) -> pd.DataFrame:
    """Return a frame of metrics with intervals: metric, estimate, low, high, level, resamples.

    `resamples` counts those in which the metric is defined. Undefined values are missing, never zero.

    Notes
    -----
    Intervals are percentile intervals. The expected calibration error is the exception: resampling adds its own
    noise to every bin, so that resampled errors lie above the estimate; they are moved back by the mean excess
    (and not below zero) before the percentiles are read.
    """
    rows = []
    for name, estimate in draws.estimates.items():
        values = draws.draws[name]
        defined = values[np.isfinite(values)]
        if name in _POSITIVELY_BIASED and len(defined) and np.isfinite(estimate):
            values = np.maximum(values - (defined.mean() - estimate), 0.0)
        low, high = percentile_interval(values) if np.isfinite(estimate) else (None, None)
        rows.append((name, none_if_nan(estimate), low, high, LEVEL, len(defined)))
    frame = pd.DataFrame(rows, columns=["metric", "estimate", "low", "high", "level", "resamples"])
    return frame.astype({"estimate": "Float64", "low": "Float64", "high": "Float64", "resamples": "int32"})


def paired_differences(first: MetricDraws, second: MetricDraws) -> pd.DataFrame:
    """Return how much better the first model is than the second, metric by metric, on the same resamples.

    Both must have been drawn with the same weights on the same stops; then what makes a year hard for both
    cancels, and the interval is narrower than that of either. Raises ValueError when the numbers of resamples differ.

    Returns
    -------
    Frame of metric, difference (first minus second), low, high, level, resamples, p_value, verdict. The verdict is
    `better`, `worse` (the interval of the gain excludes 0) or `undecided`; for metrics with an ideal between
    the ends, as the calibration slope, the gain is in distance from the ideal; without an ideal it is missing. The
    p-value is two-sided, of the gain over its bootstrap standard error on the normal distribution: counting
    resamples cannot distinguish one in a thousand from one in a million, which many pairs need.
    """
    rows = []
    for name in (name for name in first.estimates if name in second.estimates):
        left, right = (np.append(one.estimates[name], one.draws[name]) for one in (first, second))
        if left.shape != right.shape:
            sizes = f"{len(left) - 1} resamples against {len(right) - 1}"
            raise ValueError(f"{name}: {sizes}; draw both with the same weights")
        difference, gain = left - right, _gain(name, left, right)
        p_value = None if gain is None else _p_value(float(gain[0]), gain[1:])
        verdict = None if gain is None else _verdict(*percentile_interval(gain[1:]))
        ends, defined = percentile_interval(difference[1:]), int(np.isfinite(difference[1:]).sum())
        rows.append((name, none_if_nan(difference[0]), *ends, LEVEL, defined, p_value, verdict))
    columns = ["metric", "difference", "low", "high", "level", "resamples", "p_value", "verdict"]
    frame = pd.DataFrame(rows, columns=columns)
    numbers = dict.fromkeys(("difference", "low", "high", "p_value"), "Float64")
    return frame.astype(numbers | {"verdict": "string"})


def _gain(name: str, left: Floats, right: Floats) -> Floats | None:
    entry = METRICS.get(name)
    if entry is None or entry.better == "higher":
        return left - right
    if entry.better == "lower":
        return right - left
    return None if entry.ideal is None else np.abs(right - entry.ideal) - np.abs(left - entry.ideal)


def _p_value(gain: float, draws: Floats) -> float | None:
    """Return the two-sided p-value of a gain; None where it or too many of its resamples are not defined."""
    from scipy.special import ndtr

    defined = draws[np.isfinite(draws)]
    if not np.isfinite(gain) or len(defined) < max(_LEAST_DEFINED * len(draws), 2):
        return None
    spread = float(defined.std(ddof=1))
    if abs(gain) <= _ZERO:
        return 1.0
    return float(2 * ndtr(-abs(gain) / spread)) if spread > 0 else 0.0


def _verdict(low: float | None, high: float | None) -> str | None:
    if low is None or high is None:
        return None
    return "better" if low > _ZERO else "worse" if high < -_ZERO else "undecided"


def effective_rows(clusters: ArrayLike) -> float:
    """Return how many independent rows the rows are worth if persons of one encounter always share their fate.

    Kish's n^2 / sum of squared cluster sizes: the cautious end, since they share it often, not always.
    """
    sizes = np.unique(np.asarray(clusters), return_counts=True)[1].astype(np.float64)
    return float(sizes.sum() ** 2 / (sizes**2).sum()) if len(sizes) else 0.0


def wilson_interval(share: float, rows: float) -> tuple[float | None, float | None]:
    """Return Wilson's score interval of a share observed in `rows` (effective) rows; (None, None) for none.

    Unlike a bootstrap, it stays honest at 0 and at 1, where every resample says the same.

    >>> [round(end, 3) for end in wilson_interval(0.5, 100)]
    [0.404, 0.596]
    >>> [round(end, 3) for end in wilson_interval(0.0, 10)]
    [0.0, 0.278]
    """
    from scipy.special import ndtri

    if rows <= 0 or not np.isfinite(share):
        return None, None
    z = float(ndtri((1 + LEVEL) / 2))
    centre = (share + z**2 / (2 * rows)) / (1 + z**2 / rows)
    half = z / (1 + z**2 / rows) * np.sqrt(share * (1 - share) / rows + z**2 / (4 * rows**2))
    # at 0 and at 1 rounding may put the end a hair inside the share
    return max(0.0, min(share, float(centre - half))), min(1.0, max(share, float(centre + half)))
