"""Published files of the old form: every figure that was counted in them by other means (`old_form_figures.csv`).

The figures are those of the description of the files, sections 2 and 3 (counted there with csv and collections over
the published texts), by year of the file; an empty cell is a column that the file does not have.
"""

import csv
import io
import re
import zipfile
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pytest

from sqf_pipeline.cleaning.clean_stops import CleanedStops, clean_stops
from sqf_pipeline.contracts.stop_contracts import raw_stops_contract, stops_contract
from sqf_pipeline.ingest.reader import RawFile, read_published_file
from sqf_pipeline.year_checks.findings import Finding
from sqf_pipeline.year_checks.year_review import cleaning_findings, review_year

pytestmark = pytest.mark.slow  # reads and cleans 76,161 published stops

FILES = {
    2006: "excerpts/sqf-2006-first-1999-rows.csv", 2009: "excerpts/sqf-2009-one-percent.csv",
    2014: "sqf-2014-csv.zip", 2015: "sqf-2015.csv",
}  # fmt: skip
FIGURES = list(csv.DictReader(Path(__file__).with_name("old_form_figures.csv").read_text("utf-8").splitlines()))
CATEGORIES = {
    (row["column"], row["category"].replace("true", "True")): row
    for row in csv.DictReader(Path(__file__).with_name("old_form_categories.csv").read_text("utf-8").splitlines())
}
CLOCK_TIMES = {2006: 0, 2009: 0, 2014: 8, 2015: 3}
"""Observed durations that are the time of the stop, a rule of this pipeline and not of the description: counted below
with csv alone."""


@cache
def read(folder: Path, year: int) -> tuple[RawFile, CleanedStops]:
    raw = read_published_file(folder / FILES[year], year)
    raw_stops_contract(raw.form).validate(raw.frame, lazy=True)
    found = clean_stops(raw.frame, year)
    stops_contract(years=(year,), expected_rows=len(raw.frame)).validate(found.stops, lazy=True)
    return raw, found


def published_rows(folder: Path, year: int) -> list[dict[str, str]]:
    """Return the rows of a file by the csv module alone."""
    path = folder / FILES[year]
    content = zipfile.ZipFile(path).read(f"{year}.csv") if path.suffix == ".zip" else path.read_bytes()
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def rows_of(found: CleanedStops, name: str, rule: str) -> int:
    quality = found.quality
    return int(quality.loc[(quality["column_name"] == name) & (quality["rule"] == rule), "rows"].sum())


def numbers_in(texts: pd.Series) -> pd.Series:
    """Return the numbers that a column as published holds; of heights, inches."""
    if texts.str.contains("'").any():
        parts = texts.str.split("' ", expand=True).astype(float)
        return parts[0] * 12 + parts[1]
    return pd.to_numeric(texts, errors="coerce").dropna()


class Case(NamedTuple):
    """A figure of a year: the file, its clean stops, and the column as published and clean."""

    raw: RawFile
    found: CleanedStops
    column: str
    value: str

    @property
    def texts(self) -> pd.Series:
        return self.raw.frame[self.column]

    @property
    def clean(self) -> pd.Series:
        return self.found.stops[self.column]

    @property
    def several(self) -> pd.DataFrame:
        stops = self.found.stops
        return stops[[name for name in stops if re.search(self.column, name)]].fillna(value=False)

    @property
    def serial_numbers(self) -> pd.Series:
        """Serial numbers within the precinct; 0 for stops that have none and are numbered by their place."""
        numbers = self.clean.astype("int64")
        return (numbers % 100_000).where(numbers > 100_000, 0)

    @property
    def own_rule(self) -> int:
        return CLOCK_TIMES[self.raw.year] if self.column == "observed_duration_minutes" else 0


