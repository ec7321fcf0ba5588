"""Years as people name them on the command line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqf_pipeline.registry.year_and_month_words import years_named


@given(st.lists(st.tuples(st.integers(2003, 2060), st.integers(0, 5)), min_size=1))
def test_ranges_and_years_in_any_mixture_come_once_and_in_order(spans):
    text = ", ".join(f"{first}-{first + more}" if more else str(first) for first, more in spans)
    assert years_named(text) == tuple(sorted({first + n for first, more in spans for n in range(more + 1)}))


@pytest.mark.parametrize(
    "text",
    [
        "",
        ",",
        "2014,",
        "2016-2014",
        "14",
        "2014-16",
        "2014-",
        "-2014",
        "2014..2016",
        "all",
        "2014 2015",
        "20145",
        "٢٠١٤",
    ],
)
def test_what_is_no_list_of_years_is_refused(text):
    with pytest.raises(ValueError, match=r"expected years such as 2014, .* found"):
        years_named(text)
