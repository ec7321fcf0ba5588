"""Years as partitions, and which years a test year is trained on.

A year's partition exists once the year is over, which is the earliest moment at which its file can be complete.
NYPD publishes around the end of the following March; until then materialising the year says that its file is not
there.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

import dagster as dg

from sqf_pipeline.errors import SqfError
from sqf_pipeline.registry.year_and_month_words import FIRST_YEAR, year_words

Loaded = TypeVar("Loaded")

TRAINING_YEARS = 3  # as in the 2021 study
FIRST_TEST_YEAR = FIRST_YEAR + TRAINING_YEARS
STUDY_TEST_YEAR = 2020
"""Test year of the 2021 study, which is made when none is named."""

_EVERY_NEW_YEAR = "0 0 1 1 *"

YEARS = dg.TimeWindowPartitionsDefinition(start=str(FIRST_YEAR), cron_schedule=_EVERY_NEW_YEAR, fmt="%Y")
TEST_YEARS = dg.TimeWindowPartitionsDefinition(start=str(FIRST_TEST_YEAR), cron_schedule=_EVERY_NEW_YEAR, fmt="%Y")

TRAINING_WINDOW = dg.TimeWindowPartitionMapping(start_offset=-TRAINING_YEARS, end_offset=-1)
STUDY_WINDOW = dg.TimeWindowPartitionMapping(start_offset=-TRAINING_YEARS, end_offset=0)
SAME_YEAR = dg.TimeWindowPartitionMapping()


def training_years(test_year: int) -> tuple[int, ...]:
    """Return the years, earliest first, on which the models of a test year are trained."""
    return tuple(range(test_year - TRAINING_YEARS, test_year))


def years_loaded(context: dg.AssetExecutionContext, name: str) -> tuple[int, ...]:
    """Return the years, earliest first, that an asset is given of its input `name`."""
    return tuple(sorted(int(key) for key in context.asset_partition_keys_for_input(name)))


def trained_on(assets: Iterable[Any], training: Iterable[int], test_year: int) -> list[Any]:
    """Return assets in which a test year is trained on the years named, whatever years come before it.

    A window is where an input's partitions come from, so nothing else of an asset changes: it reads its years from
    what it is given (`years_loaded`).
    """
    years = [str(year) for year in training]
    windows: dict[dg.PartitionMapping, dg.PartitionMapping] = {
        TRAINING_WINDOW: dg.SpecificPartitionsPartitionMapping(years),
        STUDY_WINDOW: dg.SpecificPartitionsPartitionMapping([*years, str(test_year)]),
    }

    def moved(spec: dg.AssetSpec) -> dg.AssetSpec:
        deps = [
            dep._replace(partition_mapping=windows[dep.partition_mapping]) if dep.partition_mapping in windows else dep
            for dep in spec.deps
        ]
        return spec.replace_attributes(deps=deps)

    return [asset.map_asset_specs(moved) if hasattr(asset, "map_asset_specs") else asset for asset in assets]


def require_years(years: Iterable[int], *, now: datetime | None = None) -> None:
    """Refuse years whose stops cannot have been published; raises SqfError naming all of them and those that can."""
    keys = YEARS.get_partition_keys(current_time=now or datetime.now(tz=UTC))
    refused = [year for year in sorted(set(years)) if str(year) not in keys]
    if refused:
        raise SqfError(
            f"There are no stops of {year_words(refused)}: expected years from {keys[0]} to {keys[-1]}, the first that "
            "NYPD published and the last that is over."
        )


def require_training_years(training: Iterable[int], test_year: int, *, now: datetime | None = None) -> None:
    """Refuse training years that cannot have been published, or that do not lie before the test year."""
    require_years(training, now=now)
    late = [year for year in sorted(set(training)) if year >= test_year]
    if late:
        raise SqfError(
            f"The test year {test_year} cannot be trained on {year_words(late)}: expected years before it, for a model "
            "may not learn from the stops that it is measured on, or from later ones."
        )


def require_test_year(year: int, *, now: datetime | None = None) -> None:
    """Refuse a test year without three published years before it, or that is not over; SqfError says which can be."""
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
