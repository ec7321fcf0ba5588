"""Verdicts on many pairs: adjusted by Holm, and never bolder than that of a pair by itself."""

from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqf_pipeline.evaluation.bootstrap import draw_metrics, paired_differences, resample_weights
from sqf_pipeline.evaluation.metrics import make_forecast
from sqf_pipeline.evaluation.multiple_comparisons import holm, with_holm


def test_holm_by_hand() -> None:
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(holm([0.02, np.nan, 0.5]), [0.04, np.nan, 0.5])
    assert holm([]).shape == (0,)


@settings(max_examples=200)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=25), st.sampled_from([0.01, 0.05, 0.2]))
def test_holm_rejects_what_its_steps_reject(p_values: list[float], alpha: float) -> None:
    """Holm's own words: the smallest against alpha/m, the next against alpha/(m-1), until one is not below."""
    rejected = set()
    for step, place in enumerate(sorted(range(len(p_values)), key=lambda place: (p_values[place], place))):
        if p_values[place] * (len(p_values) - step) > alpha:
            break
        rejected.add(place)
    adjusted = holm(p_values)
    assert {place for place, value in enumerate(adjusted) if value <= alpha} == rejected
    assert (adjusted >= np.array(p_values)).all()


def test_many_models_of_pure_noise_are_not_called_better() -> None:
    """Forty pairs of models that toss a coin: some look different by themselves, none together."""
    rng = np.random.default_rng(8)
    actual = rng.random(400) < 0.3
    weights = resample_weights(np.arange(400), resamples=300, seed=1)
    draws = [draw_metrics(make_forecast(actual, rng.random(400)), weights, training_share=0.3) for _ in range(41)]
    table = with_holm(pd.concat([paired_differences(one, draws[0]) for one in draws[1:]], ignore_index=True))
    area = table[table["metric"] == "roc_auc"]
    assert (area["comparisons"] == 40).all()
    assert table["verdict"].isin(["better", "worse"]).sum() >= 1
    assert (area["adjusted_verdict"] == "undecided").all()


def test_a_model_that_is_plainly_better_stays_so_among_many() -> None:
    rng = np.random.default_rng(3)
    actual = rng.random(600) < 0.4
    weights = resample_weights(np.arange(600), resamples=300, seed=1)
    good = draw_metrics(make_forecast(actual, 0.2 + 0.6 * actual), weights, training_share=0.4)
    noise = [draw_metrics(make_forecast(actual, rng.random(600)), weights, training_share=0.4) for _ in range(30)]
    pairs = [paired_differences(good, noise[0]), *(paired_differences(one, noise[0]) for one in noise[1:])]
    table = with_holm(pd.concat(pairs, ignore_index=True))
    first = table[table["metric"] == "brier_score"].iloc[0]
    assert (first["verdict"], first["adjusted_verdict"]) == ("better", "better")
    assert first["p_value"] <= first["adjusted_p_value"] < 0.05
    bolder = table["adjusted_verdict"].notna() & ~table["adjusted_verdict"].isin(["undecided"])
    assert (table.loc[bolder, "adjusted_verdict"] == table.loc[bolder, "verdict"]).all()


def test_a_p_value_is_of_the_gain_over_its_spread() -> None:
    rng = np.random.default_rng(4)
    actual = rng.random(500) < 0.4
    weights = resample_weights(np.arange(500), resamples=400, seed=2)
    chance = np.clip(0.4 + 0.2 * (actual - 0.4) + rng.normal(0, 0.2, 500), 0.01, 0.99)
    one, other = (
        draw_metrics(make_forecast(actual, each), weights, training_share=0.4) for each in (chance, rng.random(500))
    )
    row = paired_differences(one, other).set_index("metric").loc["roc_auc"]
    spread = np.std(one.draws["roc_auc"] - other.draws["roc_auc"], ddof=1)
    normal = NormalDist()
    assert row["p_value"] == pytest.approx(2 * (1 - normal.cdf(abs(row["difference"]) / spread)), abs=1e-9)
    assert (paired_differences(one, one)["p_value"].dropna() == 1).all()
