"""Metrics of ranking, for many reweightings of the same scores by one sort.

References
----------
Hanley and McNeil (1982), The meaning and use of the area under a ROC curve, Radiology 143.
Davis and Goadrich (2006), The relationship between precision-recall and ROC curves, ICML (average precision as a
sum of steps, without interpolation).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LIFT_SHARES = (0.01, 0.05, 0.10)
"""Shares of top-scored stops whose lift is computed."""

_CHUNK = 32  # resamples at a time: what 10,000 stops need then stays in the processor's cache


@dataclass(frozen=True)
class Ranking:
    """Rows in falling order of score, and where each run of equal scores starts."""

    order: NDArray[np.intp]  # positions of the rows, shape (rows,)
    edges: NDArray[np.intp]  # where in `order` each distinct score starts, and the number of rows, shape (scores + 1,)
    positive: NDArray[np.bool_]  # whether the row at that place of `order` has the outcome, shape (rows,)


@dataclass(frozen=True)
class RankTotals:
    """Running totals of weights down a ranking, whole numbers where the weights are, resamples along the last axis."""

    everyone: NDArray[Any]  # of all rows, from none of them, shape (1 + rows, resamples)
    found: NDArray[Any]  # of rows with the outcome alone, likewise
    edges: NDArray[np.intp]
    edges_found: NDArray[np.intp]
    """Where in `everyone` and in `found` each distinct score starts, and their ends, shape (scores + 1,)."""

    @cached_property
    def steps(self) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Return positives above and down to each score that some positive has, and all rows above and down to it.

        Other scores add nothing to a sum over positives; each of shape (scores with a positive, resamples).
        """
        here = np.flatnonzero(np.diff(self.edges_found))
        found = (self.found[self.edges_found[place]] for place in (here, here + 1))
        everyone = (self.everyone[self.edges[place]] for place in (here, here + 1))
        return *found, *everyone  # type: ignore[return-value]


def rank(actual: NDArray[np.bool_], score: Floats) -> Ranking:
    """Return the ranking of scores, highest first."""
    order = np.argsort(-score, kind="stable")
    inner = np.flatnonzero(np.diff(score[order])) + 1
    return Ranking(order, np.concatenate([[0], inner, [len(order)]]).astype(np.intp), actual[order])


def rank_totals(ranking: Ranking, weights: NDArray[Any]) -> RankTotals:
    """Return running totals of weights, shape (resamples, rows), down the ranking.

    Resamples are laid along the last axis, so that each step of the running sum adds whole vectors.
    """
    falling = np.ascontiguousarray(weights.T)[ranking.order]
    edges_found = np.concatenate([[0], np.cumsum(ranking.positive)])[ranking.edges]
    return RankTotals(_running(falling), _running(falling[ranking.positive]), ranking.edges, edges_found)


def _running(weights: NDArray[Any]) -> NDArray[Any]:
    """Return running sums from 0; of whole numbers as whole numbers, which are half as wide and exact."""
    sums = np.zeros((len(weights) + 1, weights.shape[1]), np.int32 if weights.dtype.kind in "biu" else np.float64)
    np.cumsum(weights, axis=0, out=sums[1:])
    return sums


def area_under_roc(totals: RankTotals) -> Floats:
    """Return the ROC AUC, shape (resamples,); nan where not defined."""
    above, down_to, all_above, all_down_to = totals.steps
    negatives = totals.everyone[-1] - totals.found[-1]
    # each positive beats the negatives below its score, and half of those at its score
    beaten = negatives - 0.5 * ((all_above - above) + (all_down_to - down_to))
    with np.errstate(divide="ignore", invalid="ignore"):
        area = np.einsum("ij,ij->j", (down_to - above).astype(np.float64), beaten)
        return np.asarray(area / (totals.found[-1].astype(np.float64) * negatives))


def average_precision(totals: RankTotals) -> Floats:
    """Return the average precision, shape (resamples,); nan without positives."""
    above, down_to, _, everyone = totals.steps
    with np.errstate(divide="ignore", invalid="ignore"):
        precision = down_to / np.where(everyone > 0, everyone, 1)
        return np.asarray(np.einsum("ij,ij->j", precision, (down_to - above).astype(np.float64)) / totals.found[-1])


def lift(totals: RankTotals, share: float) -> Floats:
    """Return the share of positives in the top `share`, over the share in all; ties broken at random, on average."""
    everyone = totals.everyone
    wanted = share * everyone[-1]
    column = np.arange(len(wanted))
    low, high = np.zeros(len(wanted), np.intp), np.full(len(wanted), len(everyone) - 1)
    while (low < high).any():
        middle = (low + high) // 2
        reached = everyone[middle, column] >= wanted - 1e-9
        low, high = np.where(reached, low, middle + 1), np.where(reached, middle, high)
    run = np.searchsorted(totals.edges, low)  # the distinct score whose rows reach the share ends here
    all_above, all_down_to = (everyone[totals.edges[place], column] for place in (run - 1, run))
    above, down_to = (totals.found[totals.edges_found[place], column] for place in (run - 1, run))
    with np.errstate(divide="ignore", invalid="ignore"):
        found = down_to - (down_to - above) * (all_down_to - wanted) / (all_down_to - all_above)
        return np.asarray((found / wanted) / (totals.found[-1] / everyone[-1]))


RANK_METRICS: Mapping[str, Callable[[RankTotals], Floats]] = {
    "roc_auc": area_under_roc,
    "average_precision": average_precision,
    **{f"lift_at_{round(share * 100)}_percent": partial(lift, share=share) for share in LIFT_SHARES},
}
"""Each metric of ranking by name: what makes it of running totals."""


def weight_chunks(weights: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Yield a few resamples at a time, shape (resamples, rows)."""
    for start in range(0, len(weights), _CHUNK):
        yield weights[start : start + _CHUNK]


def ranked_draws(actual: NDArray[np.bool_], score: Floats, weights: NDArray[Any], measure: str) -> Floats:
    """Return one of `RANK_METRICS` of each reweighting, shape (resamples,); weights of shape (resamples, rows)."""
    ranking = rank(actual, score)
    return np.concatenate([RANK_METRICS[measure](rank_totals(ranking, chunk)) for chunk in weight_chunks(weights)])


def recall_at_precision(totals: RankTotals, precision: float) -> Floats:
    """Return the largest recall at which precision is still at least `precision`, shape (resamples,).

    Read off the curve of the stops at hand: what some threshold would reach, not one that was chosen before.
    Zero where no threshold reaches the precision, nan without positives.

    >>> ranking = rank(np.array([True, False, True]), np.array([0.9, 0.8, 0.7]))
    >>> totals = rank_totals(ranking, np.ones((1, 3)))
    >>> [float(recall_at_precision(totals, precision)[0]) for precision in (1.0, 0.6)]
    [0.5, 1.0]
    """
    _, down_to, _, everyone = totals.steps
    reached = down_to >= precision * everyone - 1e-9
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.max(np.where(reached, down_to, 0), axis=0, initial=0) / totals.found[-1])
