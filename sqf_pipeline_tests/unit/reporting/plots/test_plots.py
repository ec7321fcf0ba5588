"""Figures state findings that are in the data, say where the data come from, and are the same every time."""

import io
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from sqf_pipeline.evaluation.bootstrap import draw_metrics, metric_intervals, resample_weights
from sqf_pipeline.evaluation.calibration_metrics import calibration_bins
from sqf_pipeline.evaluation.curves import curve_points
from sqf_pipeline.evaluation.drift import measure_drift
from sqf_pipeline.evaluation.metrics import Forecast, make_forecast
from sqf_pipeline.evaluation.subgroups import subgroup_metrics
from sqf_pipeline.evaluation.threshold_metrics import threshold_metrics
from sqf_pipeline.registry.columns import column
from sqf_pipeline.reporting.charts import drawn_outcomes
from sqf_pipeline.reporting.plots import drift_plots, model_plots, stops_plots, subgroup_plots
from sqf_pipeline.reporting.plots.style import Origin, figure_png, small_png

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TESTED = Origin("local", [2020], [2017, 2018, 2019])
ROWS = 600


def title(figure: "Figure") -> str:
    return " ".join(figure.get_suptitle().split())


def footer(figure: "Figure") -> str:
    return " ".join(figure.get_supxlabel().split())


@pytest.fixture(scope="module")
def stops() -> pd.DataFrame:
    generator = np.random.default_rng(3)
    year = np.repeat([2019, 2020], [400, 200])
    return pd.DataFrame(
        {
            "year": pd.array(year, dtype="Int16"),
            "stop_date": pd.to_datetime(pd.Series(year).astype(str) + "-01-01"),
            "precinct": pd.array(np.arange(600), dtype="Int32"),
            "issuing_officer_command": pd.array([1] * 600, dtype="Int32"),
            "month": pd.array(generator.integers(1, 13, ROWS), dtype="Int8"),
            "weekday": pd.array([3] * 500 + [1] * 100, dtype="Int8"),
            "stop_time_seconds": pd.array([17 * 3600 + 5] * 500 + [4 * 3600] * 100, dtype="Int32"),
            "x_feet": pd.array([1_000_000.0] * 300 + [1_030_000.0] * 297 + [950_000.0] * 3, dtype="Float64"),
            "y_feet": pd.array([200_000.0] * 300 + [240_000.0] * 297 + [150_000.0] * 3, dtype="Float64"),
            "borough": pd.array(["BRONX"] * 300 + ["QUEENS"] * 300, dtype="string"),
            "arrested": pd.array([True] * 100 + [False] * 300 + [True] * 100 + [False] * 100, dtype="boolean"),
            "summons_issued": pd.array([True] * 4 + [False] * 595 + [None], dtype="boolean"),
        }
    )


@pytest.fixture(scope="module")
def forecasts() -> dict[str, Forecast]:
    generator = np.random.default_rng(5)
    linear = generator.normal(-1, 1.5, ROWS)
    actual = generator.random(ROWS) < 1 / (1 + np.exp(-linear))
    noisy = linear + generator.normal(0, 3, ROWS)
    return {
        "arrest-during-random_forest": make_forecast(actual, 1 / (1 + np.exp(-linear))),
        "arrest-at_stop-random_forest": make_forecast(actual, 1 / (1 + np.exp(-noisy))),
    }


@pytest.fixture(scope="module")
def weights() -> np.ndarray:
    return resample_weights(np.arange(ROWS), resamples=60)


def by_model(forecasts: dict[str, Forecast], make: object) -> pd.DataFrame:
    return pd.concat([make(each).assign(model=name) for name, each in forecasts.items()], ignore_index=True)


def test_stops_by_month_hour_and_outcome_state_what_is_there(stops: pd.DataFrame) -> None:
    origin = Origin("local", [2019, 2020])
    month = stops_plots.stops_a_month(stops, origin)
    assert title(month).startswith("Stops fell by 50 % from 2019 to 2020")
    assert "NYPD stop, question and frisk files, 2019, 2020; n = 600 stops" in footer(month)
    hour = stops_plots.hour_and_weekday(stops, origin)
    assert title(hour).startswith("Stops peak on Wednesday from 17:00 to 18:00 (500)")
    shares = stops_plots.outcome_shares(stops, origin)
    assert "Arrests followed 50.0 % of stops in 2020, 25.0 % in 2019" in title(shares)


def test_the_map_draws_no_cell_of_a_few_persons(stops: pd.DataFrame) -> None:
    figure = stops_plots.stops_map(stops, Origin("local", [2019, 2020]))
    assert "1 cells with fewer than 5 stops (3 stops) are not drawn" in footer(figure)
    counts = figure.axes[0].collections[0].get_array()
    assert counts.compressed().min() >= stops_plots.LEAST_STOPS
    assert counts.mask.sum() == 1


