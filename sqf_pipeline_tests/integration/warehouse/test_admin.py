"""A reader reads, now and later, and does nothing else; psql opens on the right database."""

import os
import secrets
import subprocess
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from sqf_pipeline.errors import SqfError
from sqf_pipeline.warehouse import admin, postgres_programs
from sqf_pipeline.warehouse.admin import grant_reader, psql_command, reader_url
from sqf_pipeline.warehouse.tables import ensure_schema
from sqf_pipeline.warehouse.url import check_connection, create_engine
from sqf_pipeline.warehouse.writer import replace_partition
from sqf_pipeline_tests.integration.warehouse import frames

BOTH = ("sqf", "sqf_sample")


@pytest.fixture(autouse=True)
def name(server_url: str) -> Iterator[str]:
    """Return the name of a role that is dropped once the test's database, and with it what it may do, is gone."""
    name = f"reader_{secrets.token_hex(4)}"
    yield name
    server = create_engine(server_url)
    with server.begin() as connection:
        connection.exec_driver_sql(f"DROP ROLE IF EXISTS {name}")
    server.dispose()


def as_reader(database_url: str, name: str, password: str) -> sa.Engine:
    return create_engine(reader_url(database_url, name, password))


def test_reader_reads_what_is_there_and_what_comes(engine, warehouse, database_url, name):
    table = warehouse.tables["sqf.source_files"]
    replace_partition(engine, table, frames.source_files(warehouse), {"year": 2020})
    reader = as_reader(database_url, name, grant_reader(engine, BOTH, name))
    ensure_schema(engine, "sqf_sample")  # made after the grant
    with reader.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM sqf.source_files").scalar() == 1
        assert connection.exec_driver_sql("SELECT count(*) FROM sqf.outcomes_by_year").scalar() == 0
        assert connection.exec_driver_sql("SELECT count(*) FROM sqf_sample.latest_metrics").scalar() == 0
    reader.dispose()


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM sqf.stops",
        "INSERT INTO sqf.drift SELECT * FROM sqf.drift",
        "UPDATE sqf.models SET source = 'local'",
        "TRUNCATE sqf.stops",
        "DROP TABLE sqf.stops CASCADE",
        "CREATE TABLE sqf.mine (a int)",
        "CREATE TABLE public.mine (a int)",
        "CREATE SCHEMA mine",
        "CREATE ROLE somebody",
        "ALTER TABLE sqf.stops ADD COLUMN mine int",
    ],
)
def test_reader_does_nothing_else(engine, warehouse, database_url, name, statement):
    reader = as_reader(database_url, name, grant_reader(engine, ["sqf"], name))
    with reader.connect() as connection:
        # even one who lifts the read-only default, which anybody may
        connection.exec_driver_sql("SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE; COMMIT; BEGIN")
        with pytest.raises(sa.exc.DBAPIError) as caught:
            connection.exec_driver_sql(statement)
    assert type(caught.value.orig).__name__ == "InsufficientPrivilege"
    reader.dispose()


def test_granting_again_gives_a_new_password(engine, warehouse, database_url, name):
    first = grant_reader(engine, ["sqf"], name)
    second = grant_reader(engine, ["sqf"], name)
    assert first != second
    with pytest.raises(SqfError, match="password authentication failed"):
        check_connection(as_reader(database_url, name, first))
    assert grant_reader(engine, ["sqf"], name, "chosen by hand: ü%/@") == "chosen by hand: ü%/@"
    reader = as_reader(database_url, name, "chosen by hand: ü%/@")
    assert check_connection(reader)
    reader.dispose()


def test_password_is_sent_as_a_verifier(engine, warehouse, name, monkeypatch):
    sent: list[str] = []
    put = admin._put_role

    class Recorder:
        def __init__(self, cursor):
            self.cursor = cursor

        def execute(self, statement, *arguments):
            sent.append(statement if isinstance(statement, str) else statement.as_string(self.cursor))
            return self.cursor.execute(statement, *arguments)

        def __getattr__(self, attribute):
            return getattr(self.cursor, attribute)

    monkeypatch.setattr(admin, "_put_role", lambda cursor, *rest: put(Recorder(cursor), *rest))
    password = grant_reader(engine, ["sqf"], name)
    assert any("SCRAM-SHA-256$" in statement for statement in sent)
    assert not any(password in statement for statement in sent)


@pytest.mark.parametrize("bad", ["Reader", "a b", "x; DROP ROLE y", "", "pg_reader", 'r"'])
def test_name_must_be_plain(engine, bad):
    with pytest.raises(SqfError, match="cannot be the name of a role"):
        grant_reader(engine, ["sqf"], bad)


def test_role_that_can_do_more_is_left_alone(engine, warehouse, name):
    with engine.begin() as connection:
        me = connection.exec_driver_sql("SELECT current_user").scalar()
        connection.exec_driver_sql(f"CREATE ROLE {name} LOGIN CREATEDB PASSWORD 'own'")
        before = connection.exec_driver_sql(f"SELECT * FROM pg_roles WHERE rolname = '{name}'").one()
    for powerful in (me, name):
        with pytest.raises(SqfError, match="can do more than read"):
            grant_reader(engine, ["sqf"], powerful)
    with engine.connect() as connection:
        assert connection.exec_driver_sql(f"SELECT * FROM pg_roles WHERE rolname = '{name}'").one() == before


def test_user_who_may_not_make_roles_is_told(engine, warehouse, database_url, name):
    reader = as_reader(database_url, name, grant_reader(engine, ["sqf"], name))
    with reader.connect() as connection:
        connection.exec_driver_sql("SELECT 1")
    with engine.begin() as connection:
        connection.exec_driver_sql(f"ALTER ROLE {name} RESET default_transaction_read_only")
    reader.dispose()
    with pytest.raises(SqfError, match="needs CREATEROLE"):
        grant_reader(reader, ["sqf"], f"{name}_two")
    reader.dispose()


@pytest.mark.parametrize("own_psql", [True, False], ids=["psql found first", "psql of the wheel"])
def test_psql_opens_on_the_schema_without_showing_the_password(database_url, warehouse, monkeypatch, own_psql):
    if not own_psql:
        monkeypatch.setattr(postgres_programs.shutil, "which", lambda _: None)
    program, database, environment = psql_command(database_url, "sqf")
    query = "SELECT current_setting('search_path'), count(*) FROM stops"
    done = subprocess.run(
        [program, database, "--no-psqlrc", "-At", "-c", query],
        env={**os.environ, **environment}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "sqf|0"
    password = sa.engine.make_url(database_url).password
    assert f":{password}@" not in database


def test_no_psql_is_told(database_url, monkeypatch):
    monkeypatch.setattr(admin, "find_psql", lambda: None)
    with pytest.raises(SqfError, match=r"postgresql-client.*sqf db url"):
        psql_command(database_url)
