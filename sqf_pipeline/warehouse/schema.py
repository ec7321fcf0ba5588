"""Bringing a database in line with the declared tables."""

import hashlib
import re
from collections.abc import Iterable

import psycopg2
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import AddConstraint, CreateColumn, CreateIndex, DropConstraint, SetColumnComment

from sqf_pipeline.errors import SqfError
from sqf_pipeline.warehouse.packed_predictions import PARTS, VIEW, take_out
from sqf_pipeline.warehouse.views import counting_sql, views_script

_DIALECT = postgresql.dialect()
_SCHEMA_COMMENT = "Stops by the New York City police, models of their outcomes, and metrics of the models."

_EXISTING_COLUMNS = """
    SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, col_description(c.oid, a.attnum)
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE n.nspname = %(schema)s AND c.relkind IN ('r', 'p')
"""
_EXISTING_CONSTRAINTS = """
    SELECT c.relname, k.conname, k.contype, obj_description(k.oid, 'pg_constraint')
    FROM pg_constraint k
    JOIN pg_class c ON c.oid = k.conrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = %(schema)s
"""
_RULES_OF_COLUMN = """
    SELECT c.relname, k.conname, a.attname
    FROM pg_constraint k
    JOIN pg_class c ON c.oid = k.conrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (k.conkey)
    WHERE n.nspname = %(schema)s AND k.contype IN ('c', 'f')
"""
_EXISTING_INDEXES = "SELECT indexname FROM pg_indexes WHERE schemaname = %(schema)s"


def check_identifier(name: str, what: str) -> str:
    """Return `name` if it is a plain SQL name (small letters, digits, underscores); raises SqfError otherwise."""
    if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", name) or name.startswith("pg_"):
        raise SqfError(
            f"{name!r} cannot be the name of a {what}: expected small letters, digits and underscores, at most 63, "
            "not beginning with a digit or pg_."
        )
    return name


def advisory_key(text: str) -> int:
    """Return the number of the advisory lock that stands for `text`, the same in every process."""
    return int.from_bytes(hashlib.sha256(f"sqf:{text}".encode()).digest()[:8], "big", signed=True)


def apply_metadata(engine: sa.Engine, metadata: sa.MetaData) -> None:
    """Create or amend schema, tables and views of `metadata`, in one transaction and one process at a time.

    Raises SqfError when a table differs in a way that cannot be changed without losing rows, or the role may not
    create.
    """
    schema = str(metadata.schema)
    try:
        with engine.begin() as connection:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(advisory_key(f"schema {schema}"))))
            inspector = sa.inspect(connection)
            if schema not in inspector.get_schema_names():
                connection.execute(sa.schema.CreateSchema(schema))
            there = inspector.get_table_names(schema)
            then = take_out(connection, schema) if VIEW in there else ""
            _turn_numbers_into_digits(connection, metadata)
            missing = [table for table in metadata.sorted_tables if table.name not in there]
            metadata.create_all(connection, tables=missing, checkfirst=False)
            _amend_columns(connection, metadata)
            _amend_constraints(connection, metadata)
            _create_indexes(connection, metadata)
            _apply_views(connection, metadata)
            if then:
                _run(connection, then)
    except sa.exc.DBAPIError as error:
        if isinstance(error.orig, psycopg2.errors.DependentObjectsStillExist | psycopg2.errors.UndefinedColumn):
            raise SqfError(
                f"Tables and views of schema {schema} cannot be replaced: {_first_line(error)}. Take away what depends "
                "on them, run sqf, and create it again. Drop a table that lacks a column if its rows can be made again."
            ) from None
        if isinstance(error.orig, psycopg2.errors.InsufficientPrivilege):
            raise SqfError(
                f"The database user may not create or change tables in schema {schema}: {_first_line(error)}. "
                f"Let an administrator run: CREATE SCHEMA {schema} AUTHORIZATION <that user>;"
            ) from None
        raise


def _existing(connection: sa.Connection, query: str, schema: str) -> list[tuple]:
    return [tuple(row) for row in connection.exec_driver_sql(query, {"schema": schema})]


