"""Every rule of every table, shown rejecting; every table and column with its comment."""

import re

import psycopg2
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sqf_pipeline.errors import SqfError
from sqf_pipeline.registry.columns import load_columns
from sqf_pipeline.warehouse.tables import build_metadata, stored_metadata
from sqf_pipeline.warehouse.views import views_script
from sqf_pipeline_tests.integration.warehouse.frames import of_checks, row_for

METADATA = build_metadata("sqf")
TABLES = {table.name: table for table in METADATA.sorted_tables}
STORED = {table.name: table for table in stored_metadata("sqf").sorted_tables}
# Checks whose offending row cannot be read off their name.
OFFENDING = {
    "stops_stop_date_in_year": [{"stop_date": "2018-01-03"}],
    "column_loss_whole_is_its_parts": [{"cells": 5}],
    "metric_differences_two_models": [{"model": "same", "reference_model": "same"}],
    "outcome_counts_known_at_most_all": [{"stops": 5, "unknown": 6}],
    "outcome_counts_positives_are_their_parts": [{"stops": 99, "positives": 7, "recorded": 3, "marked_only": 3}],
    "predictions_probability_range": [{"probability": "{0.5,1.5}"}, {"probability": "{-0.5}"}],
    "published_figures_decided": [{"status": "differs", "ours": None}],
}
AT_MOST = re.compile(r"([a-z]\w*) <= ([a-z]\w*)")


def offending_values(table: sa.Table, check: sa.CheckConstraint) -> list[dict]:
    """Return values that break this check, on each side where it has two."""
    name = str(check.name)
    if name in OFFENDING:
        return OFFENDING[name]
    if sides := AT_MOST.fullmatch(str(check.sqltext)):
        counts = isinstance(table.columns[sides[1]].type, sa.Integer)
        return [{sides[1]: 6 if counts else 0.6, sides[2]: 5 if counts else 0.5}]
    column, _, kind = name.removeprefix(f"{of_checks(table)}_").rpartition("_")
    if kind == "range":
        low, high = (re.search(rf"{sign} (\S+)", str(check.sqltext)) for sign in (">=", "<="))
        below = [{column: float(low[1]) - 1}] if low else []
        return below + ([{column: float(high[1]) + 1}] if high else [])
    return [{column: {"known": "no such thing", "filled": "", "digest": "not a digest", "digits": "007"}[kind]}]


@pytest.fixture(scope="module")
def connection(server_url: str):
    """Return a connection on which every test's work is rolled back; the tables are in a schema of their own."""
    from sqf_pipeline.warehouse.tables import ensure_schema
    from sqf_pipeline.warehouse.url import create_engine

    engine = create_engine(server_url)
    with engine.begin() as first:
        first.exec_driver_sql("DROP SCHEMA IF EXISTS sqf CASCADE")
    ensure_schema(engine, "sqf")
    with engine.connect() as opened:
        yield opened
    with engine.begin() as last:
        last.exec_driver_sql("DROP SCHEMA sqf CASCADE")
    engine.dispose()


@pytest.fixture
def trial(connection: Connection):
    with connection.begin() as transaction:
        yield connection
        transaction.rollback()


def insert(connection: Connection, table: sa.Table, **values: object) -> None:
    row = row_for(table, **values)
    # as text, so that a number too large for its type's Python form is judged by the database alone
    columns = ", ".join(f'"{name}"' for name in row)
    marks = ", ".join("%s" for _ in row)
    connection.exec_driver_sql(f"INSERT INTO sqf.{table.name} ({columns}) VALUES ({marks})", tuple(row.values()))


def refused(connection: Connection, table: sa.Table, **values: object) -> psycopg2.Error:
    """Return what the database says against a row, which leaves the transaction as it was."""
    savepoint = connection.begin_nested()
    with pytest.raises(sa.exc.IntegrityError) as caught:
        insert(connection, table, **values)
    savepoint.rollback()
    return caught.value.orig


@pytest.mark.parametrize("table", STORED.values(), ids=STORED)
def test_plausible_row_is_taken_once(trial, table):
    trial.exec_driver_sql("SET CONSTRAINTS ALL DEFERRED")
    insert(trial, table)
    assert refused(trial, table).diag.constraint_name == f"{table.name}_pkey"


