"""The tables behind the charts, held against counts made in another way."""

import re

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from sqf_pipeline.display import TableColumn
from sqf_pipeline.export.analysis_models import (
    calibration_table,
    difference_table,
    importance_table,
    metrics_table,
    quality_table,
    study_chart_table,
    subgroup_table,
)
from sqf_pipeline.export.analysis_stops import FEWEST, by_category, by_month, by_year, map_cells, stops_tables
from sqf_pipeline.export.analysis_tables import analysis_tables, model_titles
from sqf_pipeline.registry.csv_tables import read_rows
from sqf_pipeline.service.analysis_table import AnalysisTable
from sqf_pipeline.service.pages import table_to_csv
from sqf_pipeline_tests.service_support import invented_stops, small_export

TITLES = {"b-model": "Arrest, at the stop", "a-model": "Arrest, during"}


@pytest.fixture(scope="module")
def stops():
    frame = pd.concat([invented_stops(700, 1, 2019), invented_stops(500, 2, 2020)], ignore_index=True)
    frame["longitude"] = -74 + frame["x_feet"].astype("Float64") / 1e7
    frame["latitude"] = 40.6 + frame["y_feet"].astype("Float64") / 1e7
    frame.loc[:9, "arrested"] = pd.NA
    return frame


def rows_of(table):
    names = [column.name for column in table.columns]
    return [dict(zip(names, row, strict=True)) for row in table.rows]


def test_years_count_every_stop_and_known_outcomes(stops):
    table = by_year(stops)
    rows = rows_of(table)
    assert [(row["year"], row["stops"]) for row in rows] == [(2019, 700), (2020, 500)]
    known = stops[(stops["year"] == 2019) & stops["arrested"].notna()]
    assert rows[0]["arrested_share"] == pytest.approx(float(known["arrested"].mean()))
    assert rows[0]["arrested_share_low"] < rows[0]["arrested_share"] < rows[0]["arrested_share_high"]
    assert table.title == "Stops fell from 700 in 2019 to 500 in 2020"


def test_intervals_count_persons_of_one_encounter_as_if_they_shared_their_fate(stops):
    """Five persons a stop: the interval is that of a fifth of the rows, by the formula of Wilson (1927)."""
    five = stops[stops["year"] == 2020].iloc[np.repeat(np.arange(100), 5)].assign(arrested=False)
    five["arrested"] = pd.array([True] * 150 + [False] * 350, dtype="boolean")
    (row,) = rows_of(by_year(five))
    z, rows, share = 1.959963984540054, 100, 0.3
    middle = (share + z**2 / (2 * rows)) / (1 + z**2 / rows)
    half = z / (1 + z**2 / rows) * (share * (1 - share) / rows + z**2 / (4 * rows**2)) ** 0.5
    assert (row["arrested_share_low"], row["arrested_share_high"]) == pytest.approx((middle - half, middle + half))


def test_differences_say_how_many_pairs_were_compared():
    rows = [
        {"model": "b-model", "reference_model": "arrest-at_stop-tuned_forest", "metric": metric, "difference": 0.01,
         "low": 0.002, "high": 0.02, "verdict": "better", "comparisons": 30, "adjusted_verdict": adjusted}
        for metric, adjusted in (("roc_auc", "undecided"), ("brier_score", "better"), ("accuracy", "better"))
    ]  # fmt: skip
    table = difference_table(pd.DataFrame(rows), TITLES)
    assert [(row["metric"], row["adjusted_verdict"]) for row in rows_of(table)] == [
        ("ROC AUC", "undecided"),
        ("Brier score", "better"),
    ]
    assert table.title == "1 of 2 differences hold for all pairs together"
    assert "30 pairs" in table.note
    assert "Holm" in table.note


def test_one_year_alone_has_a_title_of_its_own(stops):
    assert by_year(stops[stops["year"] == 2020]).title == "500 stops were published for 2020"


