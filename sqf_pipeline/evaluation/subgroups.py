"""How a model treats groups of people: sizes, base rates, errors and calibration, each with its uncertainty.

Groups of fewer than `LEAST_ROWS` stops are not shown: their rates are too uncertain, and a small group may
identify persons. They are put together under one name, with a count, so that nothing is dropped silently.

References
----------
Bird et al. (2020), Fairlearn: a toolkit for assessing and improving fairness in AI (MetricFrame).
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
from sqf_pipeline.evaluation.metrics import (
    Floats,
    Forecast,
    calibration_gaps,
    confusion_cells,
    none_if_nan,
)
from sqf_pipeline.evaluation.ranking_metrics import ranked_draws

LEAST_ROWS = 50
UNKNOWN = "unknown"
NOT_SHOWN = "groups not shown"
"""Name under which the stops of all groups smaller than `LEAST_ROWS` are counted, with no metrics."""

ATTRIBUTES = {
    "race": "suspect_race",
    "sex": "suspect_sex",
    "age band": "suspect_age",
    "borough": "borough",
}
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
    """Return the group of each stop by each attribute, as strings; a missing value is the group `unknown`.

    Parameters
    ----------
    stops
        Clean stops with the columns of `ATTRIBUTES`; age in years.
    """
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
    """Return the metrics of every group of every attribute.

    Parameters
    ----------
    forecast
        Probabilities and outcomes of `rows` stops.
    labels
        Group of each stop by attribute, shape (rows, attributes), from `subgroup_labels`.
    threshold
        Probability from which a stop is flagged: the threshold in use.
    clusters
        Encounter of each stop, from `stop_clusters`.
    weights
        Resamples of encounters, from `resample_weights`, for the intervals of what is not a rate.
    least_rows
        Least stops that a group needs to be shown.

    Returns
    -------
    Frame with the columns `COLUMNS`. Rates have Wilson intervals on the effective number of rows (persons of one
    encounter counted as if they shared their fate). A group `groups not shown` gives only the rows and
    positives of all groups too small.

    Notes
    -----
    Rates and AUC are undefined, and missing, in a group without positives, or without negatives, as the case is.
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
        for summary in sorted(_metrics(forecast.take(kept), names[kept], threshold), key=_group_order):
            inside = names == summary["group_name"]
            bounds = _intervals(forecast.take(inside), groups[inside], weights[:, inside], summary)
            rows.append(summary | bounds)
        if not kept.all():
            rest = forecast.take(~kept)
            rows.append({"group_name": NOT_SHOWN, "rows": rest.rows, "positives": int(rest.actual.sum())})
        frames.append(pd.DataFrame(rows).assign(attribute=attribute))
    table = pd.concat(frames, ignore_index=True).reindex(columns=list(COLUMNS))
    kinds = {"attribute": "string", "group_name": "string", "rows": "int64", "positives": "int64"}
    return table.astype(dict.fromkeys(COLUMNS, "Float64") | kinds)


def _metrics(forecast: Forecast, names: NDArray[np.object_], threshold: float) -> list[dict[str, object]]:
    """Return one dictionary a group of what needs no resampling, disaggregated by fairlearn's MetricFrame.

    The rates are ours: fairlearn's own false negative rate is 0 in a group without positives, where there is none.
    """
    from fairlearn.metrics import MetricFrame

    if not len(names):
        return []
    frame = MetricFrame(
        metrics={
            "summary": lambda actual, chance, score: _summary(
                Forecast(np.asarray(actual, dtype=bool), np.asarray(chance), np.asarray(score)), threshold
            )
        },
        y_true=forecast.actual.astype(int),
        y_pred=forecast.probability,
        sensitive_features=pd.Series(names, name="group"),
        sample_params={"summary": {"score": forecast.score}},
    )
    return [{"group_name": name, **summary} for name, summary in frame.by_group["summary"].items()]


def _group_order(row: dict[str, object]) -> tuple[bool, int, str]:
    """Sort ages by age, the rest by name, and the unknown last."""
    name = str(row["group_name"])
    return name == UNKNOWN, AGE_BANDS.index(name) if name in AGE_BANDS else 0, name


def _summary(forecast: Forecast, threshold: float) -> dict[str, object]:
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


def _intervals(
    forecast: Forecast, clusters: NDArray[Any], weights: Weights, row: dict[str, object]
) -> dict[str, object]:
    """Return the bounds of a group's rates (Wilson, on effective rows) and other metrics (bootstrap)."""
    among = {
        "base_rate": np.ones(forecast.rows, dtype=bool),
        "selection_rate": np.ones(forecast.rows, dtype=bool),
        "false_positive_rate": ~forecast.actual,
        "false_negative_rate": forecast.actual,
    }
    bounds: dict[str, object] = {}
    for rate, mask in among.items():
        value = row[rate]
        low_high: tuple[float | None, float | None] = (None, None)
        if isinstance(value, float):
            low_high = wilson_interval(value, effective_rows(clusters[mask]))
        bounds[f"{rate}_low"], bounds[f"{rate}_high"] = low_high
    estimates: dict[str, Any] = {name: np.nan if row[name] is None else row[name] for name in BOOTSTRAPPED}
    draws = MetricDraws(estimates, _bootstrapped(forecast, weights))
    drawn = metric_intervals(draws).set_index("metric")
    for name in BOOTSTRAPPED:
        found = drawn.loc[name]
        bounds |= {f"{name}_low": found["low"], f"{name}_high": found["high"]}
    mean = (weights @ forecast.probability) / np.maximum(weights.sum(axis=1), 1)
    bounds["mean_probability_low"], bounds["mean_probability_high"] = percentile_interval(mean)
    return bounds
