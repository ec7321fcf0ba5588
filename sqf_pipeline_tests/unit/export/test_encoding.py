"""Dictionaries become the numbers that the fitted encoder makes of the same stops."""

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import FunctionTransformer, KBinsDiscretizer, StandardScaler

from sqf_pipeline.errors import SqfError
from sqf_pipeline.export.bundle_writer import stops_of_frame
from sqf_pipeline.export.encoding_probe import describe_encoding
from sqf_pipeline.export.field_specs import describe_fields
from sqf_pipeline.modelling.encoder import make_encoder
from sqf_pipeline.service.encoding import EncodedLookup, EncodedNumber, Encoding, RowEncoder
from sqf_pipeline_tests.service_support import TIER_FIELDS, invented_stops

FIELDS = TIER_FIELDS["during"]


@pytest.mark.parametrize("codes", ["one_hot", "number", "drop"])
@pytest.mark.parametrize("encoding", ["one_hot", "scaled", "native"])
def test_every_encoder_of_the_pipeline_is_described_exactly(encoding, codes):
    training, test = invented_stops(800, 1), invented_stops(300, 2)
    encoder = make_encoder(FIELDS, encoding, codes=codes).fit(training[list(FIELDS)])
    specs = describe_fields(FIELDS, training)
    description = describe_encoding(encoder.transform, specs)
    ours = RowEncoder(description).encode(stops_of_frame(test, specs))
    theirs = np.asarray(encoder.transform(test[list(FIELDS)]), dtype=np.float64)
    np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6)


def test_a_description_survives_json_with_missing_values():
    encoding = Encoding(
        width=2, constant=(float("nan"), 0.0),
        numbers=(EncodedNumber(column=0, field="suspect_age", missing=float("nan")),),
        lookups=(EncodedLookup(column=1, field="searched", values={"true": 1.0}, unknown=0.0, missing=0.5),),
    )  # fmt: skip
    again = Encoding.model_validate_json(encoding.model_dump_json())
    stops = [{"suspect_age": 20, "searched": True}, {"searched": False}, {}]
    expected = np.array([[20, 1], [np.nan, 0], [np.nan, 0.5]], dtype=np.float32)
    np.testing.assert_array_equal(RowEncoder(again).encode(stops), expected)


def test_an_unknown_category_is_none_of_the_known():
    encoding = Encoding(
        width=3, constant=(0.0, 0.0, 1.0),
        lookups=(
            EncodedLookup(column=0, field="borough", values={"BRONX": 1.0}, unknown=0.0, missing=0.0),
            EncodedLookup(column=2, field="borough", values={"BRONX": 0.0}, unknown=0.0, missing=1.0),
        ),
    )  # fmt: skip
    rows = RowEncoder(encoding).encode([{"borough": "BRONX"}, {"borough": "JERSEY"}, {}])
    np.testing.assert_array_equal(rows, [[1, 0, 0], [0, 0, 0], [0, 0, 1]])


def test_a_column_of_two_fields_is_refused():
    def transform(frame: pd.DataFrame) -> np.ndarray:
        return (frame["suspect_age"].fillna(0) + frame["stop_duration_minutes"].fillna(0)).to_numpy()[:, None]

    specs = describe_fields(("suspect_age", "stop_duration_minutes"), invented_stops(100, 1))
    with pytest.raises(SqfError, match="both suspect_age and stop_duration_minutes"):
        describe_encoding(transform, specs)


def test_a_number_that_is_binned_is_refused():
    training = invented_stops(300, 1)
    fill = FunctionTransformer(lambda frame: frame.astype("Float64").to_numpy(dtype=float, na_value=30.0))
    bins = KBinsDiscretizer(4, encode="ordinal", quantile_method="averaged_inverted_cdf")
    filled = fill.transform(training[["suspect_age"]])
    bins.fit(filled)
    specs = describe_fields(("suspect_age",), training)
    with pytest.raises(SqfError, match="neither directly nor by a scale"):
        describe_encoding(lambda frame: bins.transform(fill.transform(frame)), specs)


def test_a_scaled_number_is_described():
    training = invented_stops(300, 1)
    values = training[["suspect_age"]].astype("Float64").to_numpy(dtype=float, na_value=30.0)
    scaler = StandardScaler().fit(values)
    specs = describe_fields(("suspect_age",), training)
    encoding = describe_encoding(
        lambda frame: scaler.transform(frame.astype("Float64").to_numpy(dtype=float, na_value=30.0)), specs
    )
    row = RowEncoder(encoding).encode([{"suspect_age": 41}])[0]
    np.testing.assert_allclose(row, scaler.transform([[41.0]])[0], rtol=1e-5)
