"""Whether groups of people were treated alike: residents, tests of unequal treatment, figures that others published."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pandas as pd

from sqf_pipeline.orchestration.assets.labels import TABLES, as_table, described
from sqf_pipeline.orchestration.checks import gate_spec, through_gate
from sqf_pipeline.orchestration.io_managers import ParquetIOManager
from sqf_pipeline.orchestration.partitions import TEST_YEARS, YEARS
from sqf_pipeline.orchestration.resources import Compute, PublishedFiles
from sqf_pipeline.orchestration.stored_years import kept_frame
from sqf_pipeline.registry.declared_tables import declared_tables
from sqf_pipeline.settings import Settings

_GROUP = "disparity"
_TABLES = tuple(name for name, table in declared_tables().items() if {"years", "population"} <= {*table["key"].split()})


@dg.asset(partitions_def=YEARS, **described("stops", TABLES, table="residents"))
def residents(
    context: dg.AssetExecutionContext,
    published_files: dg.ResourceParam[PublishedFiles],
    settings: dg.ResourceParam[Settings],
) -> dg.Output[Any]:
    """Read the table of residents."""
    from sqf_pipeline.registry.residents import load_residents

    year = int(context.partition_key)
    rows = load_residents(settings.residents)
    by_group = rows.groupby("race", sort=True)["residents"].sum().reset_index()
    return dg.Output(
        rows.assign(year=year, source=published_files.origin(year)), metadata={"residents": as_table(by_group)}
    )


@dg.multi_asset(
    name="tests_of_treatment",
    partitions_def=TEST_YEARS,
    can_subset=True,
    outs={name: dg.AssetOut(is_required=False, **described(_GROUP, TABLES, table=name)) for name in _TABLES},
    check_specs=[
        gate_spec(
            name,
            TEST_YEARS,
            "Intervals are ordered, no weapon stands without firearm and knife, and no verdict without its gate.",
        )
        for name in _TABLES
    ],
)
def tests_of_treatment(
    context: dg.AssetExecutionContext,
    published_files: dg.ResourceParam[PublishedFiles],
    training_stops: pd.DataFrame,
    test_stops: pd.DataFrame,
    compute: dg.ResourceParam[Compute],
) -> Iterator[Any]:
    """Make every table of tests on the years of a test year, one by one and together."""
    from sqf_pipeline.contracts.treatment import treatment_contract
    from sqf_pipeline.disparity.tests_of_treatment import over_windows

    test_year = int(context.partition_key)
    wanted = {key.path[-1] for key in context.selected_asset_keys}
    stops = pd.concat([training_stops, test_stops], ignore_index=True)
    for name, made in over_windows((name for name in _TABLES if name in wanted), stops, processes=compute.processes):
        context.log.info("made %s", name)
        rows = made.assign(test_year=test_year, source=published_files.origin(test_year))
        yield from through_gate(
            treatment_contract(name, test_year), rows, asset=name, output_name=name, metadata={"first": as_table(rows)}
        )


@dg.asset(
    partitions_def=TEST_YEARS,
    ins={"study_2021_comparison": dg.AssetIn("study_2021")}
    | {name: dg.AssetIn() for name in ("model_metrics", "risk_concentration", "precision_at_recall", "risk_adjusted")},
    **described(_GROUP, TABLES, table="published_figures"),
)
def published_figures(
    context: dg.AssetExecutionContext,
    published_files: dg.ResourceParam[PublishedFiles],
    frames: dg.ResourceParam[ParquetIOManager],
    test_stops: pd.DataFrame,
    training_stops: pd.DataFrame,
    **tables: Any,
) -> dg.Output[Any]:
    """Judge every claim by the years that are stored."""
    from sqf_pipeline.published_figures.claims import Evidence, judge_claims, years_of_claims
    from sqf_pipeline.year_checks.completeness import WHOLE, combined_coverage

    test_year = int(context.partition_key)
    source = published_files.origin(test_year)
    window = {int(year): rows for year, rows in pd.concat([training_stops, test_stops]).groupby("year")}
    others = {year: kept_frame(frames, "stops", year) for year in years_of_claims() if year not in window}
    stops = {year: rows for year, rows in others.items() if rows is not None} | window
    files = {year: kept_frame(frames, "source_files", year) for year in stops}
    coverages = {year: combined_coverage(file["coverage"]) for year, file in files.items() if file is not None}
    rows = judge_claims(
        Evidence(
            stops=stops,
            test_year=test_year,
            training_years=tuple(year for year in sorted(window) if year != test_year),
            excerpts=frozenset(year for year, covered in coverages.items() if covered != WHOLE),
            tables=tables,
            synthetic=source == "sample",
        )
    )
    found = rows["status"].value_counts().to_dict()
    return dg.Output(
        rows.assign(test_year=test_year, source=source),
        metadata={**{str(status): int(number) for status, number in found.items()}, "claims": as_table(rows, rows=200)},
    )
