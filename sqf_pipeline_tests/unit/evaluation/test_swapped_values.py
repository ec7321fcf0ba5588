"""Swapping a column of stops encoded once gives, to the last bit, what the model says of the swapped frame."""

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier

from sqf_pipeline.evaluation.swapped_values import SwappedStops, swapped_stops
from sqf_pipeline.modelling.estimators import make_model
from sqf_pipeline.modelling.feature_sets import feature_set
from sqf_pipeline.modelling.side_by_side import one_thread
from sqf_pipeline_tests.modelling_support import invented_stops


@pytest.mark.parametrize("tier", ["at_stop", "during"], ids=["gaps drawn", "gaps seen"])
@pytest.mark.parametrize("estimator", ["tuned_forest", "boosting"])
def test_every_column_swapped_is_predicted_as_the_swapped_frame_is(tier: str, estimator: str) -> None:
    training, stops = invented_stops(500, 1, 2019), invented_stops(90, 2, 2020)
    features = feature_set(tier)
    names = list(features.columns_for("arrest"))
    model = make_model(estimator, features, "arrest", settings={})
    few = {"n_estimators": 12} if estimator == "tuned_forest" else {"max_iter": 12}
    model[-1].set_params(**few)
    stops.loc[::7, "suspect_age"] = pd.NA
    stops.loc[::5, "suspected_crime"] = "A CRIME NOBODY HAS SEEN"
    rng = np.random.default_rng(3)
    with one_thread():
        model.fit(training[names], training["arrested"].to_numpy(dtype=bool))
        swapped = swapped_stops(model, stops[names])
        assert type(swapped) is not SwappedStops, "encoded once"
        moved = 0
        for name in names:
            rows, source = rng.integers(0, len(stops), 150), rng.integers(0, len(stops), 150)  # a stop stands twice
            frame = stops[names].iloc[rows].assign(**{name: stops[name].array.take(source)})
            expected = model.predict_proba(frame)[:, 1]
            np.testing.assert_array_equal(swapped.swapped(name, rows, source), expected, err_msg=name)
            moved += (expected != swapped.as_they_are()[rows]).any()
        assert moved > len(names) / 4, "swaps that change nothing show nothing"


def test_a_model_without_an_encoder_of_columns_is_asked_as_it_is() -> None:
    stops = invented_stops(20, 1, 2019)[["suspect_age"]]
    model = DummyClassifier().fit(stops, np.arange(20) % 4 == 0)
    swapped = swapped_stops(model, stops)
    assert type(swapped) is SwappedStops
    assert swapped.swapped("suspect_age", np.array([0, 1]), np.array([2, 3])).tolist() == [0.25, 0.25]
