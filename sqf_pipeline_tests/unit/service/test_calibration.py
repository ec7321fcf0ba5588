"""Calibration as numbers says what the fitted calibrators say."""

import numpy as np
import pytest
from pydantic import ValidationError
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from sqf_pipeline.service.calibration import Calibration


@pytest.fixture
def scored():
    rng = np.random.default_rng(5)
    scores = rng.beta(1, 4, 2000)
    return scores, rng.random(2000) < scores**1.3


def test_identity_keeps_the_score():
    np.testing.assert_array_equal(Calibration().apply(np.array([0.0, 0.3, 1.0])), [0.0, 0.3, 1.0])


def test_logistic_equals_a_logistic_regression_on_log_odds(scored):
    scores, actual = scored
    clipped = np.clip(scores, 1e-6, 1 - 1e-6)
    odds = np.log(clipped / (1 - clipped))[:, None]
    fitted = LogisticRegression(C=1e9).fit(odds, actual)
    ours = Calibration(
        kind="logistic", slope=float(fitted.coef_[0, 0]), intercept=float(fitted.intercept_[0]), smallest=1e-6
    )
    np.testing.assert_allclose(ours.apply(scores), fitted.predict_proba(odds)[:, 1], rtol=1e-9)


def test_piecewise_equals_isotonic_regression(scored):
    scores, actual = scored
    fitted = IsotonicRegression(out_of_bounds="clip").fit(scores, actual)
    ours = Calibration(
        kind="piecewise",
        scores=tuple(fitted.X_thresholds_.tolist()),
        probabilities=tuple(fitted.y_thresholds_.tolist()),
    )
    grid = np.linspace(-0.1, 1.1, 500)
    np.testing.assert_allclose(ours.apply(grid), fitted.predict(grid), atol=1e-12)


def test_a_chain_applies_its_parts_in_turn():
    halve = Calibration(kind="piecewise", scores=(0.0, 1.0), probabilities=(0.0, 0.5))
    np.testing.assert_allclose(Calibration(kind="chain", parts=(halve, halve)).apply(np.array([0.8])), [0.2])


def test_certain_scores_stay_finite():
    assert np.isfinite(Calibration(kind="logistic", slope=50.0).apply(np.array([0.0, 1.0]))).all()


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "piecewise", "scores": (0.1,), "probabilities": (0.2,)},
        {"kind": "piecewise", "scores": (0.1, 0.2), "probabilities": (0.2,)},
        {"kind": "piecewise", "scores": (0.1, 0.2), "probabilities": (0.4, 0.2)},
        {"kind": "chain"},
        {"kind": "magic"},
        {"kind": "logistic", "slope": float("nan")},
    ],
)
def test_what_is_no_calibration_is_refused(wrong):
    with pytest.raises(ValidationError):
        Calibration.model_validate(wrong)
