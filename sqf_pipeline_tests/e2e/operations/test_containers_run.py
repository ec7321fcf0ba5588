"""The container set-up works: every service's own command, as a process, against a real PostgreSQL.

There is no Docker engine here; `stack` does what it would do. What it cannot show: that the images build.
"""

import re
import secrets
import shutil
from collections.abc import Iterator

import psutil
import psycopg2
import psycopg2.errors
import psycopg2.extensions
import pytest
import requests

from sqf_pipeline.errors import SqfError
from sqf_pipeline.warehouse.postgres_programs import programs_in_wheel
from sqf_pipeline.warehouse.tables import build_metadata
from sqf_pipeline.warehouse.url import create_engine
from sqf_pipeline_tests.compose import REPOSITORY, load_compose, read_env_file
from sqf_pipeline_tests.e2e.operations.graphql import FINISHED, Webserver
from sqf_pipeline_tests.e2e.operations.stack import Stack
from sqf_pipeline_tests.table_fingerprints import table_fingerprint
from sqf_pipeline_tests.waiting import PATIENCE, wait_until

ROWS = 400
EARLIER_YEARS = (2017, 2018, 2019)
YEAR = "2020"
# what a backfill from the UI would do in three runs and as many starts of Python
LOAD_EARLIER_YEARS = f"""
import dagster as dg
from sqf_pipeline.definitions import build_defs
job = build_defs().resolve_job_def("yearly_stops")
with dg.DagsterInstance.get() as instance:
    for year in {EARLIER_YEARS}:
        job.execute_in_process(instance=instance, partition_key=str(year))
"""

pytestmark = pytest.mark.timeout(3_600)  # some forty models are fitted


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """Start every service in the order of the file, each when those it needs are healthy."""
    variables = {
        **read_env_file(REPOSITORY / "deploy" / "env.example"),
        **{f"SQF_{name}_PASSWORD": secrets.token_hex(12) for name in ("POSTGRES", "DATABASE", "DAGSTER")},
        "SQF_SOURCE": "sample",
        "SQF_SAMPLE_ROWS": str(ROWS),
    }
    try:
        programs = programs_in_wheel()[0]
    except SqfError as error:
        pytest.skip(f"no PostgreSQL programs for the postgres service: {error}")
    image = load_compose(variables)["services"]["postgres"]["image"]
    assert programs.major == int(image.removeprefix("postgres:").split(".")[0]), "the image's release is tested"
    stack = Stack.create(variables)
    try:
        for name in stack.services:
            stack.start(name)
            stack.wait_until_healthy(name)
        yield stack
    finally:
        stack.kill()


def history_of(stack: Stack) -> list[tuple[str, str, str]]:
    """Return job, partition and status of every run that the webserver knows."""
    query = "{ runsOrError { ... on Runs { results { jobName status tags { key value } } } } }"
    found = Webserver(f"http://127.0.0.1:{stack.ports['3000']}").ask(query)["runsOrError"]["results"]
    return sorted(
        (run["jobName"], {tag["key"]: tag["value"] for tag in run["tags"]}.get("dagster/partition", ""), run["status"])
        for run in found
    )


def commands_of_the_runbook(mark: str) -> list[str]:
    """Return the lines of the block of the runbook that follows `<!-- tried: mark -->`."""
    text = (REPOSITORY / "docs" / "runbook.md").read_text(encoding="utf-8")
    block = re.search(rf"<!-- tried: {mark} -->\n```sh\n(.*?)```", text, re.DOTALL)
    assert block, mark
    return block[1].splitlines()


def connect(stack: Stack, role: str, database: str):
    password = {"sqf": "DATABASE", "dagster": "DAGSTER", "postgres": "POSTGRES"}[role]
    return psycopg2.connect(
        host="127.0.0.1", port=stack.ports["5432"], user=role, dbname=database,
        password=stack.variables[f"SQF_{password}_PASSWORD"], connect_timeout=int(PATIENCE),
    )  # fmt: skip


def fetched(connection: psycopg2.extensions.connection, query: str) -> list[tuple]:
    """Return the rows of a query, and end the connection."""
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetchall()
    finally:
        connection.close()


def rows(stack: Stack, query: str, role: str = "sqf", database: str = "sqf") -> list[tuple]:
    return fetched(connect(stack, role, database), query)