def test_missing_groups_are_counted_not_dropped(stops):
    rows = rows_of(by_category(stops, "suspect_race"))
    assert sum(row["stops"] for row in rows) == len(stops)
    assert (
        next(row["stops"] for row in rows if row["suspect_race"] == "Not known") == stops["suspect_race"].isna().sum()
    )


def test_shares_of_few_stops_are_left_out(stops):
    rows = rows_of(by_month(stops))
    few = [row for row in rows if row["stops"] < FEWEST]
    many = [row for row in rows if row["stops"] > FEWEST + 10]
    assert few
    assert many
    assert all(row["summons_issued_share"] is None for row in few)
    assert all(row["summons_issued_share"] is not None for row in many)


def test_the_map_accounts_for_every_stop(stops):
    table = map_cells(stops)
    shown = sum(row["stops"] for row in rows_of(table))
    missing = int(stops[["x_feet", "y_feet"]].isna().any(axis=1).sum())
    assert f"{missing:,} without coordinates" in table.note
    small = int(re.search(r"([\d,]+) stops in cells of fewer", table.note)[1].replace(",", ""))
    assert shown + small + missing == len(stops)
    assert min(row["stops"] for row in rows_of(table)) >= 5


def test_no_table_names_a_single_stop(stops):
    for table in stops_tables(stops):
        names = {column.name for column in table.columns}
        grid = {"x_feet", "y_feet"} if table.name == "places" else set()  # test_place_cells.py
        assert not names & {"stop_id", "x_feet", "y_feet", "suspect_age", "stop_date"} - grid


def test_permutation_is_preferred_and_models_keep_their_order():
    rows = [
        {"model": model, "kind": kind, "feature": "suspect_age", "importance": 0.1, "low": 0.0, "high": 0.2, "rank": 1}
        for model in ("a-model", "b-model", "other")
        for kind in ("impurity", "permutation")
        if (model, kind) != ("a-model", "permutation")
    ]
    table = importance_table(pd.DataFrame(rows), TITLES)
    shown = [(row["model"], row["kind"], row["feature"]) for row in rows_of(table)]
    assert shown == [("Arrest, at the stop", "permutation", "Age"), ("Arrest, during", "impurity", "Age")]
    assert "Impurity importance" in table.note
    assert "Permutation importance" in table.note


def test_calibration_says_how_many_bins_hold():
    bins = pd.DataFrame(
        {
            "model": ["a-model", "a-model", "other"], "bin": [0, 1, 0], "rows": [100, 100, 100],
            "mean_probability": [0.1, 0.5, 0.1], "observed_share": [0.12, 0.3, 0.1], "low": [0.07, 0.2, 0.0],
            "high": [0.2, 0.4, 1.0],
        }
    )  # fmt: skip
    table = calibration_table(bins, TITLES)
    assert "1 of 2 bins" in table.title
    assert len(table.rows) == 2


def test_groups_not_shown_stay_out():
    rows = [
        {"model": "a-model", "attribute": "race", "group_name": name, "rows": 99, "base_rate": rate,
         "false_positive_rate": 0.1, "false_negative_rate": 0.2, "selection_rate": 0.3, "mean_probability": 0.3,
         "roc_auc": 0.7}
        for name, rate in (("WHITE HISPANIC", 0.3), ("groups not shown", None))
    ]  # fmt: skip
    table = subgroup_table(pd.DataFrame(rows), TITLES)
    assert [row["group_name"] for row in rows_of(table)] == ["White Hispanic"]


def test_measures_name_best_and_worst():
    rows = [
        {"model": model, "metric": "roc_auc", "estimate": value, "low": value - 0.1, "high": value + 0.1}
        for model, value in (("a-model", 0.9), ("b-model", 0.7))
    ]
    table = metrics_table(pd.DataFrame(rows), TITLES)
    assert table.title == "ROC AUC goes from 0.70 (Arrest, at the stop) to 0.90 (Arrest, during)"


