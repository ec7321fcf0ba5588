"""Thresholds do what their aims say, on a case counted by hand."""

import numpy as np
import pytest

from sqf_pipeline.modelling.thresholds import choose_thresholds, half, precision_recall_steps

PROBABILITY = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2])
POSITIVE = np.array([1, 1, 0, 1, 0, 0, 0, 0], dtype=bool)


def test_steps_are_counted_as_by_hand() -> None:
    cuts, precision, recall = precision_recall_steps(PROBABILITY, POSITIVE)
    np.testing.assert_array_equal(cuts, PROBABILITY)
    np.testing.assert_allclose(precision[:4], [1, 1, 2 / 3, 3 / 4])
    np.testing.assert_allclose(recall[:4], [1 / 3, 2 / 3, 2 / 3, 1])


def test_equal_probabilities_stand_or_fall_together() -> None:
    cuts, precision, _ = precision_recall_steps(np.array([0.5, 0.5, 0.2]), np.array([True, False, False]))
    np.testing.assert_array_equal(cuts, [0.5, 0.2])
    assert precision[0] == 0.5


def test_best_f1_is_the_best() -> None:
    assert choose_thresholds(PROBABILITY, POSITIVE, "arrest")["best_f1"].value == 0.6


def test_the_stated_precision_holds_with_the_most_recall() -> None:
    threshold = choose_thresholds(PROBABILITY, POSITIVE, "arrest")["precision_80"]
    assert threshold.value == 0.8
    assert "80%" in threshold.aim


def test_a_precision_never_reached_names_nobody_and_says_so() -> None:
    threshold = choose_thresholds(np.full(100, 0.03), np.arange(100) < 3, "summons")["precision_15"]
    assert threshold.value == 1.0
    assert "No threshold reached it" in threshold.aim


@pytest.mark.parametrize(("name", "value"), [("equal_costs", 1 / 2), ("miss_costs_10", 1 / 11)])
def test_cost_thresholds_are_those_of_least_expected_cost(name: str, value: float) -> None:
    assert choose_thresholds(PROBABILITY, POSITIVE, "summons")[name].value == pytest.approx(value)


def test_without_positives_only_cost_thresholds_are_left() -> None:
    assert set(choose_thresholds(PROBABILITY, np.zeros(8, dtype=bool), "arrest")) == {"equal_costs", "miss_costs_10"}


def test_the_study_says_yes_above_one_half() -> None:
    assert half()["half"].value == 0.5