def asked_as(url: str, query: str) -> list[tuple]:
    return fetched(psycopg2.connect(url, connect_timeout=int(PATIENCE)), query)


def analyst_s_url(stack: Stack) -> str:
    """Return the URL of a role that can only read, made as the runbook says."""
    made = stack.run("code-server", ["sqf", "db", "grant-reader", "analyst"])
    assert made.returncode == 0, made.stderr[-2000:]
    return made.stdout.strip()


def kill_run_process(stack: Stack) -> None:
    """Kill what runs below the code server but Python's own helper: the process of a run."""
    server = psutil.Process(stack.processes["code-server"].pid)
    runs = [child for child in server.children() if "resource_tracker" not in " ".join(child.cmdline())]
    assert runs
    for run in runs:
        run.kill()


def healthy_command(url: str) -> list[str]:
    return ["python", "-c", f"from urllib.request import urlopen; urlopen('{url}', timeout=5)"]


def test_every_service_becomes_healthy(stack):
    assert set(stack.seconds_until_healthy) == set(stack.services)


def test_a_health_check_fails_where_nothing_answers(stack):
    for name in ("webserver", "service"):
        check = stack.services[name]["healthcheck"]["test"][1:]
        elsewhere = [argument.replace(":3000", ":1").replace(":8000", ":1") for argument in check]
        assert elsewhere != check
        assert stack.run(name, elsewhere).returncode == 1


def test_the_service_says_that_there_is_nothing_to_serve_yet(stack):
    answer = requests.get(f"http://127.0.0.1:{stack.ports['8000']}/", timeout=PATIENCE)
    assert answer.status_code == 503
    assert "No models have been published yet" in answer.json()["title"]


def test_roles_reach_their_own_database_only(stack):
    attributes = "SELECT rolsuper, rolcreaterole, rolcreatedb, rolbypassrls FROM pg_roles WHERE rolname = current_user"
    for role, other, makes_roles in (("sqf", "dagster", True), ("dagster", "sqf", False)):
        assert rows(stack, attributes, role, role) == [(False, makes_roles, False, False)]
        with pytest.raises(psycopg2.OperationalError, match="permission denied for database"):
            connect(stack, role, other)
    owned = "SELECT datname FROM pg_database WHERE pg_get_userbyid(datdba) = 'sqf'"
    assert rows(stack, owned) == [("sqf",)]


def test_dagster_s_tables_can_be_brought_up_to_a_new_version(stack):
    migrated = stack.run("webserver", ["dagster", "instance", "migrate"])
    assert migrated.returncode == 0, migrated.stderr[-2000:]


def test_a_year_is_materialised_through_the_webserver_though_a_run_and_the_daemon_are_killed(stack):
    loaded = stack.run("code-server", ["python", "-c", LOAD_EARLIER_YEARS], seconds=PATIENCE)
    assert loaded.returncode == 0, loaded.stderr[-3000:]
    webserver = Webserver(f"http://127.0.0.1:{stack.ports['3000']}")
    # asked for twice at once: the queue lets one go at a time; then the process of the first is killed, and the daemon
    lost, spare = (webserver.launch("yearly_stops", YEAR) for _ in range(2))
    wait_until(lambda: webserver.run(lost)["status"] == "STARTED", every=0.5)
    assert webserver.run(spare)["status"] == "QUEUED"
    kill_run_process(stack)
    stack.processes.pop("daemon").kill()
    stack.start("daemon")
    assert webserver.wait(lost) == "FAILURE"
    assert webserver.wait(spare) == "SUCCESS", (webserver.failures(spare), stack.log("code-server")[-3000:])
    assert webserver.run(spare)["startTime"] >= webserver.run(lost)["endTime"], "two runs were under way at once"
    counts = rows(
        stack, "SELECT year, count(*), count(DISTINCT stop_id) FROM sqf_sample.stops GROUP BY year ORDER BY 1"
    )
    assert counts == [(year, ROWS, ROWS) for year in (*EARLIER_YEARS, int(YEAR))]
    run = webserver.launch("yearly_rerun", YEAR)
    assert webserver.wait(run) == "SUCCESS", (webserver.failures(run), stack.log("code-server")[-3000:])
    measured = rows(stack, "SELECT model, test_rows FROM sqf_sample.latest_metrics WHERE outcome = 'arrest'")
    assert {test_rows for _, test_rows in measured} == {ROWS}
    assert any(model.startswith("arrest-study_2021") for model, _ in measured)


