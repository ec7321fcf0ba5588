"""How a model treats groups of people: sizes, base rates, errors and calibration, each with its uncertainty.

Groups of fewer than `LEAST_ROWS` stops are not shown: their rates are too uncertain, and a small group may
identify persons. They are put together under one name, with a count, so that nothing is dropped silently.

References
----------
Hardt, Price and Srebro (2016), Equality of opportunity in supervised learning, NeurIPS (error rates by group).
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from sqf_pipeline.evaluation.bootstrap import (
    MetricDraws,
    Weights,
    effective_rows,
    metric_intervals,
    percentile_interval,
    wilson_interval,
)
from sqf_pipeline.evaluation.metrics import Floats, Forecast, calibration_gaps, confusion_cells, none_if_nan
from sqf_pipeline.evaluation.ranking_metrics import ranked_draws

LEAST_ROWS = 50
UNKNOWN = "unknown"
NOT_SHOWN = "groups not shown"
"""Name under which the stops of all groups smaller than `LEAST_ROWS` are counted, with no metrics."""

ATTRIBUTES = {"race": "suspect_race", "sex": "suspect_sex", "age band": "suspect_age", "borough": "borough"}
"""Attribute to the column that it is read from."""

AGE_EDGES = (0, 18, 25, 35, 45, 55, 200)
AGE_BANDS = ("under 18", "18 to 24", "25 to 34", "35 to 44", "45 to 54", "55 and over")

RATES = ("base_rate", "selection_rate", "false_positive_rate", "false_negative_rate")
BOOTSTRAPPED = ("roc_auc", "expected_calibration_error")
COLUMNS = (
    "attribute", "group_name", "rows", "positives",
    *(
        f"{name}{end}"
        for name in (*RATES, "mean_probability", *BOOTSTRAPPED)
        for end in ("", "_low", "_high")
    ),
)  # fmt: skip


def subgroup_labels(stops: pd.DataFrame) -> pd.DataFrame:
    """Return the group of each clean stop by each attribute, as strings; a missing value is the group `unknown`."""
    labels = {}
    for attribute, name in ATTRIBUTES.items():
        values = stops[name]
        if attribute == "age band":
            years = values.astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan)
            bands = pd.cut(pd.Series(years), AGE_EDGES, right=False, labels=AGE_BANDS)
            values = pd.Series(bands.astype("string").to_numpy(), index=stops.index, dtype="string")
        labels[attribute] = values.astype("string").fillna(UNKNOWN)
    return pd.DataFrame(labels, index=stops.index)


def subgroup_metrics(
    forecast: Forecast,
    labels: pd.DataFrame,
    *,
    threshold: float,
    clusters: ArrayLike,
    weights: Weights,
    least_rows: int = LEAST_ROWS,
) -> pd.DataFrame:
    """Return the metrics of every group of every attribute, a frame with the columns `COLUMNS`.

    Rates have Wilson intervals on the effective number of rows (persons of one encounter counted as if they shared
    their fate). A group `groups not shown` gives only the rows and positives of all groups too small. Rates and AUC are
    missing in a group without positives, or without negatives, as the case is.

    Parameters
    ----------
    labels
        Group of each stop by attribute, shape (rows, attributes), from `subgroup_labels`.
    threshold
        Probability from which a stop is flagged: the threshold in use.
    clusters, weights
        Encounter of each stop, and resamples of encounters for the intervals of what is not a rate.
    least_rows
        Least stops that a group needs to be shown.
    """
    if len(labels) != forecast.rows:
        raise ValueError(f"labels have {len(labels)} rows, the forecast {forecast.rows}")
    groups = np.asarray(clusters)
    frames = []
    for attribute in labels.columns:
        names = labels[attribute].to_numpy(dtype=object)
        sizes = labels[attribute].value_counts()
        kept = np.isin(names, [name for name, rows in sizes.items() if rows >= least_rows])
        rows: list[dict[str, object]] = []
        for name in sorted(set(names[kept]), key=_group_order):
            inside = names == name
            of_group = forecast.take(inside)
            summary = _summary(of_group, threshold)
            bounds = _intervals(of_group, groups[inside], weights[:, inside], summary)
            rows.append({"group_name": name, **summary, **bounds})
        if not kept.all():
            rest = forecast.take(~kept)
            rows.append({"group_name": NOT_SHOWN, "rows": rest.rows, "positives": int(rest.actual.sum())})
        frames.append(pd.DataFrame(rows).assign(attribute=attribute))
    table = pd.concat(frames, ignore_index=True).reindex(columns=list(COLUMNS))
    kinds = {"attribute": "string", "group_name": "string", "rows": "int64", "positives": "int64"}
    return table.astype(dict.fromkeys(COLUMNS, "Float64") | kinds)


def _group_order(name: str) -> tuple[bool, int, str]:
    """Sort ages by age, the rest by name, and the unknown last."""
    return name == UNKNOWN, AGE_BANDS.index(name) if name in AGE_BANDS else 0, name


def _summary(forecast: Forecast, threshold: float) -> dict[str, Any]:
    """Return what needs no resampling of a group; a rate is None where there is nobody whom it is a share of."""
    tn, fp, fn, tp = (float(count) for count in confusion_cells(forecast, threshold).sum(axis=0))
    once = np.ones((1, forecast.rows), dtype=np.uint8)
    return {
        "rows": forecast.rows,
        "positives": int(tp + fn),
        "base_rate": (tp + fn) / forecast.rows,
        "selection_rate": (tp + fp) / forecast.rows,
        "false_positive_rate": fp / (tn + fp) if tn + fp else None,
        "false_negative_rate": fn / (tp + fn) if tp + fn else None,
        "mean_probability": float(forecast.probability.mean()),
        **{name: none_if_nan(value[0]) for name, value in _bootstrapped(forecast, once).items()},
    }


def _bootstrapped(forecast: Forecast, weights: Weights) -> dict[str, Floats]:
    """Return the metrics of `BOOTSTRAPPED` for each reweighting."""
    columns = np.column_stack([np.ones(forecast.rows), calibration_gaps(forecast)])
    rows, *gaps = (weights.astype(np.float64) @ columns).T
    with np.errstate(invalid="ignore"):
        error = np.abs(gaps).sum(axis=0) / rows
    return dict(
        zip(BOOTSTRAPPED, (ranked_draws(forecast.actual, forecast.score, weights, "roc_auc"), error), strict=True)
    )


def _intervals(forecast: Forecast, clusters: NDArray[Any], weights: Weights, row: dict[str, Any]) -> dict[str, object]:
    """Return the bounds of a group's rates (Wilson, on effective rows) and other metrics (bootstrap)."""
    everybody = np.ones(forecast.rows, dtype=bool)
    bounds: dict[str, object] = {}
    for rate, among in zip(RATES, (everybody, everybody, ~forecast.actual, forecast.actual), strict=True):
        ends = wilson_interval(row[rate], effective_rows(clusters[among]))
        bounds[f"{rate}_low"], bounds[f"{rate}_high"] = ends
    estimates = {name: np.nan if row[name] is None else row[name] for name in BOOTSTRAPPED}
    drawn = metric_intervals(MetricDraws(estimates, _bootstrapped(forecast, weights)))
    for found in drawn.itertuples():
        bounds |= {f"{found.metric}_low": found.low, f"{found.metric}_high": found.high}
    mean = (weights @ forecast.probability) / np.maximum(weights.sum(axis=1), 1)
    bounds["mean_probability_low"], bounds["mean_probability_high"] = percentile_interval(mean)
    return bounds
