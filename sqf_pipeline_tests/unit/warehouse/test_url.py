"""One spelling of database URLs, and no password in any message."""

import socket
from urllib.parse import quote, quote_plus, unquote

import psycopg2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.engine import make_url

from sqf_pipeline.errors import SqfError
from sqf_pipeline.warehouse import admin
from sqf_pipeline.warehouse.url import (
    check_connection,
    create_engine,
    describe_database_url,
    normalise_database_url,
    without_secrets,
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


WORDS = st.text(st.characters(min_codepoint=33, max_codepoint=0x17F, exclude_categories=["Cc", "Cs", "Zs"]), min_size=4)


@given(
    name=st.one_of(
        st.sampled_from(["password", "sslpassword", "passwd", "PASSWORD", "options"]), st.text("abcxyz_", min_size=3)
    ),
    secret=WORDS.map(lambda word: f"{SECRET}{word}"),
    in_user=st.booleans(),
)
def test_no_value_that_may_be_secret_is_shown_by_anything(name, secret, in_user):
    """Whatever the parameter is called, and however its value is encoded."""
    user = f"ann:{quote(secret, safe='')}" if in_user else "ann"
    url = f"postgresql://{user}@127.0.0.1:1/d?sslmode=disable&{name}={quote(secret, safe='')}&{name}={SECRET}2"
    engine = create_engine(url, connect_timeout=1)
    shown = [describe_database_url(url), repr(engine), str(engine.url), repr(make_url(describe_database_url(url)))]
    with pytest.raises(SqfError) as caught:
        check_connection(engine)
    reader = admin.reader_url(url, "reader", "own")
    shown += [str(caught.value), repr(caught.value), reader, psql(url)[1]]
    for text in shown:
        assert SECRET not in unquote(text)
    assert "sslmode=disable" in shown[0]
    assert f"{name}=***" in shown[0]


def psql(url: str) -> tuple[str, str, dict[str, str]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(admin, "find_psql", lambda: "psql")
        return admin.psql_command(url, "sqf")


def test_a_password_that_is_a_parameter_reaches_libpq_and_psql():
    url = f"postgresql://ann@h/d?password={SECRET}&options=-c%20work_mem%3D8MB"
    assert psql(url)[2] == {"PGPASSWORD": SECRET, "PGOPTIONS": "-c work_mem=8MB -c search_path=sqf"}
    handed: dict = {}

    def connect(*_: object, **named: object) -> None:
        handed.update(named)
        raise psycopg2.OperationalError("nobody is there")

    engine = create_engine(url)
    engine.dialect.connect = connect  # type: ignore[method-assign]
    with pytest.raises(SqfError, match="nobody is there"):
        check_connection(engine)
    assert (handed["password"], handed["options"]) == (SECRET, "-c work_mem=8MB")


@pytest.mark.parametrize("form", [str, quote, lambda text: quote(text, safe=""), quote_plus])
def test_what_another_program_says_is_cleaned_of_the_secret_in_every_form(form):
    secret = "a/b c:d@ü"
    url = f"postgresql://ann@h/d?sslpassword={quote(secret, safe='')}"
    assert without_secrets(f"libpq: {form(secret)}!", url) == "libpq: ***!"


def test_an_at_sign_that_is_not_encoded_is_refused_and_not_repeated():
    with pytest.raises(SqfError, match="percent-encoded") as caught:
        normalise_database_url(f"postgresql://ann:half@{SECRET}@h/d")
    assert SECRET not in str(caught.value)


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
