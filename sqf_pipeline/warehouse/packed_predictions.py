"""How `predictions`, a view of two tables, is written: rows are laid out in a temporary table and packed from there."""

from collections.abc import Sequence

import psycopg2
import sqlalchemy as sa

from sqf_pipeline.errors import SqfError
from sqf_pipeline.registry.declared_tables import declared_columns, recorded_at
from sqf_pipeline.warehouse.views import packing_sql

VIEW = "predictions"
PARTS = {"models": "predictions_models", "stops": "predictions_stops"}
"""The tables that hold the predictions, by the table that each refers to."""
ARRAYS = ("score", "probability", "actual")
STAGED = ("pg_temp", "predictions_staged")

# Those who may read a table of an older version may read the view that takes its place.
_GRANTS_TO_READ = """
    SELECT format('GRANT SELECT ON %%s TO %%s', c.oid::regclass, coalesce(quote_ident(r.rolname), 'PUBLIC'))
    FROM pg_class c CROSS JOIN aclexplode(c.relacl) g LEFT JOIN pg_roles r ON r.oid = g.grantee
    WHERE c.oid = to_regclass(%(table)s) AND g.privilege_type = 'SELECT'
"""


def take_out(connection: sa.Connection, schema: str) -> list[str]:
    """Lay out the rows of a table `predictions`, as older versions made it, drop it, and return who could read it.

    Returns
    -------
    list of str
        Statements that let the same roles read the view.

    Raises
    ------
    SqfError
        The table lacks a column, or something depends on it.
    """
    table = f"{schema}.{VIEW}"
    readers = [row[0] for row in connection.exec_driver_sql(_GRANTS_TO_READ, {"table": table})]
    names = [row["column"] for row in (*declared_columns(VIEW), recorded_at())]
    rows: sa.Select = sa.select(*map(sa.column, names)).select_from(sa.table(VIEW, schema=schema))
    try:
        connection.exec_driver_sql(f"CREATE TEMP TABLE {STAGED[1]} ON COMMIT DROP AS {rows}; DROP TABLE {table}")
    except sa.exc.DBAPIError as error:
        if not isinstance(error.orig, psycopg2.errors.DependentObjectsStillExist | psycopg2.errors.UndefinedColumn):
            raise
        raise SqfError(
            f"Table {table} was made by another version and cannot become a view: {str(error.orig).splitlines()[0]}. "
            "Take away what depends on it, run sqf, and create that again. If its rows can be made again, run: "
            f"DROP TABLE {table} CASCADE; then sqf run --full."
        ) from None
    return readers


def lay_out(connection: sa.Connection, table: sa.Table, year: int, replaced: Sequence[sa.ColumnElement[bool]]) -> None:
    """Lay out the predictions of a test year but those that meet every condition of `replaced`."""
    names = [column.name for column in table.columns]
    connection.exec_driver_sql(f"CREATE TEMP TABLE {STAGED[1]} (LIKE {table.fullname}) ON COMMIT DROP")
    stay = sa.select(table).where(table.c.test_year == year, ~sa.func.coalesce(sa.and_(*replaced), sa.false()))
    connection.execute(sa.insert(sa.table(STAGED[1], *map(sa.column, names))).from_select(names, stay))


def pack(connection: sa.Connection, schema: str, year: int | None = None, then: Sequence[str] = ()) -> None:
    """Replace the predictions of a test year, or of all, by what is laid out."""
    connection.exec_driver_sql("; ".join([packing_sql(schema, year), *then]))


def part_of(table: sa.Table, key: sa.ForeignKeyConstraint) -> sa.TableClause:
    """Return the table that holds a foreign key: the one that refers, where `table` is the view."""
    if table.name != VIEW:
        return table
    return sa.table(PARTS[key.referred_table.name], *map(sa.column, key.column_keys), schema=table.schema)
