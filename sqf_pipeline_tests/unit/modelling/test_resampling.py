"""Resampling makes the classes equal, keeps to training stops, and can be undone in the probabilities."""

import numpy as np
import pandas as pd
import pytest

from sqf_pipeline.errors import SqfError
from sqf_pipeline.modelling import resampling
from sqf_pipeline.modelling.calibration import prior_calibrator
from sqf_pipeline.modelling.encoder import encoded_frame, encoded_sets, make_encoder
from sqf_pipeline.modelling.feature_sets import feature_set
from sqf_pipeline.modelling.resampling import resample
from sqf_pipeline_tests.leaking_split import leaking_and_honest_auc
from sqf_pipeline_tests.modelling_support import invented_stops

COLUMNS = ["month", "precinct", "searched", "suspect_age", "suspect_height_inches", "suspected_crime"]


@pytest.fixture(scope="module")
def stops() -> pd.DataFrame:
    return invented_stops(600, 3, 2019)


@pytest.fixture(scope="module")
def positive(stops: pd.DataFrame) -> np.ndarray:
    return stops["summons_issued"].to_numpy(dtype=bool)


def test_under_sampling_keeps_every_positive_and_as_many_negatives(stops: pd.DataFrame, positive: np.ndarray) -> None:
    sampled = resample(stops, positive, "under")
    assert sampled.before == (positive.sum(), (~positive).sum())
    assert sampled.after == (positive.sum(), positive.sum())
    assert set(sampled.stops.loc[sampled.positive, "stop_id"]) == set(stops.loc[positive, "stop_id"])
    assert sampled.stops["stop_id"].is_unique


def test_over_sampling_keeps_every_stop_and_repeats_positives(stops: pd.DataFrame, positive: np.ndarray) -> None:
    sampled = resample(stops, positive, "over")
    assert sampled.after == ((~positive).sum(), (~positive).sum())
    assert set(sampled.stops["stop_id"]) == set(stops["stop_id"])


def test_smotenc_invents_positives_of_known_categories_only(stops: pd.DataFrame, positive: np.ndarray) -> None:
    sampled = resample(stops[COLUMNS], positive, "smotenc")
    new, own = sampled.stops.iloc[len(stops) :], stops.loc[positive, COLUMNS]
    assert sampled.after == ((~positive).sum(), (~positive).sum())
    assert sampled.positive[len(stops) :].all()
    pd.testing.assert_frame_equal(sampled.stops.iloc[: len(stops)], stops[COLUMNS])
    assert (sampled.stops.dtypes == stops[COLUMNS].dtypes).all()
    for name in ("suspected_crime", "precinct", "searched"):
        assert set(new[name].dropna()) <= set(own[name].dropna())
    assert new["suspect_height_inches"].dropna().between(*own["suspect_height_inches"].agg(["min", "max"])).all()


def test_smotenc_invents_encoded_positives_that_are_one_hot_and_between_their_neighbours(
    stops: pd.DataFrame, positive: np.ndarray
) -> None:
    features = encoded_sets({"a": make_encoder(COLUMNS, mark_missing=False).fit(stops)}, stops)
    sampled = resample(features, positive, "smotenc", encoded=True)
    new, own = sampled.stops.iloc[len(stops) :], features[positive]
    assert sampled.after == ((~positive).sum(), (~positive).sum())
    pd.testing.assert_frame_equal(sampled.stops.iloc[: len(stops)], features)
    for column in ("suspected_crime", "precinct"):
        one_hot = [name for name in features if name.startswith(f"a__{column}=")]
        assert (new[one_hot].sum(axis="columns") == 1).all()
        assert set(new[one_hot].idxmax(axis="columns")) <= set(own[one_hot].idxmax(axis="columns"))
    assert set(new["a__searched"]) <= {0.0, 1.0}
    assert (new["a__month"] % 1 == 0).all()
    assert new["a__suspect_height_inches"].between(*own["a__suspect_height_inches"].agg(["min", "max"])).all()


def test_the_quick_encoder_makes_the_stops_of_smotenc_s_own(
    stops: pd.DataFrame, positive: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = resample(stops[COLUMNS], positive, "smotenc")
    monkeypatch.setattr(resampling, "_quick_encoder", lambda: None)
    pd.testing.assert_frame_equal(quick.stops, resample(stops[COLUMNS], positive, "smotenc").stops)


def test_the_same_seed_draws_the_same_stops(stops: pd.DataFrame, positive: np.ndarray) -> None:
    for method in ("under", "over", "smotenc"):
        first, second = (resample(stops[COLUMNS], positive, method) for _ in range(2))  # type: ignore[arg-type]
        pd.testing.assert_frame_equal(first.stops, second.stops)


def test_a_missing_class_is_told(stops: pd.DataFrame) -> None:
    with pytest.raises(SqfError, match="with and without the outcome"):
        resample(stops, np.zeros(len(stops), dtype=bool), "under")


def test_too_few_positives_for_neighbours_are_told(stops: pd.DataFrame) -> None:
    few = np.arange(len(stops)) < 3
    with pytest.raises(SqfError, match="more than 5"):
        resample(stops[COLUMNS], few, "smotenc")


def test_prior_correction_agrees_with_the_formula_for_under_sampling() -> None:
    """Dal Pozzolo et al. (2015): p = b p_s / (b p_s - p_s + 1), b the share of negatives kept."""
    positives, negatives = 30, 970
    kept = positives / negatives
    score = np.array([0.01, 0.2, 0.5, 0.9, 1.0])
    expected = kept * score / (kept * score - score + 1)
    share = positives / (positives + negatives)
    np.testing.assert_allclose(prior_calibrator(share, 0.5).apply(score), expected, atol=1e-9)


def test_prior_correction_keeps_the_order_of_scores() -> None:
    score = np.random.default_rng(1).random(500)
    assert (np.argsort(score) == np.argsort(prior_calibrator(0.03, 0.5).apply(score))).all()


def test_resampling_before_the_split_reports_a_memory(stops: pd.DataFrame, positive: np.ndarray) -> None:
    """Copies on both sides of the split: nearly perfect, where the honest measure on the same stops is not."""
    names = feature_set("study_2021").columns_for("summons")
    encoder = make_encoder(names).fit(stops)
    leaking, honest = leaking_and_honest_auc(encoded_frame(encoder, stops).to_numpy(), positive)
    assert leaking > 0.99
    assert honest < 0.9
