"""Synthetic years have the layout and the damage of the published ones, and depend on nothing but their seed."""

import datetime as dt
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

from sqf_pipeline.errors import SqfError
from sqf_pipeline.nypd.cleaning import clean_stops
from sqf_pipeline.nypd.local_files import year_in_name
from sqf_pipeline.nypd.reader import RawFile, read_published_file
from sqf_pipeline.nypd.sample import (
    BLOCK_ROWS,
    is_sample_file,
    is_sample_frame,
    sample_blocks,
    sample_file_name,
    write_sample_year,
    write_sample_years,
)
from sqf_pipeline.nypd.sample_workbook import MAXIMUM_ROWS
from sqf_pipeline_tests.unit.nypd.published import raw_stops

YEARS = (2017, 2018, 2019, 2020)
ROWS = 1500


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sample")
    write_sample_years(path, YEARS, seed=3, rows=ROWS)
    return path


@pytest.fixture(scope="module")
def raw(folder: Path) -> dict[int, RawFile]:
    return {year: read_published_file(folder / sample_file_name(year), year) for year in YEARS}


@pytest.mark.parametrize(
    ("year", "identifier", "time", "has", "lacks"),
    [
        (2017, "STOP_FRISK_ID", "STOP_FRISK_TIME", "STOP_LOCATION_PREMISES_NAME", "ASK_FOR_CONSENT_FLG"),
        (2018, "STOP_FRISK_ID", "Stop Frisk Time", "STOP_LOCATION_PREMISES_NAME", "CONSENT_GIVEN_FLG"),
        (2019, "STOP_ID_ANONY", "STOP_FRISK_TIME", "ASK_FOR_CONSENT_FLG", "STOP_LOCATION_PREMISES_NAME"),
        (
            2020, "STOP_ID", "STOP_FRISK_TIME", "CONSENT_GIVEN_FLG",
            "SUPERVISING_ACTION_CORRESPONDING_ACTIVITY_LOG_ENTRY_REVIEWED",
        ),
    ],
)  # fmt: skip
def test_columns_are_those_of_the_year(
    raw: dict[int, RawFile], *, year: int, identifier: str, time: str, has: str, lacks: str
) -> None:
    names = list(raw[year].published_names.values())
    assert len(names) == 83
    assert names[0] == identifier
    assert names[2] == time
    assert has in names
    assert lacks not in names
    assert raw[year].columns_unknown == ()
    assert len(raw[year].frame) == ROWS


