"""Which years a test is made on: each year by itself, and all together."""

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from sqf_pipeline.disparity.risk_adjusted import ComparedStops, compared_stops
from sqf_pipeline.disparity.tests_of_treatment import TREATMENT_TABLES
from sqf_pipeline.modelling.side_by_side import side_by_side

if TYPE_CHECKING:
    import pandas as pd

TOGETHER_ALONE = frozenset({"veil_of_darkness", "threshold_test"})
"""Tests of which, as of those of risk, a single year tells too little, or too little for its time."""


def over_windows(
    tables: Iterable[str], stops: "pd.DataFrame", *, processes: int = 1
) -> "Iterator[tuple[str, pd.DataFrame]]":
    """Yield tables of `TREATMENT_TABLES` by name, made on all years together, then on each of several.

    Column `years` tells the windows apart. Tables of risk are made on all years together, from one fit. `processes`
    work side by side, and the tables are the same.
    """
    import pandas as pd

    names = list(tables)
    compared = None
    if any(TREATMENT_TABLES[name].of_risk for name in names):
        compared = compared_stops(stops, processes=processes)
    if compared is not None:
        _ = compared.risks  # learnt here, on every core, before each table takes them
    tasks = (partial(_made, name, window) for name in names for window in _windows(name, stops, compared))
    for name, made in groupby(side_by_side(tasks, processes), key=itemgetter(0)):
        yield name, pd.concat([table for _, table in made], ignore_index=True)


def _made(name: str, window: Any) -> "tuple[str, pd.DataFrame]":
    return name, TREATMENT_TABLES[name].make(window)


def _windows(table: str, stops: "pd.DataFrame", compared: ComparedStops | None) -> Iterator[Any]:
    if TREATMENT_TABLES[table].of_risk:
        yield compared
        return
    yield stops
    years = sorted(stops["year"].unique())
    if len(years) > 1 and table not in TOGETHER_ALONE:
        yield from (stops[stops["year"] == year].reset_index(drop=True) for year in years)
