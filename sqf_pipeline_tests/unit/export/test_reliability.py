"""The record of a probability in the test year."""

import itertools

import numpy as np
import pytest

from sqf_pipeline.export.reliability import reliability_table
from sqf_pipeline.service.predictor import find_bin


def test_bins_cover_everything_and_count_every_stop():
    rng = np.random.default_rng(1)
    probabilities = rng.beta(1, 5, 3000)
    actual = rng.random(3000) < probabilities
    table = reliability_table(probabilities, actual)
    assert len(table) == 10
    assert (table[0].low, table[-1].high) == (0.0, 1.0)
    assert all(left.high == right.low for left, right in itertools.pairwise(table))
    assert sum(entry.stops for entry in table) == 3000
    assert sum(entry.positives for entry in table) == actual.sum()
    assert all(entry.share_low <= entry.share <= entry.share_high for entry in table)


def test_a_stop_is_found_in_the_bin_that_counted_it():
    probabilities = np.repeat([0.0, 0.1, 0.2, 0.9, 1.0], 60)
    table = reliability_table(probabilities, probabilities > 0.5)
    for value in (0.0, 0.1, 0.2, 0.9, 1.0):
        entry = find_bin(table, value)
        assert entry.low <= value <= entry.high
        assert entry.stops >= 50


def test_intervals_cover_about_as_often_as_they_say():
    rng = np.random.default_rng(2)
    covered = []
    for _ in range(200):
        actual = rng.random(200) < 0.3
        entry = reliability_table(np.full(200, 0.3), actual)[0]
        covered.append(entry.share_low <= 0.3 <= entry.share_high)
    assert 0.9 <= np.mean(covered) <= 0.99


def test_few_stops_make_one_bin():
    table = reliability_table(np.array([0.2, 0.8]), np.array([False, True]))
    assert [(entry.low, entry.high, entry.stops) for entry in table] == [(0.0, 1.0, 2)]


def test_no_stops_are_refused():
    with pytest.raises(ValueError, match="one at least"):
        reliability_table(np.array([]), np.array([]))
