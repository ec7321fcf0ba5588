"""Synthetic years of the old form have its layouts, codes and quirks year by year, and its shares of things."""

import csv
import io
import re
import zipfile
from collections import Counter
from importlib import resources
from pathlib import Path

import pytest

from sqf_pipeline.cleaning.clean_stops import clean_stops
from sqf_pipeline.contracts.stop_contracts import raw_stops_contract, stops_contract
from sqf_pipeline.ingest.reader import read_published_file
from sqf_pipeline.synthetic.conditional_chain import load_aggregates, of_year
from sqf_pipeline.synthetic.invented_places import MARK
from sqf_pipeline.synthetic.old_form_layout import old_names
from sqf_pipeline.synthetic.published_layout import read_table
from sqf_pipeline.synthetic.synthetic_years import is_sample_file, write_synthetic_year
from sqf_pipeline.year_checks.findings import sentences
from sqf_pipeline.year_checks.year_review import review_year

YEARS = tuple(range(2003, 2017))
ROWS = 600
ENCODINGS = {2011: "cp1252", 2016: "utf-8-sig"}
DATES = {
    **dict.fromkeys((2003, 2004, 2007, 2008), r"[01]\d[0-3]\d{5}"), 2006: r"2006-[01]\d-[0-3]\d",
    **dict.fromkeys((2005, *range(2009, 2014), 2015, 2016), r"[1-9]\d{6,7}"),
}  # fmt: skip
"""How a date is written, as measured on the published files; 2014 has two ways."""
BOXES = re.compile(r"(pf|cs|ac|rf|sb)_.*|pistol|riflshot|asltweap|knifcuti|machgun|othrweap")
Row = dict[str, str]


def content_of(path: Path, year: int) -> bytes:
    """Return the bytes of a year's CSV file, out of its archive where it is in one."""
    if year > 2014:
        return path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == [f"{year}.csv"]
        return archive.read(f"{year}.csv")


def rows_of(path: Path, year: int) -> list[Row]:
    """Return the rows by csv alone, names in small letters."""
    text = content_of(path, year).decode(ENCODINGS.get(year, "utf-8"))
    header, *rows = csv.reader(io.StringIO(text, newline=""))
    return [dict(zip([name.lower() for name in header], row, strict=True)) for row in rows]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    folder = tmp_path_factory.mktemp("old")
    return {year: write_synthetic_year(folder, year, seed=4, rows=ROWS) for year in YEARS}


@pytest.fixture(scope="module")
def years(files: dict[int, Path]) -> dict[int, list[Row]]:
    found = {year: rows_of(path, year) for year, path in files.items()}
    assert set(found[2016].pop().values()) == {" "}, "the last row of 2016 is blank"
    return found


def month_of(row: Row) -> int:
    date = row["datestop"].strip()
    return int(date[5:7]) if "-" in date else int(date.zfill(8)[:2])


def dated(rows: list[Row]) -> list[Row]:
    return [row for row in rows if row["datestop"].strip() and "1900" not in row["datestop"]]


def test_a_year_has_its_rows_and_its_names(years: dict[int, list[Row]], files: dict[int, Path]) -> None:
    for year, rows in years.items():
        assert len(rows) == ROWS
        assert is_sample_file(files[year])
        assert {row["year"].strip() for row in rows} == {str(year)}
        names = list(old_names(year))
        assert len(names) == (111 if year < 2011 and year != 2006 else 112)
        assert ("forceuse" in names) == (year >= 2011)
        assert ("detailCM" in names) == (year >= 2013)
    assert {"details_", "detail1_", "adrpct", "prenam", "wepfound"} < set(years[2006][0])
    assert not {"detailcm", "linecm", "premname"} & set(years[2006][0])


