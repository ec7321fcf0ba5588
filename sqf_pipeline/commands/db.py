"""`sqf db`: the database.

What belongs here: telling where it is, opening a shell, stopping the embedded server, making read-only roles. What
does not: how any of that is done (`warehouse`).
"""

import os
import shutil

import click

from sqf_pipeline.commands.surroundings import load_settings
from sqf_pipeline.errors import SqfError
from sqf_pipeline.settings import Settings


@click.group("db")
def command() -> None:
    """Find, open, stop or share the database."""


def _url(settings: Settings) -> str:
    """Return the URL of the database for other programs, the embedded server running."""
    from sqf_pipeline.warehouse.local import ensure_running
    from sqf_pipeline.warehouse.url import normalise_database_url

    given = settings.database_url
    url = normalise_database_url(given.get_secret_value()) if given else ensure_running(settings.home / "postgres")
    return url.replace("postgresql+psycopg2://", "postgresql://", 1)


@command.command("url")
def url() -> None:
    """Print the URL of the database, password included, and start the embedded server if it is that one."""
    click.echo(_url(load_settings()))


@command.command("shell")
def shell() -> None:
    """Open psql on the database."""
    address = _url(load_settings())
    psql = shutil.which("psql")
    if psql is None:
        raise SqfError(
            "There is no psql on this machine. Install a PostgreSQL client (Debian and Ubuntu: apt install "
            "postgresql-client; macOS: brew install libpq), or give the answer of `sqf db url` to any other client."
        )
    os.execv(psql, [psql, address])  # noqa: S606  # psql takes over the terminal


@command.command("status")
def status() -> None:
    """Tell whether the database runs, and where its data and log are."""
    from sqf_pipeline.warehouse.local import status as local_status
    from sqf_pipeline.warehouse.url import check_connection, create_engine, describe_database_url

    settings = load_settings()
    if settings.database_url:
        engine = create_engine(settings.database_url.get_secret_value())
        version = check_connection(engine)
        click.echo(f"PostgreSQL {version} answers at {describe_database_url(engine.url)} (SQF_DATABASE_URL)")
        return
    server = local_status(settings.home / "postgres")
    if server.running:
        click.echo(f"Embedded PostgreSQL {server.version} runs on 127.0.0.1:{server.port}")
    else:
        click.echo("The embedded PostgreSQL does not run; `sqf run` and `sqf db url` start it.")
    for name, path in (("data", server.data), ("log", server.log)):
        click.echo(f"  {name}: {path if path else 'none yet'}")


@command.command("stop")
def stop() -> None:
    """Stop the embedded server; its data stay."""
    from sqf_pipeline.warehouse.local import stop as stop_local

    settings = load_settings()
    if settings.database_url:
        raise SqfError("SQF_DATABASE_URL names an external server; stop it by its own means.")
    stopped = stop_local(settings.home / "postgres")
    click.echo("Stopped the embedded PostgreSQL." if stopped else "The embedded PostgreSQL was not running.")


__all__ = ["command"]
