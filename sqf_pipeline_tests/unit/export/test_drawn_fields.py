"""The service fills a gap as the fitted model does, whatever is missing."""

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from sqf_pipeline.export.model_entries import _drawn_fields
from sqf_pipeline.modelling.drawn_descriptions import Descriptions, learn_descriptions
from sqf_pipeline.service.drawn_fields import DrawnFields, GapFiller
from sqf_pipeline_tests.modelling_support import invented_stops

COLUMNS = ("suspect_age", "suspect_race", "suspect_sex")
DTYPES = {"suspect_age": "Int32", "suspect_race": "string", "suspect_sex": "string"}
asked = st.fixed_dictionaries(
    {
        "suspect_age": st.one_of(st.none(), st.integers(6, 100)),
        "suspect_race": st.sampled_from([None, "BLACK", "WHITE", "NEVER SEEN"]),
        "suspect_sex": st.sampled_from([None, "MALE", "FEMALE"]),
    }
)


def rows_with_weights(rows: Any, places: np.ndarray, weights: np.ndarray) -> list[tuple[Any, ...]]:
    return sorted(
        (int(place), *(str(row[name]) for name in COLUMNS), round(float(weight), 12))
        for row, place, weight in zip(rows, places, weights, strict=True)
    )


@cache
def learned_from(*, ages: bool) -> Descriptions:
    training = invented_stops(200, 3, 2019)
    if not ages:
        training["suspect_age"] = pd.Series(pd.NA, index=training.index, dtype="Int32")
    return learn_descriptions(training, COLUMNS)


@settings(max_examples=60, deadline=None)
@given(st.lists(asked, min_size=1, max_size=8), st.booleans())
def test_the_service_spreads_a_stop_as_the_fitted_pipeline_does(stops: list[dict[str, Any]], no_ages: bool) -> None:
    learned = learned_from(ages=not no_ages)
    frame = pd.DataFrame({name: pd.array([stop[name] for stop in stops], dtype=DTYPES[name]) for name in COLUMNS})
    filled, places, weights = learned.spread(frame)
    plain = filled.astype("object").where(filled.notna(), None).to_dict("records")
    offline = rows_with_weights(plain, places, weights)
    assert rows_with_weights(*GapFiller(_drawn_fields(learned)).spread(stops)) == offline


def test_a_field_that_is_left_out_is_as_one_that_is_null() -> None:
    filler = GapFiller(_drawn_fields(learn_descriptions(invented_stops(200, 3, 2019), COLUMNS)))
    rows, _, weights = filler.spread([{}])
    others, _, same = filler.spread([dict.fromkeys(COLUMNS)])
    assert rows == others
    assert weights.sum() == pytest.approx(1) == pytest.approx(same.sum())


@pytest.mark.parametrize(
    "spoiled",
    [
        {"fields": ("a",), "descriptions": ((1,),), "stops": (1, 2)},
        {"fields": ("a",), "descriptions": ((1, 2),), "stops": (1,)},
        {"fields": ("a",), "descriptions": ((1,),), "stops": (0,)},
        {"fields": ("a",), "descriptions": (), "stops": ()},
        {"fields": ("a",), "descriptions": ((float("nan"),),), "stops": (1,)},
    ],
)
def test_a_damaged_description_is_refused(spoiled: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        DrawnFields(**spoiled)