def test_bytes_are_those_of_the_year(files: dict[int, Path]) -> None:
    for year, path in files.items():
        content = content_of(path, year)
        assert path.suffix == (".zip" if year <= 2014 else ".csv")
        assert content.startswith(b"\xef\xbb\xbf") == (year == 2016)
        assert content.count(b"\r\n") == content.count(b"\n") == ROWS + 1 + (year == 2016)
        assert (content.removeprefix(b"\xef\xbb\xbf").isascii()) == (year not in {2011, 2014})
    with pytest.raises(UnicodeDecodeError):
        content_of(files[2011], 2011).decode()
    assert content_of(files[2014], 2014).count("°".encode()) == 1


def test_the_key_is_precinct_and_serial_number(years: dict[int, list[Row]]) -> None:
    for year, rows in years.items():
        keys = Counter((row["pct"].strip(), row["ser_num"].strip()) for row in rows if row["pct"].strip())
        assert max(keys.values()) == 1
        assert len({serial for _, serial in keys}) < 0.5 * ROWS, "serial numbers start anew in each precinct"
        assert sum(not row["pct"].strip() for row in rows) == (year == 2006), "2006 has rows without a report"


def test_dates_are_written_as_in_the_year_and_cover_it(years: dict[int, list[Row]]) -> None:
    for year, rows in years.items():
        known = dated(rows)
        assert len(known) >= ROWS - 2
        assert {month_of(row) for row in known} == set(range(1, 13))
        for row in known:
            pattern = DATES.get(year) or (r" [7-9]\d{6}" if 7 <= month_of(row) <= 9 else r"[1-9]\d{6,7}")
            assert re.fullmatch(pattern, row["datestop"]), (year, row["datestop"])
    assert sum("1900-12-31" in row["datestop"] for row in years[2006]) == 1


def test_the_third_quarter_of_2014_codes_flags_its_own_way(years: dict[int, list[Row]]) -> None:
    for row in years[2014]:
        boxes = {text for name, text in row.items() if BOXES.fullmatch(name)}
        third = 7 <= month_of(row) <= 9
        assert boxes <= ({"1", " "} if third else {"Y", "N"})
        assert row["radio"] in ({"1", "0"} if third else {"Y", "N"})
        assert {row[name] for name in ("explnstp", "arstmade", "frisked", "searched", "contrabn")} <= {"Y", "N"}
        assert row["adtlrept"] == (" " if third else "N")
        assert [len(row[name]) for name in ("pct", "ser_num", "detailcm")] == [4, 7, 3] or not third
    for year in set(YEARS) - {2014}:
        assert {text for row in years[year] for name, text in row.items() if BOXES.fullmatch(name)} <= {"Y", "N"}


def test_codes_are_those_of_the_year(years: dict[int, list[Row]]) -> None:
    values = {year: {name: {row[name] for row in rows} for name in rows[0]} for year, rows in years.items()}
    for year, found in values.items():
        short = year in {2010, 2011, 2015, 2016}
        assert "STATEN IS" in found["city"] if short else "STATEN ISLAND" in found["city"]
        assert ("STATEN ISLAND" in found["city"]) != short
        assert (" " in found["trhsloc"]) == (year <= 2009)
        assert ("P" in found["trhsloc"]) == (year >= 2009)
        signs = {"offshld": "S", "offverb": "V", "officrid": "I"}
        for name, letter in signs.items():
            assert found[name] <= ({"Y", "N"} if year == 2006 else {letter, " "})
        assert found["addrtyp"] - {" "} == (
            {"L"} if year <= 2010 or year in {2014, 2015} else {"R"} - {year == 2016 and "R"}
        )
        assert all(found[name] == {" "} for name in ("zip", "state", "aptnum"))
    assert {row["trhsloc"] for row in years[2009] if month_of(row) > 1} == {"P", "H", "T"}
    assert "M" in values[2010]["offunif"]
    assert {row["recstat"] for row in years[2015] if month_of(row) > 6} <= {"1", " ", "9"}
    assert {"1", "A"} <= {row["recstat"] for row in years[2015] if month_of(row) <= 6}


