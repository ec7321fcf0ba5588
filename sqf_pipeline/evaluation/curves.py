"""ROC and precision-recall curves with their uncertainty, as points to draw."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sqf_pipeline.evaluation.bootstrap import LEVEL
from sqf_pipeline.evaluation.metrics import Floats, Forecast
from sqf_pipeline.evaluation.ranking_metrics import Ranking, rank, rank_totals, weight_chunks

GRID_POINTS = 101
CURVE_RESAMPLES = 200


def curve_points(forecast: Forecast, weights: NDArray[Any]) -> pd.DataFrame:
    """Return both curves of a forecast on a grid, with pointwise bootstrap intervals.

    `weights` are resamples, shape (resamples, rows); a hundred or two are enough to draw. Raises ValueError when the
    forecast holds one outcome only: it has no curve.

    Returns
    -------
    Frame of curve (`roc` or `precision_recall`), x, y, low, high. For `roc`, x is the false and y the true
    positive rate; for `precision_recall`, x is recall and y the precision of the strictest threshold that
    reaches it.
    """
    if forecast.actual.all() or not forecast.actual.any():
        raise ValueError("a curve needs stops with and without the outcome, found one kind only")
    grid = np.linspace(0, 1, GRID_POINTS)
    ranking = rank(forecast.actual, forecast.score)
    whole = {name: curve[0] for name, curve in _curves(ranking, np.ones((1, forecast.rows)), grid).items()}
    parts = [_curves(ranking, chunk, grid) for chunk in weight_chunks(weights)]
    frames = []
    for name, curve in whole.items():
        drawn = np.concatenate([part[name] for part in parts])
        low, high = np.nanquantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
        frames.append(pd.DataFrame({"curve": name, "x": grid, "y": curve, "low": low, "high": high}))
    return pd.concat(frames, ignore_index=True)


def _curves(ranking: Ranking, weights: Floats, grid: Floats) -> dict[str, Floats]:
    """Return each curve on the grid, shape (resamples, points); nan for a resample of one outcome only."""
    totals = rank_totals(ranking, weights)
    roc = np.full((len(weights), len(grid)), np.nan)
    precision_recall = roc.copy()
    reached = np.maximum(grid - 1e-12, 1e-9)  # at no recall at all, precision is that of the first positive found
    above, down_to, all_above, all_down_to = (np.ascontiguousarray(part.T) for part in totals.steps)
    for number in range(len(weights)):
        positives, everyone = down_to[number], all_down_to[number]
        alarms = np.column_stack([all_above[number] - above[number], everyone - positives]).ravel()
        found, negatives = totals.found[-1, number], totals.everyone[-1, number] - totals.found[-1, number]
        if not found or not negatives:
            continue
        recall = np.column_stack([above[number], positives]).ravel() / found
        roc[number] = np.interp(grid, np.append(alarms / negatives, 1.0), np.append(recall, 1.0))
        place = np.minimum(np.searchsorted(positives / found, reached), len(positives) - 1)
        precision_recall[number] = positives[place] / everyone[place]
    return {"roc": roc, "precision_recall": precision_recall}
