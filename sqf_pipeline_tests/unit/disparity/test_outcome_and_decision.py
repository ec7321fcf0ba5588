"""Outcome test, and decision and hit rates together, on stops whose bars are known."""

from collections import Counter

import numpy as np
import pytest

from sqf_pipeline.disparity.acts_and_hits import WEAPON_KINDS
from sqf_pipeline.disparity.clustered_resampling import compare, make_resampling, stratum_codes
from sqf_pipeline.disparity.decision_and_hit_rates import decision_and_hit_rates, verdict_of
from sqf_pipeline.disparity.outcome_test import outcome_test_contrasts, outcome_test_rates, rates_among
from sqf_pipeline.disparity.resampled_window import Window
from sqf_pipeline.evaluation.bootstrap import estimate_and_ends
from sqf_pipeline_tests.unit.disparity.simulated_stops import simulated_stops

UNEQUAL = {"bars": (0.06, 0.16, 0.16)}
"""Black persons are frisked from a risk of 6 %, the others from 16 %."""
INFRAMARGINAL = {"bars": (0.15, 0.15, 0.15), "means": (-1.4, -2.4, -2.0)}
"""One bar, but higher risks among black persons: they are frisked more and found with more, and nobody is wronged."""
RUNS = 100


def masks(stops):
    race = stops["suspect_race"].to_numpy(dtype=object)
    return race == "BLACK", race == "WHITE", *(stops[n].to_numpy(dtype=bool) for n in ("frisked", "weapon_found"))


def measured(seed, encounters, unit="encounter", strata="precinct_year", **world):
    """Return rate among the frisked black, differences in frisks and in finds, each with its ends."""
    stops = simulated_stops(seed, encounters, **world)
    black, white, frisked, weapon = masks(stops)
    resampling = make_resampling(stops, unit, resamples=300)
    cells = stratum_codes(stops, strata)
    acts = compare(resampling, cells, black, white).contrasts([frisked])[0][0]
    hits = compare(resampling, cells, black & frisked, white & frisked).contrasts([weapon])[0][0]
    return (
        next(rates_among(black & frisked, [weapon], resampling))[1:4],
        estimate_and_ends(acts),
        estimate_and_ends(hits),
    )


def test_intervals_hold_the_truth_in_90_to_98_of_100_runs():
    stops = simulated_stops(0, 400_000, **UNEQUAL)
    black, white, frisked, weapon = masks(stops)
    rate = weapon[black & frisked].mean()
    truths = (rate, frisked[black].mean() - frisked[white].mean(), rate - weapon[white & frisked].mean())
    held = Counter()
    for seed in range(1, RUNS + 1):
        for name, truth, (_, low, high) in zip(
            ("rate", "acts", "hits"), truths, measured(seed, 1_000, **UNEQUAL), strict=True
        ):
            held[name] += low <= truth <= high
    assert {name: 90 <= held[name] <= 98 for name in held} == {"rate": True, "acts": True, "hits": True}, held


def test_rows_counted_one_by_one_would_be_too_sure():
    stops = simulated_stops(5, 3_000, **UNEQUAL)
    black, _, frisked, weapon = masks(stops)
    effect = next(rates_among(black & frisked, [weapon], make_resampling(stops, "encounter", resamples=10)))[4]
    sizes = np.array([1, 2, 3])
    shared = (np.array([0.7, 0.2, 0.1]) * sizes * (sizes - 1)).sum() / (np.array([0.7, 0.2, 0.1]) * sizes).sum()
    assert 1.1 < effect < 1 + shared  # 1 + (mean size of the others) * correlation, which is below 1


def test_a_planted_lower_bar_is_found_and_a_weekday_is_not():
    found, placebo = 0, 0
    for seed in range(1, 41):
        _, acts, hits = measured(seed, 3_000, **UNEQUAL)
        found += verdict_of([(acts[1:], hits[1:])]) == "lower_bar"
        stops = simulated_stops(seed, 3_000, **UNEQUAL)
        early = (stops["stop_date"].dt.day_of_week < 4).to_numpy(dtype=bool)
        _, _, frisked, weapon = masks(stops)
        resampling = make_resampling(stops, "encounter", resamples=200)
        compared = compare(resampling, stratum_codes(stops, "precinct_year"), early & frisked, ~early & frisked)
        low, high = estimate_and_ends(compared.contrasts([weapon])[0][0])[1:]
        placebo += not low <= 0 <= high
    assert found >= 36  # stated power: 9 in 10 with 3,000 encounters
    assert placebo <= 6


def test_unlike_risks_under_one_bar_fool_the_outcome_test_alone():
    """Infra-marginality: finds differ though the bar is one; acts and finds together say nothing, and rightly."""
    _, acts, hits = measured(1, 6_000, **INFRAMARGINAL)
    assert hits[1] > 0  # alone it would read: black persons are held to a higher bar
    assert acts[1] > 0
    assert verdict_of([(acts[1:], hits[1:])]) == "undecided"


@pytest.mark.parametrize(
    ("ends", "verdict"),
    [
        ([((-0.05, -0.01), (0.01, 0.04)), ((-0.06, -0.01), (0.01, 0.05))], "higher_bar"),
        ([((0.01, 0.05), (-0.04, -0.01)), ((-0.01, 0.05), (-0.04, -0.01))], "undecided"),
        ([((0.01, 0.05), (-0.04, -0.01)), ((None, None), (-0.04, -0.01))], "too_few"),
    ],
)
def test_a_verdict_needs_both_rates_under_both_resamplings(ends, verdict):
    assert verdict_of(ends) == verdict


@pytest.fixture(scope="module")
def tables():
    stops = simulated_stops(2, 900, **UNEQUAL)
    made = (outcome_test_rates, outcome_test_contrasts, decision_and_hit_rates)
    return stops, {one.__name__: one(Window(stops, 60)) for one in made}


def test_no_weapon_stands_without_firearm_and_knife_beside_it(tables):
    for name, table in tables[1].items():
        key = [column for column in ("population", "act", "strata", "race", "resampled") if column in table]
        for _, hits in table.groupby(key)["hit"]:
            assert {"weapon", *WEAPON_KINDS} <= set(hits), name


def test_rates_are_the_counts_and_a_small_group_has_none(tables):
    stops, made = tables
    frisked = stops[stops["frisked"]]
    rates = made["outcome_test_rates"].set_index(["population", "act", "hit", "race"])
    row = rates.loc[("all", "frisk", "knife", "black")]
    black = frisked[frisked["suspect_race"] == "BLACK"]
    assert (row["acts"], row["hits"]) == (len(black), int(black["knife_found"].sum()))
    assert row["low"] < row["rate"] < row["high"]
    assert rates.loc[("all", "frisk", "contraband", "black")][["low", "high"]].tolist()[1] > 0  # none found: Wilson
    asian = rates.loc[("all", "frisk", "weapon", "asian")]
    assert asian["acts"] == 0
    assert asian[["hits", "rate", "low", "high"]].isna().all()
    assert set(made["decision_and_hit_rates"].query("race == 'asian'")["verdict"]) == {"too_few"}
    assert made["outcome_test_contrasts"].query("race == 'asian'")["difference"].isna().all()
