"""The Dagster instance in the home folder: the history that `sqf run` writes and the UI shows."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqf_pipeline.files import writable, written_whole

if TYPE_CHECKING:
    import dagster as dg


def instance_folder(home: Path) -> Path:
    """Return the folder of the Dagster instance of a home, made and configured when it is new."""
    folder = home.resolve() / "dagster"
    configuration = folder / "dagster.yaml"
    if not configuration.exists():
        with writable(folder), written_whole(configuration) as temporary:
            temporary.write_bytes(resources.files(__package__).joinpath("new_instance.yaml").read_bytes())
    return folder


@contextmanager
def open_instance(home: Path) -> "Iterator[dg.DagsterInstance]":
    """Open the Dagster instance of a home, for runs in this process.

    What a run prints is not captured: that would send a command's own display through two more processes, which
    have their own say when somebody presses Ctrl-C. Dagster's events and messages are kept all the same.
    """
    import dagster as dg
    from dagster._core.instance.ref import InstanceRef

    not_captured = {
        "compute_logs": {"module": "dagster._core.storage.noop_compute_log_manager", "class": "NoOpComputeLogManager"}
    }
    folder = instance_folder(home)
    os.environ["DAGSTER_HOME"] = str(folder)
    with (
        _history_kept_open(),
        dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(folder), overrides=not_captured)) as instance,
    ):
        yield instance


@contextmanager
def _history_kept_open() -> Iterator[None]:
    """Keep Dagster's SQLite files open as long as the context lasts, and let the system write them when it likes.

    Dagster makes an engine, opens, waits for the disk and closes for every event, twice for some, which takes four
    times as long (docs/benchmark.md). What an event says is committed all the same: a killed process loses nothing by
    it; a power cut may cost the history of runs, never a table or a model.
    """
    import sqlalchemy as sa
    from dagster._core.storage.event_log.sqlite import sqlite_event_log
    from dagster._core.storage.runs.sqlite import sqlite_run_storage

    class StaysOpen(sa.pool.QueuePool):
        def dispose(self) -> None:
            """Stay open where Dagster disposes of an engine after each event."""

        def recreate(self) -> "StaysOpen":
            return self

    engines: dict[str, sa.Engine] = {}

    def engine_of(url: str, **given: Any) -> sa.Engine:
        if url not in engines:
            engines[url] = sa.create_engine(url, **{**given, "poolclass": StaysOpen})
            sa.event.listen(engines[url], "connect", lambda opened, _: opened.execute("PRAGMA synchronous=OFF"))
        return engines[url]

    storages: tuple[Any, ...] = (sqlite_event_log, sqlite_run_storage)
    for storage in storages:
        storage.create_engine = engine_of
    try:
        yield
    finally:
        for storage in storages:
            storage.create_engine = sa.create_engine
        for engine in engines.values():
            sa.pool.QueuePool.dispose(engine.pool)  # type: ignore[arg-type]
