"""Synthetic years have the layout and the faults of the published ones, and depend on nothing but their seed."""

import csv
import datetime as dt
import hashlib
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqf_pipeline.cleaning.clean_stops import clean_stops
from sqf_pipeline.errors import SqfError
from sqf_pipeline.ingest.local_files import year_in_name
from sqf_pipeline.ingest.reader import RawFile, read_published_file
from sqf_pipeline.registry.columns import column, load_columns
from sqf_pipeline.synthetic.invented_places import MARK
from sqf_pipeline.synthetic.synthetic_years import (
    BLOCK_ROWS,
    is_sample_file,
    synthetic_blocks,
    synthetic_file_name,
    write_synthetic_year,
)

YEARS = (2017, 2018, 2019, 2020)
ROWS = 1500
STOPS = {2017: 11_629, 2018: 11_008, 2019: 13_459, 2020: 9_544}
YES = {
    2017: {"SUSPECT_ARRESTED_FLAG": 3461, "SUMMONS_ISSUED_FLAG": 394, "FRISKED_FLAG": 7042, "SEARCHED_FLAG": 3890,
           "WEAPON_FOUND_FLAG": 1047, "OFFICER_IN_UNIFORM_FLAG": 8742, "PHYSICAL_FORCE_HANDCUFF_SUSPECT_FLAG": 1921},
    2018: {"SUSPECT_ARRESTED_FLAG": 3115, "SUMMONS_ISSUED_FLAG": 292, "FRISKED_FLAG": 6519, "SEARCHED_FLAG": 3668,
           "WEAPON_FOUND_FLAG": 954, "OFFICER_IN_UNIFORM_FLAG": 8140, "PHYSICAL_FORCE_HANDCUFF_SUSPECT_FLAG": 1881},
    2019: {"SUSPECT_ARRESTED_FLAG": 4308, "SUMMONS_ISSUED_FLAG": 353, "FRISKED_FLAG": 7624, "SEARCHED_FLAG": 4988,
           "WEAPON_FOUND_FLAG": 1219, "OFFICER_IN_UNIFORM_FLAG": 9563, "PHYSICAL_FORCE_HANDCUFF_SUSPECT_FLAG": 2421},
    2020: {"SUSPECT_ARRESTED_FLAG": 3557, "SUMMONS_ISSUED_FLAG": 263, "FRISKED_FLAG": 5193, "SEARCHED_FLAG": 3969,
           "WEAPON_FOUND_FLAG": 1152, "OFFICER_IN_UNIFORM_FLAG": 7852, "PHYSICAL_FORCE_HANDCUFF_SUSPECT_FLAG": 1817},
}  # fmt: skip
"""Cells that are Y in the published files, counted by csv and Counter (2020: by calamine and Counter)."""
CATEGORIES = (
    ("SUSPECT_RACE_DESCRIPTION", "BLACK", (6595, 6241, 7981, 5367)),
    ("SUSPECT_SEX", "MALE", (10_568, 9_925, 12_179, 8_642)),
    ("SUSPECTED_CRIME_DESCRIPTION", "CPW", (3157, 2962, 3707, 2552)),
    ("STOP_WAS_INITIATED", "Based on Radio Run", (6566, 6375, 8333, 6424)),
    ("STOP_LOCATION_BORO_NAME", "BROOKLYN", (3328, 3632, 4311, 2950)),
)
"""Cells of the commonest categories, counted likewise, 2017 to 2020."""
NAMES = {entry.name for entry in load_columns() if entry.published_names}
TIMES = {2017: "%I:%M:%S %p", 2018: "%H:%M:%S", 2019: "%H:%M:%S", 2020: "%H:%M:%S", 2021: "%H:%M:%S"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("synthetic")
    for year in YEARS:
        write_synthetic_year(path, year, seed=3, rows=ROWS)
    return path


@pytest.fixture(scope="module")
def whole_years(tmp_path_factory: pytest.TempPathFactory) -> dict[int, list[dict[str, str]]]:
    """Return the cells of years of the published size, under their published names, read by csv alone."""
    years = {}
    for year in (*YEARS, 2021):
        path = write_synthetic_year(tmp_path_factory.mktemp("whole"), year, seed=1)
        with path.open(encoding="utf-8-sig", newline="") as file:
            years[year] = list(csv.DictReader(file))
    return years


@pytest.fixture(scope="module")
def raw(folder: Path) -> dict[int, RawFile]:
    return {year: read_published_file(folder / synthetic_file_name(year), year) for year in YEARS}


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
        frame = raw[year].frame.astype(str)
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
    assert not any("force_restraint" in f and "Y" in f["force_restraint"] for f in (values[2019], values[2020]))


def test_faults_are_those_of_the_year(raw: dict[int, RawFile]) -> None:
    stops = raw[2017].frame
    assert (stops["record_status"] == "1").any()
    assert (stops["suspect_race"] == "MALE").any()
    assert (stops["frisked"] == "V").sum() == 1
    assert (stops["summons_issued"] == "(").sum() == 1
    assert stops["borough"].str.fullmatch(r"PB..").any()
    assert stops["borough"].str.fullmatch(r"\d{7}").any()
    assert stops["stop_id"].str.fullmatch(r"2017\d{9}").all()
    moved = stops[(stops["x_feet"] == "#NULL!") & (stops["y_feet"] != "#NULL!")]
    assert moved["y_feet"].astype(str).astype(float).between(913_000, 1_068_000).all()
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


def test_default_rows_are_as_many_as_published(whole_years: dict[int, list[dict[str, str]]], tmp_path: Path) -> None:
    assert {year: len(whole_years[year]) for year in YEARS} == STOPS
    path = write_synthetic_year(tmp_path, 2018, seed=1, rows=300)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("year", YEARS)
def test_outcomes_and_main_categories_have_the_published_shares(
    whole_years: dict[int, list[dict[str, str]]], year: int
) -> None:
    stops, published = whole_years[year], STOPS[year]
    wanted = {(name, "Y"): count for name, count in YES[year].items()}
    wanted |= {(name, text): counts[year - 2017] for name, text, counts in CATEGORIES}
    for (name, text), count in wanted.items():
        share, found = count / published, Counter(row[name] for row in stops)[text] / len(stops)
        # Persons of one encounter are alike, which nearly doubles the variance of two independent draws.
        noise = (4 * share * (1 - share) / published) ** 0.5
        assert abs(found - share) < 4 * noise, (name, text, found, share)


def _is_own_clock_time(text: str, time: str, year: int) -> bool:
    """Return whether a duration from 100 on is the stop's time of day as HHMM, 20 minutes more or less."""
    if not re.fullmatch(r"[1-9]\d{2,3}", text) or not re.search(r"\d:\d", time):
        return False
    at = dt.datetime.strptime(time, TIMES[year])  # noqa: DTZ007 - a clock time has no zone
    return abs(int(text) // 100 * 60 + int(text) % 100 - at.hour * 60 - at.minute) <= 20


def test_clock_times_stand_as_durations_at_their_rate_alone(whole_years: dict[int, list[dict[str, str]]]) -> None:
    for year, published in {2017: 98, 2018: 55, 2019: 27, 2020: 15, 2021: 15}.items():
        stops, time = whole_years[year], "Stop Frisk Time" if year == 2018 else "STOP_FRISK_TIME"
        observed = [row["OBSERVED_DURATION_MINUTES"] for row in stops]
        own = [_is_own_clock_time(text, row[time], year) for text, row in zip(observed, stops, strict=True)]
        assert abs(sum(own) - published) <= 2, year
        # What else is long is a real duration of up to three hours, or the junk of the table of faults.
        long = {int(t) for t, is_own in zip(observed, own, strict=True) if not is_own and t.isdigit() and int(t) > 60}
        assert long <= {*range(75, 181, 15), 5000, 20_000, 99_999}, year


def test_heights_are_written_so_that_each_year_means_what_it_says(
    whole_years: dict[int, list[dict[str, str]]],
) -> None:
    heights = {year: Counter(row["SUSPECT_HEIGHT"] for row in stops) for year, stops in whole_years.items()}
    digits = {year: {t: n for t, n in counts.items() if t[:1].isdigit()} for year, counts in heights.items()}
    assert all(re.fullmatch(r"\d\.\d\d", text) for text in digits[2017]), "two decimals are forced"
    for year in (2018, 2019, 2020):
        assert not any(re.fullmatch(r"\d\.\d?0", text) for text in digits[year]), "numbers lose the last zero"
    # Stops at `.1` or `.10` in the published years, by five and six feet.
    published = {2017: ("5.10", 1453, "6.10", 948), 2018: ("5.1", 1372, "6.1", 609), 2019: ("5.1", 1589, "6.1", 576),
                 2020: ("5.1", 1220, "6.1", 384)}  # fmt: skip
    for year, (five, fives, six, sixes) in published.items():
        assert heights[year][five] == pytest.approx(fives, rel=0.15)
        assert heights[year][six] == pytest.approx(sixes, rel=0.2)
    # Text cells keep both: 1,117 of `5.10` to 48 of `5.1`, and 404 of `6.1` to one of `6.10`.
    both = heights[2021]
    assert both["5.1"] / both["5.10"] == pytest.approx(48 / 1117, abs=0.02)
    assert both["6.1"] > 300
    assert both["6.10"] <= 5
    assert both["4.1"] == 0


def test_codes_of_a_year_of_text_keep_their_zeros(whole_years: dict[int, list[dict[str, str]]]) -> None:
    for year, digits in ((2020, r"[1-9]\d{0,2}"), (2021, r"\d{3}")):
        known = [
            row["STOP_LOCATION_PRECINCT"] for row in whole_years[year] if row["STOP_LOCATION_PRECINCT"][:1].isdigit()
        ]
        assert len(known) > 9000
        assert all(re.fullmatch(digits, text) for text in known)


@pytest.mark.slow
@settings(max_examples=12, deadline=None)
@given(st.integers(2017, 2030), st.integers(0, 2**32), st.integers(200, 500))
def test_the_smallest_years_are_whole_and_readable(year: int, seed: int, rows: int) -> None:
    (block,) = synthetic_blocks(year, seed=seed, rows=rows)
    assert {len(texts) for texts in block.values()} == {rows}
    assert len(set(block["month"])) == 12
    assert len(set(block["stop_id"])) == rows
    assert all(MARK in text for text in block["full_address"])
    raw = pd.DataFrame({name: texts for name, texts in block.items() if name in NAMES})
    cleaned = clean_stops(raw, year)
    assert cleaned.stops["month"].nunique() == 12
    lost = cleaned.quality[cleaned.quality["rule"].isin(["implausible", "unreadable"])]
    for name, count in lost.groupby("column_name")["rows"].sum().items():
        limit = 0.005 if column(str(name)).known == "outcome" else 0.02 if column(str(name)).required else 0.1
        assert count / rows <= limit, (name, count)


def test_later_years_have_the_columns_of_2020(tmp_path: Path) -> None:
    path = write_synthetic_year(tmp_path, 2023, seed=1, rows=300)
    file = read_published_file(path, 2023)
    assert file.published_names["stop_id"] == "STOP_ID"
    assert set(file.frame["year"]) == {"2023"}
    assert (file.frame["stop_date"].str[:4] == "2023").sum() == 299
    assert (file.frame["stop_date"] == "2021-01-03").sum() == 1


def test_many_stops_come_in_blocks() -> None:
    rows = 2 * BLOCK_ROWS + 500
    blocks = list(synthetic_blocks(2017, seed=1, rows=rows))
    assert [len(block["stop_id"]) for block in blocks] == [BLOCK_ROWS, BLOCK_ROWS, 500]
    identifiers = [text for block in blocks for text in block["stop_id"]]
    assert len(set(identifiers)) == rows
    arrests = [float((block["arrested"] == "Y").mean()) for block in blocks[:2]]
    assert all(abs(share - 0.298) < 0.03 for share in arrests)


def test_files_depend_on_the_seed_alone(tmp_path: Path) -> None:
    script = (
        "import sys, hashlib, pathlib; from sqf_pipeline.synthetic.synthetic_years import write_synthetic_year\n"
        "for year in sys.argv[2:]:\n"
        "    path = write_synthetic_year(pathlib.Path(sys.argv[1]), int(year), seed=5, rows=400)\n"
        "    print(path.name, hashlib.sha256(path.read_bytes()).hexdigest())\n"
    )

    def digests(name: str, hash_seed: str, zone: str, *years: str) -> dict[str, str]:
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "TZ": zone}
        done = subprocess.run(
            [sys.executable, "-c", script, str(tmp_path / name), *years],
            capture_output=True, text=True, check=True, env=environment,
        )  # fmt: skip
        return dict(line.split() for line in done.stdout.splitlines())

    first = digests("first", "1", "UTC", "2011", "2016", "2017", "2018", "2020", "2021")
    second = digests("second", "77", "Asia/Tokyo", "2021", "2020", "2017", "2018", "2016", "2011")
    assert first == second
    other = write_synthetic_year(tmp_path / "other", 2017, seed=6, rows=400)
    assert hashlib.sha256(other.read_bytes()).hexdigest() != first[other.name]


def test_synthetic_stops_are_recognised(folder: Path, raw: dict[int, RawFile]) -> None:
    for year, file in raw.items():
        assert file.frame["full_address"].str.contains(MARK).all()
        assert file.frame["street_name"].isin([" "]).sum() <= 1
        assert is_sample_file(folder / synthetic_file_name(year))
        assert year_in_name(synthetic_file_name(year)) == year
    assert not is_sample_file(Path("sqf-2017.csv"))


@pytest.mark.parametrize(
    ("year", "options", "message"),
    [
        (2002, {"seed": 1}, "2003 on"),
        (2018, {"seed": -1}, "SQF_SAMPLE_SEED"),
        (2018, {"seed": 1, "rows": 10}, "at least 200"),
    ],
)
def test_impossible_years_are_refused(tmp_path: Path, year: int, options: dict[str, int], message: str) -> None:
    with pytest.raises(SqfError, match=message):
        write_synthetic_year(tmp_path, year, **options)
    assert list(tmp_path.iterdir()) == []


def test_unwritable_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(SqfError, match="cannot be written"):
        write_synthetic_year(tmp_path / "file", 2018, seed=1, rows=200)
