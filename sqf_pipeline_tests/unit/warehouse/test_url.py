"""One spelling of database URLs, and no password in any message."""

import socket

import pytest
from sqlalchemy.engine import make_url

from sqf_pipeline.errors import SqfError
from sqf_pipeline.warehouse.url import (
    check_connection,
    create_engine,
    describe_database_url,
    normalise_database_url,
)

SECRET = "hunter2-secret"


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2", "POSTGRES"])
def test_every_usual_scheme_names_the_driver(scheme):
    url = normalise_database_url(f"  {scheme}://ann:{SECRET}@db.example:6543/stops?sslmode=require\n")
    assert url == f"postgresql+psycopg2://ann:{SECRET}@db.example:6543/stops?sslmode=require"


def test_password_with_percent_encoding_survives():
    url = normalise_database_url("postgres://ann:a%40b%2Fc%3A@h/d")
    assert make_url(url).password == "a@b/c:"
    assert normalise_database_url(url) == url


def test_unix_socket_url_is_accepted():
    assert normalise_database_url("postgresql:///stops").endswith(":///stops")


@pytest.mark.parametrize(
    "url",
    [
        f"mysql://ann:{SECRET}@h/d",
        f"postgresql+psycopg://ann:{SECRET}@h/d",
        f"postgresql+asyncpg://ann:{SECRET}@h/d",
        "sqlite:///file.db",
        f"ann:{SECRET}@h/d",
        "",
        f"postgresql://ann:{SECRET}@h:port/d",
        f"postgresql://ann:{SECRET}@h:5432",
        f"postgresql://ann:{SECRET}@h:5432/",
    ],
)
def test_anything_else_is_refused_without_repeating_it(url):
    with pytest.raises(SqfError, match="postgresql://user:password@host:5432/database") as caught:
        normalise_database_url(url)
    assert SECRET not in str(caught.value)


def test_description_hides_the_password():
    text = describe_database_url(f"postgresql+psycopg2://ann:{SECRET}@h:5432/d")
    assert text == "postgresql://ann:***@h:5432/d"


def test_closed_port_is_explained():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        engine = create_engine(f"postgresql://ann:{SECRET}@127.0.0.1:{port}/d")
        with pytest.raises(SqfError, match=r"Connection refused.*check that the server runs") as caught:
            check_connection(engine)
    assert SECRET not in str(caught.value)


def test_unknown_host_is_explained():
    engine = create_engine(f"postgresql://ann:{SECRET}@no-such-host.invalid/d", connect_timeout=2)
    with pytest.raises(SqfError, match="check the host name") as caught:
        check_connection(engine)
    assert SECRET not in str(caught.value)


def test_server_that_never_answers_is_given_up():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        engine = create_engine(f"postgresql://ann:{SECRET}@127.0.0.1:{silent.getsockname()[1]}/d", connect_timeout=2)
        with pytest.raises(SqfError, match="did not answer in time"):
            check_connection(engine)