def test_absent_tables_leave_their_figure_out(stops):
    names = {table.name for table in analysis_tables(stops, {}, TITLES)}
    assert names == {"stops_by_year", "stops_by_month", "stops_by_hour", "stops_by_borough", "stops_by_suspect_race",
                     "stops_map", "places"}  # fmt: skip
    quality = pd.DataFrame([{"year": 2020, "column_name": "a", "rule": "r", "rows": 0, "description": "d"}])
    assert quality_table(quality).rows == ()


def test_forests_of_all_columns_stand_in_where_served_models_were_not_measured(stops):
    row = {"attribute": "race", "group_name": "BLACK", "rows": 99, "base_rate": 0.3, "false_positive_rate": 0.1,
           "false_negative_rate": 0.2, "selection_rate": 0.3, "mean_probability": 0.3, "roc_auc": 0.7}  # fmt: skip
    names = ("arrest-at_stop-tuned_forest", "arrest-at_stop-boosting", "arrest-at_stop-constant")
    results = {"subgroup_metrics": pd.DataFrame([{"model": name, **row} for name in names])}
    table = next(entry for entry in analysis_tables(stops, results, TITLES) if entry.name == "subgroups")
    assert [entry["model"] for entry in rows_of(table)] == ["Arrest, all columns at stop (tuned forest)"]


def test_the_study_is_drawn_where_two_say_the_same_share():
    comparison = pd.DataFrame(
        {
            "outcome": ["arrest", "arrest", "summons"], "figure": ["accuracy", "test_stops", "recall"],
            "published": [0.8218, 9544, None], "measured_again": [0.8226, 9544, 0.0], "ours": [0.84, 9544, None],
            "note": [None, None, None],
        }
    )  # fmt: skip
    found = [(row["figure"], row["who"], row["value"]) for row in rows_of(study_chart_table(comparison))]
    assert found == [
        ("Accuracy", "Published", 0.8218),
        ("Accuracy", "Measured again, its way", 0.8226),
        ("Accuracy", "Ours, cleaned", 0.84),
    ]


def test_every_table_survives_json_and_csv():
    small = small_export()
    stops = pd.concat([small.context.training_stops, small.test])
    tables = analysis_tables(stops, small.context.results, model_titles(small.models))
    assert len(tables) == 7 + 4 + 2 + 2 + 10  # of stops, models, the study, faults, equal treatment
    for table in tables:
        assert AnalysisTable.model_validate_json(table.model_dump_json()) == table
        assert len(table_to_csv(table).splitlines()) == len(table.rows) + 1


def test_a_cell_that_a_spreadsheet_would_run_is_disarmed():
    table = AnalysisTable(
        name="x", section="faults", title="t", question="q", columns=(TableColumn(name="a", label="A"),),
        rows=(("=1+1",), (-3,), ("",)),
    )  # fmt: skip
    assert table_to_csv(table).splitlines() == ["a", "'=1+1", "-3", '""']


def test_infinite_numbers_never_reach_a_table():
    with pytest.raises(ValidationError):
        AnalysisTable(
            name="x", section="faults", title="t", question="q", columns=(TableColumn(name="a", label="A"),),
            rows=((float("nan"),),),
        )  # fmt: skip


def test_every_table_has_words_and_its_chart_draws_columns_that_it_has():
    tables = {row["name"]: row for row in read_rows("sqf_pipeline.export", "analysis_tables.csv")}
    columns = {name: set() for name in tables}
    for row in read_rows("sqf_pipeline.export", "analysis_columns.csv"):
        columns[row["table"]].add(row["column"])  # a table without words is a KeyError
    for name, row in tables.items():
        drawn = {row["x"], row["group"], row["size"], *row["y"].split(), *row["select"].split()} - {""}
        assert row["title"], name
        assert row["question"], name
        # "stops" and the shares of outcomes stand behind the star
        assert drawn - columns[name] <= ({"stops"} if "*" in columns[name] else set()), name
