"""Years read ahead by other processes: as read here, taken for the same bytes alone, and never in the way."""

import os
import signal
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest

from sqf_pipeline.files import file_sha256
from sqf_pipeline.ingest.cleaned_year import read_and_clean
from sqf_pipeline.orchestration import years_ahead
from sqf_pipeline.orchestration.years_ahead import YearsAhead
from sqf_pipeline_tests.unit.ingest.published import published_names, raw_stops

YEARS = (2016, 2017, 2018, 2019)


@pytest.fixture
def files(tmp_path) -> list[tuple[int, tuple[Path, ...]]]:
    """Write four years, of which 2017 is damaged."""
    for year in YEARS:
        stops = raw_stops({}, {"suspect_age": "?"}, {"stop_id": "9", "suspect_race": "BLACK"}, year=year)
        path = tmp_path / f"sqf-{year}.csv"
        stops.rename(columns=published_names()).to_csv(path, index=False)
        if year == 2017:
            path.write_bytes(b"\x00")
    return [(year, (tmp_path / f"sqf-{year}.csv",)) for year in YEARS]


def test_a_year_read_ahead_is_the_year_read_here_and_every_other_is_left(files):
    ahead = YearsAhead(files, processes=2)
    paths = dict(files)
    taken = ahead.take(2016, file_sha256(paths[2016][0]))
    assert taken is not None
    raw, cleaned = read_and_clean(paths[2016], 2016)
    assert len(raw.frame) == 3
    pd.testing.assert_frame_equal(taken[0].frame, raw.frame)
    for name in ("stops", "quality", "loss"):
        pd.testing.assert_frame_equal(getattr(taken[1], name), getattr(cleaned, name))
    assert ahead.take(2017, file_sha256(paths[2017][0])) is None  # the step reads it, and says what is wrong
    assert ahead.take(2018, "of other bytes") is None
    assert ahead.take(2019, file_sha256(paths[2019][0])) is not None
    assert ahead.take(2019, file_sha256(paths[2019][0])) is None  # once


def test_years_may_be_passed_over_and_a_killed_process_leaves_them_to_the_step(files):
    ahead = YearsAhead(files, processes=2)
    assert ahead.take(2018, file_sha256(dict(files)[2018][0])) is not None
    from joblib.externals.loky import reusable_executor

    for worker in list(reusable_executor._executor._processes):
        os.kill(worker, signal.SIGKILL)
    assert ahead.take(2019, "any") is None
    assert ahead.take(2020, "any") is None


@pytest.mark.parametrize("processes", [1, 2])
def test_nothing_is_read_ahead_on_one_core_or_of_years_that_would_fill_the_memory(files, processes, monkeypatch):
    if processes == 2:
        monkeypatch.setattr(years_ahead, "MOST_TEXT", 0)
    ahead = YearsAhead(files, processes)
    assert ahead.take(2016, file_sha256(dict(files)[2016][0])) is None


def test_years_are_read_ahead_until_their_text_would_fill_the_memory(files, monkeypatch):
    sizes = [path.stat().st_size for _, (path,) in files]
    monkeypatch.setattr(years_ahead, "MOST_TEXT", sum(sizes[:3]))
    ahead = YearsAhead(files, processes=2)
    assert ahead.take(2018, file_sha256(dict(files)[2018][0])) is not None
    assert ahead.take(2019, file_sha256(dict(files)[2019][0])) is None


@pytest.mark.filterwarnings("error")
def test_years_that_nobody_takes_are_let_go_without_a_word(files):
    with closing(YearsAhead(files, processes=2)) as ahead:
        assert ahead.take(2016, file_sha256(dict(files)[2016][0])) is not None
    assert ahead.take(2020, "any") is None
