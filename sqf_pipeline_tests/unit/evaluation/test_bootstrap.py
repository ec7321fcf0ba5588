"""Intervals cover, are paired, and keep the persons of one encounter together."""

import numpy as np
import pandas as pd
import pytest

from sqf_pipeline.evaluation.bootstrap import (
    draw_metrics,
    effective_rows,
    metric_intervals,
    paired_differences,
    resample_weights,
    stop_clusters,
    wilson_interval,
)
from sqf_pipeline.evaluation.metrics import Forecast, make_forecast
from sqf_pipeline_tests.single_forecast import metrics_of


def draw_forecast(generator: np.random.Generator, encounters: int, persons: int) -> tuple[Forecast, np.ndarray]:
    """Return a forecast whose persons of one encounter share probability and outcome, and the encounters."""
    linear = generator.normal(-1.0, 1.2, encounters)
    actual = generator.random(encounters) < 1 / (1 + np.exp(-linear))
    clusters = np.repeat(np.arange(encounters), persons)
    return make_forecast(actual[clusters], (1 / (1 + np.exp(-linear)))[clusters]), clusters


def covered(names: list[str], *, clustered: bool, simulations: int = 80) -> dict[str, float]:
    """Return how often 95 % intervals hold the value of a very large population."""
    population, _ = draw_forecast(np.random.default_rng(999), 400_000, 1)
    truth = metrics_of(population, training_share=0.3)
    hits = dict.fromkeys(names, 0)
    for seed in range(simulations):
        forecast, clusters = draw_forecast(np.random.default_rng(seed), 250, 3)
        units = clusters if clustered else np.arange(forecast.rows)
        weights = resample_weights(units, resamples=200, seed=seed)
        frame = metric_intervals(draw_metrics(forecast, weights, training_share=0.3)).set_index("metric")
        for name in names:
            hits[name] += bool(frame.loc[name, "low"] <= truth[name] <= frame.loc[name, "high"])
    return {name: count / simulations for name, count in hits.items()}


@pytest.mark.slow
def test_intervals_cover_when_encounters_stay_together_and_only_then() -> None:
    names = ["roc_auc", "average_precision", "brier_score", "brier_skill", "calibration_slope", "recall"]
    together = covered(names, clustered=True)
    # 95 % +- three binomial standard errors of 80 simulations, and a little for 250 encounters being few
    assert all(0.86 <= share <= 1.0 for share in together.values()), together
    apart = covered(["roc_auc", "brier_score"], clustered=False)
    assert all(share < 0.85 for share in apart.values()), apart


def test_intervals_are_a_function_of_the_seed() -> None:
    forecast, clusters = draw_forecast(np.random.default_rng(5), 300, 2)
    frames = [
        metric_intervals(
            draw_metrics(forecast, resample_weights(clusters, resamples=50, seed=seed), training_share=0.3)
        )
        for seed in (1, 1, 2)
    ]
    pd.testing.assert_frame_equal(frames[0], frames[1])
    assert not frames[0].equals(frames[2])


def test_whole_clusters_are_drawn() -> None:
    clusters = np.array([0, 0, 1, 2, 2, 2])
    weights = resample_weights(clusters, resamples=40, seed=1)
    for number in range(3):
        inside = weights[:, clusters == number]
        assert (inside == inside[:, :1]).all()
    drawn = weights[:, [0, 2, 3]].astype(int)
    assert (drawn.sum(axis=1) == 3).all()


def test_expected_calibration_error_lies_within_its_interval() -> None:
    forecast, clusters = draw_forecast(np.random.default_rng(2), 2000, 1)
    draws = draw_metrics(forecast, resample_weights(clusters, resamples=200), training_share=0.3)
    row = metric_intervals(draws).set_index("metric").loc["expected_calibration_error"]
    assert 0 <= row["low"] <= row["estimate"] <= row["high"]


def test_pairing_tells_apart_what_single_intervals_cannot() -> None:
    generator = np.random.default_rng(4)
    forecast, clusters = draw_forecast(generator, 1500, 1)
    noisy = 1 / (
        1 + np.exp(-(np.log(forecast.probability / (1 - forecast.probability)) + generator.normal(0, 0.5, 1500)))
    )
    weights = resample_weights(clusters, resamples=300)
    good = draw_metrics(forecast, weights, training_share=0.3)
    bad = draw_metrics(make_forecast(forecast.actual, noisy), weights, training_share=0.3)
    pair = paired_differences(good, bad).set_index("metric")
    assert pair.loc["roc_auc", "verdict"] == "better"
    assert pair.loc["brier_score", "verdict"] == "better"
    assert pair.loc["brier_score", "difference"] < 0
    width = pair.loc["roc_auc", "high"] - pair.loc["roc_auc", "low"]
    single = metric_intervals(good).set_index("metric").loc["roc_auc"]
    assert width < single["high"] - single["low"]
    assert (paired_differences(good, good)["difference"].dropna() == 0).all()
    assert "better" not in set(paired_differences(good, good)["verdict"].dropna())


def test_an_undefined_measure_has_no_interval() -> None:
    forecast = make_forecast([0, 1, 0, 1] * 10, [0.2] * 40)
    frame = metric_intervals(draw_metrics(forecast, resample_weights(np.arange(40), resamples=20), training_share=0.5))
    row = frame.set_index("metric").loc["calibration_slope"]
    assert row[["estimate", "low", "high"]].isna().all()
    assert row["resamples"] == 0


def test_persons_of_one_encounter_share_a_cluster() -> None:
    stops = pd.DataFrame(
        {
            "stop_id": [1, 2, 3, 4],
            "stop_date": pd.to_datetime(["2020-01-01"] * 4),
            "stop_time_seconds": pd.array([60, 60, 60, None], dtype="Int32"),
            "x_feet": pd.array([1e6, 1e6, None, 1e6], dtype="Float64"),
            "y_feet": pd.array([2e5, 2e5, None, 2e5], dtype="Float64"),
            "precinct": pd.array([1, 1, 1, 1], dtype="Int32"),
            "issuing_officer_command": pd.array([7, 7, 7, 7], dtype="Int32"),
            "suspect_age": pd.array([20, 30, 20, 20], dtype="Int32"),
        }
    )
    clusters = stop_clusters(stops)
    assert clusters[0] == clusters[1]
    assert len(set(clusters)) == 3
    with pytest.raises(ValueError, match="precinct"):
        stop_clusters(stops.drop(columns="precinct"))


def test_wilson_and_effective_rows_by_hand() -> None:
    assert wilson_interval(0.0, 10) == pytest.approx((0.0, 0.2775327998628892))
    assert wilson_interval(0.5, 0) == (None, None)
    assert effective_rows([1, 2, 3, 4]) == 4
    assert effective_rows([1, 1, 2, 2]) == 2
