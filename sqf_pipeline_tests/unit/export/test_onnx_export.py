"""The fast form of a forest says what scikit-learn says, also where a value is missing."""

import numpy as np
import onnxruntime
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier, RandomForestClassifier

from sqf_pipeline.errors import SqfError
from sqf_pipeline.export.onnx_export import ensemble_to_onnx, round_down_to_float32
from sqf_pipeline.modelling.thread_limits import one_thread


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


def test_native_categories_are_refused():
    features = np.array([[0.0], [1.0], [2.0]] * 30)
    with one_thread():
        model = HistGradientBoostingClassifier(max_iter=2, categorical_features=[0]).fit(features, [0, 1, 0] * 30)
    with pytest.raises(SqfError, match="native categories"):
        ensemble_to_onnx(model)
