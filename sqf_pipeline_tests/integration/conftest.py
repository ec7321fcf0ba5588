"""A real PostgreSQL for the tests: an embedded server, or the one that SQF_TEST_DATABASE_URL names.

`database_url` and `engine` give every test a database of its own, empty and gone afterwards; `warehouse` has the
tables of schema `sqf` in it. An external server must let its user create databases. `server` publishes yearly files.
"""

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from sqf_pipeline.warehouse import embedded_server, postgres_programs
from sqf_pipeline.warehouse.tables import build_metadata, ensure_schema
from sqf_pipeline.warehouse.url import create_engine, normalise_database_url
from sqf_pipeline_tests.nypd_server import NypdServer


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    """Return the URL of a database on a real server, on which other databases can be made."""
    external = os.environ.get("SQF_TEST_DATABASE_URL")
    if external:
        yield normalise_database_url(external)
        return
    # pytest's own folders are closed to other accounts, as which root would have to run the server.
    with tempfile.TemporaryDirectory(prefix="sqf tests ") as folder:
        Path(folder).chmod(0o711)
        directory = Path(folder) / "postgres"
        with pytest.MonkeyPatch.context() as patch:
            # Databases come and go by the hundred here, and none has to survive a power cut.
            patch.setitem(postgres_programs.SERVER_SETTINGS, "fsync", "off")
            url = embedded_server.ensure_running(directory)
        yield url
        embedded_server.remove(directory)


@pytest.fixture(scope="session")
def warehouse_template(server_url: str) -> Iterator[str]:
    """Return the name of a database with the empty tables of schema `sqf`, to be copied."""
    name = f"template_{secrets.token_hex(6)}"
    with created(server_url, name, "template0") as url:
        engine = create_engine(url)
        ensure_schema(engine, "sqf")
        engine.dispose()
        yield name


@pytest.fixture
def database_url(server_url: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """Return the URL of a database of the test's own: empty, but for the tables when it asks for `warehouse`."""
    with_tables = "warehouse" in request.fixturenames
    template = request.getfixturevalue("warehouse_template") if with_tables else "template0"
    with created(server_url, f"test_{secrets.token_hex(6)}", template) as url:
        yield url


@contextmanager
def created(server_url: str, name: str, template: str) -> Iterator[str]:
    """Make a database as a copy of a template, and drop it afterwards."""
    server = create_engine(server_url)
    with server.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        yield make_url(server_url).set(database=name).render_as_string(hide_password=False)
    finally:
        with server.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
        server.dispose()


@pytest.fixture
def engine(database_url: str) -> Iterator[sa.Engine]:
    """Return an engine on an empty database of the test's own."""
    engine = create_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def warehouse(engine: sa.Engine) -> sa.MetaData:
    """Return the tables of schema `sqf`, which are there, empty, in the database of `engine`."""
    del engine  # asked for so that a test has both
    return build_metadata("sqf")


@pytest.fixture
def server() -> Iterator[NypdServer]:
    """Return a server of yearly files on this machine."""
    with NypdServer() as running:
        yield running
