"""The history of runs: kept open as long as a run lasts, and readable by others all the while."""

import sqlite3
from pathlib import Path

import dagster as dg

from sqf_pipeline.orchestration.instance import open_instance


@dg.asset
def step() -> None: ...


def events(folder: Path, run_id: str) -> int:
    with sqlite3.connect(folder / "dagster" / "history" / "runs" / f"{run_id}.db") as history:
        return int(history.execute("SELECT count(*) FROM event_logs").fetchone()[0])


def test_what_a_run_says_is_there_for_others_at_once_and_after_it(tmp_path):
    from dagster._core.storage.event_log.sqlite import sqlite_event_log

    with open_instance(tmp_path) as instance:
        made = dg.materialize([step], instance=instance)
        there = events(tmp_path, made.run_id)
        assert there == len(instance.all_logs(made.run_id)) > 10
        assert sqlite_event_log.create_engine("sqlite://") is sqlite_event_log.create_engine("sqlite://")
    assert events(tmp_path, made.run_id) == there
    assert sqlite_event_log.create_engine("sqlite://") is not sqlite_event_log.create_engine("sqlite://")
    with open_instance(tmp_path) as instance:
        assert [run.run_id for run in instance.get_runs()] == [made.run_id]
