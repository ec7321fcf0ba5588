"""The threshold test's gradient, its likelihood against the model played out, and its gates with chains made up."""

import importlib.util

import numpy as np
import pytest
from scipy.stats import norm

from sqf_pipeline.disparity import threshold_test as module
from sqf_pipeline.disparity.posterior_draws import split_r_hat_and_effective
from sqf_pipeline.disparity.risk_adjusted import HITS
from sqf_pipeline.disparity.threshold_posterior import (
    INFORMED,
    LEARNED,
    Cells,
    cell_chances,
    group_thresholds,
    log_posterior,
    on_cells,
    start,
    take_apart,
)
from sqf_pipeline.disparity.threshold_test import GROUPS, threshold_test
from sqf_pipeline_tests.unit.disparity.simulated_stops import simulated_stops


def made_cells(seed=0, precincts=6, groups=3):
    rng = np.random.default_rng(seed)
    stops = rng.integers(0, 200, (precincts, groups))
    acts = rng.binomial(stops, 0.6)
    return Cells(*(part.astype(float) for part in (stops, acts, rng.binomial(acts, 0.1))))


@pytest.mark.parametrize("prior", [LEARNED, INFORMED])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_gradient_is_that_of_differences(prior, seed):
    cells = made_cells(seed)
    point = start(cells, seed) + np.random.default_rng(seed).normal(0, 0.5, cells.size)
    _, gradient = log_posterior(point, cells, prior)
    steps = 1e-6 * np.eye(cells.size)
    differences = [
        (log_posterior(point + step, cells, prior)[0] - log_posterior(point - step, cells, prior)[0]) / 2e-6
        for step in steps
    ]
    assert gradient == pytest.approx(differences, abs=1e-5, rel=1e-6)


def test_the_likelihood_is_that_of_the_model_played_out():
    """Half a million persons of one cell: signals are drawn, and whoever shows the threshold's risk is acted on."""
    cells = made_cells()
    point = start(cells, 1)
    eta, delta, tau = (part[2, 1] for part in on_cells(take_apart(point, cells)))
    rng = np.random.default_rng(2)
    carries = rng.random(500_000) < 1 / (1 + np.exp(-eta))
    signal = rng.normal(delta * carries, 1)
    odds = np.exp(eta) * norm.pdf(signal, delta) / norm.pdf(signal)
    acted = odds > np.exp(tau)
    act_chance, hit_chance = (part[2, 1] for part in cell_chances(point, cells))
    assert acted.mean() == pytest.approx(act_chance, abs=0.003)
    assert carries[acted].mean() == pytest.approx(hit_chance, abs=0.003)
    one = Cells(
        *(np.where(np.arange(18).reshape(6, 3) == 7, part, 0.0) for part in (cells.stops, cells.acts, cells.hits))
    )
    n, s, h = (part[2, 1] for part in (one.stops, one.acts, one.hits))
    empty = Cells(*(np.zeros((6, 3)) for _ in range(3)))
    likelihood = log_posterior(point, one, LEARNED)[0] - log_posterior(point, empty, LEARNED)[0]
    expected = (
        (n - s) * np.log(1 - act_chance)
        + h * np.log(act_chance * hit_chance)
        + (s - h) * np.log(act_chance * (1 - hit_chance))
    )
    assert likelihood == pytest.approx(expected)


def test_a_groups_threshold_is_weighted_by_all_stops_of_the_precinct():
    cells = made_cells()
    point = start(cells, 1)
    tau = on_cells(take_apart(point, cells))[2]
    weights = cells.stops.sum(axis=1)
    by_hand = [
        sum(w / (1 + np.exp(-t)) for w, t in zip(weights, tau[:, g], strict=True)) / weights.sum() for g in range(3)
    ]
    assert group_thresholds(point[None, :], cells)[0] == pytest.approx(by_hand)


def test_r_hat_and_effective_draws_of_known_chains():
    rng = np.random.default_rng(1)
    white = rng.normal(size=(4, 2_000))
    r_hat, effective = split_r_hat_and_effective(white)
    assert r_hat == pytest.approx(1.0, abs=0.003)
    assert 6_500 < effective <= 8_000
    slow = np.zeros((4, 20_000))
    for step in range(1, 20_000):
        slow[:, step] = 0.9 * slow[:, step - 1] + rng.normal(size=4)
    assert split_r_hat_and_effective(slow)[1] == pytest.approx(80_000 * 0.1 / 1.9, rel=0.2)  # (1 - r) / (1 + r)
    apart = white + np.arange(4)[:, None]
    assert split_r_hat_and_effective(apart)[0] > 1.3
    assert split_r_hat_and_effective(np.ones((4, 100))) == (float("inf"), 0.0)


@pytest.fixture(scope="module")
def stops():
    return simulated_stops(1, 3_000, (0.06, 0.16, 0.16))


