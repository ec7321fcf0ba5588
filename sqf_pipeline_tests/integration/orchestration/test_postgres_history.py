"""Dagster's history as the containers keep it: few connections, and none that a restarted server has ended."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import dagster as dg
import psycopg2
import pytest
import sqlalchemy as sa
import yaml
from dagster._core.instance.ref import InstanceRef
from sqlalchemy.engine import make_url

from sqf_pipeline.orchestration import postgres_history
from sqf_pipeline_tests.compose import REPOSITORY


@dg.op
def noted(context: dg.OpExecutionContext) -> None:
    for number in range(20):
        context.log.info("event %s", number)


@dg.job
def talks() -> None:
    noted()


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Note every connection to a database that this process makes."""
    made: list[object] = []
    connect = psycopg2.connect

    def noting(*arguments: object, **given: object) -> object:
        made.append(connect(*arguments, **given))
        return made[-1]

    monkeypatch.setattr(psycopg2, "connect", noting)
    return made


@pytest.fixture
def instance(
    database_url: str, connected: list[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dg.DagsterInstance]:
    """Return Dagster's instance with the storage of deploy/dagster.yaml, on a database of the test's own."""
    written = yaml.safe_load((REPOSITORY / "deploy" / "dagster.yaml").read_text(encoding="utf-8"))["storage"]
    url = make_url(database_url)
    monkeypatch.setenv("SQF_DAGSTER_HOST", str(url.host))
    monkeypatch.setenv("SQF_DAGSTER_PORT", str(url.port))
    monkeypatch.setenv("SQF_DAGSTER_PASSWORD", str(url.password))
    written["custom"]["config"]["postgres_db"] |= {"username": url.username, "db_name": url.database}
    with dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(tmp_path), overrides={"storage": written})) as opened:
        yield opened
    postgres_history._engine_of.cache_clear()


def test_a_run_writes_its_events_on_few_connections(instance: dg.DagsterInstance, connected: list[object]) -> None:
    connected.clear()
    result = talks.execute_in_process(instance=instance)
    messages = [entry.user_message for entry in instance.all_logs(result.run_id)]
    assert [text for text in messages if text.startswith("event ")] == [f"event {number}" for number in range(20)]
    assert len(connected) <= 2


def test_instances_of_a_process_share_their_connections(instance: dg.DagsterInstance, connected: list[object]) -> None:
    """A code server opens an instance for every tick of a schedule or sensor."""
    connected.clear()
    for _ in range(5):
        with dg.DagsterInstance.from_ref(instance.get_ref()) as another:
            assert another.get_runs() == []
    left_open = [one for one in connected if not one.closed]
    assert len(left_open) <= 1


def test_nobody_waits_for_a_connection(instance: dg.DagsterInstance, connected: list[object]) -> None:
    """The webserver asks from up to forty threads; SQLAlchemy's own pool lets the sixteenth wait, and fail."""
    with ExitStack() as opened:
        for _ in range(20):
            opened.enter_context(instance.event_log_storage.index_connection())
        assert len([one for one in connected if not one.closed]) >= 20


def test_a_server_started_anew_is_connected_to_anew(instance: dg.DagsterInstance, database_url: str) -> None:
    assert talks.execute_in_process(instance=instance).success
    server = sa.create_engine(database_url, poolclass=sa.NullPool)
    ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> %s"
    with server.connect() as connection:
        own = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        assert connection.exec_driver_sql(ended, (own,)).scalars().all().count(True) >= 1
    assert talks.execute_in_process(instance=instance).success
    assert len(instance.get_runs()) == 2
