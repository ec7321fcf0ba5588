"""A check that what is missing tells nothing: it stays green at the stop, and turns red when a leak is put back."""

from copy import copy

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqf_pipeline.errors import SqfError
from sqf_pipeline.evaluation import gap_marks
from sqf_pipeline.evaluation.gap_marks import gap_auc, measure_gap_marks, status_of
from sqf_pipeline.modelling.feature_sets import HIGHEST_GAP_AUC, feature_set
from sqf_pipeline.registry.columns import load_columns
from sqf_pipeline_tests.modelling_support import invented_stops, invented_years

LEAKING = [entry.name for entry in load_columns() if entry.known == "completed" and entry.kind != "mark"]


def leaking(stops: pd.DataFrame, names: list[str], seed: int) -> pd.DataFrame:
    """Return stops in which some columns are missing in 30 % of those without an arrest and 5 % of the others."""
    rng = np.random.default_rng(seed)
    share = np.where(stops["arrested"].to_numpy(dtype=bool), 0.05, 0.3)
    return stops.assign(**{name: stops[name].mask(rng.random(len(stops)) < share) for name in names})


@pytest.fixture(scope="module")
def years() -> tuple[pd.DataFrame, pd.DataFrame]:
    names = [*LEAKING, "suspect_age", "suspect_sex", "suspect_race"]
    return leaking(invented_years(800), names, 1), leaking(invented_stops(2000, 1, 2020), names, 2)


def test_the_columns_of_the_tier_are_free_of_the_outcome_where_others_tell_it(
    years: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    table = measure_gap_marks(*years).set_index(["outcome", "tier"])
    row = table.loc[("arrest", "at_stop")]
    assert (row["status"], row["highest"]) == ("ok", HIGHEST_GAP_AUC)
    assert row["low"] < 0.5 < row["high"]
    for tier in ("during", "study_2021"):
        assert table.loc[("arrest", tier), "roc_auc"] > 0.7
        assert table.loc[("arrest", tier), "status"] == "told"


@pytest.mark.slow
def test_two_processes_give_the_table_of_one(years: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    pd.testing.assert_frame_equal(measure_gap_marks(*years, processes=2), measure_gap_marks(*years))


@pytest.mark.parametrize("name", LEAKING)
def test_a_leaking_column_put_back_turns_the_check_red(
    years: tuple[pd.DataFrame, pd.DataFrame], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    at_stop = feature_set("at_stop")
    put_back = copy(at_stop)
    object.__setattr__(put_back, "columns", (*at_stop.columns, name))  # past the set's own refusal
    monkeypatch.setattr(gap_marks, "feature_set", lambda tier, *_: put_back if tier == "at_stop" else feature_set(tier))
    table = measure_gap_marks(*years).set_index(["outcome", "tier"])
    assert table.loc[("arrest", "at_stop"), "status"] == "fail"
    assert table.loc[("summons", "at_stop"), "status"] in {"ok", "warn"}


def test_an_age_that_is_marked_instead_of_drawn_turns_the_check_red(years: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    _, auc, low, _ = gap_auc(*years, "arrest", feature_set("at_stop").columns)
    assert status_of(auc, low, HIGHEST_GAP_AUC) == "fail"


@settings(max_examples=200, deadline=None)
@given(st.floats(0, 1), st.floats(0, 1))
def test_a_limit_that_is_reached_never_passes(auc: float, low: float) -> None:
    status = status_of(auc, low, HIGHEST_GAP_AUC)
    assert (status == "ok") == (auc < HIGHEST_GAP_AUC)
    assert (status == "fail") == (auc >= HIGHEST_GAP_AUC and low > 0.5)
    assert status_of(auc, low, None) == "told"
    assert status_of(auc, low, HIGHEST_GAP_AUC, enough=False) == ("ok" if auc < HIGHEST_GAP_AUC else "warn")


@pytest.mark.parametrize("error", [0.012, 0.018, 0.03])
def test_five_outcomes_without_a_leak_rarely_turn_a_year_red(error: float) -> None:
    """The sample's summonses did, by chance: 0.535 (0.501 to 0.569) of 0.53."""
    years = np.random.default_rng(1).normal(0.5, error, (4000, 5))
    red = [
        any(status_of(auc, auc - 1.96 * error, HIGHEST_GAP_AUC, checked=5) == "fail" for auc in year) for year in years
    ]
    assert np.mean(red) < 0.035, "2.5 % are meant, on one side"
    assert status_of(0.535, 0.501, HIGHEST_GAP_AUC, checked=5) == "warn"
    assert status_of(0.542, 0.518, HIGHEST_GAP_AUC, checked=5) == "fail", "firearms by two columns that were left out"


def test_a_leak_in_few_stops_warns_and_in_many_fails(
    years: tuple[pd.DataFrame, pd.DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    """300 synthetic stops, 8 with a summons, turned a run red by chance."""
    training, test = years
    put_back = copy(feature_set("at_stop"))
    object.__setattr__(put_back, "columns", (*put_back.columns, LEAKING[0]))
    monkeypatch.setattr(gap_marks, "feature_set", lambda tier, *_: put_back if tier == "at_stop" else feature_set(tier))
    few = measure_gap_marks(training, test.head(300)).set_index(["outcome", "tier"])
    assert few.loc[("arrest", "at_stop"), "status"] == "warn"


def test_a_year_of_one_outcome_has_no_figure_and_an_unknown_one_is_told() -> None:
    training, test = invented_years(200), invented_stops(100, 1, 2020)
    assert gap_auc(training, test.assign(arrested=False), "arrest", ["x_feet"]) == (1, None, None, None)
    assert gap_auc(training.assign(arrested=True), test, "arrest", ["x_feet"]) == (1, 0.5, 0.5, 0.5)
    assert gap_auc(training, test, "arrest", ["searched"]) == (0, 0.5, 0.5, 0.5)
    with pytest.raises(SqfError, match="No stop of the test year says whether arrested"):
        gap_auc(training, test.assign(arrested=pd.array([pd.NA] * 100, dtype="boolean")), "arrest", ["x_feet"])
