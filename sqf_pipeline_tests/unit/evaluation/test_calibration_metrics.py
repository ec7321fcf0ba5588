"""The calibration table agrees with the error that is read off it."""

import numpy as np
import pytest

from sqf_pipeline.evaluation.calibration_metrics import calibration_bins
from sqf_pipeline.evaluation.metrics import make_forecast
from sqf_pipeline_tests.single_forecast import metrics_of


def test_bins_agree_with_the_expected_calibration_error() -> None:
    generator = np.random.default_rng(1)
    probability = np.round(generator.beta(1, 6, 3000), 2)
    forecast = make_forecast(generator.random(3000) < probability**1.2, probability)
    table = calibration_bins(forecast)
    assert table["rows"].sum() == 3000
    assert table["bin"].tolist() == list(range(1, len(table) + 1))
    gap = (table["rows"] * (table["mean_probability"] - table["observed_share"]).abs()).sum() / 3000
    assert gap == pytest.approx(metrics_of(forecast, training_share=0.1)["expected_calibration_error"])
    assert (table["upper"].to_numpy()[:-1] < table["lower"].to_numpy()[1:]).all(), "ties stay in one bin"
    assert ((table["low"] <= table["observed_share"]) & (table["observed_share"] <= table["high"])).all()


def test_encounters_widen_the_intervals_of_bins() -> None:
    forecast = make_forecast([0, 0, 1, 1] * 50, [0.5] * 200)
    alone, together = calibration_bins(forecast), calibration_bins(forecast, clusters=np.repeat(np.arange(100), 2))
    assert len(alone) == 1
    assert together["high"].iloc[0] - together["low"].iloc[0] > alone["high"].iloc[0] - alone["low"].iloc[0]
