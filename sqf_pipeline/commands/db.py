"""`sqf db`: the database."""

import os
from typing import get_args

import click

from sqf_pipeline.commands.command_support import load_settings
from sqf_pipeline.errors import SqfError
from sqf_pipeline.settings import ResolvedSource, Settings, schema_for_source

SCHEMAS = tuple(sorted({schema_for_source(source) for source in get_args(ResolvedSource)}))


@click.group("db")
def command() -> None:
    """Find, open, stop or share the database."""


def _url(settings: Settings) -> str:
    """Return the URL of the database for other programs, the embedded server running."""
    from sqf_pipeline.warehouse.embedded_server import ensure_running
    from sqf_pipeline.warehouse.url import normalise_database_url

    given = settings.database_url
    url = normalise_database_url(given.get_secret_value()) if given else ensure_running(settings.home / "postgres")
    return url.replace("postgresql+psycopg2://", "postgresql://", 1)


@command.command("url")
def url() -> None:
    """Print the URL of the database, password included, and start the embedded server if it is that one."""
    click.echo(_url(load_settings()))


@command.command("shell", context_settings={"ignore_unknown_options": True})
@click.argument("psql_options", nargs=-1, type=click.UNPROCESSED)
def shell(psql_options: tuple[str, ...]) -> None:
    """Open psql on the database, in the schema of the source.

    Options of psql may follow: sqf db shell --csv --command "SELECT * FROM outcomes_by_year"
    """
    from sqf_pipeline.warehouse.admin import psql_command

    settings = load_settings()
    program, database, environment = psql_command(_url(settings), schema_for_source(settings.source))
    os.execvpe(program, [program, *psql_options, database], {**os.environ, **environment})  # noqa: S606


@command.command("grant-reader")
@click.argument("name")
def grant_reader(name: str) -> None:
    """Create a role that may only read the tables, or give it a new password."""
    from sqf_pipeline.warehouse import admin
    from sqf_pipeline.warehouse.url import create_engine

    url = _url(load_settings())
    engine = create_engine(url)
    password = admin.grant_reader(engine, SCHEMAS, name)
    engine.dispose()
    click.echo(f"The role {name} may read the schemas {' and '.join(SCHEMAS)}. Its URL, shown this once:", err=True)
    click.echo(admin.reader_url(url, name, password))


@command.command("status")
def status() -> None:
    """Show whether the database is running, and where its data and log are."""
    from sqf_pipeline.warehouse.embedded_server import status as server_status
    from sqf_pipeline.warehouse.url import server_at

    settings = load_settings()
    if settings.database_url:
        version, place = server_at(settings.database_url.get_secret_value())
        click.echo(f"PostgreSQL {version} answers at {place} (SQF_DATABASE_URL)")
        return
    server = server_status(settings.home / "postgres")
    if server.running:
        click.echo(f"Embedded PostgreSQL {server.version} runs on 127.0.0.1:{server.port}")
    else:
        click.echo("The embedded PostgreSQL is not running; `sqf run` and `sqf db url` start it.")
    for name, path in (("data", server.data), ("log", server.log)):
        click.echo(f"  {name}: {path if path else 'none yet'}")


@command.command("stop")
def stop() -> None:
    """Stop the embedded server; its data stay."""
    from sqf_pipeline.warehouse.embedded_server import stop as stop_server

    settings = load_settings()
    if settings.database_url:
        raise SqfError("SQF_DATABASE_URL names an external server; stop it with its own tools.")
    stopped = stop_server(settings.home / "postgres")
    click.echo("Stopped the embedded PostgreSQL." if stopped else "The embedded PostgreSQL was not running.")
