"""Which file of a folder is the one of a year."""

import logging
from pathlib import Path

import pytest

from sqf_pipeline.ingest.local_files import (
    MissingFileError,
    SourceError,
    digest_of_parts,
    find_year_files,
    local_years,
    year_in_name,
)
from sqf_pipeline.registry.year_and_month_words import ALL_MONTHS


def the_file(folder: Path, year: int) -> Path:
    """Return the one file of a year."""
    (path,) = find_year_files(folder, year).paths
    return path


@pytest.mark.parametrize(
    "name",
    [
        "sqf-2017.csv",
        "sqf_2017.xlsx",
        "2017_sqf.csv",
        "2017-sqf.xlsx",
        "2017.csv",
        "sqf2017.csv",
        "sqf-2017-database.xlsx",
        "SQF 2017.XLSX",
        "stop-question-frisk-2017.csv",
        "stop_question_and_frisk_2017.csv",
        "Stop, Question and Frisk 2017.xlsx",
        "stop-and-frisk-2017.csv",
        "sqf-2017 (1).xlsx",
    ],
)
def test_the_usual_names_are_recognised(name: str, tmp_path: Path) -> None:
    assert year_in_name(name) == 2017
    (tmp_path / name).touch()
    assert the_file(tmp_path, 2017) == tmp_path / name
    assert local_years(tmp_path) == [2017]


@pytest.mark.parametrize(
    "name",
    [
        "sqf-2017.rar",
        "sqf-2017.csv.part",
        "sqf-2017.xlsx.json",
        ".sqf-2017.xlsx.part",
        "~$sqf-2017.xlsx",
        "sqf-2017-2019.csv",
        "sqf-2017.2020-01-15-1a2b3c4d.xlsx",
        "complaints-2017.csv",
        "sqf-20171231.csv",
        "sqf.csv",
        "README.md",
    ],
)
def test_other_names_are_not(name: str, tmp_path: Path) -> None:
    assert year_in_name(name) is None
    (tmp_path / name).touch()
    with pytest.raises(MissingFileError):
        the_file(tmp_path, 2017)


def test_a_missing_year_says_where_what_is_there_and_what_to_do(tmp_path: Path) -> None:
    for name in ("sqf-2017.csv", "sqf-2018.csv", "sqf-2019.rar"):
        (tmp_path / name).touch()
    with pytest.raises(MissingFileError) as caught:
        the_file(tmp_path, 2019)
    message = str(caught.value)
    assert f"a file of 2019 in {tmp_path}" in message
    assert "found sqf-2017.csv, sqf-2018.csv, sqf-2019.rar" in message
    assert "sqf-2019.rar cannot be read: only .xlsx, .zip and .csv can" in message
    assert "SQF_DATA_DIR" in message
    assert "SQF_SOURCE=nypd" in message


def test_an_empty_and_a_crowded_folder(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="found nothing"):
        the_file(tmp_path, 2019)
    for number in range(30):
        (tmp_path / f"note-{number:02}.txt").touch()
    with pytest.raises(MissingFileError, match=r"note-11\.txt and 18 more\."):
        the_file(tmp_path, 2019)


def test_a_folder_that_is_not_there_or_is_none(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"nowhere does not exist.*SQF_DATA_DIR"):
        the_file(tmp_path / "nowhere", 2019)
    assert local_years(tmp_path / "nowhere") == []
    (tmp_path / "file").touch()
    with pytest.raises(SourceError, match="is a file, not a folder"):
        the_file(tmp_path / "file", 2019)


def test_files_in_folders_within_are_not_looked_at(tmp_path: Path) -> None:
    (tmp_path / "earlier").mkdir()
    (tmp_path / "earlier" / "sqf-2017.xlsx").touch()
    (tmp_path / "sqf-2017.csv").mkdir()
    with pytest.raises(MissingFileError):
        the_file(tmp_path, 2017)


def test_two_different_files_of_a_year_are_refused(tmp_path: Path) -> None:
    (tmp_path / "sqf-2017.csv").write_text("one")
    (tmp_path / "sqf 2017 corrected.csv").write_text("two")
    with pytest.raises(
        SourceError, match=r"2 different files for 2017: sqf 2017 corrected\.csv, sqf-2017\.csv.*Keep the right one"
    ):
        the_file(tmp_path, 2017)


def test_two_files_with_the_same_bytes_are_one(tmp_path: Path) -> None:
    for name in ("sqf-2017.csv", "sqf-2017 (1).csv"):
        (tmp_path / name).write_text("the same")
    assert the_file(tmp_path, 2017).read_text() == "the same"


def test_a_workbook_comes_before_a_csv_and_that_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "sqf-2017.csv").write_text("one")
    (tmp_path / "sqf-2017.xlsx").write_text("two")
    with caplog.at_level(logging.WARNING):
        assert the_file(tmp_path, 2017).name == "sqf-2017.xlsx"
    assert "the first is used, which is what NYPD publishes" in caplog.text


