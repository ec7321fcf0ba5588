"""What is written down about a fitted model, and the figures that stand beside the 2021 study's."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from importlib import metadata
from platform import python_version
from typing import Any

import numpy as np
import pandas as pd

from sqf_pipeline.evaluation.metrics import Forecast, make_forecast, unknown_outcome
from sqf_pipeline.modelling.fitting import FittedModel
from sqf_pipeline.registry.forms.published_forms import forms_of_years
from sqf_pipeline.registry.outcomes import OUTCOMES, STUDY_TARGETS, TARGETS, happened

RECORDED_PACKAGES = ("scikit-learn", "imbalanced-learn", "numpy", "scipy", "pandas", "joblib")


def stops_digest(stops: pd.DataFrame) -> str:
    """Return a SHA-256 digest of stops, of their values, order and columns."""
    digest = hashlib.sha256(" ".join(f"{name}:{dtype}" for name, dtype in stops.dtypes.items()).encode())
    digest.update(pd.util.hash_pandas_object(stops, index=False).to_numpy().tobytes())
    return digest.hexdigest()


def package_versions() -> dict[str, str]:
    """Return the versions of what makes a model, Python's among them."""
    return {"python": python_version(), **{name: metadata.version(name) for name in RECORDED_PACKAGES}}


def model_rows(models: Iterable[FittedModel], training_stops: pd.DataFrame, test_stops: pd.DataFrame) -> pd.DataFrame:
    """Return the table `models` of a test year: one row a model, with what is needed to fit it again."""
    training_sha256, test_sha256 = stops_digest(training_stops), stops_digest(test_stops)
    versions = json.dumps(package_versions(), sort_keys=True)
    forms = forms_of_years([*training_stops["year"].unique(), *test_stops["year"].unique()])
    rows = [
        {
            "model": model.name,
            "outcome": model.outcome,
            "feature_set": model.feature_set.name,
            "estimator": model.estimator,
            "resampling": model.resampling,
            "calibration": model.calibration,
            "settings": json.dumps(_told(model.settings), sort_keys=True),
            "training_years": ",".join(str(year) for year in model.training_years),
            "forms": ", ".join(forms),
            "columns": ", ".join(model.columns),
            "training_rows": model.training_rows,
            "training_positives": model.training_positives,
            "fitted_rows": sum(model.class_counts_after),
            "fitted_positives": model.class_counts_after[0],
            "held_out_log_loss": model.held_out_log_loss,
            "tried": json.dumps(_told(model.tried)) if model.tried else None,
            "training_sha256": training_sha256,
            "test_sha256": test_sha256,
            "package_versions": versions,
        }
        for model in models
    ]
    return (
        pd.DataFrame(rows)
        .astype({"held_out_log_loss": "Float64", "tried": "string"})
        .sort_values("model", ignore_index=True)
    )


def outcome_counts(stops: pd.DataFrame) -> pd.DataFrame:
    """Return how many clean stops of each year had each outcome: by the column that records it, and by marks alone.

    Frame of outcome, year, stops, unknown, positives, recorded, marked_only; positives are the sum of the last two.
    """
    tables = []
    for outcome in OUTCOMES:
        found = happened(stops, outcome)
        recorded = stops[TARGETS[outcome]].fillna(value=False)
        positive = found.fillna(value=False)
        counted = {
            "stops": positive.notna(), "unknown": found.isna(), "positives": positive, "recorded": recorded,
            "marked_only": positive & ~recorded,
        }  # fmt: skip
        table = pd.DataFrame(counted).astype("int64").groupby(stops["year"].astype("int64"), sort=True).sum()
        tables.append(table.reset_index().assign(outcome=outcome))
    return pd.concat(tables, ignore_index=True)[["outcome", "year", *counted]]


def _told(value: Any) -> Any:
    """Return a setting as JSON can say it; an object is told by its class, for its address differs every time."""
    if isinstance(value, Mapping):
        return {str(key): _told(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_told(inner) for inner in value]
    if isinstance(value, float) and not np.isfinite(value):
        return str(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return type(value).__name__


def forecasts(predictions: pd.DataFrame) -> dict[str, Forecast]:
    """Return each model's forecast of the stops whose outcome is known, by name of the model."""
    known = predictions[predictions["actual"].notna()]
    return {
        str(name): make_forecast(
            part["actual"].to_numpy(dtype=bool), part["probability"].to_numpy(), part["score"].to_numpy()
        )
        for name, part in known.groupby("model", sort=True)
    }


def study_figures(models: pd.DataFrame, predictions: pd.DataFrame) -> dict[tuple[str, str], float]:
    """Return our figures that stand beside the 2021 study's: its forest on its columns and bins, cleaned.

    `models` and `predictions` are the tables of those names.
    """
    from sqf_pipeline.study_2021.replication import figures_of

    figures: dict[tuple[str, str], float] = {}
    for outcome in STUDY_TARGETS:
        name = f"{outcome}-study_2021_binned-random_forest"
        by_name = forecasts(predictions[predictions["model"] == name])
        if name not in by_name:
            raise unknown_outcome(name, STUDY_TARGETS[outcome])
        forecast = by_name[name]
        measured = figures_of("random_forest", forecast.actual.astype(int), forecast.score, at_least=True)
        row = models[models["model"] == name].iloc[0]
        measured["training_stops"] = float(row["training_rows"])
        measured["training_positives"] = float(row["training_positives"])
        figures |= {(outcome, figure): value for figure, value in measured.items()}
    return figures
