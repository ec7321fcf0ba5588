"""Addresses of the database and connections to it.

What belongs here: one spelling for every PostgreSQL URL, engines that fail with a message a person can act on,
and keeping passwords out of messages. What does not: tables, and the server of `embedded_server`, which only hands
out a URL.
"""

import re

import psycopg2
import sqlalchemy
from sqlalchemy import event
from sqlalchemy.engine import URL, Engine, make_url
from sqlalchemy.exc import ArgumentError

from sqf_pipeline.errors import SqfError

DRIVER = "postgresql+psycopg2"
EXPECTED = "postgresql://user:password@host:5432/database"
CONNECT_TIMEOUT_SECONDS = 10

_ACCEPTED_SCHEMES = ("postgres", "postgresql", DRIVER)
# Parts of libpq's and the server's messages, and what to do about each.
_ADVICE = (
    (r"could not translate host name|Name or service not known", "check the host name in SQF_DATABASE_URL"),
    (r"password authentication failed|no password supplied", "check user and password in SQF_DATABASE_URL"),
    (r'role ".*" does not exist', "check the user in SQF_DATABASE_URL, or create it on the server"),
    (r'database ".*" does not exist', "create the database, or name another one in SQF_DATABASE_URL"),
    (r"Connection refused", "check that the server runs and that the port in SQF_DATABASE_URL is its own"),
    (r"timeout expired|timed out", "check host, port and firewall; the server did not answer in time"),
    (r"no pg_hba.conf entry", "the server does not admit this user from this machine; ask its administrator"),
    (r"too many (connections|clients)|remaining connection slots", "close other programs that use the server"),
    (r"starting up|shutting down|recovery mode", "the server is not ready; try again in a moment"),
)


def normalise_database_url(url: str) -> str:
    """Return `url` with the driver spelled out, as `postgresql+psycopg2://...`.

    SQLAlchemy 2.1 takes a bare `postgresql://` to mean psycopg 3, and never accepted `postgres://`, which many
    providers hand out; both are accepted here.

    Raises
    ------
    SqfError
        When the URL is not one of PostgreSQL; its text is not repeated, because it may hold a password.
    """
    text = url.strip()
    scheme = text.partition("://")[0] if re.match(r"[A-Za-z][A-Za-z0-9+]*://", text) else ""
    if scheme.lower() not in _ACCEPTED_SCHEMES:
        found = f"one that starts with {scheme}://" if scheme else "a text that is not a URL"
        msg = f"The database URL (SQF_DATABASE_URL) must look like {EXPECTED}; found {found}."
        raise SqfError(msg)
    try:
        parsed = make_url(f"{DRIVER}://{text.partition('://')[2]}")
    except (ArgumentError, ValueError):
        msg = (
            f"The database URL (SQF_DATABASE_URL) cannot be read; expected {EXPECTED}, the port a number and "
            "special characters of user and password percent-encoded (@ is %40, / is %2F, : is %3A)."
        )
        raise SqfError(msg) from None
    if not parsed.database:
        msg = f"The database URL (SQF_DATABASE_URL) names no database; expected {EXPECTED}."
        raise SqfError(msg)
    return parsed.render_as_string(hide_password=False)


def describe_database_url(url: str | URL) -> str:
    """Return the URL for people to read: the password is replaced by ***."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=True)


def create_engine(url: str, *, connect_timeout: int = CONNECT_TIMEOUT_SECONDS) -> Engine:
    """Return a SQLAlchemy engine for `url`; no connection is made before it is needed.

    Sessions speak UTF-8 and UTC whatever the environment says. A connection that cannot be made raises
    SqfError with the reason and what to do.

    Parameters
    ----------
    url
        Any PostgreSQL URL that `normalise_database_url` accepts.
    connect_timeout
        Seconds to wait for the server to answer.
    """
    parsed = make_url(normalise_database_url(url))
    arguments: dict[str, object] = {"client_encoding": "utf8"}
    if "connect_timeout" not in parsed.query:
        arguments["connect_timeout"] = connect_timeout
    if "options" not in parsed.query:
        arguments["options"] = "-c timezone=UTC"
    engine = sqlalchemy.create_engine(parsed, connect_args=arguments, pool_pre_ping=True, hide_parameters=True)

    @event.listens_for(engine, "do_connect")
    def connect(dialect: object, _record: object, positional: list, named: dict) -> object:
        try:
            return dialect.connect(*positional, **named)  # type: ignore[attr-defined]
        except psycopg2.Error as error:
            raise _explain(error, parsed) from None

    return engine


def check_connection(engine: Engine) -> str:
    """Connect, ask one question, and return the server's version; raises SqfError when that fails."""
    with engine.connect() as connection:
        return str(connection.exec_driver_sql("SHOW server_version").scalar_one())


def _explain(error: psycopg2.Error, url: URL) -> SqfError:
    reason = " ".join(str(error).split())
    if url.password:
        reason = reason.replace(str(url.password), "***")
    advice = next(
        (advice for pattern, advice in _ADVICE if re.search(pattern, reason)),
        "check SQF_DATABASE_URL and that the server can be reached",
    )
    return SqfError(f"Cannot connect to {describe_database_url(url)}: {reason}. To do: {advice}.")
