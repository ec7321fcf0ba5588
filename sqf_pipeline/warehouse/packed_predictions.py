"""How `predictions`, a view of two tables, is written: rows go to a temporary table, and are packed from there."""

import sqlalchemy as sa

from sqf_pipeline.warehouse.views import packing_sql

VIEW = "predictions"
PARTS = {
    "models": ("test_year", "model", "place", "source", "recorded_at"),
    "stops": ("test_year", "year", "stop_id", "score", "probability", "actual"),
}
"""Columns of the tables behind the view, `predictions_models` and `predictions_stops`, by what they refer to."""
STAGED = "predictions_staged"

_WHO_MAY_READ = """
    SELECT coalesce(quote_ident(r.rolname), 'PUBLIC')
    FROM pg_class c CROSS JOIN aclexplode(c.relacl) g LEFT JOIN pg_roles r ON r.oid = g.grantee
    WHERE c.oid = to_regclass(%(table)s) AND g.privilege_type = 'SELECT'
"""


def take_out(connection: sa.Connection, schema: str) -> str:
    """Stage the rows of a table `predictions`, as older versions made it; drop it; return the SQL that packs them."""
    table = f"{schema}.{VIEW}"
    readers = connection.exec_driver_sql(_WHO_MAY_READ, {"table": table}).scalars().all()
    connection.exec_driver_sql(f"CREATE TEMP TABLE {STAGED} ON COMMIT DROP AS TABLE {table}; DROP TABLE {table}")
    return "; ".join([packing_sql(schema), *(f"GRANT SELECT ON {table} TO {role}" for role in readers)])


def stage_what_stays(
    connection: sa.Connection, table: sa.Table, year: int, replaced: list[sa.ColumnElement[bool]]
) -> None:
    """Stage the predictions of a test year but those that meet every condition of `replaced`."""
    names = [column.name for column in table.columns]
    stay = sa.select(table).where(table.c.test_year == year, ~sa.func.coalesce(sa.and_(*replaced), sa.false()))
    connection.exec_driver_sql(f"CREATE TEMP TABLE {STAGED} (LIKE {table.fullname}) ON COMMIT DROP")
    connection.execute(sa.insert(sa.table(STAGED, *map(sa.column, names))).from_select(names, stay))
