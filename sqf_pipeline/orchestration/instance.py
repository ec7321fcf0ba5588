"""The Dagster instance in the home folder: the history that `sqf run` writes and the UI shows."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

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
    _write_history_without_waiting()
    os.environ["DAGSTER_HOME"] = str(folder)
    with dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(folder), overrides=not_captured)) as instance:
        yield instance


def _write_history_without_waiting() -> None:
    """Let the system write Dagster's SQLite files when it likes.

    Dagster opens and commits twice for every event, and waiting for the disk each time takes several times as long as
    the steps of a small run. A killed process loses nothing by it; a power cut may cost the history of runs, never a
    table or a model.
    """
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    if not event.contains(Engine, "connect", _do_not_wait):
        event.listen(Engine, "connect", _do_not_wait)


def _do_not_wait(connection: object, _record: object) -> None:
    import sqlite3

    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous=OFF")