def test_curves_calibration_and_matrices_name_the_better_model(
    forecasts: dict[str, Forecast], weights: np.ndarray
) -> None:
    intervals = by_model(forecasts, lambda each: metric_intervals(draw_metrics(each, weights, training_share=0.3)))
    curves = by_model(forecasts, lambda each: curve_points(each, weights))
    figure = model_plots.roc_and_precision_recall(curves, intervals, TESTED, base_rate=0.3, rows=ROWS)
    area = intervals.query("metric == 'roc_auc' and model == 'arrest-during-random_forest'")["estimate"].item()
    assert title(figure).startswith(f"Arrest, during, random forest has a ROC AUC of {area:.3f} (")
    bins = by_model(forecasts, calibration_bins)
    assert "on average for arrest, during, random forest" in title(model_plots.calibration(bins, TESTED))
    table = by_model(forecasts, lambda each: threshold_metrics(each, {"best_f1": 0.3, "never": np.inf}, weights))
    matrices = model_plots.confusion_matrices(table, TESTED, outcome="arrest")
    assert title(matrices).startswith("The threshold for best F1 finds")
    compared = model_plots.metric_comparison(intervals, "roc_auc", TESTED, chance=0.5)
    assert f"{area:.3f}" in title(compared)


def test_curve_points_agree_with_the_curve_itself(forecasts: dict[str, Forecast], weights: np.ndarray) -> None:
    forecast = forecasts["arrest-during-random_forest"]
    points = curve_points(forecast, weights)
    assert (points["low"] <= points["high"]).all()
    roc = points[points["curve"] == "roc"]
    area = metric_intervals(draw_metrics(forecast, weights, training_share=0.3)).set_index("metric")["estimate"]
    assert np.trapezoid(roc["y"], roc["x"]) == pytest.approx(area["roc_auc"], abs=0.005)
    precision = points[points["curve"] == "precision_recall"]
    assert precision["y"].iloc[-1] <= precision["y"].iloc[50]
    assert precision["y"].mean() == pytest.approx(area["average_precision"], abs=0.02)
    with pytest.raises(ValueError, match="one kind only"):
        curve_points(make_forecast([0, 0], [0.1, 0.2]), np.ones((1, 2)))


def test_subgroup_figures_name_the_widest_gap_and_count_the_hidden(
    forecasts: dict[str, Forecast], weights: np.ndarray
) -> None:
    forecast = forecasts["arrest-during-random_forest"]
    labels = pd.DataFrame({"race": ["BLACK"] * 300 + ["WHITE"] * 270 + ["RARE"] * 30, "sex": ["MALE"] * ROWS})
    table = subgroup_metrics(
        forecast, labels, threshold=0.3, clusters=np.arange(ROWS), weights=weights
    ).assign(model="arrest-during-random_forest")  # fmt: skip
    figure = subgroup_plots.subgroup_rates(table, TESTED)
    assert title(figure).startswith("Errors differ most by race")
    assert "(30 by race)" in footer(figure)
    assert "Ranking is weakest for" in title(subgroup_plots.subgroup_quality(table, TESTED))


def test_drift_importances_and_class_balance() -> None:
    year = np.repeat([2018, 2019], 300)
    training = pd.DataFrame({"suspect_weight_pounds": np.tile(np.arange(100.0, 200.0), 6), "year": year})
    test = pd.DataFrame({"suspect_weight_pounds": np.arange(100.0, 200.0) * 0.4536})
    table = measure_drift(test, training, [column("suspect_weight_pounds")])
    assert "suspect weight pounds" in title(drift_plots.drift_overview(table, TESTED))
    importance = pd.DataFrame(
        {
            "kind": ["permutation"] * 2 + ["impurity"] * 2,
            "feature": ["searched", "frisked", "searched", "frisked"],
            "importance": [0.2, 0.01, 0.3, 0.7], "low": [0.18, -0.01, None, None], "high": [0.22, 0.02, None, None],
            "rank": [1, 2, 2, 1], "model": "arrest-during-random_forest",
        }
    )  # fmt: skip
    figure = model_plots.importances(importance, TESTED, measure="roc_auc")
    assert "relies most on searched: shuffled, ROC AUC falls by 0.200" in title(figure)
    models = pd.DataFrame(
        [("none", 36095, 1039, 36095, 1039), ("under_sampling", 36095, 1039, 2078, 1039)],
        columns=["resampling", "training_rows", "training_positives", "fitted_rows", "fitted_positives"],
    )
    balance = title(model_plots.class_balance(models, TESTED))
    assert balance == "2.9 % of training stops have the outcome; under sampling fits on 2,078, of which half have it"


def test_a_png_is_the_same_every_time_and_a_sample_says_so(stops: pd.DataFrame) -> None:
    from PIL import Image

    sample = Origin("sample", [2019, 2020])
    first, second = (figure_png(stops_plots.stops_a_month(stops, sample)) for _ in range(2))
    assert first == second
    picture = Image.open(io.BytesIO(first))
    assert picture.size == (1425, 630)  # 9.5 by 4.2 inches of 150 points
    assert not picture.info.get("Software")
    assert Image.open(io.BytesIO(small_png(first))).size == (570, 252)  # two fifths
    figure = stops_plots.stops_a_month(stops, sample)
    assert "SYNTHETIC SAMPLE" in [text.get_text() for text in figure.texts]
    assert "Synthetic sample, not NYPD data" in footer(figure)


def test_no_models_are_drawn_of_an_outcome_that_nobody_or_everybody_had(stops: pd.DataFrame) -> None:
    nobody = stops.assign(summons_issued=pd.array([False] * (ROWS - 1) + [None], dtype="boolean"))
    assert drawn_outcomes(stops) == ["arrest", "summons"]
    assert drawn_outcomes(nobody) == ["arrest"]
