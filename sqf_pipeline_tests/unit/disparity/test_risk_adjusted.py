"""Risk-adjusted regression and its sensitivity on stops whose odds ratio is known."""

from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from sqf_pipeline.disparity.acts_and_hits import WEAPON_KINDS
from sqf_pipeline.disparity.clustered_logistic import average_difference, fit_linear, fit_logistic, indicators, spline
from sqf_pipeline.disparity.foreseen_risk import RISK_FLOOR, foreseen_risk
from sqf_pipeline.disparity.risk_adjusted import compared_stops, risk_adjusted
from sqf_pipeline.disparity.risk_adjusted_sensitivity import (
    base_odds,
    chance_of_act,
    odds_ratio_under,
    risk_adjusted_sensitivity,
    robustness_value,
)
from sqf_pipeline.modelling.calibration import log_odds
from sqf_pipeline.modelling.estimators import KINDS
from sqf_pipeline_tests.modelling_support import expit, invented_stops

RATIO = 1.8
RUNS = 100


def world(seed, encounters):
    """Return design (ones, group, spline of risk), acts and clusters: persons of an encounter share all of it."""
    rng = np.random.default_rng(seed)
    number = np.repeat(np.arange(encounters), rng.choice([1, 2, 3], encounters, p=[0.6, 0.2, 0.2]))
    group = rng.random(encounters) < 0.4
    line = rng.normal(-2 + 0.4 * group, 0.8)
    acted = rng.random(encounters) < expit(1 + np.log(RATIO) * group + 0.6 * line)
    design = np.column_stack([np.ones(encounters), group, spline(line)])
    return design[number], acted[number], number, group[number], line[number]


def test_the_odds_ratio_is_covered_in_90_to_98_of_100_runs_and_rows_one_by_one_would_not():
    held, alone = 0, 0
    for seed in range(RUNS):
        design, acted, number, *_ = world(seed, 800)
        _, low, high = fit_logistic(design, acted, number).ends(1)
        held += low <= np.log(RATIO) <= high
        _, low, high = fit_logistic(design, acted, np.arange(len(acted))).ends(1)
        alone += low <= np.log(RATIO) <= high
    assert 90 <= held <= 98
    assert alone < held


def test_a_weekday_in_the_groups_place_is_null():
    held = 0
    for seed in range(RUNS):
        design, acted, number, *_ = world(seed, 500)
        design[:, 1] = (np.random.default_rng(seed + 1000).integers(0, 7, 500) < 2)[number]
        _, low, high = fit_logistic(design, acted, number).ends(1)
        held += low <= 0 <= high
    assert 90 <= held <= 98


def test_coefficients_are_scikit_learns_and_the_average_difference_is_that_of_predictions():
    design, acted, number, *_ = world(1, 2_000)
    fit = fit_logistic(design, acted, number)
    other = LogisticRegression(C=1e3, fit_intercept=True, tol=1e-10, max_iter=10_000).fit(design[:, 1:], acted)
    assert fit.coefficients == pytest.approx([other.intercept_[0], *other.coef_[0]], abs=2e-3)
    ones, zeros = design.copy(), design.copy()
    ones[:, 1], zeros[:, 1] = 1, 0
    expected = (other.predict_proba(ones[:, 1:]) - other.predict_proba(zeros[:, 1:]))[:, 1].mean()
    middle, low, high = average_difference(fit, design, 1, [1])
    assert middle == pytest.approx(expected, abs=1e-3)
    assert low < middle < high


def test_least_squares_of_two_shares_is_their_difference():
    group, acted = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0]), np.array([1, 1, 1, 0, 1, 0, 0, 0, 1])
    fit = fit_linear(np.column_stack([np.ones(9), group]), acted, np.arange(9))
    assert fit.coefficients == pytest.approx([2 / 5, 3 / 4 - 2 / 5])


def test_a_missing_place_is_a_place_of_its_own():
    columns = indicators(pd.DataFrame({"precinct": pd.array([1, 2, None, 2], dtype="Int32")}), ["precinct"])
    assert columns.tolist() == [[1, 0], [0, 1], [0, 0], [0, 1]]


def test_risk_is_foreseen_without_the_encounter_itself():
    """Pure noise as the label: models that had seen the encounter would foresee it."""
    rng = np.random.default_rng(1)
    number = np.repeat(np.arange(500), 2)
    values = rng.normal(size=(500, 3))[number]
    found = (rng.random(500) < 0.3)[number]
    risk = foreseen_risk((values, ["a", "b", "c"], []), number, np.ones(1000, dtype=bool), found)
    assert abs(np.corrcoef(risk, found)[0, 1]) < 0.1
    with pytest.raises(ValueError, match="one outcome only"):
        foreseen_risk((values, ["a", "b", "c"], []), number, np.ones(1000, dtype=bool), np.zeros(1000, dtype=bool))


@pytest.mark.parametrize(("ratio", "share", "chance"), [(2.0, 0.1, 0.6), (3.0, 0.9, 0.05), (1 / 3, 0.5, 0.99)])
def test_a_mixture_gives_back_the_chance_that_it_was_made_of(ratio, share, chance):
    odds = base_odds(np.array([chance]), np.array([share]), ratio)[0]
    assert share * ratio * odds / (1 + ratio * odds) + (1 - share) * odds / (1 + odds) == pytest.approx(chance)


