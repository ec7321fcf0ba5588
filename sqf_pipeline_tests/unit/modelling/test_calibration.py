"""Calibrators find the map that was put in, and never turn a ranking round."""

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError
from sklearn.linear_model import LogisticRegression

from sqf_pipeline.modelling.calibration import Calibrator, fit_logistic, log_odds
from sqf_pipeline_tests.modelling_support import expit


@pytest.fixture(scope="module")
def drawn() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    score = rng.uniform(0.02, 0.98, 20_000)
    return score, rng.random(20_000) < expit(1.7 * log_odds(score) - 0.8)


def test_the_logistic_map_is_found(drawn: tuple[np.ndarray, np.ndarray]) -> None:
    calibrator = fit_logistic(*drawn)
    assert calibrator.slope == pytest.approx(1.7, abs=0.08)
    assert calibrator.intercept == pytest.approx(-0.8, abs=0.08)


def test_calibrated_probabilities_have_the_share_of_what_happened(drawn: tuple[np.ndarray, np.ndarray]) -> None:
    score, positive = drawn
    probability = fit_logistic(score, positive).apply(score)
    assert probability.mean() == pytest.approx(positive.mean(), abs=1e-3)
    order = np.argsort(score)
    assert (np.diff(probability[order]) >= 0).all()


def test_a_ranking_that_is_upside_down_leaves_the_share_alone() -> None:
    score = np.linspace(0.1, 0.9, 200)
    positive = score < 0.3
    np.testing.assert_allclose(fit_logistic(score, positive).apply(score), positive.mean())


def test_without_both_classes_the_score_stays() -> None:
    score = np.array([0.2, 0.4])
    np.testing.assert_array_equal(fit_logistic(score, np.array([False, False])).apply(score), score)


def test_no_calibration_is_the_identity() -> None:
    score = np.array([0.0, 0.3, 1.0])
    np.testing.assert_array_equal(Calibrator().apply(score), score)


def test_scores_of_nought_and_one_stay_probabilities(drawn: tuple[np.ndarray, np.ndarray]) -> None:
    ends = fit_logistic(*drawn).apply(np.array([0.0, 1.0]))
    assert np.isfinite(ends).all()
    assert 0 <= ends[0] < ends[1] <= 1


def test_prior_correction_as_a_calibrator_equals_the_formula() -> None:
    from sqf_pipeline.modelling.calibration import prior_calibrator

    score, share, sampled = np.linspace(0.001, 0.999, 99), 0.03, 0.5
    yes, no = score * (share / sampled), (1 - score) * ((1 - share) / (1 - sampled))  # Elkan (2001)
    np.testing.assert_allclose(prior_calibrator(share, sampled).apply(score), yes / (yes + no))


def test_a_calibrator_is_the_same_after_being_stored(tmp_path: object) -> None:
    import pickle

    calibrator = Calibrator(kind="logistic", slope=1.2, intercept=-0.1)
    assert pickle.loads(pickle.dumps(calibrator)) == calibrator  # noqa: S301 - our own bytes


def test_maps_equal_those_of_scikit_learn(drawn: tuple[np.ndarray, np.ndarray]) -> None:
    score, positive = drawn
    odds = log_odds(score)[:, None]
    fitted = LogisticRegression(C=np.inf, tol=1e-8).fit(odds, positive)
    np.testing.assert_allclose(fit_logistic(score, positive).apply(score), fitted.predict_proba(odds)[:, 1], rtol=1e-6)


def test_certain_scores_stay_finite() -> None:
    assert np.isfinite(Calibrator(kind="logistic", slope=50.0).apply(np.array([0.0, 1.0]))).all()


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "piecewise", "scores": [0.1, 0.2], "probabilities": [0.1, 0.2]},
        {"kind": "magic"},
        {"kind": "logistic", "slope": float("nan")},
        {"kind": "logistic", "slope": 1.0, "more": 1},
    ],
)
def test_what_is_no_calibration_is_refused_in_a_manifest(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Calibrator).validate_python(wrong)
