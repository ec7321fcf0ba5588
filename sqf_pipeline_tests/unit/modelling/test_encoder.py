"""Encoders learn from training stops alone, and meet what they have not seen."""

import numpy as np
import pandas as pd
import pytest

from sqf_pipeline.modelling.encoder import RARE_STOPS, encoded_frame, make_encoder
from sqf_pipeline.modelling.feature_sets import feature_set
from sqf_pipeline_tests.modelling_support import invented_stops

NAMES = ["suspected_crime", "suspect_age", "searched", "suspect_height_inches"]


@pytest.fixture(scope="module")
def training() -> pd.DataFrame:
    return invented_stops(400, 1, 2019)


def encode(training: pd.DataFrame, stops: pd.DataFrame, encoding: str = "one_hot", **settings: object) -> pd.DataFrame:
    encoder = make_encoder(NAMES, encoding, **settings).fit(training)  # type: ignore[arg-type]
    return encoded_frame(encoder, stops)


def changed(stops: pd.DataFrame, name: str, value: object) -> pd.DataFrame:
    stops = stops.copy()
    stops[name] = pd.Series([value] * len(stops), index=stops.index).astype(stops[name].dtype)
    return stops


def test_a_category_nobody_has_seen_has_no_column_of_its_own(training: pd.DataFrame) -> None:
    encoded = encode(training, changed(training, "suspected_crime", "PIRACY"))
    crimes = encoded.filter(like="suspected_crime=")
    assert (crimes.to_numpy() == 0).all()


def test_a_new_category_counts_as_rare_where_training_had_rare_ones(training: pd.DataFrame) -> None:
    few = training.copy()
    few.loc[few.index[: RARE_STOPS - 1], "suspected_crime"] = "MAKING GRAFFITI"
    encoded = encode(few, changed(training, "suspected_crime", "PIRACY"))
    assert (encoded["suspected_crime=rare"] == 1).all()
    assert "suspected_crime=MAKING GRAFFITI" not in encoded


def test_a_missing_number_is_the_median_of_training_and_told_apart(training: pd.DataFrame) -> None:
    encoded = encode(training, changed(training, "suspect_age", pd.NA))
    assert (encoded["suspect_age"] == float(training["suspect_age"].median())).all()
    assert (encoded["suspect_age=missing"] == 1).all()


def test_without_marks_there_are_the_columns_alone(training: pd.DataFrame) -> None:
    assert "suspect_age=missing" not in encode(training, training, mark_missing=False)


def test_a_missing_category_is_a_category(training: pd.DataFrame) -> None:
    gaps = training.copy()
    gaps.loc[gaps.index[:50], "suspected_crime"] = pd.NA
    assert encode(gaps, gaps)["suspected_crime=missing"].sum() == 50


def test_a_column_that_training_never_filled_does_not_break(training: pd.DataFrame) -> None:
    empty = changed(training, "suspect_age", pd.NA)
    for encoding in ("one_hot", "scaled", "native"):
        encoded = encode(empty, training, encoding)
        assert np.isfinite(encoded["suspect_age"]).all()


def test_native_encoding_leaves_missing_numbers_missing(training: pd.DataFrame) -> None:
    encoded = encode(training, training, "native")
    assert encoded["suspect_age"].isna().sum() == training["suspect_age"].isna().sum() > 0


def test_scaled_columns_have_mean_nought_on_training_only(training: pd.DataFrame) -> None:
    other = changed(training, "suspect_age", 90)
    assert abs(encode(training, training, "scaled")["suspect_age"].mean()) < 1e-6
    assert encode(training, other, "scaled")["suspect_age"].mean() > 1


def test_the_test_stops_change_nothing_that_was_learnt(training: pd.DataFrame) -> None:
    encoder = make_encoder(NAMES).fit(training)
    before = encoded_frame(encoder, training)
    encoded_frame(encoder, invented_stops(50, 9, 2020))
    pd.testing.assert_frame_equal(before, encoded_frame(encoder, training))


def test_the_order_of_columns_and_rows_is_of_no_matter(training: pd.DataFrame) -> None:
    turned = training.iloc[::-1, ::-1]
    pd.testing.assert_frame_equal(encode(training, training), encode(turned, training))


def test_features_are_named_by_their_column_and_are_float32(training: pd.DataFrame) -> None:
    names = feature_set("during").columns_for("arrest")
    encoder = make_encoder(names).fit(training)
    encoded = encoded_frame(encoder, training)
    assert {str(name).split("=")[0] for name in encoded} == set(names)
    assert encoded.columns.is_unique
    assert set(encoded.dtypes.astype(str)) == {"float32"}
    assert not encoded.isna().any().any()


def test_bins_leave_the_named_categories_and_other(training: pd.DataFrame) -> None:
    bins = {"suspected_crime": {"ROBBERY": "ROBBERY", "PETIT LARCENY": "LARCENY", "GRAND LARCENY": "LARCENY"}}
    encoded = encode(training, changed(training, "suspected_crime", "PIRACY"), bins=bins)
    assert list(encoded.filter(like="suspected_crime=")) == [
        "suspected_crime=LARCENY", "suspected_crime=OTHER", "suspected_crime=ROBBERY",
    ]  # fmt: skip
    assert (encoded["suspected_crime=OTHER"] == 1).all()
