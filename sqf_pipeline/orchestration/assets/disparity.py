"""Whether groups of people were treated alike: residents, tests of unequal treatment, figures that others published."""

from typing import Any

import dagster as dg

from sqf_pipeline.orchestration.assets.labels import TABLES, as_table, described
from sqf_pipeline.orchestration.partitions import YEARS
from sqf_pipeline.orchestration.resources import PublishedFiles, Residents

_GROUP = "disparity"


@dg.asset(
    partitions_def=YEARS,
    description="Residents by precinct and group, which the stops of a year are divided by: the census of 2020, or the "
    "table that SQF_RESIDENTS names.",
    **described("stops", TABLES),
)
def residents(
    context: dg.AssetExecutionContext,
    published_files: dg.ResourceParam[PublishedFiles],
    residents_table: dg.ResourceParam[Residents],
) -> dg.Output[Any]:
    """Read the table of residents."""
    from sqf_pipeline.registry.residents import load_residents

    year = int(context.partition_key)
    rows = load_residents(residents_table.path)
    by_group = rows.groupby("race", sort=True)["residents"].sum().reset_index()
    return dg.Output(
        rows.assign(year=year, source=published_files.origin(year)), metadata={"residents": as_table(by_group)}
    )