def _turn_numbers_into_digits(connection: sa.Connection, metadata: sa.MetaData) -> None:
    """Turn columns of digits that an older version made as numbers into text, which loses nothing.

    Rules that speak of such a column go first; those that are declared are made again with the others.
    """
    schema = str(metadata.schema)
    numbers = {row[:2] for row in _existing(connection, _EXISTING_COLUMNS, schema) if row[2] == "bigint"}
    columns = [
        column
        for table in metadata.sorted_tables
        for column in table.columns
        if column.info.get("digits") and (table.name, column.name) in numbers
    ]
    rules = {
        rule
        for column in columns
        for rule in _existing(connection, _RULES_OF_COLUMN, schema)
        if rule[2] == column.name and rule[0] == column.table.name
    }
    for table_name, rule, _ in sorted(rules):
        _run(connection, f'ALTER TABLE "{schema}"."{table_name}" DROP CONSTRAINT "{rule}"')
    for column in columns:
        _run(connection, f'ALTER TABLE {_quoted(column.table)} ALTER COLUMN "{column.name}" TYPE text')


def _amend_columns(connection: sa.Connection, metadata: sa.MetaData) -> None:
    """Add new nullable columns and change comments; refuse every other difference."""
    found: dict[str, dict[str, tuple[str, bool, str | None]]] = {}
    for table_name, name, kind, not_null, comment in _existing(connection, _EXISTING_COLUMNS, str(metadata.schema)):
        found.setdefault(table_name, {})[name] = (kind, not_null, comment)
    for table in metadata.sorted_tables:
        there = found[table.name]
        differences = [f"{name} is no longer declared" for name in there if name not in table.columns]
        for column in table.columns:
            declared = (column.type.compile(_DIALECT).lower(), not column.nullable)
            if column.name not in there:
                if column.nullable:
                    _add_column(connection, table, column)
                else:
                    differences.append(f"{column.name} is new and may not be null")
                continue
            kind, not_null, comment = there[column.name]
            if (kind, not_null) != declared:
                differences.append(f"{column.name} is {_said(kind, not_null)}, declared {_said(*declared)}")
            elif comment != column.comment:
                connection.execute(SetColumnComment(column))
        if differences:
            raise SqfError(
                f"Table {table.fullname} was made by another version: {'; '.join(differences)}. If its rows can be "
                f"made again, run: DROP TABLE {table.fullname} CASCADE; then run sqf. Else alter the table by hand."
            )


def _add_column(connection: sa.Connection, table: sa.Table, column: sa.Column) -> None:
    definition = CreateColumn(column).compile(dialect=_DIALECT)
    _run(connection, f"ALTER TABLE {_quoted(table)} ADD COLUMN {definition}")
    connection.execute(SetColumnComment(column))


def _amend_constraints(connection: sa.Connection, metadata: sa.MetaData) -> None:
    """Create checks that are new or changed, and foreign keys that are missing.

    PostgreSQL stores a check in words of its own, so ours is kept as the comment of the constraint and compared with.
    """
    found = {
        (table, name): (kind, comment)
        for table, name, kind, comment in _existing(connection, _EXISTING_CONSTRAINTS, str(metadata.schema))
    }
    for table in metadata.sorted_tables:
        declared = {str(one.name): one for one in table.constraints}
        for (table_name, name), (kind, comment) in found.items():
            # One without our comment is a rule that somebody else has added.
            if table_name == table.name and name not in declared and kind == "c" and comment is not None:
                _run(connection, f'ALTER TABLE {_quoted(table)} DROP CONSTRAINT "{name}"')
        for name, constraint in sorted(declared.items()):
            kind, comment = found.get((table.name, name), (None, None))
            if kind is None:
                _add_constraint(connection, table, constraint)
            if not isinstance(constraint, sa.CheckConstraint) or comment == str(constraint.sqltext):
                continue
            if comment is not None:
                connection.execute(DropConstraint(constraint))
                _add_constraint(connection, table, constraint)
            _note_check(connection, table, constraint)


def _note_check(connection: sa.Connection, table: sa.Table, constraint: sa.CheckConstraint) -> None:
    """Write down what a check says."""
    quoted = str(constraint.sqltext).replace("'", "''")
    _run(connection, f"COMMENT ON CONSTRAINT \"{constraint.name}\" ON {_quoted(table)} IS '{quoted}'")


