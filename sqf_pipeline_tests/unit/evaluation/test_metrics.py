"""Measures against scikit-learn, closed forms and their own definitions."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import logit
from sklearn import metrics
from sklearn.linear_model import LogisticRegression

from sqf_pipeline.evaluation.metrics import (
    METRICS,
    Forecast,
    equal_mass_bin_index,
    make_forecast,
    weighted_metrics,
)
from sqf_pipeline_tests.single_forecast import metrics_of


def simulated(rows: int = 2000, decimals: int = 12, seed: int = 3) -> Forecast:
    generator = np.random.default_rng(seed)
    linear = generator.normal(-1.5, 1.5, rows)
    actual = generator.random(rows) < 1 / (1 + np.exp(-linear))
    return make_forecast(actual, np.round(1 / (1 + np.exp(-(0.3 + 1.4 * linear))), decimals))


@pytest.mark.parametrize("decimals", [12, 2], ids=["no ties", "many ties"])
def test_every_reweighting_agrees_with_scikit_learn(decimals: int) -> None:
    forecast = simulated(decimals=decimals)
    weights = np.random.default_rng(1).poisson(1.0, (5, forecast.rows))
    measured = weighted_metrics(forecast, weights, training_share=0.2, threshold=0.4)
    flagged = forecast.probability >= 0.4
    for number, weight in enumerate(weights):
        references = {
            "roc_auc": metrics.roc_auc_score(forecast.actual, forecast.probability, sample_weight=weight),
            "average_precision": metrics.average_precision_score(
                forecast.actual, forecast.probability, sample_weight=weight
            ),
            "brier_score": metrics.brier_score_loss(forecast.actual, forecast.probability, sample_weight=weight),
            "log_loss": metrics.log_loss(forecast.actual, forecast.probability, sample_weight=weight),
            "accuracy": metrics.accuracy_score(forecast.actual, flagged, sample_weight=weight),
            "balanced_accuracy": metrics.balanced_accuracy_score(forecast.actual, flagged, sample_weight=weight),
            "precision": metrics.precision_score(forecast.actual, flagged, sample_weight=weight),
            "recall": metrics.recall_score(forecast.actual, flagged, sample_weight=weight),
            "f1": metrics.f1_score(forecast.actual, flagged, sample_weight=weight),
        }
        for name, reference in references.items():
            assert measured[name][number] == pytest.approx(reference, abs=1e-12), name
        slope = LogisticRegression(C=np.inf, tol=1e-12).fit(
            logit(np.clip(forecast.probability, 1e-6, 1 - 1e-6))[:, None], forecast.actual, sample_weight=weight
        )
        assert measured["calibration_slope"][number] == pytest.approx(slope.coef_[0, 0], abs=2e-3)


def test_calibration_intercept_is_the_offset_that_makes_the_means_agree() -> None:
    forecast = simulated()
    shift = metrics_of(forecast, training_share=0.2)["calibration_intercept"]
    assert shift is not None
    moved = 1 / (1 + np.exp(-(logit(np.clip(forecast.probability, 1e-6, 1 - 1e-6)) + shift)))
    assert moved.mean() == pytest.approx(forecast.actual.mean(), abs=1e-10)


def test_skill_and_lift_by_hand() -> None:
    forecast = make_forecast([1, 1, 0, 0, 0, 0, 0, 0, 0, 0] * 10, [0.9, 0.5] * 5 * 10)
    measured = metrics_of(forecast, training_share=0.2)
    brier = (10 * 0.01 + 10 * 0.25 + 40 * 0.81 + 40 * 0.25) / 100
    assert measured["brier_skill"] == pytest.approx(1 - brier / 0.16)
    # half of the stops share the top score, and one positive in two is among them: ties broken at random on average
    assert measured["lift_at_5_percent"] == pytest.approx(1.0)


def test_expected_calibration_error_uses_bins_of_equal_mass() -> None:
    probability = np.repeat([0.1, 0.6], [50, 50])
    actual = np.concatenate([np.arange(50) < 10, np.arange(50) < 20])
    forecast = make_forecast(actual, probability)
    assert metrics_of(forecast, training_share=0.3, bins=2)["expected_calibration_error"] == pytest.approx(0.15)
    assert np.bincount(equal_mass_bin_index(np.arange(100.0), 10)).tolist() == [10] * 10


def test_a_constant_has_no_slope_and_ranks_by_chance() -> None:
    measured = metrics_of(make_forecast([0, 1, 0, 0], [0.25] * 4), training_share=0.25)
    assert measured["roc_auc"] == pytest.approx(0.5)
    assert measured["average_precision"] == pytest.approx(0.25)
    assert measured["brier_skill"] == pytest.approx(0.0)
    assert measured["calibration_intercept"] == pytest.approx(0.0, abs=1e-9)
    assert measured["calibration_slope"] is None
    assert measured["precision"] is None
    assert measured["recall"] == 0


@pytest.mark.parametrize("outcome", [0, 1])
def test_one_class_leaves_undefined_measures_out(outcome: int) -> None:
    measured = metrics_of(make_forecast([outcome] * 5, [0.2, 0.4, 0.1, 0.7, 0.9]), training_share=0.5)
    for name in ("roc_auc", "calibration_intercept", "calibration_slope", "balanced_accuracy"):
        assert measured[name] is None, name
    assert (measured["average_precision"] is None) == (outcome == 0)
    assert measured["brier_score"] is not None
    assert set(measured) == set(METRICS)


def test_separated_classes_have_no_slope() -> None:
    measured = metrics_of(make_forecast([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9]), training_share=0.5)
    assert measured["roc_auc"] == 1
    assert measured["calibration_slope"] is None


def test_recall_is_read_off_the_curve_at_a_precision() -> None:
    forecast = make_forecast([1, 0, 1, 0, 0, 1], [0.9, 0.8, 0.7, 0.6, 0.5, 0.4])
    measured = metrics_of(forecast, training_share=0.5, precisions=(0.6, 0.95))
    assert measured["recall_at_precision_0.6"] == pytest.approx(2 / 3)
    assert measured["recall_at_precision_0.95"] == pytest.approx(1 / 3)


def test_order_of_rows_changes_nothing() -> None:
    forecast = simulated(decimals=2)
    shuffled = forecast.take(np.random.default_rng(0).permutation(forecast.rows))
    for name, value in metrics_of(forecast, training_share=0.2).items():
        assert metrics_of(shuffled, training_share=0.2)[name] == pytest.approx(value, abs=1e-9), name


@pytest.mark.parametrize(
    ("actual", "probability", "message"),
    [
        ([0, 1], [0.1, np.nan], "probability holds 1 of 2"),
        (pd.array([True, None], dtype="boolean"), [0.1, 0.2], "actual holds 1 of 2"),
        ([True, pd.NA], [0.1, 0.2], "actual holds missing"),
        ([0, 2], [0.1, 0.2], "0 or 1"),
        ([0, 1], [0.1, 1.2], "within"),
        ([0, 1], [0.1], "lengths differ"),
        ([], [], "at least one"),
    ],
)
def test_bad_forecasts_are_refused(actual: object, probability: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_forecast(actual, probability)
