"""What a person can get wrong: one clear message, an exit code, and tables as they were; and no word of a password."""

import os
import shutil
import socket
import sqlite3
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest
from filelock import FileLock

from sqf_pipeline.orchestration.instance import instance_folder
from sqf_pipeline_tests.integration.orchestration.conftest import KEY_SECRET, SECRET, Loaded
from sqf_pipeline_tests.pipeline_support import Pipeline, rows_of, write_rows

pytestmark = pytest.mark.slow  # a run of four years before the first test, and one for each test


def missing_column(folder: Path) -> None:
    path = folder / "sqf-2017.csv"
    header, *rows = rows_of(path)
    place = header.index("SUSPECT_ARRESTED_FLAG")
    write_rows(path, [[*row[:place], *row[place + 1 :]] for row in (header, *rows)])


def duplicate_ids(folder: Path) -> None:
    path = folder / "sqf-2017.csv"
    rows = rows_of(path)
    place = rows[0].index("STOP_FRISK_ID")
    rows[2][place] = rows[1][place]
    write_rows(path, rows)


def no_file(folder: Path) -> None:
    (folder / "sqf-2017.csv").unlink()


def last_year_is_another(folder: Path) -> None:
    shutil.copy(folder / "sqf-2019.csv", folder / "sqf-2020.csv")


# One of each place that refuses: the reader, a contract, the source, and the reader after three good years. Every kind
# of bad file is in unit/ingest.
BAD_FILES = {
    missing_column: "SUSPECT_ARRESTED_FLAG",
    duplicate_ids: "id_is_unique_within_its_year",
    no_file: "has no file of 2017, which the test year 2020 needs",
    last_year_is_another: "expected stops of 2020",
}


def assert_refused(pipeline: Pipeline, said: str, *arguments: str, **environment: str) -> str:
    """Run, check that it ends with one message and nothing else, and return all that was said."""
    result = pipeline.sqf("run", *arguments, **environment)
    assert result.exit_code == 1, result.output
    assert result.stderr.startswith("Error: ")
    assert said in result.stderr
    assert "Traceback" not in result.output
    assert isinstance(result.exception, SystemExit)
    return result.output


@pytest.fixture(scope="module")
def before(loaded: Pipeline) -> dict[str, str]:
    """Return the digests of the tables after the good run."""
    return loaded.fingerprints()


@pytest.mark.parametrize("spoil", BAD_FILES, ids=lambda spoil: spoil.__name__)
def test_a_bad_file_ends_with_a_message_and_tables_as_they_were(spoil, loaded, before, tmp_path):
    folder = shutil.copytree(loaded.data_dir, tmp_path / "raw")
    spoil(folder)

    assert_refused(replace(loaded, data_dir=folder), BAD_FILES[spoil])

    assert loaded.fingerprints() == before


@pytest.mark.parametrize("year", ["1999", "2005", "2999"])
def test_a_year_that_cannot_be_tested_is_refused_before_anything_runs(year, loaded):
    assert_refused(loaded, f"{year} cannot be a test year: expected one of 2006 to", "--year", year)


def test_training_years_without_files_are_named_in_one_message_before_anything_runs(loaded):
    assert_refused(loaded, "has no file of 2016, which the test year 2019 needs", "--year", "2019")
    assert_refused(loaded, "has no file of 2014 to 2016, which the test year 2017 needs", "--year", "2017")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://user@127.0.0.1/sqf", "must look like postgresql://"),
        ("postgresql://user:hidden@127.0.0.1:1/sqf", "Connection refused"),
        ("postgresql://user:hidden@no-such-host.invalid/sqf", "host name"),
    ],
)
def test_a_wrong_database_is_told_without_its_password(url, said, loaded):
    told = assert_refused(loaded, said, SQF_DATABASE_URL=url)
    assert "hidden" not in told


def test_a_port_in_use_is_told(loaded):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        result = loaded.sqf("ui", "--port", str(taken.getsockname()[1]))
    assert result.exit_code == 1
    assert "Address already in use" in result.stderr
    assert "--port" in result.stderr


def test_a_second_run_in_the_same_home_is_refused(loaded, before):
    with FileLock(loaded.home / "dagster" / "run.lock"):
        assert_refused(loaded, "Another `sqf run` is working in")
    assert loaded.fingerprints() == before


def test_a_wrong_setting_is_named(loaded):
    result = loaded.sqf("run", SQF_SAMPLE_ROWS="many")
    assert result.exit_code == 1
    assert "SQF_SAMPLE_ROWS is 'many'" in result.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write to read-only folders; the next test covers root")
def test_a_read_only_home_is_told(loaded, tmp_path):
    home = tmp_path / "home"
    home.mkdir(mode=0o500)
    assert_refused(replace(loaded, home=home), "SQF_HOME")


def test_a_home_that_is_no_folder_is_told(loaded, tmp_path):
    home = tmp_path / "home"
    home.write_text("a file")
    assert_refused(replace(loaded, home=home), "SQF_HOME")


def test_a_full_disk_is_told_and_leaves_the_tables_as_they_were(loaded, before, monkeypatch):
    import errno

    from sqf_pipeline.orchestration.io_managers import ParquetIOManager

    def no_space(_manager: ParquetIOManager, _frame: object, path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(ParquetIOManager, "write", no_space)
    assert_refused(loaded, "No space left on device")
    assert loaded.fingerprints() == before
    assert not list(loaded.home.rglob(".*.part.*"))


FORMS = {form.encode() for word in (SECRET, KEY_SECRET) for form in (word, quote(word), quote(word, safe=""))}


def written(folder: Path) -> list[Path]:
    return [
        Path(parent) / name for parent, _, names in os.walk(folder) for name in names if (Path(parent) / name).is_file()
    ]


def test_no_file_and_no_word_of_a_run_has_the_password(good_run: Loaded):
    """A run that succeeded, runs whose database refuses them, and the commands that look at the results."""
    pipeline, url = good_run.pipeline, good_run.url
    assert "Traceback" not in good_run.said
    said = [good_run.said.encode()]
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
        assert [path for path in written(pipeline.home.parent) if form in path.read_bytes()] == []
    history = instance_folder(pipeline.home) / "history" / "runs.db"
    with sqlite3.connect(history) as connection:
        assert connection.execute("SELECT count(*) FROM runs").fetchone()[0] >= 5, (
            "the history is there to be looked at"
        )