def test_dates_and_times_are_written_as_in_the_year(folder: Path, raw: dict[int, RawFile]) -> None:
    def both(year: int) -> list[str]:
        frame = raw[year].frame
        return (frame["stop_date"] + " " + frame["stop_time_seconds"]).tolist()

    def share(year: int, pattern: str) -> float:
        found = 0
        for text in both(year):
            try:
                dt.datetime.strptime(text, pattern)  # noqa: DTZ007 - clock times in one place
            except ValueError:
                continue
            found += 1
        return found / ROWS

    assert share(2017, "%Y-%m-%d %I:%M:%S %p") > 0.99
    assert share(2018, "%m/%d/%Y %H:%M:%S") > 0.99
    assert share(2019, "%m/%d/%Y %H:%M:%S") > 0.99
    assert share(2020, "%Y-%m-%d %H:%M:%S") == 1.0
    assert not any(text[0] == "0" for text in both(2018)), "months before October have one digit"
    assert (folder / "sqf-2018-sample.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    assert not (folder / "sqf-2017-sample.csv").read_bytes().startswith(b"\xef\xbb\xbf")


def test_workbook_holds_real_dates_times_and_numbers(folder: Path) -> None:
    book = CalamineWorkbook.from_path(folder / "sqf-2020-sample.xlsx")
    assert book.sheet_names == ["CY 2020"]
    rows = book.get_sheet_by_name("CY 2020").to_python()
    cells = dict(zip(rows[0], zip(*rows[1:], strict=True), strict=True))
    assert {type(cell) for cell in cells["STOP_FRISK_DATE"]} == {dt.date}
    assert {type(cell) for cell in cells["STOP_FRISK_TIME"]} == {dt.time}
    assert {type(cell) for cell in cells["SUSPECT_HEIGHT"]} == {float, str}
    assert {type(cell) for cell in cells["STOP_LOCATION_PRECINCT"]} == {float}
    assert {cell for cell in cells["SUSPECT_HEIGHT"] if isinstance(cell, str)} == {" "}


def test_nothing_is_spelled_as_in_the_year(raw: dict[int, RawFile]) -> None:
    expected = {
        2017: {"x_feet": "#NULL!", "suspect_build": "(nu", "patrol_borough": "(nul", "suspect_age": "(null)"},
        2018: {"demeanor_code": "N/A", "suspect_weight_pounds": "(null)", "jurisdiction": "(null)"},
        2019: {"suspect_weight_pounds": " ", "sector": "(", "consent_given": "(", "force_verbal_instruction": "("},
        2020: {"suspect_age": " ", "suspect_hair_color": "(nu", "action_near_scene": "(", "consent_asked": "("},
    }
    for year, columns in expected.items():
        for name, spelling in columns.items():
            assert (raw[year].frame[name] == spelling).any(), (year, name)


def test_categories_are_spelled_as_in_the_year(raw: dict[int, RawFile]) -> None:
    values = {year: {name: set(texts) for name, texts in file.frame.items()} for year, file in raw.items()}
    assert "STATEN IS" in values[2017]["borough"]
    assert all("STATEN ISLAND" in values[year]["borough"] for year in (2018, 2019, 2020))
    assert "ASIAN/PAC.ISL" in values[2017]["suspect_race"]
    assert "MIDDLE EASTERN/SOUTHWEST" in values[2020]["suspect_race"]
    assert not any("MIDDLE EASTERN/SOUTHWEST" in values[year]["suspect_race"] for year in (2017, 2018, 2019))
    assert {"Housin", "Transi"} <= values[2020]["jurisdiction_description"]
    assert "MARIJU" in values[2019]["summons_offense"]
    assert "MARIJUANA POSSESSION" in values[2018]["summons_offense"]
    assert "5.10" in values[2017]["suspect_height_inches"]
    assert "5.1" in values[2020]["suspect_height_inches"]
    assert not any("force_restraint" in f and "Y" in f["force_restraint"] for f in (values[2019], values[2020]))


def test_damage_is_that_of_the_year(raw: dict[int, RawFile]) -> None:
    stops = raw[2017].frame
    assert (stops["record_status"] == "1").any()
    assert (stops["suspect_race"] == "MALE").any()
    assert (stops["frisked"] == "V").sum() == 1
    assert (stops["summons_issued"] == "(").sum() == 1
    assert stops["borough"].str.fullmatch(r"PB..").any()
    assert stops["borough"].str.fullmatch(r"\d{7}").any()
    assert stops["stop_id"].str.fullmatch(r"2017\d{9}").all()
    moved = stops[(stops["x_feet"] == "#NULL!") & (stops["y_feet"] != "#NULL!")]
    assert moved["y_feet"].astype(float).between(913_000, 1_068_000).all()
    assert len(moved)
    assert (raw[2018].frame["stop_time_seconds"] == "#N/A").any()
    later = raw[2020].frame
    assert (later["stop_date"] == "2018-01-03").sum() == 1
    assert (later[["x_feet", "y_feet"]] == ["-73", "40"]).all(axis="columns").any()


def test_some_stops_have_a_double_and_share_an_incident(raw: dict[int, RawFile]) -> None:
    for file in raw.values():
        frame = file.frame.drop(columns="stop_id")
        assert 1 <= frame.duplicated().sum() <= 20
        together = frame.duplicated(["stop_date", "stop_time_seconds", "x_feet", "y_feet"], keep=False)
        assert 0.2 < together.mean() < 0.5
        assert file.frame["stop_id"].is_unique


def test_cleaning_finds_what_it_finds_in_published_files(raw: dict[int, RawFile]) -> None:
    rules = {}
    for year, file in raw.items():
        cleaned = clean_stops(file.frame, year)
        assert len(cleaned.stops) == ROWS
        assert cleaned.stops["stop_id"].notna().all()
        rules[year] = set(zip(cleaned.quality["column_name"], cleaned.quality["rule"], strict=True))
        assert not [entry for entry in rules[year] if entry[1] == "new_category"]
        assert ("suspect_age", "implausible") in rules[year]
        assert ("observed_duration_minutes", "implausible") in rules[year]
    assert {
        ("borough", "shifted_location_block"), ("suspect_race", "shifted_person_block"),
        ("frisked", "shifted_outcome_block"),
    } <= rules[2017]  # fmt: skip
    assert ("stop_date", "outside_year") in rules[2020]
    assert ("x_feet", "implausible") in rules[2020]


def test_as_many_stops_as_published_by_default() -> None:
    published = {2017: 11_629, 2018: 11_008, 2019: 13_459, 2020: 9_544}
    for year, rows in published.items():
        block = next(iter(sample_blocks(year, seed=1, rows=rows)))
        assert {len(texts) for texts in block.values()} == {rows}


def test_default_rows_are_written(tmp_path: Path) -> None:
    path = write_sample_year(tmp_path, 2018, seed=1)
    assert len(read_published_file(path, 2018).frame) == 11_008
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_later_years_have_the_layout_of_2020(tmp_path: Path) -> None:
    path = write_sample_year(tmp_path, 2023, seed=1, rows=300)
    assert path.suffix == ".xlsx"
    assert CalamineWorkbook.from_path(path).sheet_names == ["CY 2023"]
    file = read_published_file(path, 2023)
    assert file.published_names["stop_id"] == "STOP_ID"
    assert set(file.frame["year"]) == {"2023"}
    assert (file.frame["stop_date"].str[:4] == "2023").sum() == 299


def test_many_stops_come_in_blocks() -> None:
    rows = 2 * BLOCK_ROWS + 500
    blocks = list(sample_blocks(2017, seed=1, rows=rows))
    assert [len(block["stop_id"]) for block in blocks] == [BLOCK_ROWS, BLOCK_ROWS, 500]
    identifiers = [text for block in blocks for text in block["stop_id"]]
    assert len(set(identifiers)) == rows
    arrests = [float((block["arrested"] == "Y").mean()) for block in blocks[:2]]
    assert all(abs(share - 0.298) < 0.03 for share in arrests)


def test_files_depend_on_the_seed_alone(tmp_path: Path) -> None:
    script = (
        "import sys, hashlib, pathlib; from sqf_pipeline.nypd.sample import write_sample_years\n"
        "years = [int(text) for text in sys.argv[2:]]\n"
        "for path in write_sample_years(pathlib.Path(sys.argv[1]), years, seed=5, rows=400):\n"
        "    print(path.name, hashlib.sha256(path.read_bytes()).hexdigest())\n"
    )

    def digests(name: str, hash_seed: str, zone: str, *years: str) -> dict[str, str]:
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "TZ": zone}
        done = subprocess.run(
            [sys.executable, "-c", script, str(tmp_path / name), *years],
            capture_output=True, text=True, check=True, env=environment,
        )  # fmt: skip
        return dict(line.split() for line in done.stdout.splitlines())

    first = digests("first", "1", "UTC", "2017", "2018", "2020")
    second = digests("second", "77", "Asia/Tokyo", "2020", "2017", "2018")
    assert first == second
    other = write_sample_year(tmp_path / "other", 2017, seed=6, rows=400)
    assert hashlib.sha256(other.read_bytes()).hexdigest() != first[other.name]


