"""The fast form of trees says what scikit-learn says, also where a value is missing or was never seen."""

from functools import cache

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier, RandomForestClassifier

from sqf_pipeline.errors import SqfError
from sqf_pipeline.export.onnx_export import ensemble_to_onnx, round_down_to_float32
from sqf_pipeline.modelling.side_by_side import one_thread


@pytest.fixture(scope="module")
def numbers():
    rng = np.random.default_rng(3)
    features = np.column_stack(
        [rng.normal(size=1500), rng.integers(913_000, 1_068_000, 1500), rng.integers(0, 3, 1500), rng.random(1500)]
    ).astype(np.float32)
    features[rng.random(features.shape) < 0.08] = np.nan
    target = np.nan_to_num(features[:, 0]) + (np.nan_to_num(features[:, 1]) > 1_000_000) + rng.normal(size=1500) > 0.7
    return features, target


def run(model, features):
    session = onnxruntime.InferenceSession(ensemble_to_onnx(model), providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: features})[0][:, 0]


@pytest.mark.parametrize(
    "model",
    [
        RandomForestClassifier(25, min_samples_leaf=2, random_state=1),
        RandomForestClassifier(10, class_weight="balanced_subsample", random_state=1),
        ExtraTreesClassifier(10, min_samples_leaf=3, random_state=1),
        HistGradientBoostingClassifier(max_iter=40, random_state=1),
    ],
    ids=["forest", "weighted forest", "extra trees", "gradient boosting"],
)
def test_scores_equal_predict_proba(model, numbers):
    features, target = numbers
    with one_thread():
        model.fit(features, target)
    np.testing.assert_allclose(run(model, features), model.predict_proba(features)[:, 1], atol=2e-6)


def test_missing_values_matter_in_this_test(numbers):
    """Without the learnt direction of missing values the test above would have to fail."""
    features, target = numbers
    model = RandomForestClassifier(25, min_samples_leaf=2, random_state=1).fit(features, target)
    filled = model.predict_proba(np.nan_to_num(features))[:, 1]
    assert np.abs(filled - model.predict_proba(features)[:, 1]).max() > 0.1


def test_a_tree_that_never_splits(numbers):
    features, target = numbers
    model = RandomForestClassifier(3, min_samples_leaf=len(target), random_state=1).fit(features, target)
    np.testing.assert_allclose(run(model, features[:5]), model.predict_proba(features[:5])[:, 1], atol=1e-6)


def test_thresholds_are_rounded_so_that_no_float32_changes_sides():
    thresholds = np.array([0.1, 0.3, -0.7, 1e6 + 1 / 3, 0.5])
    rounded = round_down_to_float32(thresholds)
    assert (rounded.astype(np.float64) <= thresholds).all()
    above = np.nextafter(rounded, np.float32(np.inf)).astype(np.float64)
    assert (above > thresholds).all()


def test_other_models_are_refused_by_name(numbers):
    with pytest.raises(SqfError, match="DummyClassifier"):
        ensemble_to_onnx(DummyClassifier().fit(*numbers))
    with pytest.raises(SqfError, match="two classes; RandomForestClassifier has 3"):
        ensemble_to_onnx(RandomForestClassifier(2).fit(np.arange(9.0).reshape(-1, 1), [0, 1, 2] * 3))


PLACES = 40
"""Places of the categories below: more than the 32 that the runtime keeps in one mask."""


def categorical_boosting(seed: int, places: int = PLACES, *, gaps: float = 0.1) -> HistGradientBoostingClassifier:
    """Return boosting on a number, two categories of which the third place never occurs, and another number."""
    rng = np.random.default_rng(seed)
    features = np.column_stack(
        [rng.normal(size=2500), rng.integers(0, places, 2500), rng.integers(0, 6, 2500),
         rng.integers(913_000, 914_000, 2500)]
    ).astype(np.float32)  # fmt: skip
    features[features[:, 1] == 2, 1] = 1
    features[rng.random(features.shape) < gaps] = np.nan
    one, other = rng.normal(size=places), rng.normal(size=6)
    crime, place = (np.nan_to_num(features[:, column]).astype(int) for column in (1, 2))
    score = one[crime] * other[place] + np.isnan(features[:, 1]) - np.isnan(features[:, 0])
    target = score + (features[:, 3] > 913_500) + rng.normal(size=2500) > 0.4
    model = HistGradientBoostingClassifier(
        max_iter=60, max_leaf_nodes=15, min_samples_leaf=8, categorical_features=[1, 2], random_state=seed
    )
    with one_thread():
        return model.fit(features, target)


