"""Invented clean stops with every column of the registry, for tests of models.

What belongs here: stops drawn from a seed with a known way from columns to outcomes. What does not: published
layouts and their quirks (`sqf_pipeline.synthetic`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sqf_pipeline.evaluation import bootstrap, gap_marks
from sqf_pipeline.evaluation.importance import permutation_importance
from sqf_pipeline.modelling.estimators import BLENDED, KINDS, SLOW_BOOSTING
from sqf_pipeline.registry.columns import load_columns
from sqf_pipeline.registry.kinds import DTYPES
from sqf_pipeline.reporting import charts
from sqf_pipeline.reporting.plots import style

CRIMES = ("ASSAULT", "BURGLARY", "CPW", "CRIMINAL TRESPASS", "GRAND LARCENY", "PETIT LARCENY", "ROBBERY")
CATEGORIES = {
    "suspected_crime": CRIMES,
    "suspect_race": ("BLACK", "WHITE", "WHITE HISPANIC", "BLACK HISPANIC"),
    "suspect_sex": ("MALE", "FEMALE"),
    "borough": ("BRONX", "BROOKLYN", "MANHATTAN", "QUEENS", "STATEN ISLAND"),
    "initiated_by": ("RADIO RUN", "SELF INITIATED", "COMPLAINANT OR WITNESS ON SCENE"),
}


def invented_stops(rows: int, seed: int, year: int) -> pd.DataFrame:
    """Return `rows` clean stops of a year; searches and weapons raise arrests, trespass raises summonses."""
    rng = np.random.default_rng([seed, year])
    columns: dict[str, Any] = {}
    for entry in load_columns():
        if entry.kind in {"flag", "mark"}:
            values: Any = rng.random(rows) < 0.3
        elif entry.kind == "category":
            values = rng.choice(CATEGORIES.get(entry.name, ("A", "B", "C")), rows)
        elif entry.kind == "text":
            values = rng.choice(("one", "two"), rows)
        elif entry.kind == "date":
            days = rng.integers(0, 365, rows)
            values = np.datetime64(f"{year}-01-01", "s") + days.astype("timedelta64[D]").astype("timedelta64[s]")
        elif entry.kind == "identifier":
            values = np.arange(1, rows + 1)
        elif entry.kind in {"number", "height"}:
            values = rng.uniform(entry.minimum or 0, entry.maximum or 100, rows)
        elif entry.kind == "code":
            values = rng.integers(1, 6, rows)
        else:
            values = rng.integers(int(entry.minimum or 0), int(min(entry.maximum or 100, 86_399)) + 1, rows)
        columns[entry.name] = pd.Series(values).astype(DTYPES[entry.kind])
    stops = pd.DataFrame(columns)
    stops["year"] = pd.Series(year, index=stops.index, dtype="Int16")
    weapon, searched = (stops[name].to_numpy(dtype=bool) for name in ("weapon_found", "searched"))
    trespass = (stops["suspected_crime"] == "CRIMINAL TRESPASS").to_numpy(dtype=bool)
    stops["arrested"] = pd.array(rng.random(rows) < expit(-2 + 1.5 * searched + 2.0 * weapon), dtype="boolean")
    stops["summons_issued"] = pd.array(rng.random(rows) < expit(-3.2 + 2.5 * trespass), dtype="boolean")
    for name in ("suspect_age", "suspect_height_inches", "suspect_race", "x_feet"):
        stops.loc[rng.random(rows) < 0.05, name] = pd.NA
    return stops


def invented_years(rows: int, seed: int = 1, years: tuple[int, ...] = (2017, 2018, 2019)) -> pd.DataFrame:
    """Return invented stops of several years, `rows` a year."""
    return pd.concat([invented_stops(rows, seed, year) for year in years], ignore_index=True)


def expit(values: Any) -> Any:
    """Return 1 / (1 + exp(-values))."""
    return 1 / (1 + np.exp(-values))


@contextmanager
def few_resamples() -> Iterator[None]:
    """Draw few resamples, and charts of few points, in this process: for tests of everything but intervals."""
    from sqf_pipeline.orchestration import resources  # Dagster, which tests of models do without

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resources.Compute, "processes", 1)  # other processes would not see what is patched
        patch.setattr(bootstrap, "RESAMPLES", 40)
        patch.setattr(gap_marks, "RESAMPLES", 20)
        patch.setattr(charts, "CURVE_RESAMPLES", 20)
        patch.setitem(permutation_importance.__kwdefaults__, "resamples", 20)
        patch.setitem(permutation_importance.__kwdefaults__, "repeats", 1)
        patch.setattr(style, "DPI", 40)
        yield


@contextmanager
def small_models() -> Iterator[None]:
    """Fit few trees and draw few resamples in this process: for tests of everything but the figures."""
    forests = ("random_forest", "tuned_forest", "weighted_forest", "balanced_forest")
    blended = [settings for members in BLENDED.values() for _, _, settings in members if "max_iter" in settings]
    boostings = [KINDS["boosting"].settings, SLOW_BOOSTING, *blended]
    with few_resamples(), pytest.MonkeyPatch.context() as patch:
        patch.setenv("SQF_JOBS", "1")  # processes of their own would know nothing of all this
        for name in forests:
            patch.setitem(KINDS[name].settings, "n_estimators", 10)
        for settings in boostings:
            patch.setitem(settings, "max_iter", 10)
        yield
