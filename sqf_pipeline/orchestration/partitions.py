"""Years as partitions, and which years a test year is trained on.

A year's partition exists once the year is over, which is the earliest moment at which its file can be complete.
NYPD publishes around the end of the following March; until then materialising the year says that its file is not
there.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TypeVar

import dagster as dg

from sqf_pipeline.errors import SqfError
from sqf_pipeline.registry.year_and_month_words import FIRST_YEAR

Loaded = TypeVar("Loaded")

TRAINING_YEARS = 3  # as in the 2021 study
FIRST_TEST_YEAR = FIRST_YEAR + TRAINING_YEARS

_EVERY_NEW_YEAR = "0 0 1 1 *"

YEARS = dg.TimeWindowPartitionsDefinition(start=str(FIRST_YEAR), cron_schedule=_EVERY_NEW_YEAR, fmt="%Y")
TEST_YEARS = dg.TimeWindowPartitionsDefinition(start=str(FIRST_TEST_YEAR), cron_schedule=_EVERY_NEW_YEAR, fmt="%Y")

TRAINING_WINDOW = dg.TimeWindowPartitionMapping(start_offset=-TRAINING_YEARS, end_offset=-1)
STUDY_WINDOW = dg.TimeWindowPartitionMapping(start_offset=-TRAINING_YEARS, end_offset=0)
SAME_YEAR = dg.TimeWindowPartitionMapping()


def training_years(test_year: int) -> tuple[int, ...]:
    """Return the years, earliest first, on which the models of a test year are trained."""
    return tuple(range(test_year - TRAINING_YEARS, test_year))


def require_test_year(year: int, *, now: datetime | None = None) -> None:
    """Refuse a test year that has no three published years before it, or that is not over.

    Parameters
    ----------
    year
        The test year asked for.
    now
        The moment to judge by; the present by default.

    Raises
    ------
    SqfError
        Saying which years can be asked for.
    """
    keys = TEST_YEARS.get_partition_keys(current_time=now or datetime.now(tz=UTC))
    if str(year) not in keys:
        known = f"{keys[0]} to {keys[-1]}" if keys else "none yet"
        raise SqfError(
            f"{year} cannot be a test year: expected one of {known}. A test year needs the {TRAINING_YEARS} years "
            f"before it, the first of them {FIRST_YEAR} or later, and must itself be over."
        )


def in_year_order(loaded: Mapping[str, Loaded] | Loaded, years: tuple[int, ...]) -> list[Loaded]:
    """Return what was loaded for several years, earliest first.

    Dagster hands over a dictionary that may come in hash order, and the bare value when there is one year; the
    order of rows decides the last bits of a forest, so every reader of several years goes through here.

    Raises
    ------
    ValueError
        When the years loaded are not exactly `years`.
    """
    by_year = loaded if isinstance(loaded, Mapping) else {str(years[0]): loaded}
    if sorted(by_year) != [str(year) for year in years]:
        raise ValueError(f"expected the years {years}, was given {sorted(by_year)}")
    return [by_year[key] for key in sorted(by_year)]
