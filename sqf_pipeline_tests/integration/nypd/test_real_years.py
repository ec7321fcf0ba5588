"""The published files of 2017 to 2020, read and cleaned; the figures stand in the description of the data."""

from pathlib import Path

import pandas as pd
import pytest

from sqf_pipeline.contracts.stops import raw_stops_contract, stops_contract
from sqf_pipeline.nypd.cleaning import CleanedStops, clean_stops
from sqf_pipeline.nypd.reader import read_published_file

FILES = {2017: "sqf-2017.csv", 2018: "sqf-2018.csv", 2019: "sqf-2019.csv", 2020: "sqf-2020.xlsx"}


@pytest.fixture(scope="module")
def years(real_data_dir: Path) -> dict[int, CleanedStops]:
    cleaned = {}
    for year, name in FILES.items():
        raw = read_published_file(real_data_dir / name, year)
        assert raw.columns_unknown == ()
        raw_stops_contract().validate(raw.frame, lazy=True)
        cleaned[year] = clean_stops(raw.frame, year)
        stops_contract(years=(year,), expected_rows=len(raw.frame)).validate(cleaned[year].stops, lazy=True)
    return cleaned


def test_rows_and_outcomes(years: dict[int, CleanedStops]):
    assert [len(years[year].stops) for year in FILES] == [11_629, 11_008, 13_459, 9_544]
    training = pd.concat([years[year].stops for year in (2017, 2018, 2019)])
    assert training["arrested"].sum() == 10_884
    assert (training["summons_issued"].sum(), training["summons_issued"].isna().sum()) == (1_039, 1)
    test = years[2020].stops
    assert (test["arrested"].sum(), test["summons_issued"].sum()) == (3_557, 263)


def test_units_agree_over_the_years(years: dict[int, CleanedStops]):
    medians = {year: cleaned.stops["suspect_height_inches"].median() for year, cleaned in years.items()}
    assert set(medians.values()) == {69.0}
    hours = years[2017].stops["stop_time_seconds"] // 3600
    assert hours.between(12, 23).mean() > 0.5


def test_categories_agree_over_the_years(years: dict[int, CleanedStops]):
    for name in ("borough", "suspect_sex", "initiated_by"):
        found = {frozenset(cleaned.stops[name].dropna()) for cleaned in years.values()}
        assert len(found) == 1
    assert not any((cleaned.quality["rule"] == "new_category").any() for cleaned in years.values())


def test_every_place_is_in_the_city(years: dict[int, CleanedStops]):
    for cleaned in years.values():
        located = cleaned.stops.dropna(subset=["longitude", "latitude"])
        assert len(located) > 0.96 * len(cleaned.stops)
        assert located["longitude"].between(-74.27, -73.69).all()
        assert located["latitude"].between(40.49, 40.92).all()


def test_shifted_rows_are_found(years: dict[int, CleanedStops]):
    quality = years[2017].quality.set_index("rule")["rows"]
    assert (quality["shifted_location_block"], quality["shifted_person_block"]) == (29, 7)
    assert quality["shifted_outcome_block"] == 1