def test_numbers_too_wide_are_stars_and_unknown_ages_are_codes(years: dict[int, list[Row]]) -> None:
    for year, name in ((2014, "age"), (2014, "perstop"), (2016, "age")):
        stars = [row for row in years[year] if row[name] == "**"]
        assert all(month_of(row) <= (9 if name == "perstop" else 6) for row in stars)
    every = Counter(row["age"].strip().lstrip("0") for rows in years.values() for row in rows)
    assert every["99"] > 0
    assert sum(count for text, count in every.items() if text.isdigit() and int(text) > 80) < 0.01 * len(YEARS) * ROWS
    assert any(re.fullmatch(r"\.\d\d", row["perobs"]) for row in years[2009])
    assert any(row["timestop"] in {"2400", "2755", "2830"} for row in years[2009])
    assert {len(row["xcoord"]) for row in years[2006]} <= {1, 7}
    assert {row["addrnum"] for row in years[2015] if len(row["addrnum"]) == 3} >= {"***"}


def test_what_hangs_together_does(years: dict[int, list[Row]]) -> None:
    for year, rows in years.items():
        for row in rows:
            ticked = {name[:3] for name, text in row.items() if BOXES.fullmatch(name) and text in {"Y", "1"}}
            assert "cs_" in ticked
            assert ("rf_" in ticked) == (row["frisked"] == "Y")
            assert ("sb_" in ticked) == (row["searched"] == "Y")
            assert row["arstmade"] == "Y" or row["arstoffn"] == " "
            assert not (row["offunif"] == "Y" and {row["offshld"], row["offverb"], row["officrid"]} - {" ", "N"})
            assert re.fullmatch(rf"{MARK} .*|{' '}", row.get("stinter") or row["strintr"]), year
            assert row["ht_feet"] in "34567"
            assert 0 <= int(row["ht_inch"]) <= 11


def test_the_paper_form_of_june_2016_shows(tmp_path: Path) -> None:
    rows = rows_of(write_synthetic_year(tmp_path, 2016, seed=1), 2016)[:-1]
    halves = [[row for row in rows if (month_of(row) <= 6) == first] for first in (True, False)]
    for name, low, high in (("cs_furtv", 0.03, 0.1), ("ac_evasv", 0.0, 0.06), ("pf_hands", 0.0, 0.06)):
        before, after = (sum(row[name] == "Y" for row in half) / len(half) for half in halves)
        assert before > 2.5 * after
        assert low < after < high, name


def test_whole_years_have_the_official_number_of_stops() -> None:
    path = resources.files("sqf_pipeline.year_checks").joinpath("official_totals.csv")
    totals = {int(row["year"]): int(row["stops"]) for row in csv.DictReader(path.read_text("utf-8").splitlines())}
    assert {year: of_year("rows", year) for year in YEARS} == {year: totals[year] for year in YEARS}


def test_tables_name_columns_of_the_old_form() -> None:
    for year in YEARS:
        columns = {*old_names(year).values(), "detailcm", "linecm", "forceuse"}
        for row in read_table("old_form_layout.csv", year):
            assert [name for name in columns if re.fullmatch(row["column"], name)], row
        for row in read_table("faults.csv", year):
            assert row["column"] in {*columns, "*"}, row
    assert len(load_aggregates(2003)["variables"]) > 70


# Stops of 2014 with a yes, counted by csv and Counter on the official file (any of the six weapons, any force).
PUBLISHED_2014 = {"arstmade": 6898, "sumissue": 1214, "frisked": 30_345, "searched": 7283, "contrabn": 1814,
                  "offunif": 24_804, "othpers": 11_448, "radio": 15_254, "knifcuti": 1068, "pf_hcuff": 4573,
                  "cs_furtv": 17_927, "cs_descr": 13_115, "ac_rept": 10_200, "rf_vcrim": 10_096}  # fmt: skip
CODES_2014 = {("race", "B"): 24_319, ("race", "Q"): 9700, ("race", "W"): 5467, ("sex", "M"): 42_528,
              ("city", "BROOKLYN"): 13_368, ("city", "STATEN ISLAND"): 4998, ("trhsloc", "H"): 7010,
              ("inout", "I"): 8458, ("detailcm", "20"): 12_452, ("detailcm", "85"): 6476,
              ("typeofid", "P"): 26_694, ("haircolr", "BR"): 9429, ("build", "T"): 16_262}  # fmt: skip


