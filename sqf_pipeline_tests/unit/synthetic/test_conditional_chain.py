"""Drawing gives the probabilities that the aggregates state, and the aggregates give nobody away."""

import math
from importlib import resources

import numpy as np
import pytest

from sqf_pipeline.synthetic.conditional_chain import carry, draw_variables, load_aggregates, of_year, pick
from sqf_pipeline.synthetic.published_layout import read_table

SMALLEST_CELL = 10
COUNTS = {
    "incidents", "precincts", "months", "weekdays", "minutes", "commands", "exact", "sectors", "demeanor_codes",
    "words", "beats", "posts", "texts",
}  # fmt: skip
FORMS = pytest.mark.parametrize("year", [2014, 2017], ids=["old form", "new form"])


def test_pick_follows_the_weights() -> None:
    chosen = pick({"a": 1, "b": 0, "c": 3}, np.array([0.0, 0.249, 0.25, 0.999]))
    assert chosen.tolist() == ["a", "a", "c", "c"]


def test_carry_takes_the_value_before_it() -> None:
    assert carry(np.array([5, 6, 7, 8]), np.array([False, True, True, False])).tolist() == [5, 5, 5, 8]


def test_later_years_are_drawn_like_the_last() -> None:
    assert [of_year("rows", year) for year in (2017, 2020, 2024)] == [11_629, 9_544, 9_544]


def test_a_variable_is_drawn_by_its_logit() -> None:
    rows = 30_000
    precincts = np.full(rows, "75", dtype=object)
    drawn = draw_variables(2019, precincts, np.zeros(rows, dtype=bool), np.random.default_rng(1))
    variable = next(entry for entry in load_aggregates()["variables"] if entry["name"] == "initiated_by")
    width = len(variable["classes"]) - 1
    scores = [0.0, *variable["intercepts"]]
    assert set(variable["effects"]) == {"year", "patrol_borough"}
    for parent, level in (("year", "2019"), ("patrol_borough", "PBBN")):
        place = load_aggregates()["levels"][parent].index(level)
        effects = variable["effects"][parent][place * width : (place + 1) * width]
        scores = [scores[0], *(score + effect for score, effect in zip(scores[1:], effects, strict=True))]
    expected = [math.exp(score / 100) for score in scores]
    for name, weight in zip(variable["classes"], expected, strict=True):
        assert (drawn["initiated_by"] == name).mean() == pytest.approx(weight / sum(expected), abs=0.01)


def test_what_does_not_exist_is_not_drawn() -> None:
    rows = 3000
    drawn = draw_variables(
        2019, np.full(rows, "14", dtype=object), np.zeros(rows, dtype=bool), np.random.default_rng(2)
    )
    arrested = drawn["arrested"] == "Y"
    assert set(drawn["arrest_offense"][~arrested]) == {"NULL"}
    assert "NULL" not in set(drawn["arrest_offense"][arrested])
    assert set(drawn["force_restraint"]) == {"NULL"}
    assert set(drawn["weapon_kinds"][drawn["weapon_found"] != "Y"]) == {""}


def test_companions_share_most_of_what_is_drawn() -> None:
    rows = 4000
    drawn = draw_variables(2018, np.full(rows, "40", dtype=object), np.arange(rows) % 2 == 1, np.random.default_rng(3))
    alike = {
        name: (drawn[name][::2] == drawn[name][1::2]).mean() for name in ("suspected_crime", "arrested", "age_band")
    }
    assert alike["suspected_crime"] > 0.9
    assert alike["arrested"] > 0.85
    assert alike["age_band"] < 0.6


def _counts(value: object) -> list[int]:
    if isinstance(value, dict):
        return [number for part in value.values() for number in _counts(part)]
    return [value] if isinstance(value, int) else []


@FORMS
def test_no_count_rests_on_few_stops_or_tells_them_by_subtraction(year: int) -> None:
    table = load_aggregates(year)
    for key in COUNTS & set(table):
        assert min(_counts(table[key])) >= SMALLEST_CELL, key
        assert all(count % 5 == 0 for count in _counts(table[key])), key
    assert set(table) - {*COUNTS, "about", "rows", "headers", "places", "derived", "levels", "variables"} == (
        {"missing"} if year == 2014 else {"nulls", "null_shares"}
    )
    for columns in table.get("nulls", {}).values():
        for weights in columns.values():
            assert 98 <= sum(weights.values()) <= 102, "hundredths, not counts"
    for shares in table.get("null_shares", table.get("missing")).values():
        assert max(shares.values()) <= 1000


@FORMS
def test_effects_are_whole_hundredths_and_bounded(year: int) -> None:
    for variable in load_aggregates(year)["variables"]:
        for effects in variable["effects"].values():
            assert all(isinstance(effect, int) and abs(effect) < 1000 for effect in effects), variable["name"]


@pytest.mark.parametrize("name", ["aggregates.json", "old_form_aggregates.json"])
def test_aggregates_are_compact_and_name_no_place(name: str) -> None:
    text = resources.files("sqf_pipeline.synthetic").joinpath(name).read_text(encoding="utf-8")
    assert len(text) < 250_000
    text = text.replace('"PUBLIC STREET"', "")  # a kind of premises
    assert not any(word in text for word in (' STREET"', ' AVENUE"', " && ", "BROADWAY"))
    for facts in load_aggregates()["places"].values():
        assert all(feet % 100 == 0 for feet in facts[3:]), "centres and spreads are rounded to a hundred feet"


def test_tables_name_columns_that_a_file_can_have() -> None:
    from sqf_pipeline.registry.columns import column

    for name in ("spellings.csv", "widths.csv", "faults.csv"):
        for year in (2017, 2018, 2019, 2020, 2021, 2030):
            assert all(column(row["column"]).published_names for row in read_table(name, year) if row["column"] != "*")
