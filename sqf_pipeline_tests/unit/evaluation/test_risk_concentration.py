"""How few stops hold the weapons, and what one threshold does by group: counted another way, and its intervals."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqf_pipeline.evaluation.bootstrap import resample_weights
from sqf_pipeline.evaluation.metrics import Forecast, make_forecast
from sqf_pipeline.evaluation.risk_concentration import flagged_at_recall, precision_at_recall, risk_concentration
from sqf_pipeline.evaluation.subgroups import NOT_SHOWN

PERSONS = 2


def drawn(seed: int, encounters: int) -> tuple[Forecast, np.ndarray]:
    """Return a forecast that is right, of encounters whose persons share probability and find."""
    generator = np.random.default_rng(seed)
    probability = 1 / (1 + np.exp(-generator.normal(-2.5, 1.3, encounters)))
    actual = generator.random(encounters) < probability
    clusters = np.repeat(np.arange(encounters), PERSONS)
    return make_forecast(actual[clusters], probability[clusters]), clusters


def counted(rows: list[tuple[float, bool]], share: float) -> int:
    """Return how many rows a person with a sorted list would tick off until a share of the positives is in."""
    wanted = share * sum(actual for _, actual in rows)
    for score in sorted({score for score, _ in rows}, reverse=True):
        if sum(actual for other, actual in rows if other >= score) >= wanted - 1e-9:
            return sum(other >= score for other, _ in rows)
    raise AssertionError("no threshold reaches the share")


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from([0.05, 0.1, 0.2, 0.5, 0.9]), st.booleans()), min_size=1, max_size=30).filter(
        lambda rows: any(actual for _, actual in rows)
    ),
    st.sampled_from([0.1, 0.5, 0.6, 0.9, 1.0]),
    st.integers(0, 5),
)
def test_the_riskiest_stops_are_counted_with_ties_and_in_each_resample(
    rows: list[tuple[float, bool]], share: float, seed: int
) -> None:
    forecast = make_forecast([actual for _, actual in rows], [score for score, _ in rows])
    weights = resample_weights(np.arange(len(rows)), resamples=4, seed=seed)
    flagged = flagged_at_recall(forecast, weights, share)
    for weight, flags in zip(weights, flagged.tolist(), strict=True):
        repeated = [row for row, times in zip(rows, weight, strict=True) for _ in range(times)]
        if any(actual for _, actual in repeated):
            assert sum(times for times, flag in zip(weight.tolist(), flags, strict=True) if flag) == counted(
                repeated, share
            )
        else:
            assert not any(flags)


def test_half_the_weapons_and_the_stops_of_low_risk() -> None:
    probability = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.009, 0.008, 0.007, 0.01]
    actual = [True, False, True, True, False, False, True, False, False, False]
    weights = resample_weights(np.arange(10), resamples=50)
    table = risk_concentration(make_forecast(actual, probability), weights).set_index("weapons_share")
    assert table["stops_share"].tolist() == pytest.approx([0.3, 0.8])  # of 4: the second is third, the last eighth
    assert set(table["stops_below_1_percent"]) == {0.3}
    assert set(table["weapons_there"]) == {1}
    assert (table["low"] <= table["stops_share"]).all()
    assert (table["stops_share"] <= table["high"]).all()
    none = risk_concentration(make_forecast([False] * 10, probability), weights)
    assert none[["stops_share", "low", "high"]].isna().all(axis=None)


def test_intervals_of_the_concentration_hold_the_truth_in_90_to_98_of_100_runs() -> None:
    population, _ = drawn(999, 400_000)
    truth = {share: counted_fast(population, share) for share in (0.5, 0.9)}
    held = dict.fromkeys(truth, 0)
    for seed in range(100):
        forecast, clusters = drawn(seed, 1_500)
        table = risk_concentration(forecast, resample_weights(clusters, resamples=200, seed=seed))
        for row in table.itertuples():
            held[row.weapons_share] += row.low <= truth[row.weapons_share] <= row.high
    assert all(90 <= runs <= 98 for runs in held.values()), held


def counted_fast(forecast: Forecast, share: float) -> float:
    found = np.cumsum(forecast.actual[np.argsort(-forecast.score, kind="stable")])
    return float(np.searchsorted(found, share * found[-1]) + 1) / forecast.rows


def test_one_threshold_for_everybody_by_group() -> None:
    forecast, clusters = drawn(3, 600)
    names = np.where(np.arange(forecast.rows) % 3 == 0, "A", "B").astype(object)
    names[:4] = "few"
    labels = pd.DataFrame({"race": names, "borough": "BRONX"})
    weights = resample_weights(clusters, resamples=60)
    table = precision_at_recall(forecast, labels, weights).set_index(["attribute", "group_name"])
    pairs = list(zip(forecast.score.tolist(), forecast.actual.tolist(), strict=True))
    assert table.loc[("all", "all"), "flagged"] == counted(pairs, 0.6)
    frame = pd.DataFrame({"name": names, "score": forecast.score, "actual": forecast.actual})
    named = frame.nlargest(counted(pairs, 0.6), "score")
    for name in ("A", "B"):
        row, inside = table.loc[("race", name)], named[named["name"] == name]
        assert row["flagged"] == len(inside)
        assert row["precision"] == pytest.approx(inside["actual"].mean())
        there = frame.loc[frame["name"] == name, "actual"].sum()
        assert row["positives"] == there
        assert row["group_recall"] == pytest.approx(inside["actual"].sum() / there)
        assert row["precision_low"] < row["precision"] < row["precision_high"]
    assert table.loc[("race", NOT_SHOWN), "stops"] == 4
    assert pd.isna(table.loc[("race", NOT_SHOWN), "precision"])
    everybody, bronx = table.loc[("all", "all")], table.loc[("borough", "BRONX")]
    pd.testing.assert_series_equal(everybody, bronx, check_names=False)


def test_the_threshold_is_drawn_anew_so_that_the_recall_of_all_hardly_moves() -> None:
    forecast, clusters = drawn(5, 2_000)
    labels = pd.DataFrame({"race": ["A"] * forecast.rows, "borough": ["BRONX"] * forecast.rows})
    table = precision_at_recall(forecast, labels, resample_weights(clusters, resamples=100)).set_index("attribute")
    assert table.loc["all", "group_recall_low"] >= 0.6
    assert table.loc["all", "group_recall_high"] < 0.62  # a fixed threshold's recall would move by 0.05
