"""Dictionaries become the numbers that the fitted encoder makes of the same stops."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import OneHotEncoder

from sqf_pipeline.errors import SqfError
from sqf_pipeline.export.encoding_tables import encoding_of
from sqf_pipeline.export.field_specs import describe_field
from sqf_pipeline.export.model_entries import frame_of_fields, stops_of_frame
from sqf_pipeline.modelling.encoder import make_encoder
from sqf_pipeline.modelling.feature_sets import STUDY_BINS
from sqf_pipeline.service.encoding import Encoding, RowEncoder
from sqf_pipeline_tests.service_support import TIER_FIELDS, invented_stops

FIELDS = TIER_FIELDS["during"]
TRAINING = invented_stops(800, 1)
SPECS = tuple(describe_field(name, TRAINING[name]) for name in FIELDS)
CHOICES = [
    {"encoding": encoding, "codes": codes, "bins": bins, "mark_missing": marked}
    for encoding in ("one_hot", "native")
    for codes in ("one_hot", "number", "drop")
    for bins in (None, STUDY_BINS)
    for marked in (True, False)
]


def emptied(stops: pd.DataFrame) -> pd.DataFrame:
    """Return stops in which no age is known, as a whole year may have it."""
    return stops.assign(suspect_age=pd.array([None] * len(stops), dtype="Int32"))


@pytest.mark.parametrize("training", [TRAINING, emptied(TRAINING)], ids=["usual", "a column without any value"])
@pytest.mark.parametrize("choice", CHOICES, ids=str)
def test_every_encoder_of_the_pipeline_is_told_exactly(choice, training):
    encoder = make_encoder(FIELDS, **choice).fit(training[list(FIELDS)])
    tables = Encoding.model_validate_json(encoding_of(encoder).model_dump_json())
    test = invented_stops(300, 2)
    test.loc[test.index[:40], "suspected_crime"] = "A CRIME NOBODY HAS SEEN"
    ours = RowEncoder(tables).encode(stops_of_frame(test, SPECS))
    np.testing.assert_array_equal(ours, encoder.transform(test[list(FIELDS)]))


VALUES = {
    "flag": st.booleans(),
    "category": st.sampled_from(["BRONX", "QUEENS", "ROBBERY", "CPW", "missing", "rare", "", "é"]),
    "code": st.integers(0, 9999),
    "integer": st.integers(0, 86_399),
    "number": st.floats(0, 2_000_000, width=32),
}


@given(stops=st.lists(st.fixed_dictionaries({spec.name: st.none() | VALUES[spec.kind] for spec in SPECS}), max_size=8))
@settings(max_examples=60, deadline=None)
def test_whatever_a_stop_holds_it_is_encoded_as_the_encoder_does(stops):
    for choice in (CHOICES[0], CHOICES[-1]):
        encoder = make_encoder(FIELDS, **choice).fit(TRAINING[list(FIELDS)])
        if stops:
            theirs = encoder.transform(frame_of_fields(stops, SPECS)[list(FIELDS)])
            np.testing.assert_array_equal(RowEncoder(encoding_of(encoder)).encode(stops), theirs)


def test_a_field_that_is_absent_is_not_known():
    encoder = RowEncoder(encoding_of(make_encoder(FIELDS).fit(TRAINING[list(FIELDS)])))
    np.testing.assert_array_equal(encoder.encode([{}]), encoder.encode([dict.fromkeys(FIELDS)]))


@pytest.mark.parametrize(
    "encoder", [make_encoder(FIELDS, "scaled").fit(TRAINING[list(FIELDS)]), OneHotEncoder()], ids=["scaled", "foreign"]
)
def test_an_encoder_that_is_none_of_ours_is_refused(encoder):
    with pytest.raises(SqfError, match="needs an encoder of modelling"):
        encoding_of(encoder)