def test_synthetic_stops_are_recognised(folder: Path, raw: dict[int, RawFile]) -> None:
    for year, file in raw.items():
        assert is_sample_frame(file.frame)
        assert is_sample_file(folder / sample_file_name(year))
        assert year_in_name(sample_file_name(year)) == year
    assert not is_sample_frame(raw_stops({}, {}))
    assert not is_sample_frame(raw_stops({"full_address": "1 SYNTHETIC LANE"}, {"full_address": "2 TRUE LANE"}))
    assert not is_sample_file(Path("sqf-2017.csv"))


@pytest.mark.parametrize(
    ("year", "options", "message"),
    [
        (2016, {"seed": 1}, "2017 on"),
        (2018, {"seed": -1}, "SQF_SAMPLE_SEED"),
        (2018, {"seed": 1, "rows": 10}, "at least 200"),
        (2021, {"seed": 1, "rows": MAXIMUM_ROWS + 1}, "as_csv"),
    ],
)
def test_impossible_samples_are_refused(tmp_path: Path, year: int, options: dict[str, int], message: str) -> None:
    with pytest.raises(SqfError, match=message):
        write_sample_year(tmp_path, year, **options)
    assert list(tmp_path.iterdir()) == []


def test_unwritable_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(SqfError, match="cannot be written"):
        write_sample_year(tmp_path / "file", 2018, seed=1, rows=200)


def test_a_later_year_may_be_csv(tmp_path: Path) -> None:
    path = write_sample_year(tmp_path, 2020, seed=1, rows=300, as_csv=True)
    book = write_sample_year(tmp_path, 2020, seed=1, rows=300)
    assert path.name == "sqf-2020-sample.csv"
    assert read_published_file(path, 2020).frame.equals(read_published_file(book, 2020).frame)