MEASURES: dict[str, Callable[[Case], float]] = {
    "rows": lambda case: case.raw.parts[0].rows,
    "columns": lambda case: len(case.raw.published_names) + len(case.raw.columns_unknown),
    "stops": lambda case: len(case.found.stops),
    "value": lambda case: (case.clean.astype("string") == case.value).sum(),
    "any": lambda case: case.several.any(axis="columns").sum(),
    "all": lambda case: case.several.all(axis="columns").sum(),
    "missing": lambda case: case.clean.isna().sum() - case.own_rule,
    "blank": lambda case: (case.texts.str.strip() == "").sum(),
    "rule": lambda case: rows_of(case.found, case.column, case.value),
    "distinct": lambda case: case.clean.nunique(),
    "repeated": lambda case: case.clean.duplicated().sum(),
    "largest serial number": lambda case: case.serial_numbers.max(),
    "serial number repeated": lambda case: case.serial_numbers.duplicated().sum(),
    "lowest": lambda case: numbers_in(case.texts).min(),
    "highest": lambda case: numbers_in(case.texts).max(),
    "published within": lambda case: numbers_in(case.texts).between(*map(float, case.value.split())).sum(),
    "published median": lambda case: numbers_in(case.texts).median(),
    "published mean": lambda case: numbers_in(case.texts).mean(),
}


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: f"{figure['figure']}, {figure['measure']}")
def test_the_figure_is_as_counted(figure: dict[str, str], real_data_dir: Path):
    expected = {year: figure[str(year)] for year in FILES if figure[str(year)]}  # empty: a column it does not have
    found = {}
    for year, text in expected.items():
        value = float(MEASURES[figure["measure"]](Case(*read(real_data_dir, year), figure["column"], figure["value"])))
        # coordinates stand there in six figures, means in two decimals
        found[year] = f"{value:.6g}" if "e+" in text else f"{value:.{len(text.partition('.')[2])}f}"
    assert found == expected


@pytest.mark.parametrize("year", FILES)
def test_every_category_has_as_many_stops_as_its_codes(year: int, real_data_dir: Path):
    """Codes were counted in the published texts, and added up by the category that the description gives each."""
    found = read(real_data_dir, year)[1].stops
    differing = {}
    for (name, category), row in CATEGORIES.items():
        stops = int((found[name].astype("string") == category).sum())
        if stops != int(row[str(year)]):
            differing[name, category] = (stops, row[str(year)])
    assert not differing
    for name in {name for name, category in CATEGORIES if category != "True"}:
        assert set(found[name].dropna()) <= {category for column, category in CATEGORIES if column == name}


