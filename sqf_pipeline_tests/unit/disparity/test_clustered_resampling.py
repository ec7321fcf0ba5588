"""Sums, strata and Mantel-Haenszel figures against counts made another way."""

from collections import Counter

import numpy as np
import pytest

from sqf_pipeline.disparity.clustered_resampling import compare, make_resampling, stratum_codes
from sqf_pipeline.evaluation.bootstrap import estimate_and_ends
from sqf_pipeline_tests.unit.disparity.simulated_stops import simulated_stops


@pytest.fixture(scope="module")
def stops():
    return simulated_stops(1, 600, (0.1, 0.1, 0.1))


def test_the_first_of_every_sum_is_that_of_the_stops(stops):
    resampling = make_resampling(stops, "encounter", resamples=20)
    cells = stratum_codes(stops, "precinct_year")
    frisked = stops["frisked"].to_numpy(dtype=bool)
    sums = resampling.sums(np.flatnonzero(frisked), cells[frisked], 4)
    assert dict(enumerate(sums[:, 0])) == Counter(stops.loc[frisked, "precinct"] - 1)


def test_a_resample_takes_whole_encounters(stops):
    resampling = make_resampling(stops, "encounter", resamples=5)
    sizes = Counter(stops["x_feet"])
    sums = resampling.sums(np.arange(len(stops)), resampling.clusters, len(sizes))
    drawn = resampling.draws[:, 1:]
    assert drawn.sum(axis=0).tolist() == [len(sizes)] * 5
    assert np.array_equal(sums[:, 1:], sums[:, :1] * drawn)


def test_precincts_are_drawn_whole_and_stops_without_one_are_a_cluster(stops):
    lost = stops.copy()
    lost.loc[:9, "precinct"] = None
    assert len(make_resampling(lost, "precinct", resamples=3).draws) == 5
    assert (stratum_codes(lost, "precinct_year")[:10] == -1).all()


def test_mantel_haenszel_by_hand(stops):
    """Two strata: 2 of 4 against 1 of 6, and 3 of 5 against 2 of 5; a third has one group only."""
    group, reference, event, stratum = [], [], [], []
    for place, (a, n1, b, n0) in enumerate([(2, 4, 1, 6), (3, 5, 2, 5), (1, 3, 0, 0)]):
        group += [True] * n1 + [False] * n0
        reference += [False] * n1 + [True] * n0
        event += [True] * a + [False] * (n1 - a) + [True] * b + [False] * (n0 - b)
        stratum += [place] * (n1 + n0)
    few = stops.iloc[: len(group)]
    compared = compare(
        make_resampling(few, "encounter", resamples=2), np.array(stratum), np.array(group), np.array(reference)
    )
    ((difference, ratio),) = compared.contrasts([np.array(event)])
    weights = (4 * 6 / 10, 5 * 5 / 10)
    assert difference[0] == pytest.approx((weights[0] * (2 / 4 - 1 / 6) + weights[1] * (3 / 5 - 2 / 5)) / sum(weights))
    assert ratio[0] == pytest.approx((2 * 6 / 10 + 3 * 5 / 10) / (1 * 4 / 10 + 2 * 5 / 10))
    assert compared.share == pytest.approx(9 / 12)
    nobody = np.zeros(len(few), dtype=bool)
    none, _ = compared.contrasts([nobody, np.array(event)])
    assert none[0][0] == 0
    assert np.isnan(none[1][0]), "no event of the reference, no ratio"
    assert compared.contrasts([]) == []


def test_the_same_stops_give_the_same_figures_in_any_order_of_calls(stops):
    mixed = stops.sample(frac=1, random_state=3)
    one, two = (make_resampling(frame, "encounter", resamples=50) for frame in (stops, mixed))
    figures = []
    for resampling, frame in ((one, stops), (two, mixed)):
        black, white = (frame["suspect_race"].eq(race).to_numpy(dtype=bool) for race in ("BLACK", "WHITE"))
        compared = compare(resampling, stratum_codes(frame, "precinct_year"), black, white)
        figures.append(estimate_and_ends(compared.contrasts([frame["frisked"].to_numpy(dtype=bool)])[0][0]))
    assert figures[0] == figures[1]