def _add_constraint(connection: sa.Connection, table: sa.Table, constraint: sa.Constraint) -> None:
    try:
        with connection.begin_nested():
            connection.execute(AddConstraint(constraint))
    except sa.exc.IntegrityError as error:
        raise SqfError(
            f"Rows of {table.fullname} break the rule {constraint.name}, which is new: {_first_line(error)}. Run "
            f"TRUNCATE {table.fullname} CASCADE; and make its years again with this version."
        ) from None


def _create_indexes(connection: sa.Connection, metadata: sa.MetaData) -> None:
    there = {row[0] for row in _existing(connection, _EXISTING_INDEXES, str(metadata.schema))}
    for table in metadata.sorted_tables:
        for index in sorted(table.indexes, key=lambda one: str(one.name)):
            if index.name not in there:
                connection.execute(CreateIndex(index))


def _apply_views(connection: sa.Connection, metadata: sa.MetaData) -> None:
    """Create the views when they, or what they stand on, are new or changed; the schema's comment says which stand."""
    schema = str(metadata.schema)
    script = views_script()
    columns = [f"{column} {column.comment}" for table in metadata.sorted_tables for column in table.columns]
    counting = counting_sql(schema)
    digest = hashlib.sha256("\n".join([script, counting, *columns]).encode()).hexdigest()
    comment = f"{_SCHEMA_COMMENT} Views {digest[:12]}."
    views = re.findall(r"^CREATE OR REPLACE VIEW (\w+)", script, flags=re.MULTILINE)
    found = connection.execute(
        sa.text(
            "SELECT obj_description(to_regnamespace(:name), 'pg_namespace'), "
            "(SELECT count(*) FROM pg_views WHERE schemaname = :name AND viewname = ANY(:views))"
        ),
        {"name": schema, "views": views},
    ).one()
    if tuple(found) == (comment, len(views)):
        return
    try:
        with connection.begin_nested():
            _run_script(connection, schema, script)
    except sa.exc.ProgrammingError:
        # A view cannot be replaced by one with other columns: make them all anew.
        dropped = "; ".join(f'DROP VIEW IF EXISTS "{view}"' for view in reversed(views))
        _run_script(connection, schema, f"{dropped};\n{script}")
    _run(connection, counting)
    _comment_view(connection, metadata, "latest_metrics", ("model_metrics", "models"))
    _comment_view(connection, metadata, VIEW, [f"{VIEW}_{part}" for part in PARTS])
    _run(connection, f"COMMENT ON SCHEMA \"{schema}\" IS '{comment}'")


def _comment_view(connection: sa.Connection, metadata: sa.MetaData, view: str, tables: Iterable[str]) -> None:
    """Give the columns of a view the comments of the columns they show."""
    view_columns = sa.text(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = :schema AND table_name = :view"
    )
    names = connection.execute(view_columns, {"schema": metadata.schema, "view": view}).scalars().all()
    for name in names:
        shown = (metadata.tables[f"{metadata.schema}.{table}"].columns for table in tables)
        text = next(str(columns[name].comment) for columns in shown if name in columns)
        quoted = text.replace("'", "''")
        _run(connection, f'COMMENT ON COLUMN "{metadata.schema}"."{view}"."{name}" IS \'{quoted}\'')


def _run_script(connection: sa.Connection, schema: str, script: str) -> None:
    """Run SQL with unqualified names in one schema; the search path goes back with the transaction."""
    _run(connection, f'SET LOCAL search_path = "{schema}", pg_catalog')
    _run(connection, script)
    _run(connection, "SET LOCAL search_path = DEFAULT")


def _run(connection: sa.Connection, statement: str) -> None:
    """Run a statement as it stands: a % in it is a letter, not a parameter."""
    connection.exec_driver_sql(statement, execution_options={"no_parameters": True})


def _quoted(table: sa.Table) -> str:
    return f'"{table.schema}"."{table.name}"'


def _said(kind: str, not_null: bool) -> str:
    return f"{kind} not null" if not_null else kind


def _first_line(error: sa.exc.DBAPIError) -> str:
    """Return what the server said without details, which may repeat a row."""
    return str(error.orig).splitlines()[0]
