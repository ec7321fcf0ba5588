"""Metrics of ranking, for many reweightings of the same scores by one sort.

References
----------
Hanley and McNeil (1982), The meaning and use of the area under a ROC curve, Radiology 143.
Davis and Goadrich (2006), The relationship between precision-recall and ROC curves, ICML (average precision as a
sum of steps, without interpolation).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LIFT_SHARES = (0.01, 0.05, 0.10)
"""Shares of top-scored stops whose lift is computed."""


@dataclass(frozen=True)
class Ranking:
    """Rows in falling order of score, and where each run of equal scores starts.

    Attributes
    ----------
    order
        Positions of the rows, shape (rows,).
    starts
        Where in `order` each distinct score starts, shape (scores,).
    positive
        1.0 where the row at that place of `order` has the outcome, shape (rows,).
    """

    order: NDArray[np.intp]
    starts: NDArray[np.intp]
    positive: Floats


@dataclass(frozen=True)
class RankTotals:
    """Weights at and down to each distinct score, each of shape (scores, resamples)."""

    positives_here: Floats
    negatives_here: Floats
    positives: Floats
    negatives: Floats


def rank(actual: NDArray[np.bool_], score: Floats) -> Ranking:
    """Return the ranking of scores, highest first."""
    order = np.argsort(-score, kind="stable")
    falling = score[order]
    starts = np.concatenate([[0], np.flatnonzero(np.diff(falling)) + 1]).astype(np.intp)
    return Ranking(order, starts, actual[order].astype(np.float64))


def rank_totals(ranking: Ranking, weights: Floats) -> RankTotals:
    """Return running totals of weights, shape (resamples, rows), down the ranking.

    Resamples are laid along the last axis, so that each step of the running sum adds whole vectors.
    """
    everyone = np.ascontiguousarray(weights.T)[ranking.order]
    positives = everyone * ranking.positive[:, None]
    negatives = everyone - positives
    if len(ranking.starts) < len(ranking.order):
        positives = np.add.reduceat(positives, ranking.starts, axis=0)
        negatives = np.add.reduceat(negatives, ranking.starts, axis=0)
    return RankTotals(positives, negatives, np.cumsum(positives, axis=0), np.cumsum(negatives, axis=0))


def rank_metrics(totals: RankTotals) -> dict[str, Floats]:
    """Return ROC AUC, average precision and lifts, each of shape (resamples,); nan where not defined."""
    all_positive, all_negative = totals.positives[-1], totals.negatives[-1]
    flagged = totals.positives + totals.negatives
    with np.errstate(divide="ignore", invalid="ignore"):
        # each negative is beaten by the positives above its score, and half of those at its score
        above = totals.positives - 0.5 * totals.positives_here
        area = np.einsum("ij,ij->j", above, totals.negatives_here) / (all_positive * all_negative)
        precision = np.divide(totals.positives, flagged, out=np.zeros_like(flagged), where=flagged > 0)
        average = np.einsum("ij,ij->j", precision, totals.positives_here) / all_positive
        result = {"roc_auc": area, "average_precision": average}
        for share in LIFT_SHARES:
            result[f"lift_at_{round(share * 100)}_percent"] = _lift(totals, flagged, share)
    return result


def recall_at_precision(totals: RankTotals, precision: float) -> Floats:
    """Return the largest recall at which precision is still at least `precision`, shape (resamples,).

    Read off the curve of the stops at hand: what some threshold would reach, not one that was chosen before.
    Zero where no threshold reaches the precision, nan without positives.

    >>> ranking = rank(np.array([True, False, True]), np.array([0.9, 0.8, 0.7]))
    >>> totals = rank_totals(ranking, np.ones((1, 3)))
    >>> [float(recall_at_precision(totals, precision)[0]) for precision in (1.0, 0.6)]
    [0.5, 1.0]
    """
    reached = totals.positives >= precision * (totals.positives + totals.negatives) - 1e-9
    reached &= totals.positives + totals.negatives > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.max(np.where(reached, totals.positives, 0.0), axis=0) / totals.positives[-1]


def _lift(totals: RankTotals, flagged: Floats, share: float) -> Floats:
    """Return the share of positives in the top `share`, over the share in all; ties broken at random, on average."""
    wanted = share * flagged[-1]
    place = np.argmax(flagged >= wanted - 1e-9, axis=0)
    column = np.arange(len(wanted))
    positives_here = totals.positives_here[place, column]
    here = positives_here + totals.negatives_here[place, column]
    missing = flagged[place, column] - wanted  # how far the last run of equal scores overshoots
    found = totals.positives[place, column] - positives_here * missing / here
    return (found / wanted) / (totals.positives[-1] / flagged[-1])
