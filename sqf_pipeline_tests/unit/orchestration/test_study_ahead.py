"""The study measured ahead by another process: as measured here, taken for the same stops alone, never in the way."""

import os
import signal
from contextlib import closing
from pathlib import Path

import pytest

from sqf_pipeline.orchestration import study_ahead
from sqf_pipeline.orchestration.study_ahead import StudyAhead
from sqf_pipeline.settings import Settings
from sqf_pipeline.study_2021.replication import measure_study_2021
from sqf_pipeline_tests.unit.study_2021.test_replication import raw_stops
from sqf_pipeline_tests.waiting import wait_until

TRAINING, TEST_YEAR = (2017, 2018), 2019
FRAMES = {year: raw_stops(150, 1, year).assign(stop_id="1") for year in (*TRAINING, TEST_YEAR)}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Return settings of two cores, under which the raw stops of three years are stored."""
    settings = Settings(home=tmp_path, jobs=2, source="local")
    folder = settings.folder("storage") / "raw_stops"
    folder.mkdir(parents=True)
    for year, frame in FRAMES.items():
        frame.to_parquet(folder / f"{year}.parquet")
    return settings


def test_what_is_measured_ahead_is_what_the_step_measures_and_is_taken_once(settings):
    with closing(StudyAhead(settings)) as ahead:
        ahead.begin(TEST_YEAR, TRAINING)
        assert ahead.take(TEST_YEAR, tuple(FRAMES)) == measure_study_2021(FRAMES, TEST_YEAR, n_jobs=1)
        assert ahead.take(TEST_YEAR, tuple(FRAMES)) is None


def test_of_stops_that_were_stored_anew_nothing_is_taken(settings):
    ahead = StudyAhead(settings)
    ahead.begin(TEST_YEAR, TRAINING)
    measured = list(ahead._begun[TEST_YEAR])
    assert measured[0] is not None
    ahead._begun[TEST_YEAR] = iter(measured)
    FRAMES[2018].iloc[:-1].to_parquet(settings.folder("storage") / "raw_stops/2018.parquet")
    assert ahead.take(TEST_YEAR, tuple(FRAMES)) is None


def test_a_damaged_file_other_years_and_a_killed_process_are_left_to_the_step(settings):
    ahead = StudyAhead(settings)
    ahead.begin(TEST_YEAR, TRAINING)
    assert ahead.take(TEST_YEAR, (2018, TEST_YEAR)) is None
    ahead.begin(TEST_YEAR, TRAINING)
    from joblib.externals.loky import reusable_executor

    for worker in list(reusable_executor._executor._processes):
        os.kill(worker, signal.SIGKILL)
    assert ahead.take(TEST_YEAR, tuple(FRAMES)) is None
    (settings.folder("storage") / "raw_stops/2017.parquet").write_bytes(b"PAR1")
    ahead.begin(TEST_YEAR, TRAINING)
    assert ahead.take(TEST_YEAR, tuple(FRAMES)) is None


@pytest.mark.parametrize("why", ["one core", "many stops", "another form", "a cluster"])
def test_it_is_not_begun_without_a_core_for_it_or_of_what_would_fill_the_memory(settings, why, monkeypatch):
    if why == "many stops":
        monkeypatch.setattr(study_ahead, "MOST_STORED", 10_000)
    given = {"one core": {"jobs": 1}, "a cluster": {"compute": "dask"}}.get(why, {})
    training = (2015,) if why == "another form" else TRAINING
    (settings.folder("storage") / "raw_stops/2015.parquet").write_bytes(b"")
    ahead = StudyAhead(settings.model_copy(update=given))
    ahead.begin(TEST_YEAR, training)
    assert ahead.take(TEST_YEAR, (*training, TEST_YEAR)) is None
    assert not ahead._begun


@pytest.mark.filterwarnings("error")
def test_what_nobody_takes_is_let_go_without_a_word(settings):
    with closing(StudyAhead(settings)) as ahead:
        ahead.begin(TEST_YEAR, TRAINING)
        from joblib.externals.loky import reusable_executor

        wait_until(lambda: reusable_executor._executor._running_work_items)  # loky stumbles over what is only queued
    assert ahead.take(TEST_YEAR, tuple(FRAMES)) is None
