"""A password in the parameters of the database's URL: nothing that a run writes or says has it."""

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy.engine import make_url

from sqf_pipeline.orchestration.instance import instance_folder
from sqf_pipeline.warehouse.url import create_engine
from sqf_pipeline_tests.pipeline_support import Pipeline, write_made_up_years
from sqf_pipeline_tests.waiting import PATIENCE

pytestmark = pytest.mark.slow  # a whole run

SECRET = "Swordfish/7&9 x"
KEY_SECRET = "Trout-and-Perch"
FORMS = {form.encode() for word in (SECRET, KEY_SECRET) for form in (word, quote(word), quote(word, safe=""))}


@pytest.fixture(scope="module")
def url(server_url: str) -> Iterator[str]:
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


def test_no_file_and_no_word_of_a_run_has_the_password(url, tmp_path):
    """A run that succeeds, runs whose database refuses them, and the commands that look at the results."""
    pipeline = Pipeline(tmp_path / "home", write_made_up_years(tmp_path / "raw", rows=300))
    process = pipeline.start("run", SQF_DATABASE_URL=url, PYTHONFAULTHANDLER="1")
    out, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, out
    assert "Traceback" not in out
    said = [out.encode()]
    for given, arguments, code in (
        (url, ("db", "status"), 0),
        (url, ("report",), 0),
        (url, ("report", "--year", "2021"), 1),
        (url.replace("angler@", "angler2@"), ("run",), 1),
        (url.replace("/pond", "/puddle"), ("run",), 1),
        (f"{url}&passwd={KEY_SECRET}", ("run",), 1),
        (f"{url}&passwd={KEY_SECRET}", ("db", "status"), 1),
    ):
        result = pipeline.sqf(*arguments, SQF_DATABASE_URL=given)
        assert result.exit_code == code, result.output
        assert "Traceback" not in result.output
        assert result.exception is None or isinstance(result.exception, SystemExit)
        said.append(result.output.encode())

    assert b"angler@" in said[1]
    assert b"password=***" in said[1]
    assert b"sslmode=prefer" in said[1]
    assert b"There are no results of 2021" in said[3]
    assert b"those of 2020" in said[3]
    for form in FORMS:
        assert not [words for words in said if form in words]
        assert [path for path in written(tmp_path) if form in path.read_bytes()] == []
    history = instance_folder(pipeline.home) / "history" / "runs.db"
    with sqlite3.connect(history) as connection:
        assert connection.execute("SELECT count(*) FROM runs").fetchone()[0] >= 5, (
            "the history is there to be looked at"
        )


def written(folder: Path) -> list[Path]:
    return [
        Path(parent) / name for parent, _, names in os.walk(folder) for name in names if (Path(parent) / name).is_file()
    ]
