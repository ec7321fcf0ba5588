"""A pipeline that has run once, shared by the tests that try to break it."""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

import pytest
from sqlalchemy.engine import make_url

from sqf_pipeline.warehouse.url import create_engine
from sqf_pipeline_tests.pipeline_support import Pipeline, write_made_up_years
from sqf_pipeline_tests.waiting import PATIENCE


@dataclass(frozen=True)
class Loaded:
    """A pipeline whose tables hold the results of four good made-up years, and what its run said.

    Its database is one of a role of the session's server, whose password stands among the parameters of the URL.
    """

    pipeline: Pipeline
    said: str
    url: str


SECRET = "Swordfish/7&9 x"
KEY_SECRET = "Trout-and-Perch"


@pytest.fixture(scope="session")
def angler_s_url(server_url: str) -> Iterator[str]:
    """Return the URL of a database of a role whose password stands among the parameters."""
    server = create_engine(server_url)
    with server.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(f"CREATE ROLE angler LOGIN PASSWORD '{SECRET}'")
        connection.exec_driver_sql("CREATE DATABASE pond OWNER angler")
    parsed = make_url(server_url)
    yield (
        f"postgresql://angler@{parsed.host}:{parsed.port}/pond?password={quote(SECRET, safe='')}"
        f"&sslpassword={KEY_SECRET}&sslmode=prefer"
    )
    with server.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("DROP DATABASE pond WITH (FORCE)")
        connection.exec_driver_sql("DROP ROLE angler")
    server.dispose()


@pytest.fixture(scope="session")
def good_run(angler_s_url: str, tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    """Run the pipeline on four good made-up years, as a process."""
    folder = tmp_path_factory.mktemp("loaded")
    files = write_made_up_years(folder / "raw")
    pipeline = Pipeline(folder / "home", files, environment={"SQF_DATABASE_URL": angler_s_url})
    process = pipeline.start("run", PYTHONFAULTHANDLER="1")
    said, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, said
    return Loaded(pipeline, said, angler_s_url)


@pytest.fixture(scope="session")
def loaded(good_run: Loaded) -> Pipeline:
    """Return the pipeline of the good run."""
    return good_run.pipeline