@pytest.mark.slow
def test_the_shares_of_2014_are_near_those_of_the_official_file(tmp_path: Path) -> None:
    rows = rows_of(write_synthetic_year(tmp_path, 2014, seed=1), 2014)
    assert len(rows) == 45_787
    wanted = {(name, frozenset("Y1")): count for name, count in PUBLISHED_2014.items()}
    wanted |= {(name, frozenset([code])): count for (name, code), count in CODES_2014.items()}
    for (name, texts), count in wanted.items():
        share, found = count / 45_787, sum(row[name].strip() in texts for row in rows) / 45_787
        # Persons of one encounter are alike, which nearly doubles the variance of two independent draws.
        noise = (4 * share * (1 - share) / 45_787) ** 0.5
        assert abs(found - share) < 4 * noise + 0.03 * share, (name, texts, found, share)


# Flags of the clean stops, and what the written file says of them: any of these cells is Y or 1.
ANY_OF = {
    "arrested": ("arstmade",), "summons_issued": ("sumissue",), "frisked": ("frisked",), "searched": ("searched",),
    "other_contraband_found": ("contrabn",), "knife_found": ("knifcuti",), "other_weapon_found": ("othrweap",),
    "firearm_found": ("pistol", "riflshot", "asltweap", "machgun"), "force_handcuffs": ("pf_hcuff",),
    "weapon_found": ("pistol", "riflshot", "asltweap", "machgun", "knifcuti", "othrweap"),
    "force_firearm_drawn": ("pf_drwep", "pf_ptwep"), "action_casing": ("cs_casng",), "action_near_scene": ("ac_proxm",),
    "other_person_stopped": ("othpers",), "officer_in_uniform": ("offunif",),
}  # fmt: skip


@pytest.mark.parametrize("year", YEARS)
def test_the_reader_finds_in_a_year_what_was_written(
    files: dict[int, Path], years: dict[int, list[Row]], year: int
) -> None:
    raw = read_published_file(files[year], year)
    cleaned = clean_stops(raw.frame, year)
    stops, written = cleaned.stops, years[year]
    assert raw.columns_unknown == ()
    assert len(stops) == ROWS
    assert stops["stop_id"].notna().all()
    assert stops["stop_id"].is_unique
    assert sorted(stops["stop_date"].dt.month.dropna().astype(int)) == sorted(month_of(row) for row in dated(written))
    for name, cells in ANY_OF.items():
        counted = sum(any(row[cell] in {"Y", "1"} for cell in cells) for row in written)
        assert int(stops[name].fillna(value=False).sum()) == counted, name
    assert (stops["initiated_by"] == "RADIO RUN").sum() == sum(row["radio"] in {"Y", "1"} for row in written)
    assert (stops["suspect_race"] == "BLACK").sum() == sum(row["race"] == "B" for row in written)
    assert (stops["borough"] == "STATEN ISLAND").sum() == sum(row["city"].startswith("STATEN IS") for row in written)
    assert (stops["jurisdiction"] == "H").sum() == sum(row["trhsloc"] == "H" for row in written)
    inches = [12 * int(row["ht_feet"]) + int(row["ht_inch"]) for row in written]
    assert stops["suspect_height_inches"].sum() == sum(height for height in inches if 36 <= height <= 90)
    lost = cleaned.quality[cleaned.quality["rule"].isin(["unreadable", "implausible", "new_category"])]
    assert lost.groupby("column_name")["rows"].sum().max() < 0.02 * ROWS
    # nothing of it would keep the year from being stored
    assert not sentences(review_year(raw, cleaned, None, synthetic=True).findings, "red")
    raw_stops_contract(raw.form).validate(raw.frame, lazy=True)
    stops_contract(years=(year,), expected_rows=ROWS).validate(stops, lazy=True)
