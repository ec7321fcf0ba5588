"""What keeps a year from being stored, and what is stored with it when it is."""

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import pytest

from sqf_pipeline.cleaning.clean_stops import CleanedStops, clean_stops
from sqf_pipeline.definitions import build_defs
from sqf_pipeline.orchestration.io_managers import ParquetIOManager
from sqf_pipeline.orchestration.stored_years import hand_over_cleaned, take_cleaned
from sqf_pipeline.settings import Settings
from sqf_pipeline_tests.pipeline_support import in_quarters, rows_of, write_made_up_years, write_rows

RAW = ("raw_stops", "source_files", "revisions")


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_made_up_years(tmp_path_factory.mktemp("good"), rows=400)


class Loader:
    """Loads years without a database: tables are Parquet files beside the frames."""

    def __init__(self, home: Path, data_dir: Path) -> None:
        self.home, self.data_dir = home, data_dir
        self.frames: Any = ParquetIOManager(home / "frames")

    def load(self, year: int, *, only_raw: bool = False, **settings: Any) -> dict[str, dg.AssetCheckEvaluation]:
        """Return the checks of a year by name; raises dagster.Failure when it is refused.

        `only_raw` leaves out the clean stops, where nothing is asked about them.
        """
        given = Settings(home=self.home, data_dir=self.data_dir, source="local", **({"excerpt": True} | settings))
        definitions = build_defs(given, frames=self.frames, tables=self.frames, frames_and_tables=self.frames)
        with dg.DagsterInstance.ephemeral() as instance:
            result = definitions.resolve_job_def("yearly_stops").execute_in_process(
                instance=instance,
                partition_key=str(year),
                asset_selection=[dg.AssetKey(name) for name in RAW] if only_raw else None,
            )
            return {check.check_name: check for check in result.get_asset_check_evaluations()}

    def stored(self, asset: str, year: int) -> pd.DataFrame:
        return self.frames.read(self.frames.path(dg.AssetKey(asset), str(year)))

    def is_stored(self, asset: str, year: int) -> bool:
        return self.frames.path(dg.AssetKey(asset), str(year)).exists()

    def change(self, year: int, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
        path = self.data_dir / f"sqf-{year}.csv"
        change(pd.read_csv(path, dtype=str, keep_default_na=False)).to_csv(path, index=False)


@pytest.fixture
def loader(good: Path, tmp_path: Path) -> Loader:
    return Loader(tmp_path / "home", Path(shutil.copytree(good, tmp_path / "raw")))


def refused(loader: Loader, year: int, **settings: Any) -> str:
    """Load a year that must be refused; return why. Nothing of it may be stored."""
    with pytest.raises(dg.Failure) as caught:
        loader.load(year, **settings)
    for asset in (*RAW, "stops", "data_quality", "column_loss"):
        assert not loader.is_stored(asset, year), asset
    return str(caught.value.description)


def test_a_good_excerpt_is_stored_and_says_so(loader):
    checks = loader.load(2019)
    assert checks["contract"].passed
    (file,) = loader.stored("source_files", 2019).to_dict("records")
    assert (file["coverage"], file["months"], file["rows_of_other_years"]) == ("excerpt", "January to December", 0)
    assert file["parts"] is None
    loss = loader.stored("column_loss", 2019)
    assert (loss["cells"] == 400).all()
    assert (loss[["empty", "unreadable", "implausible", "kept"]].sum(axis="columns") == 400).all()
    assert loader.stored("revisions", 2019).empty


def test_as_many_stops_as_nypd_published_are_asked_of_what_is_no_excerpt(loader):
    assert "2019: found 400 stops, the official number is 13,459" in refused(loader, 2019, excerpt=False)
    checks = loader.load(2019, only_raw=True)
    assert not checks["year_is_whole"].passed
    assert checks["year_is_whole"].severity == dg.AssetCheckSeverity.WARN


@pytest.mark.parametrize(
    "lost",
    [
        {"STOP_FRISK_DATE": ("2031-02-30", "stop_date: 400 of 400 filled cells could not be used")},
        {
            "SUSPECT_ARRESTED_FLAG": ("maybe", "arrested: 400 of 400 filled cells could not be used"),
            "SUMMONS_ISSUED_FLAG": ("", "summons_issued: every one of 400 cells is empty"),
            "WEAPON_FOUND_FLAG": ("(null)", "weapon_found: every one of 400 cells is empty"),
            "SUSPECT_HEIGHT": ("tall", "suspect_height_inches: 4"),
            "STOP_LOCATION_X": ("-73", "x_feet: 4"),
            "SEARCHED_FLAG": ("perhaps", "searched: 400 of 400"),
        },
    ],
    ids=["the dates", "others"],
)
def test_columns_that_are_lost_are_refused_before_anything_is_stored(loader, lost):
    loader.change(2019, lambda frame: frame.assign(**{column: text for column, (text, _) in lost.items()}))
    told = refused(loader, 2019)
    assert [said for _, said in lost.values() if said not in told] == []


def test_three_unreadable_outcomes_of_four_hundred_are_too_many_and_one_is_told(loader):
    def spoil(rows: int) -> Callable[[pd.DataFrame], pd.DataFrame]:
        return lambda frame: frame.assign(
            SUSPECT_ARRESTED_FLAG=["maybe"] * rows + frame["SUSPECT_ARRESTED_FLAG"].tolist()[rows:]
        )

    loader.change(2019, spoil(1))
    told = loader.load(2019)["little_is_lost"]
    assert not told.passed
    assert "arrested: 1 of 400 filled cells could not be used" in told.description
    loader.change(2018, spoil(3))
    assert "arrested: 3 of 400" in refused(loader, 2018)


def test_a_category_that_was_frequent_the_year_before_and_is_gone_is_refused(loader):
    loader.load(2018)
    loader.change(2019, lambda frame: frame.assign(SUSPECT_RACE_DESCRIPTION=frame["SUSPECT_RACE_DESCRIPTION"].str[:5]))
    assert "suspect_race: no stop has" in refused(loader, 2019)


def test_the_year_before_is_compared_where_it_is_loaded(loader):
    assert "2018 is not loaded" in loader.load(2019)["little_is_lost"].metadata["compared"].value
    loader.load(2018)
    loader.change(
        2019, lambda frame: frame.assign(STOP_LOCATION_PRECINCT=["(null)"] * 100 + ["14"] * (len(frame) - 100))
    )
    told = loader.load(2019)["little_is_lost"]
    assert "precinct: 100 of 400 cells are empty (25.00%)" in told.description


def with_rows_of(loader: Loader, other: int, rows: int) -> Callable[[pd.DataFrame], pd.DataFrame]:
    stops = pd.read_csv(loader.data_dir / "sqf-2019.csv", dtype=str, keep_default_na=False).iloc[:rows]
    stops = stops.assign(YEAR2=str(other), STOP_ID_ANONY=[str(90_000 + number) for number in range(rows)])
    return lambda frame: pd.concat([frame, stops])


def test_rows_of_another_year_are_left_out_counted_and_told_or_refused(loader):
    loader.change(2019, with_rows_of(loader, 2018, 3))
    told = loader.load(2019)["year_is_whole"]
    assert "stops of another year were left out: 3 of 2018" in told.description
    assert loader.stored("source_files", 2019)["rows_of_other_years"].tolist() == [3]
    assert len(loader.stored("stops", 2019)) == 400


@pytest.mark.parametrize(("other", "rows", "said"), [(2018, 250, "250 of 2018 among 650"), (2020, 1, "later")])
def test_a_mixture_of_years_is_refused(loader, other, rows, said):
    loader.change(2019, with_rows_of(loader, other, rows))
    with pytest.raises(Exception, match=said):
        loader.load(2019)
    assert not loader.is_stored("raw_stops", 2019)


def test_quarters_are_read_as_one_year(loader):
    whole = Loader(loader.home / "whole", loader.data_dir)
    whole.load(2019)
    in_quarters(loader.data_dir, 2019, 1, 2, 3, 4)
    loader.load(2019)
    (file,) = loader.stored("source_files", 2019).to_dict("records")
    assert (file["coverage"], file["rows"]) == ("excerpt", 400)
    assert [part["name"] for part in json.loads(file["parts"])] == [f"sqf-2019-q{number}.csv" for number in range(1, 5)]
    one, other = (each.stored("stops", 2019).sort_values("stop_id", ignore_index=True) for each in (whole, loader))
    pd.testing.assert_frame_equal(one, other)


def test_the_same_stop_in_two_parts_is_refused(loader):
    in_quarters(loader.data_dir, 2019, 1, 2, 3, 4)
    second = loader.data_dir / "sqf-2019-q2.csv"
    write_rows(second, [*rows_of(second), rows_of(loader.data_dir / "sqf-2019-q1.csv")[1]])
    with pytest.raises(Exception, match=r"sqf-2019-q1\.csv and sqf-2019-q2\.csv.*found 1 numbers in both"):
        loader.load(2019)


@pytest.mark.parametrize("excerpt", [True, False])
def test_a_quarter_is_stored_as_a_partial_year(loader, excerpt):
    in_quarters(loader.data_dir, 2019, 1)
    told = loader.load(2019, only_raw=True, excerpt=excerpt)["year_is_whole"]
    assert "found January to March" in told.description
    (file,) = loader.stored("source_files", 2019).to_dict("records")
    assert file["coverage"] == ("partial excerpt" if excerpt else "partial")
    assert file["months"] == "January to March"


def test_a_file_of_a_whole_name_that_stops_early_is_partial_by_its_months(loader):
    in_quarters(loader.data_dir, 2019, 1)
    (loader.data_dir / "sqf-2019-q1.csv").rename(loader.data_dir / "sqf-2019.csv")
    loader.load(2019, only_raw=True, excerpt=False)
    assert loader.stored("source_files", 2019)["coverage"].tolist() == ["partial"]


def test_other_bytes_are_told_and_what_changed_is_kept(loader):
    loader.load(2019, only_raw=True)
    former = loader.stored("source_files", 2019).iloc[0]
    assert loader.load(2019, only_raw=True)["not_revised"].passed
    loader.change(
        2019, lambda frame: frame.iloc[2:].assign(SUSPECT_REPORTED_AGE=["33", *frame["SUSPECT_REPORTED_AGE"][3:]])
    )
    checks = loader.load(2019, only_raw=True)
    assert not checks["not_revised"].passed
    assert "0 stops added, 2 gone, 1 changed (cells: suspect_age 1)" in checks["not_revised"].description
    rows = loader.stored("revisions", 2019)
    assert set(rows["former_sha256"]) == {former["sha256"]}
    assert (rows["former_fetched_at"] == former["fetched_at"]).all()
    assert rows.set_index("change").loc["rows_gone", "changed"] == 2

    assert loader.load(2019, only_raw=True)["not_revised"].passed, "the same bytes again"
    pd.testing.assert_frame_equal(loader.stored("revisions", 2019), rows)
    loader.change(2019, lambda frame: frame.iloc[1:])
    loader.load(2019, only_raw=True)
    assert loader.stored("revisions", 2019)["sha256"].nunique() == 2, "earlier revisions are kept"


def test_a_year_is_cleaned_once_and_anew_when_what_was_handed_over_is_of_other_stops(loader, monkeypatch):
    cleaned: list[int] = []

    def counted(raw: pd.DataFrame, year: int) -> CleanedStops:
        cleaned.append(len(raw))
        return clean_stops(raw, year)

    for module in ("ingest.cleaned_year", "cleaning.clean_stops"):
        monkeypatch.setattr(f"sqf_pipeline.{module}.clean_stops", counted)
    loader.load(2019)
    assert cleaned == [400]
    raw = loader.stored("raw_stops", 2019)
    expected = clean_stops(raw, 2019).stops
    pd.testing.assert_frame_equal(loader.stored("stops", 2019), expected, check_dtype=False)

    loader.load(2019, only_raw=True)
    (handed_over,) = (loader.home / "frames" / "cleaned").iterdir()
    assert take_cleaned(loader.frames, 2019, "another version of the code") is None
    assert not handed_over.exists()
    hand_over_cleaned(loader.frames, 2019, "1", clean_stops(raw, 2019))
    loader.frames.write(raw.iloc[1:], loader.frames.path(dg.AssetKey("raw_stops"), "2019"))
    assert take_cleaned(loader.frames, 2019, "1") is None, "other raw stops"


def test_what_was_handed_over_and_nobody_took_goes_after_an_hour_whatever_its_year(loader):
    loader.load(2019, only_raw=True)
    (left,) = (loader.home / "frames" / "cleaned").iterdir()
    loader.load(2020)
    assert left.exists(), "the step that takes it may still be to come"
    os.utime(left, (time.time() - 3_700,) * 2)
    loader.load(2020)
    assert not left.exists()
