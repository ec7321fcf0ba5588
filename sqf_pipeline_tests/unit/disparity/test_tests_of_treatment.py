"""The tables by name: their keys tell rows apart, and two processes give the same bytes."""

import hashlib
import os
import subprocess
import sys

import pandas as pd
import pytest

from sqf_pipeline.disparity.decision_and_hit_rates import decision_and_hit_rates
from sqf_pipeline.disparity.outcome_test import outcome_test_contrasts
from sqf_pipeline.disparity.resampled_window import Window
from sqf_pipeline.disparity.tests_of_treatment import OF_RISK, RESAMPLED, TREATMENT_TABLES, over_windows
from sqf_pipeline.disparity.veil_of_darkness import veil_of_darkness
from sqf_pipeline.registry.declared_tables import declared_tables
from sqf_pipeline_tests.unit.disparity.simulated_stops import simulated_stops

SCRIPT = """
from sqf_pipeline_tests.unit.disparity.test_tests_of_treatment import digest
print(digest())
"""


def test_every_table_of_a_window_of_years_and_a_population_is_made():
    of_windows = [name for name, table in declared_tables().items() if "years population" in table["key"]]
    assert sorted(of_windows) == sorted(TREATMENT_TABLES)


def quick_tables():
    """Return every table that needs no boosting, of simulated stops."""
    stops = simulated_stops(4, 700, (0.06, 0.16, 0.16))
    for name, make in TREATMENT_TABLES.items():
        if name not in OF_RISK and name != "threshold_test":
            yield name, make(Window(stops, 30) if name in RESAMPLED else stops)


@pytest.fixture(scope="module")
def quick():
    return list(quick_tables())


def digest(tables=None):
    found = hashlib.sha256()
    for _, made in tables or quick_tables():
        found.update(pd.util.hash_pandas_object(made, index=False).to_numpy().tobytes())
    return found.hexdigest()


def test_keys_tell_rows_apart_and_every_row_names_its_years_and_population(quick):
    for name, made in quick:
        assert len(made), name
        key = declared_tables()[name]["key"].split()[1:]  # without the test year, which the run adds
        assert set(key) <= set(made.columns), name
        assert not made.duplicated(key).any(), name
        assert set(made["years"]) == {"2020"}
        assert made[key].notna().all().all()


@pytest.mark.slow
def test_two_hash_seeds_give_the_same_tables(quick):
    seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    command = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert len(done.stdout.strip()) == 64
    assert done.stdout.strip() == digest(quick)


def test_two_processes_give_the_tables_of_one():
    stops = simulated_stops(4, 400, (0.06, 0.16, 0.16))
    stops["year"] = (2019 + stops.index % 2).astype(stops["year"].dtype)
    names = ["outcome_test_rates", "veil_of_darkness"]
    one, two = (list(over_windows(names, stops, processes=processes)) for processes in (1, 2))
    assert [name for name, _ in one] == [name for name, _ in two] == names
    assert set(one[0][1]["years"]) == {"2019-2020", "2019", "2020"}
    for (_, made), (_, again) in zip(one, two, strict=True):
        pd.testing.assert_frame_equal(made, again)


@pytest.mark.parametrize("rows", [0, 1, 40])
def test_few_stops_or_none_give_tables_without_a_figure_rather_than_an_error(rows):
    stops = simulated_stops(4, 60, (0.06, 0.16, 0.16)).iloc[:rows]
    for name, made in over_windows(TREATMENT_TABLES, stops):
        assert set(declared_tables()[name]["key"].split()) <= {"test_year", *made.columns}, name
        for figure in ("rate", "difference", "odds_ratio", "threshold", "hit_difference"):
            assert figure not in made or made[figure].isna().all(), name


@pytest.mark.slow
def test_stops_without_place_time_race_or_crime_are_taken_as_they_are():
    stops = simulated_stops(4, 300, (0.06, 0.16, 0.16))
    for name in ("precinct", "stop_time_seconds", "suspect_race", "suspected_crime", "initiated_by", "x_feet"):
        lost = stops.assign(**{name: stops[name].mask(stops.index % 3 == 0)})
        nothing = stops.assign(**{name: stops[name].mask(stops.index >= 0)})
        for frame in (lost, nothing):
            window = Window(frame, 10)
            key = ["population", "act", "hit", "strata", "race"]
            assert not outcome_test_contrasts(window).duplicated(key).any()
            decision_and_hit_rates(window)
            veil_of_darkness(frame)