def sampler(shifts, noise=0.02, broken=()):
    """Return a sampler whose draws put the thresholds of the groups at `shifts`, call by call; some never mix."""
    calls = []

    def sample(cells, prior):
        call = len(calls) % 3
        calls.append(prior)
        rng = np.random.default_rng(len(calls))
        draws = rng.normal(0, noise, (4, 200, cells.size))
        draws[:, :, 6:9] += np.array(shifts[call])
        if call in broken:
            draws += np.arange(4)[:, None, None]
        return draws

    return sample


NULL, LOWER = (-2.0, -2.0, -2.0), (-3.0, -2.0, -2.0)


@pytest.mark.parametrize(
    ("shifts", "broken", "reason"),
    [
        ((LOWER, LOWER, NULL), (0,), "learned prior do not agree"),
        ((LOWER, LOWER, NULL), (1,), "informed prior do not agree"),
        ((LOWER, NULL, NULL), (), "changes with the prior"),
        ((LOWER, LOWER, NULL), (2,), "weekdays do not agree"),
        ((LOWER, LOWER, LOWER), (), "Weekdays in the place of races differ"),
    ],
)
def test_each_gate_alone_keeps_every_number_back(stops, shifts, broken, reason):
    table = threshold_test(stops, sample=sampler(shifts, broken=broken))
    first = table[table["hit"] == "weapon"]
    assert set(first["verdict"]) == {"not_identified"}
    assert first["reason"].str.contains(reason).all()
    assert first[["threshold", "low", "high", "difference", "share_below"]].isna().all().all()
    assert first["r_hat"].notna().all()


def test_through_all_gates_a_lower_threshold_is_told_beside_firearm_and_knife(stops):
    table = threshold_test(stops, sample=sampler((LOWER, LOWER, NULL)))
    assert set(table["hit"]) == set(HITS)
    assert set(table["race"]) == set(GROUPS)
    black = table[table["race"] == "black"]
    assert set(black["verdict"]) == {"lower_threshold"}
    expected = 1 / (1 + np.exp(3)) - 1 / (1 + np.exp(2))
    assert black["difference"].tolist() == pytest.approx([expected] * len(black), abs=0.01)
    assert set(table.loc[table["race"] == "hispanic", "verdict"]) == {"no_difference_shown"}
    assert table.loc[table["race"] == "white", "difference"].isna().all()
    assert (table["reason"] == "").all()


def test_without_the_extra_it_says_how_to_install_it(stops, monkeypatch):
    monkeypatch.setattr(module, "find_spec", lambda _: None)
    table = threshold_test(stops)
    assert set(table["verdict"]) == {"not_run"}
    assert table["reason"].str.contains(r"pip install 'sqf-pipeline\[threshold\]'").all()
    assert len(table) == len(HITS) * 2 * len(GROUPS)


def test_nothing_is_said_where_a_group_has_too_few(stops):
    assert not len(threshold_test(stops[stops["suspect_race"] != "WHITE"], sample=sampler((NULL,) * 3)))


@pytest.mark.slow
@pytest.mark.skipif(
    importlib.util.find_spec("nutpie") is None, reason="needs the extra: pip install 'sqf-pipeline[threshold]'"
)
def test_known_thresholds_are_recovered_and_two_runs_are_equal(monkeypatch):
    """Precincts alike, thresholds of 4, 12 and 12 %: the intervals hold them."""
    for name, value in (("TUNE", 250), ("DRAWS", 150), ("CHAINS", 2)):
        monkeypatch.setattr(module, name, value)
    rng = np.random.default_rng(5)
    stops = rng.integers(600, 1500, (5, 3)).astype(float)
    phi, delta, thresholds = 0.1, 1.3, np.array([0.04, 0.12, 0.12])
    tau = np.log(thresholds / (1 - thresholds))
    carriers = (tau - np.log(phi / (1 - phi))) / delta - delta / 2
    found, vain = phi * norm.sf(carriers), (1 - phi) * norm.sf(carriers + delta)
    acts = rng.binomial(stops.astype(int), np.broadcast_to(found + vain, stops.shape))
    hits = rng.binomial(acts, np.broadcast_to(found / (found + vain), stops.shape))
    cells = Cells(stops, acts.astype(float), hits.astype(float))
    draws = module.sample_with_nutpie(cells, LEARNED)
    assert np.array_equal(draws, module.sample_with_nutpie(cells, LEARNED))
    posterior = module.summarise(draws, cells)
    ends = np.quantile(posterior.thresholds, [0.025, 0.975], axis=0)
    assert ((ends[0] < thresholds) & (thresholds < ends[1])).all()
    assert posterior.verdict(0) == "lower_threshold"
    assert posterior.verdict(1) == "no_difference_shown"
