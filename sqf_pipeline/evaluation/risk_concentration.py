"""Where the risk lies: how few stops hold most of the outcomes, and what one threshold finds in each group of people.

References
----------
Goel, Rao and Shroff (2016), Precinct or prejudice?, Annals of Applied Statistics 10 (concentration of weapons).
Koh et al. (2021), WILDS: a benchmark of in-the-wild distribution shifts, ICML, appendix F.1 (one threshold for all at a
recall of 60 %, precision by group).
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sqf_pipeline.evaluation.bootstrap import Weights, estimate_and_ends, with_the_stops
from sqf_pipeline.evaluation.metrics import Floats, Forecast
from sqf_pipeline.evaluation.subgroups import LEAST_ROWS, NOT_SHOWN

CONCENTRATIONS = (0.5, 0.9)
"""Shares of the positives whose riskiest stops are counted."""
LOW_RISK = 0.01
RECALL = 0.6
ATTRIBUTES = ("race", "borough")
EVERYBODY = "all"


def flagged_at_recall(forecast: Forecast, weights: NDArray[Any], recall: float) -> NDArray[np.bool_]:
    """Return the stops at or above the highest score that reaches a recall, found anew in each resample.

    bool of shape (resamples, rows), as `weights`, whole numbers that say how often each stop counts. Stops of equal
    score are flagged together; nobody is flagged in a resample without positives. `recall` is in (0, 1].
    """
    positive = np.flatnonzero(forecast.actual)
    falling = positive[np.argsort(-forecast.score[positive], kind="stable")]
    if not len(falling):
        return np.zeros(weights.shape, dtype=bool)
    found = np.cumsum(weights[:, falling], axis=1, dtype=np.int64)
    total = found[:, -1]
    place = np.argmax(found >= recall * total[:, None] - 1e-9, axis=1)
    threshold = np.where(total > 0, forecast.score[falling[place]], np.inf)
    return np.asarray(forecast.score >= threshold[:, None])


def risk_concentration(forecast: Forecast, weights: Weights) -> pd.DataFrame:
    """Return the share of stops, riskiest first, that holds half and nine tenths of the weapons found.

    `forecast` is of a weapon, `weights` are resamples of encounters, shape (resamples, rows).

    Returns
    -------
    Frame of weapons_share, stops_share with low and high, stops_below_1_percent (share of stops with a calibrated
    probability below 1 %) and weapons_there (number of weapons found in them). Shares are missing without weapons.
    """
    low_risk = forecast.probability < LOW_RISK
    rows = []
    for share in CONCENTRATIONS:
        figures = estimate_and_ends(_share_flagged(forecast, weights, share))
        rows.append((share, *figures, low_risk.mean(), int(forecast.actual[low_risk].sum())))
    names = ["weapons_share", "stops_share", "low", "high", "stops_below_1_percent", "weapons_there"]
    return pd.DataFrame(rows, columns=names).astype(dict.fromkeys(names[1:4], "Float64"))


def _share_flagged(forecast: Forecast, weights: Weights, recall: float) -> Floats:
    """Return the share of stops flagged at a recall, first of the stops as they are, then of each resample."""
    every = with_the_stops(weights)
    flagged = flagged_at_recall(forecast, every, recall)
    share = np.einsum("ij,ij->i", every, flagged, dtype=np.float64) / every.sum(axis=1)
    return np.where(flagged.any(axis=1), share, np.nan)


def precision_at_recall(forecast: Forecast, labels: pd.DataFrame, weights: Weights) -> pd.DataFrame:
    """Return what one threshold for everybody, that finds `RECALL` of all positives, does in each group of people.

    `labels` are the groups of the stops by attribute, from `subgroup_labels`; `weights` are resamples of encounters,
    shape (resamples, rows), in each of which the threshold is chosen anew.

    Returns
    -------
    Frame of recall, attribute, group_name, stops, positives, flagged, precision, precision_low, precision_high,
    group_recall, group_recall_low, group_recall_high; first everybody, then groups by name. Of groups of fewer than
    `LEAST_ROWS` stops only the numbers of stops and positives of all of them together are given.
    """
    groups, hidden = _groups(forecast, labels)
    every = with_the_stops(weights)
    flagged = every * flagged_at_recall(forecast, every, RECALL)
    inside = np.column_stack([mask for _, _, mask in groups]).astype(np.float32)  # counts are far below 2 ** 24
    positives = inside * forecast.actual[:, None]
    named, hits = (flagged.astype(np.float32) @ matrix for matrix in (inside, positives))
    there = every.astype(np.float32) @ positives
    with np.errstate(divide="ignore", invalid="ignore"):
        precision, found = (hits / named).astype(np.float64), (hits / there).astype(np.float64)
    shares = [f"{title}{end}" for title in ("precision", "group_recall") for end in ("", "_low", "_high")]
    rows: list[dict[str, object]] = []
    for place, (attribute, name, mask) in enumerate(groups):
        row: dict[str, object] = {"attribute": attribute, "group_name": name, "stops": int(mask.sum())}
        row |= {"positives": int(there[0, place]), "flagged": int(named[0, place])}
        figures = (*estimate_and_ends(precision[:, place]), *estimate_and_ends(found[:, place]))
        rows.append(row | dict(zip(shares, figures, strict=True)))
    table = pd.DataFrame(rows + hidden).assign(recall=RECALL)
    names = ["recall", "attribute", "group_name", "stops", "positives", "flagged", *shares]
    return table[names].astype(dict.fromkeys(shares, "Float64") | {"flagged": "Int64"})


def _groups(
    forecast: Forecast, labels: pd.DataFrame
) -> tuple[list[tuple[str, str, NDArray[np.bool_]]], list[dict[str, object]]]:
    """Return the groups that are shown, as attribute, name and mask, and rows that count those that are not."""
    groups = [(EVERYBODY, EVERYBODY, np.ones(forecast.rows, dtype=bool))]
    hidden: list[dict[str, object]] = []
    for attribute in ATTRIBUTES:
        names = labels[attribute].to_numpy(dtype=object)
        sizes = labels[attribute].value_counts()
        shown = sorted(str(name) for name, rows in sizes.items() if rows >= LEAST_ROWS)
        groups += [(attribute, name, names == name) for name in shown]
        rest = ~np.isin(names, shown)
        if rest.any():
            counted = {"stops": int(rest.sum()), "positives": int(forecast.actual[rest].sum())}
            hidden.append({"attribute": attribute, "group_name": NOT_SHOWN, **counted})
    return groups, hidden
