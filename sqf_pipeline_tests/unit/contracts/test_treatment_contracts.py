"""Tables on equal treatment are refused when a weapon stands alone, a verdict lacks its gate, or ends are turned."""

from itertools import product

import pandas as pd
import pandera.errors
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqf_pipeline.contracts.treatment import (
    decided_by_both,
    identified,
    no_weapon_alone,
    shown_with_power,
    treatment_contract,
)


def decisions(verdict: str = "undecided", **changed: float) -> pd.DataFrame:
    same = {
        "test_year": 2020,
        "years": "2020",
        "population": "all",
        "act": "frisk",
        "strata": "none",
        "source": "local",
    }
    ends = {"act_low": 0.01, "act_high": 0.03, "hit_low": -0.03, "hit_high": -0.01} | changed
    rows = [
        same | ends | {"hit": hit, "race": race, "resampled": unit, "verdict": verdict}
        for hit, race, unit in product(("weapon", "firearm", "knife"), ("black", "hispanic"), ("encounter", "precinct"))
    ]
    return pd.DataFrame(rows).astype({"source": "string", "test_year": "Int16"})


def broken(rows: pd.DataFrame) -> set[str]:
    try:
        treatment_contract("decision_and_hit_rates", 2020).validate(rows, lazy=True)
    except pandera.errors.SchemaErrors as errors:
        return set(errors.failure_cases["check"])
    return set()


def test_a_good_table_passes():
    assert broken(decisions("lower_bar")) == set()
    assert broken(decisions("undecided")) == set()
    assert broken(decisions("higher_bar", act_low=-0.3, act_high=-0.1, hit_low=0.1, hit_high=0.2)) == set()


@pytest.mark.parametrize("gone", ["firearm", "knife"])
def test_a_weapon_without_its_kinds_is_refused_even_for_one_group_of_many(gone):
    rows = decisions()
    assert "no_weapon_without_firearm_and_knife" in broken(rows[rows["hit"] != gone])
    one = rows[~((rows["hit"] == gone) & (rows["race"] == "hispanic"))]
    assert "no_weapon_without_firearm_and_knife" in broken(one)
    renamed = rows.replace({"hit": {"weapon": "weapon_or_contraband"}})
    assert "no_weapon_without_firearm_and_knife" in broken(renamed[renamed["hit"] != gone])


@pytest.mark.parametrize(
    "changed",
    [{"act_low": -0.01}, {"hit_high": 0.001}, {"act_low": None}, {"act_low": -0.3, "act_high": -0.1}, {"act_low": 0.0}],
)
@pytest.mark.parametrize("verdict", ["lower_bar", "higher_bar"])
def test_a_verdict_whose_intervals_do_not_say_so_is_refused(changed, verdict):
    assert "no_verdict_without_its_gate" in broken(decisions(verdict, **changed))


def test_a_verdict_that_one_way_of_resampling_does_not_bear_is_refused():
    rows = decisions("lower_bar")
    rows.loc[rows["resampled"] == "precinct", "hit_high"] = 0.01
    assert "no_verdict_without_its_gate" in broken(rows)
    assert "no_verdict_without_its_gate" in broken(decisions("lower_bar").query("resampled == 'encounter'"))


def test_turned_ends_and_rows_that_stand_twice_are_refused():
    assert "intervals_are_ordered" in broken(decisions(act_low=0.04))
    assert "no_row_stands_twice" in broken(pd.concat([decisions(), decisions().head(1)]))


@given(st.lists(st.sampled_from(["weapon", "weapon_recorded", "firearm", "knife", "contraband"]), min_size=1))
def test_whatever_stands_a_weapon_has_both_kinds_beside_it(hits):
    rows = pd.DataFrame({"years": "2020", "hit": hits})
    allowed = {"firearm", "knife"} <= set(hits) or not {"weapon", "weapon_recorded"} & set(hits)
    assert no_weapon_alone(rows, ["years"]) == allowed


@given(*(st.floats(-1, 1) for _ in range(4)))
def test_lower_bar_is_allowed_only_with_more_acts_and_fewer_hits(act_low, act_high, hit_low, hit_high):
    rows = decisions("lower_bar", act_low=act_low, act_high=act_high, hit_low=hit_low, hit_high=hit_high)
    assert decided_by_both(rows) == (act_low > 0 and hit_high < 0)


@pytest.mark.parametrize(
    ("changed", "allowed"),
    [
        ({}, True),
        ({"threshold": 0.03}, False),
        ({"verdict": "lower_threshold", "threshold": 0.03, "r_hat": 1.01, "effective_draws": 400.0}, True),
        ({"verdict": "lower_threshold", "threshold": 0.03, "r_hat": 1.02, "effective_draws": 900.0}, False),
        ({"verdict": "no_difference_shown", "threshold": 0.03, "r_hat": 1.0, "effective_draws": 399.0}, False),
        ({"verdict": "no_difference_shown", "threshold": 0.03, "r_hat": None, "effective_draws": 900.0}, False),
    ],
)
def test_a_threshold_stands_only_with_chains_that_agree(changed, allowed):
    row = {"verdict": "not_identified", "threshold": None, "r_hat": 1.3, "effective_draws": 20.0} | changed
    assert identified(pd.DataFrame([row]).astype({"threshold": "Float64", "r_hat": "Float64"})) == allowed


@pytest.mark.parametrize(
    ("row", "allowed"),
    [
        ({"verdict": "no_power", "odds_ratio": None, "low": None, "high": None}, True),
        ({"verdict": "no_power", "odds_ratio": 0.8, "low": 0.6, "high": 0.9}, False),
        ({"verdict": "fewer_in_the_dark", "odds_ratio": 0.8, "low": 0.6, "high": 0.9}, True),
        ({"verdict": "fewer_in_the_dark", "odds_ratio": 0.8, "low": 0.6, "high": 1.1}, False),
        ({"verdict": "more_in_the_dark", "odds_ratio": 1.3, "low": 0.9, "high": 1.5}, False),
        ({"verdict": "no_difference_shown", "odds_ratio": 1.0, "low": 0.9, "high": 1.1}, True),
    ],
)
def test_odds_after_dark_stand_only_with_power_and_a_difference_only_off_one(row, allowed):
    frame = pd.DataFrame([row]).astype(dict.fromkeys(("odds_ratio", "low", "high"), "Float64"))
    assert shown_with_power(frame) == allowed
