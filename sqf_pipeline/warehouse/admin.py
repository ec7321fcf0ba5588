"""Roles and tools of people who look at the tables."""

import secrets
from collections.abc import Iterable

import psycopg2
import sqlalchemy as sa
from psycopg2 import sql
from psycopg2.extensions import encrypt_password
from sqlalchemy.engine import make_url

from sqf_pipeline.errors import SqfError
from sqf_pipeline.warehouse.postgres_programs import find_psql
from sqf_pipeline.warehouse.schema import advisory_key, check_identifier
from sqf_pipeline.warehouse.url import describe_database_url, normalise_database_url, split_secrets


def grant_reader(engine: sa.Engine, schemas: Iterable[str], name: str, password: str | None = None) -> str:
    """Create a role that can read all tables and views of `schemas`, those to come included, and return its password.

    It can do nothing else. Doing it again for such a role gives it a new password, one that is made where none is
    given; it reaches the server as a SCRAM verifier, so that no log of statements can show it. The engine is connected
    as the role that owns, or will own, the tables; a schema that is not there yet is created, empty. Raises SqfError
    when the name is no plain one, the role is there and can do more than read, or the caller may not make roles.
    """
    role = check_identifier(name, "role")
    chosen = password or secrets.token_urlsafe(18)
    try:
        with engine.begin() as connection:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(advisory_key(f"role {role}"))))
            _refuse_powerful(connection, role)
            with connection.connection.cursor() as cursor:  # type: ignore[attr-defined]
                _put_role(cursor, role, chosen)
                for schema in schemas:
                    _let_read(cursor, check_identifier(schema, "schema"), role)
    except (sa.exc.DBAPIError, psycopg2.Error) as error:
        cause = error.orig if isinstance(error, sa.exc.DBAPIError) else error
        if isinstance(cause, psycopg2.errors.InsufficientPrivilege):
            raise SqfError(
                f"The database user may not create the role {role}: {str(cause).splitlines()[0]}. It needs CREATEROLE "
                "and must own the schemas; ask the server's administrator, or let them run this command."
            ) from None
        raise
    return chosen


def reader_url(url: str, name: str, password: str) -> str:
    """Return the URL by which a reader connects to the database of `url`, for programs other than ours too.

    Nothing that only the owner may know goes with it.
    """
    shared, _owners = split_secrets(make_url(normalise_database_url(url)))
    parsed = shared.set(drivername="postgresql", username=name, password=password)
    return parsed.render_as_string(hide_password=False)


def psql_command(url: str, schema: str | None = None) -> tuple[str, str, dict[str, str]]:
    """Return the psql that opens a database, what to tell it of the database, and what it needs in its environment.

    The password goes by the environment, not by the arguments. Of a `schema`, tables are found without naming it.
    Raises SqfError when there is no psql.
    """
    program = find_psql()
    if program is None:
        raise SqfError(
            "There is no psql on this machine: install PostgreSQL's client (package postgresql-client), or use any "
            f"other client with the URL that `sqf db url` shows ({describe_database_url(url)})."
        )
    parsed, secret = split_secrets(make_url(normalise_database_url(url)).set(drivername="postgresql"))
    password = secret.get("password", str(parsed.password or ""))
    environment = {"PGPASSWORD": password} if password else {}
    options = [secret["options"]] if "options" in secret else []
    if schema is not None:
        options.append(f"-c search_path={check_identifier(schema, 'schema')}")
    if options:
        environment["PGOPTIONS"] = " ".join(options)
    shown = sa.URL.create("postgresql", parsed.username, None, parsed.host, parsed.port, parsed.database, parsed.query)
    return program, shown.render_as_string(hide_password=False), environment


def _refuse_powerful(connection: sa.Connection, role: str) -> None:
    """Refuse a role that is there already for something else."""
    query = sa.text(
        "SELECT rolname = current_user OR rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls "
        "OR EXISTS (SELECT 1 FROM pg_auth_members m WHERE m.member = r.oid) "
        "OR EXISTS (SELECT 1 FROM pg_class c WHERE c.relowner = r.oid) "
        "OR EXISTS (SELECT 1 FROM pg_namespace n WHERE n.nspowner = r.oid) "
        "FROM pg_roles r WHERE rolname = :role"
    )
    if connection.execute(query, {"role": role}).scalar():
        raise SqfError(f"The role {role} exists already and can do more than read. Choose another name for the reader.")


def _put_role(cursor: "psycopg2.extensions.cursor", role: str, password: str) -> None:
    cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,))
    verb = "ALTER" if cursor.fetchone() else "CREATE"
    verifier = encrypt_password(password, role, scope=cursor.connection, algorithm="scram-sha-256")
    named = sql.Identifier(role)
    cursor.execute(sql.SQL(f"{verb} ROLE {{}} LOGIN PASSWORD {{}}").format(named, sql.Literal(verifier)))
    cursor.execute(sql.SQL("ALTER ROLE {} SET default_transaction_read_only = on").format(named))
    cursor.execute(sql.SQL("ALTER ROLE {} SET statement_timeout = '5min'").format(named))
    cursor.execute("SELECT current_database()")
    database = sql.Identifier(cursor.fetchone()[0])
    cursor.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, named))


def _let_read(cursor: "psycopg2.extensions.cursor", schema: str, role: str) -> None:
    cursor.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", (schema,))
    names = {"schema": sql.Identifier(schema), "role": sql.Identifier(role)}
    statements = [] if cursor.fetchone() else ["CREATE SCHEMA {schema}"]
    statements += [
        "GRANT USAGE ON SCHEMA {schema} TO {role}",
        "GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {role}",
        "ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT SELECT ON TABLES TO {role}",
    ]
    for statement in statements:
        cursor.execute(sql.SQL(statement).format(**names))
