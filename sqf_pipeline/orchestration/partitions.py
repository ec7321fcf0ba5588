"""Years as partitions, and the windows of years that a test year is made from.

A year's partition exists once the year is over, which is the earliest moment at which its file can be complete.
NYPD publishes around the end of the following March; until then materialising the year says that its file is not
there.
"""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import dagster as dg

from sqf_pipeline.orchestration.year_rules import FIRST_TEST_YEAR, TRAINING_YEARS
from sqf_pipeline.registry.year_and_month_words import FIRST_YEAR

Loaded = TypeVar("Loaded")

_EVERY_NEW_YEAR = "0 0 1 1 *"

YEARS = dg.TimeWindowPartitionsDefinition(start=str(FIRST_YEAR), cron_schedule=_EVERY_NEW_YEAR, fmt="%Y")
TEST_YEARS = dg.TimeWindowPartitionsDefinition(start=str(FIRST_TEST_YEAR), cron_schedule=_EVERY_NEW_YEAR, fmt="%Y")

TRAINING_WINDOW = dg.TimeWindowPartitionMapping(start_offset=-TRAINING_YEARS, end_offset=-1)
STUDY_WINDOW = dg.TimeWindowPartitionMapping(start_offset=-TRAINING_YEARS, end_offset=0)
SAME_YEAR = dg.TimeWindowPartitionMapping()


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


def in_year_order(loaded: Mapping[str, Loaded] | Loaded, years: tuple[int, ...]) -> list[Loaded]:
    """Return what was loaded for several years, earliest first.

    Dagster hands over a dictionary that may come in hash order, and the bare value when there is one year; the order of
    rows decides the last bits of a forest, so every reader of several years goes through here. Raises ValueError when
    the years loaded are not exactly `years`.
    """
    by_year = loaded if isinstance(loaded, Mapping) else {str(years[0]): loaded}
    if sorted(by_year) != [str(year) for year in years]:
        raise ValueError(f"expected the years {years}, was given {sorted(by_year)}")
    return [by_year[key] for key in sorted(by_year)]
