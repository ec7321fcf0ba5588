"""A real daemon that finds publications by itself, loads them into a real database, and goes on to the models."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus, ScheduleInstigatorData
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget

from sqf_pipeline.definitions import build_defs
from sqf_pipeline.orchestration.instance import open_instance
from sqf_pipeline.orchestration.running import run_work
from sqf_pipeline.orchestration.schedules import BATCH_TAG, CRON
from sqf_pipeline.orchestration.year_rules import Work
from sqf_pipeline.warehouse.embedded_server import ensure_running, stop
from sqf_pipeline.warehouse.url import normalise_database_url
from sqf_pipeline_tests.nypd_server import NypdServer, as_workbook
from sqf_pipeline_tests.unit.ingest.published import published_names, raw_stops
from sqf_pipeline_tests.waiting import PATIENCE

WORKSPACE = Path(__file__).resolve().parents[3] / "workspace.yaml"


@pytest.fixture
def server() -> Iterator[NypdServer]:
    with NypdServer() as running:
        yield running


@pytest.fixture
def environment(server: NypdServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Point every process of the test at a home of its own and at the server; returns the home."""
    home = tmp_path / "home"
    for name, value in {
        "SQF_HOME": home,
        "SQF_DATA_DIR": tmp_path / "data",
        "SQF_SOURCE": "nypd",
        "SQF_NYPD_URL": server.url_template,
        "SQF_SCHEDULE": "on",
        "DAGSTER_HOME": home / "dagster",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.delenv("SQF_DATABASE_URL", raising=False)
    return home


def switched_on_since(instance: dg.DagsterInstance, moment: datetime) -> None:
    """Let the schedule be on since a moment: a daemon makes up for the last Monday that it has slept through."""
    target = WorkspaceFileTarget([str(WORKSPACE)])
    with WorkspaceProcessContext(instance, target) as process:
        location = process.create_request_context().get_code_location("sqf_pipeline")
        (repository,) = location.get_repositories().values()
        schedule = repository.get_schedule("yearly_publication")
        instance.add_instigator_state(
            InstigatorState(
                schedule.get_remote_origin(),
                InstigatorType.SCHEDULE,
                InstigatorStatus.RUNNING,
                ScheduleInstigatorData(CRON, start_timestamp=moment.timestamp()),
            )
        )


@contextmanager
def daemon(log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run Dagster's daemon, and end it with everything that it has started."""
    command = [str(Path(sys.executable).parent / "dagster-daemon"), "run", "-w", str(WORKSPACE)]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            yield process
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def until(done: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while not done():
        if process.poll() is not None or time.monotonic() > deadline:
            pytest.fail(f"the daemon did not do it:\n{log.read_text(errors='replace')[-4_000:]}")
        time.sleep(0.5)


def last_monday_of_july(before: datetime) -> datetime:
    """Return the last Monday of the schedule that is over."""
    year = before.year if before.month > 7 else before.year - 1
    day = datetime(year, 7, 31, 12, tzinfo=UTC)
    return day - timedelta(days=day.weekday())


def test_a_daemon_loads_what_is_published_and_asks_for_the_models(
    server: NypdServer, environment: Path, tmp_path: Path
) -> None:
    """Three years are there already; the daemon finds the fourth and requests the test year that it completes."""
    monday = last_monday_of_july(datetime.now(UTC))
    years = list(range(monday.year - 4, monday.year))
    for year in years:
        stops = raw_stops(*({"suspect_age": str(20 + number)} for number in range(5)), year=year)
        server.publish(year, as_workbook(stops.rename(columns=published_names())))
    log = tmp_path / "daemon.log"

    with open_instance(environment) as instance:

        def followed() -> bool:
            return bool(instance.get_runs(dg.RunsFilter(job_name="yearly_rerun")))

        try:
            definitions = build_defs()
            for year in years[:-1]:
                run_work(definitions, instance, Work("yearly_stops", year), lambda _: None)
            switched_on_since(instance, monday - timedelta(days=3))
            with daemon(log) as process:
                until(followed, process, log)

            load, *earlier = instance.get_runs(dg.RunsFilter(job_name="yearly_stops"))
            assert len(earlier) == len(years) - 1
            assert load.status is dg.DagsterRunStatus.SUCCESS
            assert load.tags["dagster/partition"] == str(years[-1])
            assert load.tags[BATCH_TAG] == monday.date().isoformat()
            assert load.tags["dagster/schedule_name"] == "yearly_publication"
            assert load.tags["dagster/run_key"].startswith(f"{years[-1]}:")
            *_, models = instance.get_runs(dg.RunsFilter(job_name="yearly_rerun"))
            assert models.tags["dagster/sensor_name"] == "rerun_after_publication"
            assert models.tags["dagster/partition"] == str(years[-1])
            assert loaded_rows(environment) == dict.fromkeys(years, 5)
        finally:
            stop(environment / "postgres")


def loaded_rows(home: Path) -> dict[int, int]:
    """Return the stops a year that stand in the database."""
    engine = sa.create_engine(normalise_database_url(ensure_running(home / "postgres")))
    try:
        with engine.connect() as connection:
            counts = connection.execute(sa.text("SELECT year, count(*) FROM sqf.stops GROUP BY year"))
            return {row.year: row.count for row in counts}
    finally:
        engine.dispose()
