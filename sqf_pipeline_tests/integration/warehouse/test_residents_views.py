"""Stops, frisks, force and arrests for 1,000 residents are what pandas counts on the same stops."""

import pandas as pd
import pytest

from sqf_pipeline.registry.residents import load_residents
from sqf_pipeline.warehouse.views import RESIDENTS_BY
from sqf_pipeline.warehouse.writer import replace_partition
from sqf_pipeline_tests.integration.warehouse import frames

GROUP = {"BLACK": "black", "WHITE": "white", "BLACK HISPANIC": "hispanic", "WHITE HISPANIC": "hispanic"}


@pytest.fixture
def stops(engine, warehouse) -> pd.DataFrame:
    replace_partition(
        engine, warehouse.tables["sqf.source_files"], frames.source_files(warehouse, 2020), {"year": 2020}
    )
    made = frames.stops(300, 2020, seed=1)
    races = [*GROUP, "MIDDLE EASTERN / SOUTHWEST ASIAN", None]
    made["suspect_race"] = pd.array([races[place % len(races)] for place in range(len(made))], dtype="string")
    made["precinct"] = pd.array([(1, 40, 75)[place % 3] for place in range(len(made))], dtype="Int32")
    made.loc[:4, "precinct"] = pd.NA
    made["force_handcuffs"] = pd.array([place % 4 == 0 for place in range(len(made))], dtype="boolean")
    made["force_verbal_instruction"] = pd.array([True] * len(made), dtype="boolean")
    for name in made.columns:
        if name.startswith("force_") and name not in ("force_handcuffs", "force_verbal_instruction"):
            made[name] = pd.array([pd.NA] * len(made), dtype="boolean")
    replace_partition(engine, warehouse.tables["sqf.stops"], made, {"year": 2020})
    living = load_residents().assign(year=2020, source="local")
    replace_partition(engine, warehouse.tables["sqf.residents"], living, {"year": 2020})
    return made


@pytest.mark.parametrize("by", RESIDENTS_BY)
def test_counts_and_rates(engine, stops, by):
    view = f"per_1000_residents_by_{'_and_'.join(by)}"
    with engine.connect() as connection:
        found = pd.read_sql(f"SELECT * FROM sqf.{view}", connection)
    grouped = stops.assign(race=stops["suspect_race"].map(GROUP))
    counted = grouped.groupby(list(by), dropna=False)
    living = load_residents().groupby(list(by))["residents"].sum()
    assert found["stops"].sum() == len(stops)
    assert found["residents"].sum() == 8_804_081
    assert found["force"].sum() == 75  # handcuffs on every fourth; a verbal instruction is none
    for key, group in counted:
        wanted = dict(zip(by, key, strict=True))
        row = found
        for name, value in wanted.items():
            row = row[row[name].isna() if pd.isna(value) else row[name] == value]
        assert len(row) == 1
        row = row.iloc[0]
        assert row["stops"] == len(group)
        assert row["frisks"] == int(group["frisked"].sum())
        assert row["arrests"] == int(group["arrested"].sum())
        if any(pd.isna(value) for value in wanted.values()):
            assert pd.isna(row["stops_per_1000"])
        else:
            people = living[key if len(by) > 1 else key[0]]
            assert row["residents"] == people
            assert row["frisks_per_1000"] == pytest.approx(1000 * int(group["frisked"].sum()) / people)


def test_a_precinct_without_a_stop_stands_there_with_none(engine, stops):
    with engine.connect() as connection:
        found = pd.read_sql("SELECT * FROM sqf.per_1000_residents_by_precinct WHERE precinct = 22", connection)
    assert found["stops"].tolist() == [0]
    assert found["stops_per_1000"].tolist() == [0.0]


def test_every_view_warns_that_residents_are_not_who_walks_there(engine, warehouse):
    del warehouse
    with engine.connect() as connection:
        for by in RESIDENTS_BY:
            told = connection.exec_driver_sql(
                f"SELECT obj_description('sqf.per_1000_residents_by_{'_and_'.join(by)}'::regclass)"
            ).scalar()
            assert "Residents are not the people who walk there" in told
