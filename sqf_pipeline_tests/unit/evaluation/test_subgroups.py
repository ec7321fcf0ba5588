"""Groups of people: small ones are counted and not shown, rates are defined honestly."""

import numpy as np
import pandas as pd
import pytest

from sqf_pipeline.evaluation.bootstrap import resample_weights
from sqf_pipeline.evaluation.metrics import make_forecast
from sqf_pipeline.evaluation.subgroups import COLUMNS, NOT_SHOWN, subgroup_labels, subgroup_metrics
from sqf_pipeline_tests.single_forecast import metrics_of


def made_stops(rows: int = 400) -> pd.DataFrame:
    generator = np.random.default_rng(7)
    return pd.DataFrame(
        {
            "suspect_race": pd.array(["BLACK"] * 200 + ["WHITE"] * 170 + ["RARE"] * 30, dtype="string"),
            "suspect_sex": pd.array(["MALE"] * 300 + [None] * 100, dtype="string"),
            "suspect_age": pd.array([*generator.integers(10, 60, rows - 60), *[None] * 60], dtype="Int32"),
            "borough": pd.array(["BRONX"] * rows, dtype="string"),
        }
    )


def measured(actual: np.ndarray, stops: pd.DataFrame) -> pd.DataFrame:
    generator = np.random.default_rng(8)
    forecast = make_forecast(actual, np.clip(0.3 * actual + generator.random(len(actual)) * 0.7, 0, 1))
    clusters = np.arange(len(actual)) // 2
    return subgroup_metrics(
        forecast,
        subgroup_labels(stops),
        threshold=0.5,
        clusters=clusters,
        weights=resample_weights(clusters, resamples=60),
    )


def test_groups_are_measured_with_intervals_and_small_ones_only_counted() -> None:
    stops = made_stops()
    actual = np.random.default_rng(9).random(len(stops)) < 0.3
    table = measured(actual, stops)
    assert tuple(table.columns) == COLUMNS
    assert (table.groupby("attribute")["rows"].sum() == len(stops)).all(), "every stop is counted in each attribute"
    race = table[table["attribute"] == "race"].set_index("group_name")
    assert "RARE" not in race.index
    assert race.loc[NOT_SHOWN, "rows"] == 30
    assert race.loc[NOT_SHOWN, "positives"] == actual[370:].sum()
    assert race.loc[NOT_SHOWN].drop(["attribute", "rows", "positives"]).isna().all()
    shown = race.loc["BLACK"]
    for rate in ("base_rate", "selection_rate", "false_positive_rate", "false_negative_rate", "roc_auc"):
        assert shown[f"{rate}_low"] < shown[rate] < shown[f"{rate}_high"], rate
    assert shown["base_rate"] == pytest.approx(actual[:200].mean())


def test_the_whole_as_one_group_equals_the_plain_measures() -> None:
    stops = made_stops()
    actual = np.random.default_rng(9).random(len(stops)) < 0.3
    generator = np.random.default_rng(8)
    forecast = make_forecast(actual, np.clip(0.3 * actual + generator.random(len(actual)) * 0.7, 0, 1))
    row = measured(actual, stops).set_index("group_name").loc["BRONX"]
    whole = metrics_of(forecast, training_share=0.3)
    assert row["roc_auc"] == pytest.approx(whole["roc_auc"])
    assert row["selection_rate"] == pytest.approx(whole["flagged_share"])
    assert row["false_negative_rate"] == pytest.approx(1 - whole["recall"])
    assert row["expected_calibration_error"] == pytest.approx(whole["expected_calibration_error"])


def test_a_group_without_positives_has_no_false_negative_rate() -> None:
    stops = made_stops()
    actual = np.zeros(len(stops), dtype=bool)
    actual[200:370:4] = True
    row = measured(actual, stops).set_index("group_name").loc["BLACK"]
    assert row["base_rate"] == 0
    assert 0 < row["base_rate_high"] < 0.05, "a rate of nought in 200 stops is not certainly nought"
    assert pd.isna(row["false_negative_rate"])
    assert pd.isna(row["roc_auc"])
    assert pd.isna(row["roc_auc_low"])


def test_ages_are_banded_and_the_missing_named() -> None:
    stops = made_stops().head(4).assign(suspect_age=pd.array([17, 18, 55, None], dtype="Int32"))
    assert subgroup_labels(stops)["age band"].tolist() == ["under 18", "18 to 24", "55 and over", "unknown"]
