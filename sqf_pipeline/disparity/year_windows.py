"""Which years a test is made on: each year by itself, and all together."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sqf_pipeline.disparity.tests_of_treatment import TREATMENT_TABLES

if TYPE_CHECKING:
    import pandas as pd

TOGETHER_ALONE = frozenset({"risk_adjusted", "risk_adjusted_sensitivity", "veil_of_darkness", "threshold_test"})
"""Tests of which a single year tells too little, or too little for its time: all years together alone."""


def over_windows(table: str, stops: "pd.DataFrame") -> "pd.DataFrame":
    """Return a table of `TREATMENT_TABLES` made on all years together, then on each of several; `years` tells them."""
    import pandas as pd

    return pd.concat([TREATMENT_TABLES[table].make(window) for window in _windows(table, stops)], ignore_index=True)


def _windows(table: str, stops: "pd.DataFrame") -> "Iterator[pd.DataFrame]":
    yield stops
    years = sorted(stops["year"].unique())
    if len(years) > 1 and table not in TOGETHER_ALONE:
        yield from (stops[stops["year"] == year].reset_index(drop=True) for year in years)
