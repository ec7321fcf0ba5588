"""Rows into a table and out of it, by COPY."""

from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

import pandas as pd
import psycopg2
import sqlalchemy as sa
from psycopg2 import sql

from sqf_pipeline.warehouse.database_errors import explain
from sqf_pipeline.warehouse.frame_conversion import csv_in_chunks


def copy_in(connection: sa.Connection, table: sa.Table, columns: list[sa.Column], frame: pd.DataFrame) -> None:
    """Add a frame, which `frame_conversion.check_frame` has seen, to a table."""
    statement = sql.SQL("COPY {} ({}) FROM STDIN WITH (FORMAT csv, ENCODING 'UTF8')").format(
        sql.Identifier(str(table.schema), table.name), sql.SQL(", ").join(sql.Identifier(c.name) for c in columns)
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
