"""The tests by name, and which tables each gives: what an asset, a command or a notebook calls.

Each takes clean stops of one window of years (one year or several) and returns long tables, a row's `years` naming
the window. A test that a form cannot answer leaves out the acts, hits and populations that it does not record.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from sqf_pipeline.disparity.decision_and_hit_rates import decision_and_hit_rates
from sqf_pipeline.disparity.outcome_test import outcome_test_contrasts, outcome_test_rates
from sqf_pipeline.disparity.risk_adjusted import ComparedStops, compared_stops, risk_adjusted
from sqf_pipeline.disparity.risk_adjusted_sensitivity import risk_adjusted_sensitivity
from sqf_pipeline.disparity.threshold_test import threshold_test
from sqf_pipeline.disparity.veil_of_darkness import veil_of_darkness
from sqf_pipeline.modelling.side_by_side import side_by_side

if TYPE_CHECKING:
    import pandas as pd


TREATMENT_TABLES: Mapping[str, "Callable[[Any], pd.DataFrame]"] = {
    "outcome_test_rates": outcome_test_rates,
    "outcome_test_contrasts": outcome_test_contrasts,
    "decision_and_hit_rates": decision_and_hit_rates,
    "risk_adjusted": risk_adjusted,
    "risk_adjusted_sensitivity": risk_adjusted_sensitivity,
    "veil_of_darkness": veil_of_darkness,
    "threshold_test": threshold_test,
}
"""Table name to what makes it, of clean stops or, for those of risk, of `compared_stops`."""
OF_RISK = frozenset({"risk_adjusted", "risk_adjusted_sensitivity"})
"""Tables that rest on foreseen risks, which are learnt once, on all years together."""
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
    if any(name in OF_RISK for name in names):
        compared = compared_stops(stops, processes=processes)
    if compared is not None:
        _ = compared.risks  # learnt here, on every core, before each table takes them
    tasks = (partial(_made, name, window) for name in names for window in _windows(name, stops, compared))
    for name, made in groupby(side_by_side(tasks, processes), key=itemgetter(0)):
        yield name, pd.concat([table for _, table in made], ignore_index=True)


def _made(name: str, window: Any) -> "tuple[str, pd.DataFrame]":
    return name, TREATMENT_TABLES[name](window)


def _windows(table: str, stops: "pd.DataFrame", compared: ComparedStops | None) -> Iterator[Any]:
    if table in OF_RISK:
        yield compared
        return
    yield stops
    years = sorted(stops["year"].unique())
    if len(years) > 1 and table not in TOGETHER_ALONE:
        yield from (stops[stops["year"] == year].reset_index(drop=True) for year in years)
