"""Frames into tables and back; writers of one partition, or of tables that refer to each other, wait for each other."""

import logging
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd
import psycopg2
import pyarrow as pa
import sqlalchemy as sa
from psycopg2 import sql

from sqf_pipeline.errors import SqfError
from sqf_pipeline.warehouse.database_errors import explain, table_in_words
from sqf_pipeline.warehouse.frame_conversion import (
    check_frame,
    csv_in_chunks,
    csv_to_batches,
    csv_to_frame,
    partition_year,
)
from sqf_pipeline.warehouse.packed_predictions import STAGED, VIEW, stage_what_stays
from sqf_pipeline.warehouse.schema import advisory_key
from sqf_pipeline.warehouse.views import counting_sql, packing_sql


def copy_in(
    connection: sa.Connection, table: sa.Table, columns: list[sa.Column], frame: pd.DataFrame, into: sql.Identifier
) -> None:
    """Add a frame, which `frame_conversion.check_frame` has seen, to a table, or to one of the same columns."""
    statement = sql.SQL("COPY {} ({}) FROM STDIN WITH (FORMAT csv, ENCODING 'UTF8')").format(
        into, sql.SQL(", ").join(sql.Identifier(c.name) for c in columns)
    )
    with connection.connection.cursor() as cursor:  # type: ignore[attr-defined]
        for chunk in csv_in_chunks(table, frame, columns):
            cursor.copy_expert(statement, chunk)


def copy_out(
    database: sa.Engine | sa.Connection,
    table: sa.Table,
    columns: list[sa.Column],
    partition: Mapping[str, object],
    target: Any,
) -> None:
    """Write rows as CSV in the order of the key.

    Texts are ordered by their bytes, whatever the server's locale, and digits by their number: the shorter first.
    """
    order = [_ordered_by(column) for column in table.primary_key.columns]
    conditions = [
        sql.SQL("{} = {}").format(sql.Identifier(table.columns[name].name), sql.Literal(value))
        for name, value in partition.items()
    ]
    statement = sql.SQL(
        "COPY (SELECT {} FROM {} WHERE {} ORDER BY {}) TO STDOUT WITH (FORMAT csv, HEADER, ENCODING 'UTF8')"
    ).format(
        sql.SQL(", ").join(sql.Identifier(column.name) for column in columns),
        sql.Identifier(str(table.schema), table.name),
        sql.SQL(" AND ").join(conditions) if conditions else sql.SQL("true"),
        sql.SQL(", ").join(order),
    )
    try:
        opened = database.connect() if isinstance(database, sa.Engine) else nullcontext(database)
        with opened as connection, connection.connection.cursor() as cursor:  # type: ignore[attr-defined]
            # The same text for a number on every server, whatever its settings.
            cursor.execute(
                "SET LOCAL extra_float_digits = 1; SET LOCAL datestyle = 'ISO, YMD'; SET LOCAL timezone = 'UTC'"
            )
            cursor.copy_expert(statement, target)
    except (sa.exc.DBAPIError, psycopg2.Error) as error:
        raise explain(error, table, partition) from None


def _ordered_by(column: sa.Column) -> sql.Composed:
    terms = '{0} COLLATE "C"' if isinstance(column.type, sa.Text) else "{0}"
    return sql.SQL(f"length({{0}}), {terms}" if column.info.get("digits") else terms).format(
        sql.Identifier(column.name)
    )


def conditions_of(table: sa.Table, partition: Mapping[str, object]) -> list[sa.ColumnElement[bool]]:
    """Return the conditions that a row of a partition meets."""
    return [table.c[name] == value for name, value in partition.items()]


logger = logging.getLogger(__name__)


def replace_partition(
    engine: sa.Engine,
    table: sa.Table,
    frame: pd.DataFrame,
    partition: Mapping[str, object],
    *,
    only: sa.ColumnElement[bool] | None = None,
) -> int:
    """Replace the rows of a partition by those of `frame`, in one transaction, and return how many they are.

    Readers see the old rows or the new ones, never a part. Whatever fails, the old rows stay.

    Rows of other tables that refer to rows of this partition stay where their target is still there. Where it is gone,
    results of a model that no longer exists, or predictions about a stop that was withdrawn, are removed in the same
    transaction and counted in a warning; anything else that would lose its target stops the replacement. Raises
    SqfError when the frame does not fit the table (nothing is written), a rule of the table refuses a row, or the
    database fails.

    Parameters
    ----------
    engine
        From `url.create_engine`.
    table
        A table of `tables.build_metadata`.
    frame
        Exactly the columns of the table, in any order, without `recorded_at`; columns marked optional may be left
        out. An empty frame empties the partition.
    partition
        Column to value; at least the table's year column. Every row must lie in it.
    only
        A condition on the table's columns; rows of the partition of which it is not true stay as they are, and every
        row of `frame` must meet it. So two writers share a partition, each with models of its own.
    """
    year = partition_year(table, partition)
    columns = check_frame(table, frame, partition)
    try:
        with engine.begin() as connection:
            _lock(connection, table, frame, year)
            replaced = [*conditions_of(table, partition), *([] if only is None else [only])]
            if frame.empty:
                _refuse_emptying(connection, table, partition, replaced)
            if table.name == VIEW:
                stage_what_stays(connection, table, year, replaced)
                copy_in(connection, table, columns, frame, sql.Identifier(STAGED))
                connection.exec_driver_sql(packing_sql(str(table.schema), year))
            else:
                connection.execute(sa.delete(table).where(*replaced))
                copy_in(connection, table, columns, frame, sql.Identifier(str(table.schema), table.name))
            if only is not None:
                _refuse_strangers(connection, table, frame, partition, replaced)
            _remove_orphans(connection, table, partition)
            if table.name == "stops":
                connection.exec_driver_sql(counting_sql(str(table.schema), year))
    except (sa.exc.DBAPIError, psycopg2.Error) as error:
        raise explain(error, table, partition) from None
    return len(frame)