@pytest.mark.parametrize("table", STORED.values(), ids=STORED)
def test_every_check_rejects_and_no_other_need_be_there(trial, table):
    checks = {str(one.name): one for one in table.constraints if isinstance(one, sa.CheckConstraint)}
    for name, check in checks.items():
        savepoint = trial.begin_nested()
        # alone: of several that a row breaks, the database names one
        if others := [f'DROP CONSTRAINT "{other}"' for other in checks if other != name]:
            trial.exec_driver_sql(f"ALTER TABLE sqf.{table.name} {', '.join(others)}")
        sides = offending_values(table, check)
        assert sides, name
        for values in sides:
            assert refused(trial, table, **values).diag.constraint_name == name
        savepoint.rollback()


@pytest.mark.parametrize("table", STORED.values(), ids=STORED)
def test_every_column_that_must_be_there_rejects_null(trial, table):
    for column in table.columns:
        if not column.nullable:
            told = refused(trial, table, **{column.name: None})
            assert type(told).__name__ == "NotNullViolation"
            assert told.diag.column_name == column.name


@pytest.mark.parametrize("table", STORED.values(), ids=STORED)
def test_references_to_nothing_are_rejected_at_the_end_of_the_transaction(trial, table):
    for key in table.foreign_key_constraints:
        savepoint = trial.begin_nested()
        insert(trial, table)  # is taken until then
        with pytest.raises(sa.exc.IntegrityError) as caught:
            trial.exec_driver_sql(f'SET CONSTRAINTS sqf."{key.name}" IMMEDIATE')
        assert caught.value.orig.diag.constraint_name == key.name
        savepoint.rollback()


def test_every_result_of_a_model_refers_to_it():
    refers = {name for name, table in TABLES.items() for key in table.foreign_key_constraints
              if key.referred_table.name == "models"}  # fmt: skip
    assert refers == {name for name, table in TABLES.items() if "model" in table.columns} - {"models", "risk_adjusted"}


def test_every_result_says_its_source_and_time():
    assert all("recorded_at" in table.columns for table in TABLES.values())
    # stops, data_quality and column_loss have their source by reference to source_files, revisions by their digests,
    # and stop_counts are counted from stops
    without = {"stops", "stop_counts", "data_quality", "column_loss", "revisions"}
    assert {name for name, table in TABLES.items() if "source" not in table.columns} == without


def test_stops_are_the_registry():
    names = [column.name for column in TABLES["stops"].columns if column.name != "recorded_at"]
    assert names == [entry.name for entry in load_columns()]
    ranged = {entry.name for entry in load_columns() if entry.minimum is not None or entry.maximum is not None}
    checked = {str(one.name) for one in TABLES["stops"].constraints if isinstance(one, sa.CheckConstraint)}
    assert {f"stops_{name}_range" for name in ranged} <= checked


def test_tables_columns_and_views_have_comments(connection):
    relations = connection.exec_driver_sql(
        "SELECT relname, obj_description(oid) FROM pg_class "
        "WHERE relnamespace = 'sqf'::regnamespace AND relkind IN ('r', 'v')"
    ).all()
    views = re.findall(r"^CREATE OR REPLACE VIEW", views_script(), flags=re.MULTILINE)
    assert len(relations) == len(STORED) + len(views)
    assert [name for name, comment in relations if not comment] == []
    columns = connection.exec_driver_sql(
        "SELECT attrelid::regclass || '.' || attname FROM pg_attribute JOIN pg_class c ON c.oid = attrelid "
        "WHERE relnamespace = 'sqf'::regnamespace AND relkind IN ('r', 'v') AND attnum > 0 AND NOT attisdropped "
        "AND col_description(attrelid, attnum) IS NULL"
    ).all()
    assert columns == []
    connection.rollback()


def test_comment_tells_unit_meaning_and_origin():
    height = TABLES["stops"].c.suspect_height_inches.comment
    assert "Unit: inches" in height
    assert "SUSPECT_HEIGHT" in height
    assert "Known: written or completed when the outcome is known" in height


@pytest.mark.parametrize("name", ["Sqf", "sqf;drop", "", "1sqf", "pg_sqf", "x" * 64, 'sq"f'])
def test_schema_must_be_a_plain_name(name):
    with pytest.raises(SqfError, match="cannot be the name of a schema"):
        build_metadata(name)
