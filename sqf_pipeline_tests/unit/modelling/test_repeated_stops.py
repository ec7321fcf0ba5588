"""A forest grown on repeats as weights is, tree by tree, the one that scikit-learn grows on the repeated rows."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier

from sqf_pipeline.modelling.encoder import encoded_sets
from sqf_pipeline.modelling.estimators import encoder_for
from sqf_pipeline.modelling.experiments import Experiment
from sqf_pipeline.modelling.feature_sets import feature_set
from sqf_pipeline.modelling.fitting import fit_experiment
from sqf_pipeline.modelling.repeated_stops import fit_on_repeats
from sqf_pipeline.modelling.resampling import resample
from sqf_pipeline_tests.modelling_support import invented_stops


def same_forest(one: Any, other: Any, features: pd.DataFrame) -> None:
    for forest in (one, other):
        forest.set_params(n_jobs=1)  # several cores add up votes in the order in which they finish
    for tree, expected in zip(one.estimators_, other.estimators_, strict=True):
        for part in ("feature", "threshold", "children_left", "children_right", "value", "impurity"):
            np.testing.assert_array_equal(getattr(tree.tree_, part), getattr(expected.tree_, part))
    np.testing.assert_array_equal(one.predict_proba(features), other.predict_proba(features))
    np.testing.assert_array_equal(one.feature_importances_, other.feature_importances_)
    assert one.classes_.tolist() == other.classes_.tolist() == [False, True]
    assert list(one.feature_names_in_) == list(other.feature_names_in_)
    assert one.n_features_in_ == other.n_features_in_


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_its_trees_are_those_grown_on_the_repeated_rows(seed: int, n_jobs: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 4, (400, 5)).astype(np.float32)  # many equal rows, some of them of both kinds
    features = pd.DataFrame(values, columns=list("abcde"))
    positive = rng.random(400) < 0.2
    rows = np.sort(rng.integers(0, 400, 900))  # some stops many times, some never
    forest, expected = (RandomForestClassifier(10, random_state=seed, n_jobs=n_jobs) for _ in range(2))
    fit_on_repeats(forest, features, positive, rows)
    expected.fit(features.iloc[rows], positive[rows])
    same_forest(forest, expected, features)


@pytest.mark.parametrize("settings", [{}, {"min_samples_leaf": 3}])  # leaves are counted in stops, not by weight
def test_an_over_sampled_model_is_the_forest_of_its_repeated_stops(settings: dict[str, int]) -> None:
    stops = invented_stops(600, 3, 2019)
    names = feature_set("study_2021").columns_for("summons")
    encoder = encoder_for("random_forest", feature_set("study_2021"), names).fit(stops)
    features = encoded_sets({"study_2021": encoder}, stops)
    training = pd.concat([stops[["year", "summons_issued"]], features], axis="columns")
    experiment = Experiment("summons", "study_2021", "random_forest", "over", "none", settings=settings)
    model = fit_experiment(experiment, training, encoded=True)
    repeated = resample(features, stops["summons_issued"].to_numpy(dtype=bool), "over", encoded=True)
    expected = RandomForestClassifier(random_state=1, **settings).fit(repeated.stops, repeated.positive)
    same_forest(model.pipeline[-1], expected, features)
    assert model.class_counts_after == (repeated.positive.sum(), (~repeated.positive).sum())
