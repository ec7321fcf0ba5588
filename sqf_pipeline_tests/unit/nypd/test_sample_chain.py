"""Drawing gives the probabilities that the table of aggregates states, and the table gives nobody away."""

import math
from importlib import resources

import numpy as np
import pytest

from sqf_pipeline.nypd.sample_chain import (
    carry,
    draw_variables,
    generator,
    load_aggregates,
    model_year,
    pick,
    pick_text,
    start,
)

SMALLEST_CELL = 10


def test_pick_follows_the_weights() -> None:
    chosen = pick([1, 0, 3], np.array([0.0, 0.249, 0.25, 0.999]))
    assert chosen.tolist() == [0, 0, 2, 2]
    assert pick_text({"a": 1, "b": 1}, np.array([0.1, 0.9])).tolist() == ["a", "b"]


def test_carry_takes_the_value_before_it() -> None:
    assert carry(np.array([5, 6, 7, 8]), np.array([False, True, True, False])).tolist() == [5, 5, 5, 8]


def test_later_years_are_drawn_like_the_last() -> None:
    assert [model_year(year) for year in (2017, 2020, 2024)] == ["2017", "2020", "2020"]


def test_a_variable_is_drawn_by_its_logit() -> None:
    rows = 30_000
    precincts = np.full(rows, "75", dtype=object)
    drawn = draw_variables(start(2019, precincts, np.zeros(rows, dtype=bool)), generator(1, 2019, 1))
    variable = next(entry for entry in load_aggregates()["variables"] if entry["name"] == "initiated_by")
    width = len(variable["classes"]) - 1
    scores = np.zeros(width + 1)
    scores[1:] = variable["intercepts"]
    for parent, flat in variable["effects"].items():
        level = drawn.codes[parent][0]
        scores[1:] += np.array(flat).reshape(-1, width)[level]
    expected = np.array([math.exp(score / 100) for score in scores])
    found = np.bincount(drawn.codes["initiated_by"], minlength=width + 1) / rows
    assert found == pytest.approx(expected / expected.sum(), abs=0.01)


def test_what_does_not_exist_is_not_drawn() -> None:
    rows = 3000
    drawn = draw_variables(
        start(2019, np.full(rows, "14", dtype=object), np.zeros(rows, dtype=bool)), generator(2, 2019, 1)
    )
    assert set(drawn.texts("arrest_offense")[~drawn.is_yes("arrested")]) == {"NULL"}
    assert "NULL" not in set(drawn.texts("arrest_offense")[drawn.is_yes("arrested")])
    assert set(drawn.texts("force_restraint")) == {"NULL"}
    assert set(drawn.texts("weapon_kinds")[~drawn.is_yes("weapon_found")]) == {""}


def test_companions_share_most_of_what_is_drawn() -> None:
    rows = 4000
    follows = np.arange(rows) % 2 == 1
    drawn = draw_variables(start(2018, np.full(rows, "40", dtype=object), follows), generator(3, 2018, 1))
    arrested = drawn.is_yes("arrested").reshape(-1, 2)
    crimes = drawn.texts("suspected_crime").reshape(-1, 2)
    ages = drawn.texts("age_band").reshape(-1, 2)
    assert (crimes[:, 0] == crimes[:, 1]).mean() > 0.9
    assert (arrested[:, 0] == arrested[:, 1]).mean() > 0.85
    assert (ages[:, 0] == ages[:, 1]).mean() < 0.6


def _counts(value: object) -> list[int]:
    if isinstance(value, dict):
        return [number for part in value.values() for number in _counts(part)]
    return [value] if isinstance(value, int) else []


def test_no_published_count_rests_on_few_stops() -> None:
    table = load_aggregates()
    for key in (
        "rows", "nulls", "incidents", "precincts", "months", "weekdays", "minutes", "commands", "exact", "texts",
        "words",
    ):  # fmt: skip
        assert min(_counts(table[key])) >= SMALLEST_CELL, key


def test_table_is_compact_and_names_no_place() -> None:
    text = resources.files("sqf_pipeline.nypd").joinpath("sample_aggregates.json").read_text(encoding="utf-8")
    assert len(text) < 200_000
    assert not any(word in text for word in (' STREET"', ' AVENUE"', " && ", "BROADWAY"))
    for facts in load_aggregates()["places"].values():
        assert all(feet % 100 == 0 for feet in facts[3:]), "centres and spreads are rounded to a hundred feet"