def splits(model: HistGradientBoostingClassifier) -> np.ndarray:
    """Return the nodes of all trees that split."""
    nodes = np.concatenate([step[0].nodes for step in model._predictors])
    return nodes[nodes["is_leaf"] == 0]


def at_thresholds(model: HistGradientBoostingClassifier) -> np.ndarray:
    """Return numbers at every threshold, one float32 below and one above it; a threshold may be infinite."""
    nodes = splits(model)
    near = nodes["num_threshold"][nodes["is_categorical"] == 0].astype(np.float32)
    near = near[np.isfinite(near)]
    return np.concatenate([near, *(np.nextafter(near, np.float32(end)) for end in (-np.inf, np.inf))])


@pytest.mark.parametrize("places", [4, 32, PLACES, 200])
@pytest.mark.parametrize("gaps", [0.0, 0.1, 0.5])
def test_boosting_with_categories_answers_alike_at_thresholds_with_gaps_and_for_categories_never_seen(places, gaps):
    model = categorical_boosting(places, places, gaps=gaps)
    rng = np.random.default_rng(1)
    numbers = at_thresholds(model)
    rows = max(4000, 2 * len(numbers))
    asked = np.column_stack(
        [np.resize(numbers, rows), rng.integers(-3, places + 5, rows), rng.integers(-3, 11, rows),
         np.resize(numbers[::-1], rows)]
    ).astype(np.float32)  # fmt: skip
    asked[rng.random(asked.shape) < 0.2] = np.nan
    asked[:2, 1:3] = [[2.0, 300.0], [-1.0, 1e6]]  # a place that training did not have, and what is none at all
    with one_thread():
        expected = model.predict_proba(asked)[:, 1]
    assert np.ptp(expected) > 0.3
    np.testing.assert_allclose(run(model, asked), expected, atol=1e-6)


def test_all_ways_to_split_occur_in_these_tests():
    """Without any of them, the test above would prove less than it says."""
    nodes = splits(categorical_boosting(PLACES))
    for categorical in (0, 1):
        missing = nodes["missing_go_to_left"][nodes["is_categorical"] == categorical]
        assert {0, 1} <= set(missing.tolist())
    columns = nodes["feature_idx"][nodes["is_categorical"] == 1]
    assert set(columns.tolist()) == {0, 1}, "scikit-learn numbers columns of categories first"


NUMBERS = st.floats(width=32, allow_infinity=False)
CODES = st.integers(-3, PLACES + 3).map(float) | st.just(np.nan)  # whole, as the encoder makes them


@given(
    rows=st.lists(st.tuples(NUMBERS, CODES, CODES, NUMBERS), min_size=1, max_size=30),
    at=st.lists(st.integers(0), max_size=30),
)
@settings(max_examples=60, deadline=None)
def test_whatever_boosting_is_asked_both_forms_answer_alike(rows, at):
    model, session = boosting_and_session()
    numbers = at_thresholds(model)
    asked = np.array(rows, dtype=np.float32)
    for row, place in zip(asked, at, strict=False):
        row[0] = numbers[place % len(numbers)]
    with one_thread():
        expected = model.predict_proba(asked)[:, 1]
    np.testing.assert_allclose(session.run(None, {"encoded": asked})[0][:, 0], expected, atol=1e-6)


@cache
def boosting_and_session() -> tuple[HistGradientBoostingClassifier, onnxruntime.InferenceSession]:
    model = categorical_boosting(5)
    return model, onnxruntime.InferenceSession(ensemble_to_onnx(model), providers=["CPUExecutionProvider"])