@pytest.mark.parametrize("name", ["sqf-2014-csv.zip", "sqf-2014.csv", "2014.csv", "SQF-2014-CSV.ZIP", "2014.zip"])
def test_a_year_of_the_old_form_is_found_under_its_usual_names(name: str, tmp_path: Path) -> None:
    (tmp_path / name).touch()
    assert the_file(tmp_path, 2014).name == name
    assert local_years(tmp_path) == [2014]


def test_an_archive_comes_before_what_was_unpacked_from_it(tmp_path: Path) -> None:
    for name in ("sqf-2014-csv.zip", "2014.csv"):
        (tmp_path / name).write_text(name)
    assert the_file(tmp_path, 2014).name == "sqf-2014-csv.zip"


def test_a_year_that_was_never_published_is_refused_even_when_its_file_is_there(tmp_path: Path) -> None:
    (tmp_path / "sqf-2002.csv").touch()
    with pytest.raises(SourceError, match="published its stops since 2003"):
        the_file(tmp_path, 2002)
    assert local_years(tmp_path) == []


def test_the_real_folder_has_the_years_of_the_study(real_data_dir: Path) -> None:
    assert {2017, 2018, 2019, 2020} <= set(local_years(real_data_dir))
    for year in (2017, 2018, 2019, 2020):
        assert the_file(real_data_dir, year).is_file()


def put(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).write_text(name)


def test_parts_of_a_year_are_found_in_their_order(tmp_path: Path) -> None:
    names = ["sqf-2024-q1.xlsx", "sqf 2024 2nd quarter.csv", "2024_q3_sqf.xlsx", "sqf-2024-oct-dec.csv"]
    put(tmp_path, *reversed(names))
    found = find_year_files(tmp_path, 2024)
    assert [path.name for path in found.paths] == names
    assert found.promised == ALL_MONTHS
    assert local_years(tmp_path) == [2024]


@pytest.mark.parametrize(
    "name", ["sqf-2024-q1.xlsx", "sqf-2024-1.csv", "sqf-2024-jan.csv", "sqf-2024-ytd.csv", "sqf-2024-bronx.csv"]
)
def test_one_part_never_passes_for_a_whole_year(name: str, tmp_path: Path) -> None:
    put(tmp_path, name)
    assert find_year_files(tmp_path, 2024).promised not in (None, ALL_MONTHS)


def test_numbered_parts_leave_it_to_their_months_and_places_do_not(tmp_path: Path) -> None:
    put(tmp_path, "sqf-2024-1.csv", "sqf-2024-2.csv")
    assert find_year_files(tmp_path, 2024).promised is None
    put(tmp_path, "sqf-2023-bronx.csv", "sqf-2023-queens.csv")
    assert find_year_files(tmp_path, 2023).promised == frozenset()


def test_a_missing_part_is_missed(tmp_path: Path) -> None:
    put(tmp_path, "sqf-2024-q1.csv", "sqf-2024-q2.csv", "sqf-2024-q4.csv")
    assert find_year_files(tmp_path, 2024).promised == ALL_MONTHS - {7, 8, 9}


def test_a_whole_year_beside_its_parts_is_used_and_that_is_told(tmp_path: Path) -> None:
    put(tmp_path, "sqf-2024.csv", "sqf-2024-q1.xlsx")
    found = find_year_files(tmp_path, 2024)
    assert [path.name for path in found.paths] == ["sqf-2024.csv"]
    assert found.notes == ("sqf-2024.csv is used for 2024, and not the parts beside it: sqf-2024-q1.xlsx.",)


def test_parts_that_hold_the_same_months_are_refused(tmp_path: Path) -> None:
    put(tmp_path, "sqf-2024-q1.csv", "sqf-2024-mar.csv")
    with pytest.raises(SourceError, match="both hold March of 2024"):
        find_year_files(tmp_path, 2024)
    put(tmp_path, "sqf-2023-q1.csv", "sqf 2023 1st quarter.csv")
    with pytest.raises(SourceError, match="2 different files for 2023"):
        find_year_files(tmp_path, 2023)


def test_a_part_that_is_there_twice_is_read_once(tmp_path: Path) -> None:
    for name in ("sqf-2024-1.csv", "sqf-2024-part-2.csv"):
        (tmp_path / name).write_text("the same")
    found = find_year_files(tmp_path, 2024)
    assert len(found.paths) == 1
    assert "has the same bytes as" in found.notes[0]
    put(tmp_path, "sqf-2023-q1.csv", "sqf-2023-q1.xlsx")
    assert [path.name for path in find_year_files(tmp_path, 2023).paths] == ["sqf-2023-q1.xlsx"]


def test_the_digest_of_a_year_is_that_of_its_file_or_of_its_parts_digests() -> None:
    import hashlib

    one, other = hashlib.sha256(b"one").hexdigest(), hashlib.sha256(b"other").hexdigest()
    assert digest_of_parts([one]) == one
    # printf '%s\n%s' ONE OTHER | sha256sum
    assert digest_of_parts([one, other]) == hashlib.sha256(f"{one}\n{other}".encode()).hexdigest()
    assert digest_of_parts([other, one]) != digest_of_parts([one, other])
