"""Which years a test is made on: each year by itself, and all together."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from sqf_pipeline.disparity.risk_adjusted import compared_stops
from sqf_pipeline.disparity.tests_of_treatment import TREATMENT_TABLES

if TYPE_CHECKING:
    import pandas as pd

TOGETHER_ALONE = frozenset({"veil_of_darkness", "threshold_test"})
"""Tests of which, as of those of risk, a single year tells too little, or too little for its time."""


def over_windows(tables: Iterable[str], stops: "pd.DataFrame") -> "Iterator[tuple[str, pd.DataFrame]]":
    """Yield tables of `TREATMENT_TABLES` by name, made on all years together, then on each of several.

    Column `years` tells the windows apart. Tables of risk are made on all years together, from one fit.
    """
    import pandas as pd

    from sqf_pipeline.modelling.thread_limits import one_thread

    compared = compared_stops(stops)
    for name in tables:
        table = TREATMENT_TABLES[name]
        windows = [compared] if table.of_risk else _windows(name, stops)
        with one_thread():  # many small products: threads wait for each other longer than they work
            made = pd.concat([table.make(window) for window in windows], ignore_index=True)
        yield name, made


def _windows(table: str, stops: "pd.DataFrame") -> "Iterator[pd.DataFrame]":
    yield stops
    years = sorted(stops["year"].unique())
    if len(years) > 1 and table not in TOGETHER_ALONE:
        yield from (stops[stops["year"] == year].reset_index(drop=True) for year in years)
