"""What the database refused, in words and without the values of a row."""

from collections.abc import Mapping

import psycopg2
import sqlalchemy as sa

from sqf_pipeline.errors import SqfError


def explain(error: Exception, table: sa.Table, partition: Mapping[str, object]) -> SqfError:
    """Return the message for a database error, without the values of a row that PostgreSQL may repeat."""
    cause = error.orig if isinstance(error, sa.exc.DBAPIError) else error
    where = table_in_words(table, partition)
    diagnosis = getattr(cause, "diag", None)
    primary = getattr(diagnosis, "message_primary", None)
    if isinstance(cause, psycopg2.errors.UndefinedTable | psycopg2.errors.UndefinedColumn):
        return SqfError(f"The database does not fit this version: {primary}. Run `sqf run` to bring it in line.")
    if isinstance(cause, psycopg2.IntegrityError) and diagnosis is not None:
        rule = diagnosis.constraint_name
        said = _rule_in_words(table, rule)
        other = f" (reported for {diagnosis.table_name})" if diagnosis.table_name != table.name else ""
        return SqfError(f"A row does not fit {where}: rule {rule}{said}{other}. Nothing was changed.")
    if isinstance(cause, psycopg2.DataError):
        column = f" in column {diagnosis.column_name}" if diagnosis and diagnosis.column_name else ""
        return SqfError(f"A value does not fit {where}{column}: {_kind(cause)}. Nothing was changed.")
    if isinstance(cause, psycopg2.errors.InsufficientPrivilege):
        return SqfError(f"The database user may not do this with {where}: {primary}. Use the pipeline's own user.")
    if isinstance(cause, psycopg2.errors.DiskFull):
        return SqfError(f"The database has no space left for {where}. Make room and run again; nothing was changed.")
    reason = primary or str(cause).strip().split("\n", 1)[0] or _kind(cause)
    return SqfError(f"The database failed at {where}: {reason}. Nothing was changed; run again when it is back.")


def _kind(error: object) -> str:
    """Return the class of a database error as words: its message may repeat a value."""
    name = type(error).__name__
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip()


def _rule_in_words(table: sa.Table, rule: str | None) -> str:
    for constraint in (one for other in table.metadata.sorted_tables for one in other.constraints):
        if str(constraint.name) != rule:
            continue
        if isinstance(constraint, sa.CheckConstraint):
            return f", {constraint.sqltext}"
        if isinstance(constraint, sa.ForeignKeyConstraint):
            referring = ", ".join(constraint.column_keys)
            return f", {constraint.table.name} ({referring}) must be in {constraint.referred_table.fullname}"
        if isinstance(constraint, sa.PrimaryKeyConstraint):
            return f", one row a {', '.join(column.name for column in constraint.columns)}"
    return ""


def table_in_words(table: sa.Table, partition: Mapping[str, object]) -> str:
    """Return what a message calls a partition of a table."""
    where = ", ".join(f"{name} {value}" for name, value in partition.items())
    return f"table {table.fullname} ({where})" if where else f"table {table.fullname}"
