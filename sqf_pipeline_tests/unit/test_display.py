"""Numbers and tables are shown to people in one way."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqf_pipeline.display import TableColumn, display_table, metric_text, plain_value
from sqf_pipeline.evaluation.metrics import METRICS
from sqf_pipeline.registry.csv_tables import records
from sqf_pipeline.registry.metric_definitions import Metric, metrics_in
from sqf_pipeline.registry.outcomes import model_order

MISSING = (None, pd.NA, pd.NaT, math.nan, math.inf, np.float64("nan"))


@pytest.mark.parametrize(
    ("value", "kind", "shown"),
    [
        (12345, "count", "12,345"),
        (0.1234, "percent", "12.3 %"),
        (0.123456, "decimal", "0.123"),
        (-0.125, "decimal", "\u22120.125"),
        (0.123456, "small", "0.1235"),
        (36096.0, "mixed", "36,096"),
        (0.97241, "mixed", "0.9724"),
        (2020, "plain", "2020"),
        ("x_y", "text", "x_y"),
        ("x_y", "words", "x y"),
        ("x_y", "code", "x_y"),
        *((value, "decimal", "\u2013") for value in MISSING),
    ],
)
def test_cells_as_people_read_them(value, kind, shown):
    assert TableColumn(name="a", label="A", format=kind).show(value) == shown


@given(st.floats(allow_nan=False, allow_infinity=False, width=32), st.sampled_from(["decimal", "small", "percent"]))
def test_a_number_is_read_back_from_what_is_shown(value, kind):
    shown = TableColumn(name="a", label="A", format=kind).show(value)
    digits, factor = {"decimal": (3, 1), "small": (4, 1), "percent": (1, 100)}[kind]
    read = float(shown.replace(",", "").replace("\u2212", "-").removesuffix(" %"))
    assert read == pytest.approx(value * factor, abs=0.51 * 10**-digits, rel=1e-9)


def test_an_interval_is_part_of_its_column_and_missing_ends_are_left_out():
    table = display_table(
        [
            {"name": "a_b", "rate": 0.5, "rate_low": 0.4, "rate_high": 0.6},
            {"name": "c", "rate": 0.5, "rate_low": pd.NA, "rate_high": None},
            {"name": "d"},
        ],
        [("name", "Name", "code"), ("rate", "Rate", "percent")],
    )
    assert table.headers == ("Name", "Rate")
    assert [column.name for column in table.columns] == ["name", "rate", "rate_low", "rate_high"]
    assert table.texts(markdown=True) == [
        ("`a_b`", "50.0 % (40.0 % to 60.0 %)"),
        ("`c`", "50.0 %"),
        ("`d`", "\u2013"),
    ]


def test_values_of_frames_become_values_of_json():
    assert [plain_value(value) for value in MISSING] == [None] * len(MISSING)
    assert plain_value(np.int64(3)) == 3
    assert type(plain_value(np.bool_(1))) is bool


def test_each_metric_has_one_title_and_one_number_of_digits():
    assert metric_text("roc_auc", 0.67047, 0.6564, 0.6833) == "0.670 (0.656 to 0.683)"
    assert len({metric.title for metric in METRICS.values()}) == len(METRICS) == 17
    assert [metric.name for metric in metrics_in("summary")] == ["roc_auc", "average_precision"]


@pytest.mark.parametrize(("field", "value"), [("shown_in", "summary nowhere"), ("better", "sideways")])
def test_a_place_or_direction_that_there_is_not_is_refused(field, value):
    row = {
        "name": "x", "title": "X", "short": "X", "digits": "3", "shown_in": "", "better": "lower", "ideal": "",
        "description": "",
    }  # fmt: skip
    assert len(records([row], Metric)) == 1
    with pytest.raises(ValueError, match=rf"0\.{field}"):
        records([row | {field: value}], Metric)


def test_models_are_listed_by_outcome_then_by_what_is_known_first():
    made = [("summons", "at_stop"), ("arrest", "study_2021"), ("arrest", "other"), ("arrest", "during")]
    assert sorted(made, key=lambda key: model_order(*key)) == [made[3], made[1], made[2], made[0]]
