"""Addresses of the database and connections to it."""

import re
from urllib.parse import quote, quote_plus

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
# Parameters of libpq whose values say where and how, and are shown; any other is taken for secret.
_HARMLESS = frozenset(
    {
        *("application_name", "channel_binding", "client_encoding", "connect_timeout", "gssencmode", "host"),
        *("hostaddr", "keepalives", "keepalives_count", "keepalives_idle", "keepalives_interval", "krbsrvname"),
        *("load_balance_hosts", "passfile", "port", "require_auth", "requirepeer", "service", "sslcert"),
        *("sslcertmode", "sslcrl", "sslkey", "sslmode", "sslnegotiation", "sslrootcert", "sslsni"),
        *("target_session_attrs", "tcp_user_timeout", "user"),
    }
)
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
    providers hand out; both are accepted here. Raises SqfError when the URL is not one of PostgreSQL; its text is not
    repeated, because it may hold a password.
    """
    text = url.strip()
    scheme = text.partition("://")[0] if re.match(r"[A-Za-z][A-Za-z0-9+]*://", text) else ""
    if scheme.lower() not in _ACCEPTED_SCHEMES:
        found = f"one that starts with {scheme}://" if scheme else "a text that is not a URL"
        raise SqfError(f"The database URL (SQF_DATABASE_URL) must look like {EXPECTED}; found {found}.")
    try:
        parsed = make_url(f"{DRIVER}://{text.partition('://')[2]}")
    except (ArgumentError, ValueError):
        raise SqfError(
            f"The database URL (SQF_DATABASE_URL) cannot be read; expected {EXPECTED}, the port a number and "
            "special characters of user and password percent-encoded (@ is %40, / is %2F, : is %3A)."
        ) from None
    if "@" in (parsed.host or ""):
        raise SqfError(
            f"The database URL (SQF_DATABASE_URL) has an @ in its user or password; expected {EXPECTED} with that @ "
            "percent-encoded (%40)."
        )
    if not parsed.database:
        raise SqfError(f"The database URL (SQF_DATABASE_URL) names no database; expected {EXPECTED}.")
    return parsed.render_as_string(hide_password=False)


def describe_database_url(url: str | URL) -> str:
    """Return a database URL for people to read, without anything in it that may be secret.

    The password is replaced by ***, and so is the value of every parameter that is not known to be harmless: libpq
    takes `password` and `sslpassword` as parameters too, and a misspelled one is as secret.
    """
    shown, secret = split_secrets(make_url(url).set(drivername="postgresql"))
    text = shown.render_as_string(hide_password=True)
    for number, name in enumerate(sorted(secret)):
        text += f"{'&' if shown.query or number else '?'}{quote_plus(name)}=***"
    return text


def split_secrets(url: URL) -> tuple[URL, dict[str, str]]:
    """Return a URL without the parameters that may be secret, and these; of one given twice the last, as libpq does."""
    secret = {name: value for name, value in url.query.items() if name not in _HARMLESS}
    return url.difference_update_query(secret), {
        name: value if isinstance(value, str) else value[-1] for name, value in secret.items()
    }


def without_secrets(text: str, url: str | URL) -> str:
    """Return a text of another program with the secrets of a database URL replaced by ***, however they are written."""
    parsed = make_url(url)
    secrets = {str(parsed.password or ""), *split_secrets(parsed)[1].values()}
    written = {
        form for secret in secrets for form in (secret, quote(secret, safe=""), quote(secret), quote_plus(secret))
    }
    for form in sorted(written - {""}, key=len, reverse=True):
        text = text.replace(form, "***")
    return text


def create_engine(url: str, *, connect_timeout: int = CONNECT_TIMEOUT_SECONDS) -> Engine:
    """Return a SQLAlchemy engine for `url`; no connection is made before it is needed.

    Sessions speak UTF-8 and UTC whatever the environment says. A connection that cannot be made raises SqfError with
    the reason and what to do. `connect_timeout` is how many seconds to wait for the server.
    """
    parsed = make_url(normalise_database_url(url))
    arguments: dict[str, object] = {"client_encoding": "utf8"}
    if "connect_timeout" not in parsed.query:
        arguments["connect_timeout"] = connect_timeout
    if "options" not in parsed.query:
        arguments["options"] = "-c timezone=UTC"
    # SQLAlchemy shows the parameters of an engine's URL in its own messages; what may be secret goes beside it.
    shown, secret = split_secrets(parsed)
    engine = sqlalchemy.create_engine(
        shown, connect_args={**arguments, **secret}, pool_pre_ping=True, hide_parameters=True
    )

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


def server_at(url: str) -> tuple[str, str]:
    """Return version and place, without secrets, of the server at a URL; raises SqfError when it does not answer."""
    given = normalise_database_url(url)
    return check_connection(create_engine(given)), describe_database_url(given)


def _explain(error: psycopg2.Error, url: URL) -> SqfError:
    reason = without_secrets(" ".join(str(error).split()), url)
    advice = next(
        (advice for pattern, advice in _ADVICE if re.search(pattern, reason)),
        "check SQF_DATABASE_URL and that the server can be reached",
    )
    return SqfError(f"Cannot connect to {describe_database_url(url)}: {reason}. To do: {advice}.")
