"""The tests by name, and which tables each gives: what an asset, a command or a notebook calls.

Each takes clean stops of one window of years (one year or several) and returns long tables, a row's `years` naming
the window. A test that a form cannot answer leaves out the acts, hits and populations that it does not record.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import pandas as pd

from sqf_pipeline.disparity.decision_and_hit_rates import decision_and_hit_rates
from sqf_pipeline.disparity.outcome_test import outcome_test_contrasts, outcome_test_rates
from sqf_pipeline.disparity.resampled_window import Window
from sqf_pipeline.disparity.risk_adjusted import ComparedStops, compared_stops, risk_adjusted
from sqf_pipeline.disparity.risk_adjusted_sensitivity import risk_adjusted_sensitivity
from sqf_pipeline.disparity.threshold_test import threshold_test
from sqf_pipeline.disparity.veil_of_darkness import veil_of_darkness
from sqf_pipeline.modelling.side_by_side import side_by_side

TREATMENT_TABLES: Mapping[str, Callable[[Any], pd.DataFrame]] = {
    "outcome_test_rates": outcome_test_rates,
    "outcome_test_contrasts": outcome_test_contrasts,
    "decision_and_hit_rates": decision_and_hit_rates,
    "risk_adjusted": risk_adjusted,
    "risk_adjusted_sensitivity": risk_adjusted_sensitivity,
    "veil_of_darkness": veil_of_darkness,
    "threshold_test": threshold_test,
}
"""Table name to what makes it, of clean stops; for those of risk of `compared_stops`, those resampled of a `Window`."""
RESAMPLED = ("outcome_test_rates", "outcome_test_contrasts", "decision_and_hit_rates")
"""Tables that rest on the same resamples, made on each year of several too."""
OF_RISK = ("risk_adjusted", "risk_adjusted_sensitivity")
"""Tables that rest on foreseen risks, which are learnt once, on all years together; as others, on these alone.

A single year tells too little of them, or too little for its time.
"""


def over_windows(
    tables: Iterable[str], stops: pd.DataFrame, *, processes: int = 1
) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield tables of `TREATMENT_TABLES` by name, made on all years together, some on each of several too.

    Column `years` tells the windows apart. Tables of risk are made from one fit. `processes` work side by side, and the
    tables are the same.
    """
    names = list(tables)
    compared = None
    if any(name in OF_RISK for name in names):
        compared = compared_stops(stops, processes=processes)
    if compared is not None:
        _ = compared.risks  # learnt here, on every core, before each table takes them
    made: dict[str, list[pd.DataFrame]] = {name: [] for name in names}
    for found in side_by_side(_tasks(names, stops, compared), processes):
        for name, table in found.items():
            made[name].append(table)
    yield from ((name, pd.concat(parts, ignore_index=True)) for name, parts in made.items())


def _tasks(
    names: "list[str]", stops: pd.DataFrame, compared: ComparedStops | None
) -> Iterator[Callable[[], dict[str, pd.DataFrame]]]:
    """Yield what makes tables by name, what takes longest first."""
    yield from (partial(_made, [name], compared) for name in names if name in OF_RISK)
    if resampled := [name for name in names if name in RESAMPLED]:
        yield partial(_made, resampled, Window(stops))
        years = sorted(stops["year"].unique())
        for year in years if len(years) > 1 else ():
            yield partial(_made, resampled, Window(stops[stops["year"] == year].reset_index(drop=True)))
    yield from (partial(_made, [name], stops) for name in names if name not in {*OF_RISK, *RESAMPLED})


def _made(names: Iterable[str], window: Any) -> dict[str, pd.DataFrame]:
    return {name: TREATMENT_TABLES[name](window) for name in names}
