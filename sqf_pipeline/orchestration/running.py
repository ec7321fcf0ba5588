"""Materialising years in this process, reporting progress to a listener."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from uuid import uuid4

import dagster as dg

from sqf_pipeline.errors import SqfError
from sqf_pipeline.orchestration.year_rules import Work

if TYPE_CHECKING:
    from dagster import EventLogEntry

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True)
class Progress:
    """One moment of a run.

    Attributes
    ----------
    kind
        `started`, `done`, `failed`, `note` for what a long step says of itself on the way, or `warned` for a warning
        and for a check that was not passed and stops nothing.
    step
        Name of the step, which is that of its first asset.
    year
        Its partition.
    seconds
        Time taken, once it has ended.
    text
        What a note or a warning says.
    """

    kind: Literal["started", "done", "failed", "note", "warned"]
    step: str
    year: int
    seconds: float = 0.0
    text: str = ""


def steps_of(definitions: dg.Definitions, work: Iterable[Work]) -> int:
    """Return how many steps some work has, for a progress display."""
    return sum(len(definitions.resolve_job_def(item.job).all_node_defs) for item in work)


def run_work(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    work: Work,
    listener: Callable[[Progress], None],
    *,
    tags: Mapping[str, str] | None = None,
) -> str:
    """Make one run in this process, with tags that say more of it, and return its id.

    Raises
    ------
    SqfError
        When the run failed because of something that a person can correct: the message of the failed step.
    """
    run_id = str(uuid4())
    instance.add_event_listener(run_id, _translated(work.year, listener))
    try:
        with _outputs_let_go():
            definitions.resolve_job_def(work.job).execute_in_process(
                instance=instance,
                partition_key=str(work.year),
                run_id=run_id,
                run_config=QUIET,
                tags={"sqf/command": "run", **(tags or {})},
            )
    except dg.DagsterExecutionInterruptedError:
        raise SqfError(
            "Stopped. Finished steps are stored; the step under way left everything as it was. Run again to continue."
        ) from None
    except Exception as error:
        told = explained(error)
        if told is None:
            raise
        raise SqfError(told) from error
    return run_id


@contextmanager
def _outputs_let_go() -> Iterator[None]:
    """Let Dagster drop the output of a step once it is stored.

    `execute_in_process` keeps them all in its result until the run has ended, a gigabyte for a year of 685,724 stops.
    What it calls has a switch for that, which its own interface lacks.
    """
    from dagster._core.execution import execute_in_process as execution

    execute = execution.core_execute_in_process
    execution.core_execute_in_process = lambda **given: execute(**{**given, "output_capturing_enabled": False})
    try:
        yield
    finally:
        execution.core_execute_in_process = execute


def _translated(year: int, listener: Callable[[Progress], None]) -> "Callable[[EventLogEntry], None]":
    """Return what turns Dagster's events of a run into a few simple ones."""
    started: dict[str, float] = {}

    def on_event(entry: "EventLogEntry") -> None:
        event = entry.dagster_event
        if event is None and entry.step_key and entry.user_message:
            warned = isinstance(entry.level, int) and entry.level >= logging.WARNING
            listener(Progress("warned" if warned else "note", entry.step_key, year, text=entry.user_message))
        if event is None or event.step_key is None:
            return
        if event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            check = event.asset_check_evaluation_data
            stops = check.blocking and check.severity is dg.AssetCheckSeverity.ERROR
            if not check.passed and not stops:
                text = f"{check.check_name}: {check.description}"
                listener(Progress("warned", event.step_key, year, text=text))
        elif event.is_step_start:
            started[event.step_key] = time.perf_counter()
            listener(Progress("started", event.step_key, year))
        elif event.is_step_success or event.is_step_failure:
            taken = time.perf_counter() - started.get(event.step_key, time.perf_counter())
            listener(Progress("done" if event.is_step_success else "failed", event.step_key, year, taken))

    return on_event


def explained(error: BaseException) -> str | None:
    """Return the message for a person that an error carries, however deep Dagster has wrapped it, or None."""
    seen: set[int] = set()
    pending: list[BaseException | None] = [error]
    while pending:
        current = pending.pop()
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        if isinstance(current, SqfError):
            return str(current)
        if isinstance(current, dg.Failure):
            return current.description
        pending += [current.__context__, current.__cause__, getattr(current, "user_exception", None)]
    return None
