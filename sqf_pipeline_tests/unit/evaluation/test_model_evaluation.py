"""All tables of a model come from one forecast, on stops whose outcome is known."""

from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sqf_pipeline.evaluation.metrics import METRICS
from sqf_pipeline.evaluation.model_evaluation import compare, evaluate, evaluate_all, evaluate_groups
from sqf_pipeline.evaluation.prepared_test_year import prepare_test_year
from sqf_pipeline.modelling.calibration import Calibrator
from sqf_pipeline.modelling.experiment_groups import fit_all
from sqf_pipeline.modelling.experiments import Experiment
from sqf_pipeline.modelling.fitting import FittedModel
from sqf_pipeline.modelling.thresholds import Threshold
from sqf_pipeline_tests.modelling_support import invented_stops, invented_years

ROWS = 500


def made_stops() -> pd.DataFrame:
    generator = np.random.default_rng(11)
    age = generator.integers(16, 60, ROWS)
    arrested = pd.array(generator.random(ROWS) < (age - 10) / 80, dtype="boolean")
    arrested[:7] = pd.NA
    return pd.DataFrame(
        {
            "year": pd.array([2020] * ROWS, dtype="Int16"), "stop_id": pd.array(np.arange(1, ROWS + 1), dtype="Int64"),
            "stop_date": pd.Timestamp("2020-05-01"), "stop_time_seconds": np.arange(ROWS) // 2, "x_feet": 1e6,
            "y_feet": 2e5, "precinct": 1, "issuing_officer_command": 1, "arrested": arrested,
            "suspect_age": pd.array(age, dtype="Int32"), "suspect_sex": pd.array(["MALE"] * ROWS, dtype="string"),
            "suspect_race": pd.array(["BLACK", "WHITE"] * (ROWS // 2), dtype="string"),
            "borough": pd.array(["BRONX"] * ROWS, dtype="string"),
        }
    )  # fmt: skip


@dataclass
class AgeModel:
    """Says that the old are arrested: a model as `evaluate` sees one, without the fitting."""

    name: str = "arrest-at_stop-age"
    outcome: str = "arrest"
    target: str = "arrested"
    slope: float = 1 / 80
    training_share: float = 0.3
    encoded_features: tuple[str, ...] = ()
    default_threshold: str = "equal_costs"
    calibrator: Calibrator = field(default_factory=Calibrator)
    thresholds: dict[str, Threshold] = field(
        default_factory=lambda: {
            "equal_costs": Threshold("equal_costs", 0.5, "A miss costs as much."),
            "best_f1": Threshold("best_f1", 0.25, "Best F1."),
        }
    )

    def raw_score(self, stops: pd.DataFrame) -> np.ndarray:
        return (stops["suspect_age"].to_numpy(dtype=float) - 10) * self.slope


@pytest.fixture(scope="module")
def measured() -> Any:
    test = prepare_test_year(made_stops(), resamples=50)
    return test, evaluate(AgeModel(), test)


def test_unknown_outcomes_are_predicted_and_not_measured(measured: Any) -> None:
    _, evaluation = measured
    assert len(evaluation.tables["predictions"]) == ROWS
    assert evaluation.tables["predictions"]["actual"].isna().sum() == 7
    assert evaluation.tables["model_metrics"]["test_rows"].item() == ROWS - 7
    assert evaluation.tables["calibration_bins"]["rows"].sum() == ROWS - 7
    cells = evaluation.tables["confusion_matrices"][["tn", "fp", "fn", "tp"]].sum(axis=1)
    assert (cells == ROWS - 7).all()


def test_without_resamples_the_figures_are_the_same_and_no_interval_is_given(measured: Any) -> None:
    _, evaluation = measured
    quick = evaluate(AgeModel(), prepare_test_year(made_stops(), resamples=0))
    for name in ("predictions", "model_metrics", "confusion_matrices", "calibration_bins"):
        pd.testing.assert_frame_equal(quick.tables[name], evaluation.tables[name])
    assert quick.tables["metric_intervals"][["low", "high"]].isna().all(axis=None)


def test_tables_say_the_same_figures(measured: Any) -> None:
    test, evaluation = measured
    wide = evaluation.tables["model_metrics"].iloc[0]
    long = evaluation.tables["metric_intervals"].set_index("metric")
    for name in METRICS:
        assert pd.isna(wide[name]) == pd.isna(long.loc[name, "estimate"]), name
        assert pd.isna(wide[name]) or wide[name] == long.loc[name, "estimate"], name
    at = evaluation.tables["threshold_metrics"].set_index("aim").loc["equal_costs"]
    assert wide["threshold"] == at["threshold"] == 0.5
    assert wide["recall"] == pytest.approx(at["recall"])
    assert long.loc["recall_at_precision_0.8", "estimate"] >= 0
    groups = evaluate_groups(evaluation, test, resamples=20)
    borough = groups[groups["attribute"] == "borough"].iloc[0]
    assert borough["roc_auc"] == pytest.approx(wide["roc_auc"])
    assert borough["selection_rate"] == pytest.approx(wide["flagged_share"])
    for frame in (evaluation.tables["predictions"], groups):
        assert frame.columns[0] == "model"
        assert set(frame["model"]) == {"arrest-at_stop-age"}


def test_models_are_compared_on_the_same_resamples(measured: Any) -> None:
    test, evaluation = measured
    contrary = evaluate(AgeModel(name="arrest-at_stop-contrary", slope=-1 / 800), test)
    both = {evaluation.model: evaluation, contrary.model: contrary}
    table = compare(both, [(evaluation.model, contrary.model)]).set_index("metric")
    assert table.loc["roc_auc", "verdict"] == "better"
    assert set(table["reference_model"]) == {contrary.model}
    same = compare(both, [(evaluation.model, evaluation.model)])
    assert set(same["verdict"].dropna()) == {"undecided"}
    with pytest.raises(ValueError, match="no difference"):
        compare(both | {"s": replace(contrary, outcome="summons")}, [("s", evaluation.model)])


def given(model: FittedModel) -> FittedModel:
    return model


def test_two_processes_give_the_tables_of_one() -> None:
    small = {"tuned_forest": {"n_estimators": 4}, "boosting": {"max_iter": 5}}
    asked = [
        Experiment(outcome, "at_stop", kind, settings=small[kind])
        for outcome, kind in (("arrest", "tuned_forest"), ("arrest", "boosting"), ("weapon", "boosting"))
    ]
    models = list(fit_all(asked, invented_years(150)))
    test = prepare_test_year(invented_stops(120, 4, 2020), resamples=20)
    one, two, threads = (
        evaluate_all([partial(given, model) for model in models], test, processes=processes, threads=threads)
        for processes, threads in ((1, False), (2, False), (2, True))
    )
    assert list(one) == list(two) == list(threads)
    for name, table in one.items():
        pd.testing.assert_frame_equal(table, two[name], obj=name)
        pd.testing.assert_frame_equal(table, threads[name], obj=name)
    assert set(one["precision_at_recall"]["model"]) == {"weapon-at_stop-boosting"}
    assert set(one["subgroup_metrics"]["model"]) == {"arrest-at_stop-tuned_forest"}
    assert len(one["predictions"]) == 3 * 120