def test_a_mixture_that_is_the_truth_gives_the_true_ratio():
    """Acts follow group and the risk that the officer sees, part of it unseen: one in ten has it, or nine in ten."""
    rng, rows, shares, delta, steep = np.random.default_rng(3), 200_000, np.array([0.1, 0.9]), 6.0, 1.2
    group = (rng.random(rows) < 0.5).astype(int)
    line, unseen = rng.normal(-2, 0.8, rows), rng.random(rows) < shares[group]

    def act_chance(has):
        return expit(1 + np.log(RATIO) * group + steep * (line + np.log(delta) * has))

    acted = rng.random(rows) < act_chance(unseen)
    with_it, without = shares[group] * act_chance(1), (1 - shares[group]) * act_chance(0)
    risk = (with_it * expit(line + np.log(delta)) + without * expit(line)) / (with_it + without)
    order = np.argsort(np.argsort(risk)) * 100 // rows
    counts = np.zeros((100, 2, 2))
    np.add.at(counts, (order, group, acted.astype(int)), 1)
    binned = np.bincount(order, weights=risk) / counts.sum(axis=(1, 2))
    ratio_under = partial(odds_ratio_under, counts, binned, chance=chance_of_act(counts, binned))
    plain = ratio_under(1.0, 1.0, (0.5, 0.5))
    assert abs(np.log(plain / RATIO)) > 0.04
    assert ratio_under(delta**steep, delta, (0.1, 0.9)) == pytest.approx(RATIO, rel=0.03)
    assert ratio_under(2.0, 1.0, (0.1, 0.9)) == pytest.approx(plain, rel=0.02)  # no finds moved


def test_robustness_value_of_the_article():
    """Cinelli and Hazlett (2020), section 4.4: t = 4.18 on 783 degrees of freedom has 13.9 %."""
    assert robustness_value(4.18, 783) == pytest.approx(0.139, abs=0.0005)
    assert robustness_value(0.0, 100) == 0.0


def planted(seed, rows, ratio, year=2020):
    """Return stops in which black persons' odds of a frisk are `ratio` times those of white at one risk."""
    rng = np.random.default_rng([seed, 7])
    stops = invented_stops(rows, seed, year)
    black = (stops["suspect_race"] == "BLACK").fillna(False).to_numpy(dtype=bool)
    concealed = stops["action_concealed_weapon"].to_numpy(dtype=bool)
    line = -1.5 + 1.2 * concealed + 0.6 * (stops["suspected_crime"] == "CPW").to_numpy(dtype=bool)
    frisked = rng.random(rows) < expit(0.8 + np.log(ratio) * black + 0.7 * line)
    weapon = rng.random(rows) < expit(line)
    kind = rng.random(rows) < 0.5
    found = {"frisked": frisked, "weapon_found": weapon, "firearm_found": weapon & kind, "knife_found": weapon & ~kind,
             "other_weapon_found": np.zeros(rows, dtype=bool)}  # fmt: skip
    return stops.assign(**{name: pd.array(np.asarray(value), dtype="boolean") for name, value in found.items()})


@pytest.fixture
def few_trees(monkeypatch):
    quick = replace(KINDS["boosting"], settings={**KINDS["boosting"].settings, "max_iter": 25, "learning_rate": 0.25})
    monkeypatch.setitem(KINDS, "boosting", quick)


@pytest.mark.usefixtures("few_trees")
@pytest.mark.slow
def test_the_whole_test_finds_a_planted_ratio_and_none_where_there_is_none():
    for ratio in (2.0, 1.0):
        table = risk_adjusted(compared_stops(planted(1, 4_000, ratio), repeats=1))
        table = table.set_index(["act", "hit", "model", "race"])
        row = table.loc[("frisk", "weapon", "risk_place", "black")]
        assert row["odds_ratio_low"] < ratio < row["odds_ratio_high"]
        assert (row["odds_ratio_low"] > 1) == (ratio > 1)
        assert row["risk_foreseen"] == pytest.approx(row["risk_observed"], abs=0.03)
        assert {"weapon", *WEAPON_KINDS, "none"} == set(table.index.get_level_values("hit"))


@pytest.mark.slow
@pytest.mark.usefixtures("few_trees")
def test_sensitivity_has_the_three_hits_and_says_what_would_be_enough():
    table = risk_adjusted_sensitivity(compared_stops(planted(2, 3_000, 1.0), repeats=1))
    assert set(table["hit"]) == {"weapon", *WEAPON_KINDS}
    mixtures = table[table["alpha"].notna()]
    assert (mixtures["least"] <= mixtures["most"]).all()
    across = (mixtures["least"] <= 1) & (mixtures["most"] >= 1)
    assert across.tolist() == mixtures["enough_to_explain"].tolist()


def test_nothing_is_said_where_too_few_were_frisked_or_found():
    stops = planted(3, 1_500, 1.5)
    assert not len(risk_adjusted(compared_stops(stops.assign(frisked=pd.array([None] * 1_500, dtype="boolean")))))
    assert not len(risk_adjusted(compared_stops(stops[stops["suspect_race"] != "WHITE"])))
    few = compared_stops(stops.assign(firearm_found=pd.array([True] + [False] * 1_499, dtype="boolean")))
    assert set(risk_adjusted(few)["hit"]) == {"none"}
    assert not len(risk_adjusted_sensitivity(few))


def test_log_odds_stay_finite_at_the_ends():
    assert np.isfinite(log_odds(np.array([0.0, 1.0]), RISK_FLOOR)).all()