def test_the_service_answers_from_the_export_by_itself(stack):
    url = f"http://127.0.0.1:{stack.ports['8000']}"
    wait_until(lambda: stack.run("service", healthy_command(f"{url}/readyz")).returncode == 0, every=1)
    known = requests.get(f"{url}/api/v1/models", timeout=PATIENCE).json()
    assert known["test_year"] == int(YEAR)
    assert known["source"] == "sample"
    (field, *_) = requests.get(f"{url}/api/arrest_feature_names", timeout=PATIENCE).json()
    assert field
    assert requests.get(f"{url}/", timeout=PATIENCE).status_code == 200
    asked = {"tier": "during", "stops": {}}  # which fields are served depends on the models
    answer = requests.post(f"{url}/api/v1/predictions/arrest", json=asked, timeout=PATIENCE)
    assert answer.status_code == 200, answer.text
    assert 0 < answer.json()["predictions"][0]["probability"] < 1
    assert "SQF_DATABASE_URL" not in stack.environment("service"), "it needs no database"


def test_an_analyst_s_role_reads_and_does_no_more(stack):
    analyst = analyst_s_url(stack)
    assert asked_as(analyst, "SELECT sum(stops) FROM sqf_sample.outcomes_by_year") == [(4 * ROWS,)]
    for forbidden in ("DELETE FROM sqf_sample.stops RETURNING 1", "CREATE TABLE sqf_sample.mine (a int)"):
        with pytest.raises(psycopg2.errors.ReadOnlySqlTransaction):
            asked_as(analyst, forbidden)
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            asked_as(analyst, f"SET default_transaction_read_only = off; COMMIT; {forbidden}")


def test_history_of_late_is_not_forgotten(stack):
    cleaned = stack.run("code-server", ["sqf", "clean"])
    assert cleaned.returncode == 0, cleaned.stderr[-2000:]
    assert " 0 runs older than 400 days" in cleaned.stdout, cleaned.stdout


def test_the_runbook_s_backup_brings_everything_back(stack):
    def digests() -> dict[str, str]:
        password, port = stack.variables["SQF_DATABASE_PASSWORD"], stack.ports["5432"]
        engine = create_engine(f"postgresql://sqf:{password}@127.0.0.1:{port}/sqf")
        tables = build_metadata("sqf_sample").sorted_tables
        try:
            return {table.name: table_fingerprint(engine, table) for table in tables}
        finally:
            engine.dispose()

    wait_until(lambda: {status for _, _, status in history_of(stack)} <= FINISHED, every=1)
    before = digests()
    analyst = analyst_s_url(stack)
    history = history_of(stack)
    made = [(job, partition) for job, partition, _ in history if job.startswith("yearly")]  # others check freshness
    assert made.count(("yearly_stops", YEAR)) == 2, history
    assert len(made) == len(EARLIER_YEARS) + 3, history
    files = {path.relative_to(stack.folder) for path in (stack.folder / "home" / "exports").rglob("*")}
    stack.shell(commands_of_the_runbook("backup"))
    rows(stack, "DROP SCHEMA sqf_sample CASCADE; SELECT 1")
    rows(stack, "DELETE FROM runs; SELECT 1", "dagster", "dagster")
    shutil.rmtree(stack.folder / "home" / "exports")
    stack.shell(commands_of_the_runbook("restore"))
    assert digests() == before
    assert asked_as(analyst, "SELECT sum(stops) FROM sqf_sample.outcomes_by_year") == [(4 * ROWS,)]
    assert {path.relative_to(stack.folder) for path in (stack.folder / "home" / "exports").rglob("*")} == files
    # the daemon may have asked for another check of freshness since
    assert set(history) <= set(history_of(stack))
    with pytest.raises(psycopg2.OperationalError, match="permission denied for database"):
        connect(stack, "dagster", "sqf")


def test_every_service_ends_when_it_is_asked(stack):
    for name in reversed(stack.services):
        assert stack.stop(name) == 0, stack.log(name)[-3000:]
        assert "Traceback" not in stack.log(name), stack.log(name)[-6000:]
