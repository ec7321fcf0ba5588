"""What a person can get wrong: one clear message, an exit code, and tables as they were."""

import os
import shutil
import socket
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from filelock import FileLock

from sqf_pipeline_tests.nypd_server import as_workbook
from sqf_pipeline_tests.pipeline_support import Pipeline, rows_of, write_rows


def truncated_workbook(folder: Path) -> None:
    content = as_workbook(pd.DataFrame(rows_of(folder / "sqf-2017.csv")))
    (folder / "sqf-2017.csv").unlink()
    (folder / "sqf-2017.xlsx").write_bytes(content[: len(content) // 2])


def web_page(folder: Path) -> None:
    (folder / "sqf-2017.csv").unlink()
    (folder / "sqf-2017.xlsx").write_text("<!DOCTYPE html><html><body>Moved</body></html>")


def not_a_workbook(folder: Path) -> None:
    (folder / "sqf-2017.csv").unlink()
    with zipfile.ZipFile(folder / "sqf-2017.xlsx", "w") as archive:
        archive.writestr("letter.txt", "Dear reader")


def empty(folder: Path) -> None:
    (folder / "sqf-2017.csv").write_bytes(b"")


def other_encoding(folder: Path) -> None:
    path = folder / "sqf-2017.csv"
    path.write_bytes(path.read_text(encoding="utf-8").encode("utf-16"))


def wrong_year(folder: Path) -> None:
    shutil.copy(folder / "sqf-2019.csv", folder / "sqf-2017.csv")


def change_header(folder: Path, change: Callable[[str], str | None]) -> None:
    path = folder / "sqf-2017.csv"
    header, *rows = rows_of(path)
    kept = [place for place, name in enumerate(header) if change(name) is not None]
    write_rows(
        path, [[str(change(header[place])) for place in kept], *([row[place] for place in kept] for row in rows)]
    )


def missing_column(folder: Path) -> None:
    change_header(folder, lambda name: None if name == "SUSPECT_ARRESTED_FLAG" else name)


def renamed_column(folder: Path) -> None:
    change_header(folder, lambda name: "SUSPECT_WAS_ARRESTED_FLAG" if name == "SUSPECT_ARRESTED_FLAG" else name)


def duplicate_ids(folder: Path) -> None:
    path = folder / "sqf-2017.csv"
    rows = rows_of(path)
    place = rows[0].index("STOP_FRISK_ID")
    rows[2][place] = rows[1][place]
    write_rows(path, rows)


def two_files(folder: Path) -> None:
    shutil.copy(folder / "sqf-2019.csv", folder / "2017_sqf.csv")


def no_file(folder: Path) -> None:
    (folder / "sqf-2017.csv").unlink()


BAD_FILES = {
    truncated_workbook: "sqf-2017.xlsx",
    web_page: "web page",
    not_a_workbook: "sqf-2017.xlsx",
    empty: "empty",
    other_encoding: "CSV UTF-8",
    wrong_year: "expected stops of 2017",
    missing_column: "SUSPECT_ARRESTED_FLAG",
    renamed_column: "'SUSPECT_WAS_ARRESTED_FLAG'",
    duplicate_ids: "id_is_unique_within_its_year",
    two_files: "2 different files for 2017",
    no_file: "no file of 2017",
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


def test_a_bad_last_year_leaves_the_tables_as_they_were_too(loaded, before, tmp_path):
    folder = shutil.copytree(loaded.data_dir, tmp_path / "raw")
    shutil.copy(folder / "sqf-2019.csv", folder / "sqf-2020.csv")

    assert_refused(replace(loaded, data_dir=folder), "expected stops of 2020")

    assert loaded.fingerprints() == before


@pytest.mark.parametrize("year", ["1999", "2019", "2999"])
def test_a_year_that_cannot_be_tested_is_refused_before_anything_runs(year, loaded):
    assert_refused(loaded, f"{year} cannot be a test year: expected one of 2020 to", "--year", year)


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
    assert not list(loaded.home.rglob("*.partial"))
