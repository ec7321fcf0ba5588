"""Years that are unlike any so far: a right answer or words, for every kind of model and calibration."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from sqf_pipeline.errors import SqfError
from sqf_pipeline.evaluation.model_evaluation import evaluate, evaluate_groups, permutation_rows
from sqf_pipeline.evaluation.prepared_test_year import prepare_test_year
from sqf_pipeline.evaluation.subgroups import subgroup_metrics
from sqf_pipeline.modelling import estimators
from sqf_pipeline.modelling.experiments import (
    Experiment,
    imbalance_experiments,
    plain_experiments,
    served_experiments,
    tier_experiments,
)
from sqf_pipeline.modelling.fitting import FittedModel, fit_experiment
from sqf_pipeline.registry.columns import load_columns
from sqf_pipeline.registry.outcomes import STUDY_OUTCOMES, TARGETS
from sqf_pipeline_tests.modelling_support import invented_stops, invented_years

pytestmark = pytest.mark.slow  # every kind of model is fitted

FEATURES = [entry.name for entry in load_columns() if entry.feature]
TREES = {"n_estimators": 3}
QUICK = {
    "random_forest": TREES, "tuned_forest": TREES, "weighted_forest": TREES, "balanced_forest": TREES,
    "boosting": {"max_iter": 4}, "logistic_regression": {"max_iter": 30},
}  # fmt: skip
ONE_FIELD = {(outcome, tier): ("suspected_crime",) for outcome in STUDY_OUTCOMES for tier in ("during", "at_stop")}
SERVED = [one for served in served_experiments(ONE_FIELD) for one in (served, *served.alternatives)]
EVERY = (*plain_experiments(), *tier_experiments(), *imbalance_experiments(), *SERVED)
ONE_OF_EACH = {
    (experiment.estimator, experiment.resampling, experiment.calibration, experiment.features().tier): experiment
    for experiment in EVERY
    if experiment.outcome == "summons"
}


@pytest.fixture(scope="module", autouse=True)
def quick_blend() -> object:
    """Let the blend have small members."""
    with pytest.MonkeyPatch.context() as patch:
        members = (("tuned_forest", 1.0, TREES), ("boosting", 2.0, {"max_iter": 4}))
        patch.setattr(estimators, "BLENDED", {"common": members, "rare": members})
        yield


def quick(experiment: Experiment) -> Experiment:
    return replace(experiment, settings=QUICK.get(experiment.estimator, {}), grid=experiment.grid[:1], alternatives=())


def fitted_on(training: pd.DataFrame) -> list[FittedModel]:
    return [fit_experiment(quick(experiment), training) for experiment in ONE_OF_EACH.values()]


def without_gaps(stops: pd.DataFrame) -> pd.DataFrame:
    return stops.assign(**{name: stops[name].fillna(stops[name].dropna().iloc[0]) for name in FEATURES})


@pytest.fixture(scope="module")
def always_filled() -> list[FittedModel]:
    """Return a model of each kind, resampling, calibration and tier, fitted on stops without a single gap."""
    return fitted_on(without_gaps(invented_years(100)))


def test_the_list_has_every_kind_of_model_and_calibration() -> None:
    assert {key[0] for key in ONE_OF_EACH} == set(estimators.KINDS)
    assert {key[1] for key in ONE_OF_EACH} == {"none", "under", "over", "smotenc"}
    assert {key[3] for key in ONE_OF_EACH} == {"at_stop", "during", "study"}


@pytest.mark.parametrize("share", [0.3, 1.0])
def test_a_column_that_was_always_filled_may_have_gaps_later(always_filled: list[FittedModel], share: float) -> None:
    rng = np.random.default_rng(4)
    test = invented_stops(20, 2, 2020)
    for name in FEATURES:
        test[name] = test[name].mask(rng.random(len(test)) < share)
    for model in always_filled:
        probability = model.predict_probability(test)
        assert np.isfinite(probability).all(), model.name
        assert ((probability >= 0) & (probability <= 1)).all()


@pytest.mark.parametrize(
    "name", ["suspect_age", "suspect_sex", "suspect_race", "x_feet", "searched", "suspected_crime"]
)
def test_a_column_may_be_empty_in_all_of_training(name: str) -> None:
    training = invented_years(60)
    training[name] = pd.Series(pd.NA, index=training.index, dtype=training[name].dtype)
    test = invented_stops(15, 2, 2020)
    emptied = test.assign(**{name: pd.Series(pd.NA, index=test.index, dtype=test[name].dtype)})
    for kind in ("logistic_regression", estimators.BLEND):  # whose members are a forest and a boosting
        for columns in ("at_stop", "during"):
            model = fit_experiment(quick(Experiment("arrest", columns, kind)), training)
            score = model.raw_score(test)
            assert np.isfinite(score).all()
            if model.feature_set.columns_for("arrest").count(name) and name != "suspected_crime":
                np.testing.assert_allclose(score, model.raw_score(emptied))  # a value it never saw tells it nothing


@pytest.mark.parametrize("happened", [False, True])
def test_a_test_year_that_ended_alike_has_null_measures_and_no_error(
    always_filled: list[FittedModel], happened: bool
) -> None:
    test = invented_stops(60, 3, 2020).assign(summons_issued=happened)
    test["summons_issued"] = test["summons_issued"].astype("boolean")
    prepared = prepare_test_year(test, resamples=10)
    for model in always_filled:
        measured = evaluate(model, prepared)
        row = measured.tables["model_metrics"].iloc[0]
        assert row[["roc_auc", "balanced_accuracy", "calibration_slope"]].isna().all()
        assert row["test_positives"] == 60 * happened
        assert measured.tables["metric_intervals"].set_index("metric").loc["roc_auc", ["low", "high"]].isna().all()
        assert evaluate_groups(measured, prepared, resamples=5)["roc_auc"].isna().all()
    importances = permutation_rows(always_filled[0], prepared)
    assert sorted(importances["rank"]) == list(range(1, len(always_filled[0].columns) + 1))


def test_a_test_year_of_unknown_outcomes_is_told(always_filled: list[FittedModel]) -> None:
    test = invented_stops(30, 3, 2020)
    test["summons_issued"] = pd.Series(pd.NA, index=test.index, dtype="boolean")
    for resamples in (0, 5):
        with pytest.raises(SqfError, match="column summons_issued is empty in every stop of the test year"):
            evaluate(always_filled[0], prepare_test_year(test, resamples=resamples))


def test_one_person_alone_is_measured(always_filled: list[FittedModel]) -> None:
    test = invented_stops(1, 5, 2020)
    prepared = prepare_test_year(test, resamples=5)
    for model in always_filled[:6]:
        measured = evaluate(model, prepared)
        assert measured.tables["model_metrics"]["test_rows"].item() == 1
        assert evaluate_groups(measured, prepared, resamples=5)["rows"].tolist() == [1, 1, 1, 1]
        groups = subgroup_metrics(
            measured.forecast, prepared.labels, threshold=0.5, clusters=prepared.clusters, weights=prepared.weights,
            least_rows=1,
        )  # fmt: skip
        assert groups["base_rate"].isin([0.0, 1.0]).all()
        assert groups[["base_rate_low", "base_rate_high"]].notna().all(axis=None)


@pytest.mark.parametrize("outcome", ["arrest", "summons"])
def test_an_outcome_that_is_constant_in_training_is_told(outcome: str) -> None:
    training = invented_years(40)
    for answer in (False, True):
        constant = training.assign(**{TARGETS[outcome]: pd.array([answer] * len(training), dtype="boolean")})
        for experiment in ONE_OF_EACH.values():
            with pytest.raises(SqfError, match="with and without the outcome"):
                fit_experiment(quick(replace(experiment, outcome=outcome)), constant)


def test_a_handful_of_positives_is_fitted_or_told() -> None:
    training = invented_years(120)
    few = np.zeros(len(training), dtype=bool)
    few[[5, 130, 250]] = True
    training["summons_issued"] = pd.array(few, dtype="boolean")
    for experiment in ONE_OF_EACH.values():
        if experiment.resampling == "smotenc":  # needs neighbours
            with pytest.raises(SqfError, match="Train on more years"):
                fit_experiment(quick(experiment), training)
        else:
            model = fit_experiment(quick(experiment), training)
            assert np.isfinite(model.predict_probability(training.head(30))).all()