@pytest.mark.parametrize("year", FILES)
def test_observed_durations_that_are_the_time_of_the_stop(year: int, real_data_dir: Path):
    def is_clock(row: dict[str, str]) -> bool:
        if not row["perobs"].strip() or not row["timestop"].strip():
            return False
        minutes, time = float(row["perobs"]), int(row["timestop"])
        apart = abs(minutes // 100 * 60 + minutes % 100 - (time // 100 * 60 + time % 100))
        return minutes >= 100 and minutes % 100 < 60 and min(apart, 1440 - apart) <= 20

    assert sum(map(is_clock, published_rows(real_data_dir, year))) == CLOCK_TIMES[year]
    found = read(real_data_dir, year)[1]
    assert rows_of(found, "observed_duration_minutes", "clock_time") == CLOCK_TIMES[year]


@pytest.mark.parametrize(("year", "stops"), [(2014, 4_149), (2015, 2_078), (2009, 507)])
def test_january_stays_in_january(year: int, stops: int, real_data_dir: Path):
    """Read without padding by strptime, these stops of the first to the ninth month would move to October and later."""
    rows = published_rows(real_data_dir, year)
    moved = [row for row in rows if re.fullmatch(r"1(0[1-9]|[12][0-9])20[0-9]{2}", row["datestop"].strip())]
    moved = [row for row in moved if len(row["datestop"].strip()) == 7]
    january = sum(row["datestop"].strip().zfill(8).startswith("01") for row in rows)
    found = read(real_data_dir, year)[1].stops
    assert (found["month"] == 1).sum() == january
    assert stops <= january
    months = Counter(int(row["datestop"].strip().zfill(8)[:2]) for row in rows)
    assert found["month"].value_counts().sort_index().to_dict() == dict(sorted(months.items()))


def test_flags_of_2014_in_three_codings(real_data_dir: Path):
    """Y and N in three quarters, 1 and blank in the third: a reader of Y alone sees none of its 64,152 marks."""
    raw, found = read(real_data_dir, 2014)
    third = found.stops["month"].between(7, 9)
    weapons, radio = found.stops["weapon_found"], found.stops["initiated_by"] == "RADIO RUN"
    assert (third.sum(), weapons.sum(), weapons[third].sum()) == (10_860, 1_520, 373)
    assert (radio.sum(), radio[third].sum()) == (15_254, 3_380)
    assert found.stops.loc[third, "force_handcuffs"].sum() == 1_146
    assert found.stops.loc[third, "circumstance_report"].sum() == 2_588
    marks = found.stops[["id_card_identifies_officer", "verbal_identifies_officer", "shield_identifies_officer"]]
    assert marks.sum().tolist() == [889, 14_575, 20_778]
    assert not found.stops[marks.columns].isna().any(axis=None)
    assert rows_of(found, "weapon_found", "empty_means") == 10_860 - 373
    assert sum("°" in text for name in raw.frame for text in raw.frame[name].unique()) >= 1


def test_a_file_saved_again_gives_the_same_stops(real_data_dir: Path, tmp_path: Path):
    """Other order of columns, other line ends, N/A and NA blanked, as in the re-saves that are about."""
    rows = published_rows(real_data_dir, 2014)
    names = sorted(rows[0], reverse=True)
    path = tmp_path / "sqf_2014.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        writer.writerows([["" if row[name] in {"N/A", "NA"} else row[name].strip() for name in names] for row in rows])
    assert path.read_bytes().count(b"\r") == 0
    again = clean_stops(read_published_file(path, 2014).frame, 2014)
    found = read(real_data_dir, 2014)[1]
    pd.testing.assert_frame_equal(again.stops, found.stops)
    pd.testing.assert_frame_equal(again.quality, found.quality)
    pd.testing.assert_frame_equal(again.loss, found.loss)


def test_rows_that_repeat_but_for_the_serial_number(real_data_dir: Path):
    """None repeats whole; one of 2014 does without the columns that carry nothing and are left out."""
    rows = published_rows(real_data_dir, 2014)
    left_out = {"ser_num", "recstat", "compyear", "comppct", "adtlrept", "dob", "addrtyp", "rescode", "premtype"}
    left_out |= {"state", "addrpct", "beat", "post", "dettypCM", "lineCM"}
    repeated = {
        without: len(rows)
        - len({tuple(text.strip() for name, text in row.items() if name not in dropped) for row in rows})
        for without, dropped in (("number", {"ser_num"}), ("left out", left_out))
    }
    assert repeated == {"number": 0, "left out": 1}
    assert rows_of(read(real_data_dir, 2014)[1], "stop_id", "equal_but_id") == 1


@pytest.mark.parametrize("year", [2014, 2015])
def test_a_whole_year_may_be_stored(year: int, real_data_dir: Path):
    raw, found = read(real_data_dir, year)
    review = review_year(raw, found, None)
    assert (review.coverage, [one for one in review.findings if one.severity == "red"]) == ("whole", [])
    assert not review.of("expected", "months", "form", "files")


def test_a_year_before_in_the_other_form_is_not_compared(real_data_dir: Path):
    from sqf_pipeline.year_checks.year_review import YearBefore

    found = read(real_data_dir, 2015)[1]
    new = clean_stops(read_published_file(real_data_dir / "sqf-2018.csv", 2018).frame, 2018)
    findings = cleaning_findings(new.stops, new.loss, YearBefore(found.stops, found.loss, "whole"))
    assert [one.rule for one in findings if one.rule != "loss"] == ["form"]
    told = cleaning_findings(found.stops, found.loss, YearBefore(read(real_data_dir, 2014)[1].stops, None, "whole"))
    assert not [one for one in told if one.severity == "red"]
    assert isinstance(findings[0], Finding)


def test_regularities_that_the_old_form_keeps(real_data_dir: Path):
    """Exceptions as counted in the description, section 6."""
    exceptions = {"searched": {}, "frisked": {}, "place": {}}
    for year in FILES:
        stops = read(real_data_dir, year)[1].stops
        bases = (
            stops[[name for name in stops if name.startswith("search_basis_")]].fillna(value=False).any(axis="columns")
        )
        reasons = stops[[name for name in stops if name.startswith(("frisk_basis_", "background_"))]].any(
            axis="columns"
        )
        exceptions["searched"][year] = int((bases != stops["searched"]).sum())
        exceptions["frisked"][year] = int((reasons != stops["frisked"]).sum())
        blank = read(real_data_dir, year)[0].frame[["x_feet", "y_feet"]].apply(lambda texts: texts.str.strip() == "")
        exceptions["place"][year] = int((blank["x_feet"] != blank["y_feet"]).sum())
    assert list(exceptions["searched"].values()) == [0, 0, 0, 1]
    assert list(exceptions["frisked"].values()) == [12, 0, 1, 0]
    assert list(exceptions["place"].values()) == [0, 0, 0, 0]


def test_searches_on_another_ground_hold_the_arrests(real_data_dir: Path):
    counted = []
    for year in (2014, 2015):
        stops = read(real_data_dir, year)[1].stops
        counted.append(
            (int(stops["search_basis_other"].sum()), int((stops["search_basis_other"] & stops["arrested"]).sum()))
        )
    assert counted == [(3_890, 2_973), (2_424, 1_801)]
