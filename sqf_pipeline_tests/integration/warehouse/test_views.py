"""The views say what pandas says of the same stops."""

import numpy as np
import pandas as pd
import pytest

from sqf_pipeline.warehouse.writer import replace_partition
from sqf_pipeline_tests.integration.warehouse import frames

GROUPS = {
    "year": None,
    "borough": "borough",
    "precinct": "precinct",
    "race": "suspect_race",
    "weekday": "weekday",
    "month": "month",
    "hour": "stop_time_seconds",
}


@pytest.fixture
def stops(engine, warehouse) -> pd.DataFrame:
    parts = []
    for year in (2019, 2020):
        files = frames.source_files(warehouse, year)
        replace_partition(engine, warehouse.tables["sqf.source_files"], files, {"year": year})
        parts.append(frames.stops(200, year, seed=year))
        replace_partition(engine, warehouse.tables["sqf.stops"], parts[-1], {"year": year})
    return pd.concat(parts, ignore_index=True)


@pytest.mark.parametrize("name", GROUPS)
def test_counts_and_shares(engine, stops, name):
    columns = ["year"] if name == "year" else ["year", name]
    if name != "year":
        value = stops[GROUPS[name]]
        stops[name] = value // 3600 if name == "hour" else value
    marks = stops[["firearm_found", "knife_found", "other_weapon_found"]].fillna(value=False)
    stops["any_weapon"] = stops["weapon_found"].fillna(value=False) | marks.any(axis=1)
    expected = (
        stops.groupby(columns, dropna=False)
        .agg(
            stops=("stop_id", "size"),
            arrests=("arrested", "sum"),
            summonses=("summons_issued", "sum"),
            known=("arrested", "count"),
            weapons=("any_weapon", "sum"),
            firearms=("firearm_found", "sum"),
        )
        .reset_index()
    )
    with engine.connect() as connection:
        found = pd.read_sql(f"SELECT * FROM sqf.outcomes_by_{name}", connection)
    assert found["stops"].sum() == len(stops)
    key = [found[column].astype("string").fillna("") for column in columns]
    found = found.set_index(key).sort_index()
    expected = expected.set_index([expected[column].astype("string").fillna("") for column in columns]).sort_index()
    for column in ("stops", "arrests", "summonses", "weapons", "firearms"):
        assert found[column].tolist() == expected[column].tolist(), column
    shares = expected["arrests"].to_numpy(float) / expected["known"].replace(0, np.nan).to_numpy(float)
    assert found["arrest_share"].tolist() == pytest.approx(shares.tolist(), abs=6e-5, nan_ok=True)


def test_latest_metrics_are_those_of_the_newest_year(engine, warehouse):
    for year, names in ((2020, ("kept", "given-up")), (2021, ("kept",))):
        for table, make in (("models", frames.models), ("model_metrics", frames.metrics)):
            frame = make(warehouse, names, year)
            replace_partition(engine, warehouse.tables[f"sqf.{table}"], frame, {"test_year": year})
    with engine.connect() as connection:
        found = pd.read_sql("SELECT model, test_year, outcome, roc_auc FROM sqf.latest_metrics", connection)
    assert found.sort_values("model").to_numpy().tolist() == [
        ["given-up", 2020, "arrest", 0.75],
        ["kept", 2021, "arrest", 0.75],
    ]