def read_table(engine: sa.Engine, table: sa.Table, partition: Mapping[str, object] | None = None) -> pd.DataFrame:
    """Return rows of a table in the order of its key, in the types of the frames they came from.

    `partition` maps columns to values; None reads the whole table.

    Returns
    -------
    DataFrame
        Every column but `recorded_at`; Int8 to Int64, Float64, boolean, string, datetime64; null is pandas.NA. No
        rows give an empty frame of the same types.
    """
    columns = [column for column in table.columns if column.name != "recorded_at"]
    payload = BytesIO()
    copy_out(engine, table, columns, partition or {}, payload)
    return csv_to_frame(payload.getvalue(), columns)


@contextmanager
def one_state(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Give a connection to which the database looks as it does now, whatever is written meanwhile."""
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        yield connection


def read_batches(
    connection: sa.Connection, table: sa.Table, columns: list[str], partition: Mapping[str, object]
) -> Iterator[pa.RecordBatch]:
    """Yield rows of a table in the order of its key, by way of a temporary file, so that memory stays flat."""
    chosen = [table.columns[name] for name in columns]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.csv"
        with path.open("wb") as file:
            copy_out(connection, table, chosen, partition, file)
        yield from csv_to_batches(path, chosen)


def _lock(connection: sa.Connection, table: sa.Table, frame: pd.DataFrame, year: int) -> None:
    """Hold the partition alone, those it refers to together with others, and those that refer to it alone.

    All writers take them in one order, so that none waits for another in a ring.
    """
    alone = {(table.name, year)}
    together = set()
    for key in table.foreign_key_constraints:
        target_year = key.elements[0].parent.name
        years = {year} if target_year not in frame.columns else {int(value) for value in frame[target_year].unique()}
        together |= {(key.referred_table.name, one) for one in years}
    alone |= {(child.name, year) for child, key in _references_to(table) if key.info["remove"]}
    for name, one in sorted(alone | together):
        shared = "" if (name, one) in alone else "_shared"
        lock = sa.text(f"SELECT pg_advisory_xact_lock{shared}(:key)")
        connection.execute(lock, {"key": advisory_key(f"{table.schema}.{name} {one}")})


def _references_to(table: sa.Table) -> list[tuple[sa.Table, sa.ForeignKeyConstraint]]:
    """Return the tables that refer to `table`, with the key by which they do."""
    return [
        (child, key)
        for child in table.metadata.sorted_tables
        for key in sorted(child.foreign_key_constraints, key=lambda one: str(one.name))
        if key.referred_table is table
    ]


def _child_conditions(
    child: sa.TableClause, key: sa.ForeignKeyConstraint, partition: Mapping[str, object]
) -> list[sa.ColumnElement[bool]]:
    """Return the conditions under which rows of `child` refer into the partition."""
    by_target = {element.column.name: element.parent.name for element in key.elements}
    return [child.c[by_target[name]] == value for name, value in partition.items() if name in by_target]


def _refuse_strangers(
    connection: sa.Connection,
    table: sa.Table,
    frame: pd.DataFrame,
    partition: Mapping[str, object],
    replaced: list[sa.ColumnElement[bool]],
) -> None:
    """Refuse rows just written that the same writer would not replace the next time."""
    rows = connection.execute(sa.select(sa.func.count()).select_from(table).where(*replaced)).scalar_one()
    if rows != len(frame):
        raise SqfError(
            f"{len(frame) - rows} of {len(frame)} rows for {table_in_words(table, partition)} do not belong to this "
            "writer: it would not replace them the next time. Nothing was changed."
        )


def _refuse_emptying(
    connection: sa.Connection,
    table: sa.Table,
    partition: Mapping[str, object],
    replaced: list[sa.ColumnElement[bool]],
) -> None:
    """Refuse to leave nothing where others refer to: an empty result upstream is a fault, not a wish."""
    for child, key in _references_to(table):
        target = sa.exists().where(*(one.column == child.c[one.parent.name] for one in key.elements), *replaced)
        refers = [*_child_conditions(child, key, partition), target]
        query = sa.select(sa.func.count()).select_from(child).where(*refers)
        rows = connection.execute(query).scalar_one()
        if rows:
            raise SqfError(
                f"Expected rows for {table_in_words(table, partition)}, found none, while {rows} rows of "
                f"{child.fullname} refer to it. Nothing was changed. If it should be empty, delete those rows first."
            )


def _remove_orphans(connection: sa.Connection, table: sa.Table, partition: Mapping[str, object]) -> None:
    """Remove rows whose target was not among the new rows, where their table says so, and say how many."""
    for child, key in _references_to(table):
        if not key.info["remove"]:
            continue
        part = sa.table(f"{VIEW}_{table.name}", *map(sa.column, key.column_keys), schema=table.schema)
        held = part if child.name == VIEW else child
        still_there = sa.exists().where(*(element.column == held.c[element.parent.name] for element in key.elements))
        gone = sa.delete(held).where(*_child_conditions(held, key, partition), ~still_there)
        rows = connection.execute(gone).rowcount
        if rows:
            logger.warning(
                "%d rows of %s were removed: what they refer to is no longer in %s",
                rows, held.fullname, table_in_words(table, partition),
            )  # fmt: skip
