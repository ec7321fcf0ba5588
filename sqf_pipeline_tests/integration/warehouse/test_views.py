"""The views say what pandas says of the same stops."""

import csv
from importlib import resources

import numpy as np
import pandas as pd
import pytest

from sqf_pipeline.errors import SqfError
from sqf_pipeline.warehouse.tables import ensure_schema
from sqf_pipeline.warehouse.writer import replace_partition
from sqf_pipeline_tests.integration.warehouse import frames

GROUPS = {
    "year": None,
    "borough": "borough",
    "precinct": "precinct",
    "race": "suspect_race",
    "crime": "suspected_crime",
    "weekday": "weekday",
    "month": "month",
    "hour": "stop_time_seconds",
}


MEASURES = {
    "arrests": ("arrested", "arrest_share"),
    "summonses": ("summons_issued", "summons_share"),
    "frisks": ("frisked", "frisk_share"),
    "searches": ("searched", "search_share"),
    "weapons": ("any_weapon", "weapon_share"),
    "firearms": ("firearm_found", "firearm_share"),
    "knives": ("knife_found", "knife_share"),
    "force": ("any_force", "force_share"),
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
    force = [column for column in stops if column.startswith("force_") and stops[column].dtype == "boolean"]
    stops["any_force"] = stops[force].drop(columns="force_verbal_instruction").fillna(value=False).any(axis="columns")
    marked = stops[["firearm_found", "knife_found", "other_weapon_found"]].fillna(value=False).any(axis="columns")
    stops["any_weapon"] = stops["weapon_found"] | marked
    grouped = stops.groupby(columns, dropna=False)
    with engine.connect() as connection:
        found = pd.read_sql(f"SELECT * FROM sqf.outcomes_by_{name}", connection)
    assert found["stops"].sum() == len(stops)

    def by_key(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.set_index([frame[column].astype("string").fillna("") for column in columns]).sort_index()

    found = by_key(found)
    assert found["stops"].tolist() == by_key(grouped.size().reset_index(name="n"))["n"].tolist()
    for counted, (column, share) in MEASURES.items():
        expected = by_key(grouped[column].agg(["sum", "count"]).reset_index())
        assert found[counted].tolist() == expected["sum"].tolist(), counted
        shares = expected["sum"].to_numpy(float) / expected["count"].replace(0, np.nan).to_numpy(float)
        assert found[share].tolist() == pytest.approx(shares.tolist(), nan_ok=True), share


def test_a_year_that_is_stored_again_is_counted_again_and_no_other(engine, warehouse, stops):
    replace_partition(engine, warehouse.tables["sqf.stops"], frames.stops(30, 2020, seed=9), {"year": 2020})
    query = "SELECT stops FROM sqf.outcomes_by_year ORDER BY year"
    with engine.connect() as connection:
        assert list(pd.read_sql(query, connection)["stops"]) == [200, 30]
    with pytest.raises(SqfError):
        replace_partition(
            engine, warehouse.tables["sqf.stops"], frames.stops(5, 2020).assign(stop_id="0"), {"year": 2020}
        )
    with engine.connect() as connection:
        assert list(pd.read_sql(query, connection)["stops"]) == [200, 30]


def test_stops_that_an_older_version_stored_are_counted_when_the_schema_is_brought_in_line(engine, warehouse, stops):
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE sqf.stop_counts CASCADE")
    ensure_schema(engine, "sqf")
    with engine.connect() as connection:
        assert pd.read_sql("SELECT stops FROM sqf.outcomes_by_month", connection)["stops"].sum() == len(stops)


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


def test_comparability_is_the_registrys_table_of_columns(engine, warehouse):
    with engine.connect() as connection:
        found = pd.read_sql("SELECT * FROM sqf.comparability", connection).set_index("column_name")
    table = resources.files("sqf_pipeline.registry").joinpath("columns.csv").read_text("utf-8")
    rows = {row["name"]: row for row in csv.DictReader(table.splitlines())}
    assert (
        set(found.index)
        == set(rows)
        == {column.name for column in warehouse.tables["sqf.stops"].columns} - {"recorded_at"}
    )
    assert found["comparable"].to_dict() == {name: row["comparable"] for name, row in rows.items()}
    assert found["note"].fillna("").to_dict() == {name: row["usage_warning"] for name, row in rows.items()}
    assert (
        found.loc["action_other", "comparable"] == "different"
    )  # 37.2 % of early 2016, 53.4 % of late, 29.9 % of 2017
