"""Counts and measures at given thresholds."""

import math

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, f1_score

from sqf_pipeline.evaluation.bootstrap import resample_weights
from sqf_pipeline.evaluation.metrics import make_forecast
from sqf_pipeline.evaluation.threshold_metrics import threshold_metrics


def test_counts_measures_and_intervals() -> None:
    generator = np.random.default_rng(1)
    probability = generator.beta(1, 4, 1500)
    forecast = make_forecast(generator.random(1500) < probability, probability)
    weights = resample_weights(np.arange(1500), resamples=100)
    table = threshold_metrics(forecast, {"best_f1": 0.3, "nobody": math.inf}, weights).set_index("aim")
    row, flagged = table.loc["best_f1"], probability >= 0.3
    assert [row[name] for name in ("tn", "fp", "fn", "tp")] == confusion_matrix(
        forecast.actual, flagged
    ).ravel().tolist()
    assert row["f1"] == pytest.approx(f1_score(forecast.actual, flagged))
    assert row["precision_low"] < row["precision"] < row["precision_high"]
    assert row["recall_low"] < row["recall"] < row["recall_high"]
    nobody = table.loc["nobody"]
    assert nobody["recall"] == 0
    assert nobody["flagged_share"] == 0
    assert nobody[["precision", "precision_low", "precision_high"]].isna().all()
