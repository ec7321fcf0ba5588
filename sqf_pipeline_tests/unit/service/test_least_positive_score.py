"""The score from which a stop is positive is the first one whose probability reaches the threshold."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqf_pipeline.modelling.calibration import Calibrator
from sqf_pipeline.service.predictor import least_positive_score

CALIBRATORS = st.one_of(
    st.just(Calibrator()),
    st.builds(
        Calibrator, kind=st.just("logistic"), slope=st.floats(0.05, 5), intercept=st.floats(-3, 3),
        smallest=st.just(1e-3),
    ),
)  # fmt: skip


@given(calibrator=CALIBRATORS, limit=st.floats(0, 1), scores=st.lists(st.floats(0, 1, width=32), min_size=1))
def test_the_class_by_score_is_the_class_by_probability(calibrator, limit, scores):
    first = least_positive_score(calibrator, limit)
    beside = [value for value in (np.nextafter(np.float32(first), np.float32(0)), np.float32(first)) if value <= 1]
    tried = np.array([*scores, *beside], dtype=np.float32)
    np.testing.assert_array_equal(tried >= first, calibrator.apply(tried) >= limit)


@pytest.mark.parametrize(("limit", "positive"), [(0.2, True), (0.31, False)])
def test_a_model_that_says_one_share_calls_every_stop_the_same(limit, positive):
    constant = Calibrator(kind="logistic", slope=0.0, intercept=float(np.log(0.3 / 0.7)), smallest=1e-3)
    assert [score >= least_positive_score(constant, limit) for score in (0.0, 0.5, 1.0)] == [positive] * 3
