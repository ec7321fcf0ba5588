"""Published files to clean stops, by year.

What belongs here: the assets `raw_stops`, `source_files`, `stops` and `data_quality`. What does not: how a file is
found, read or cleaned (`nypd`), and what must hold of the result (`contracts`).
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import dagster as dg
import pandas as pd

from sqf_pipeline.orchestration.assets.labels import (
    FRAMES,
    FRAMES_AND_TABLES,
    TABLES,
    as_table,
    described,
    same_columns,
)
from sqf_pipeline.orchestration.checks import gate_spec, through_gate, yearly_check
from sqf_pipeline.orchestration.partitions import YEARS
from sqf_pipeline.orchestration.resources import OBTAINED_TAG, SOURCE_TAG, PublishedFiles, Writers
from sqf_pipeline.orchestration.versions import code_version

if TYPE_CHECKING:
    from sqf_pipeline.nypd.reader import RawFile
    from sqf_pipeline.nypd.source import PublishedFile

_GROUP = "stops"


@dg.multi_asset(
    name="raw_stops",
    partitions_def=YEARS,
    outs={
        "raw_stops": dg.AssetOut(
            description="Stops of a year as published: every recognised column as text, one row a stop.",
            **described(_GROUP, FRAMES, personal=True),
        ),
        "source_files": dg.AssetOut(
            description="The file of a year: its name, digest, size, rows, and where and when it was obtained.",
            **described(_GROUP, TABLES),
        ),
    },
    check_specs=[
        gate_spec("raw_stops", YEARS, "Required columns are there, and every stop has a number of its own."),
        yearly_check(
            "columns_recognised",
            "raw_stops",
            YEARS,
            "Every column of the file is in the registry of columns; others are left out.",
        ),
    ],
)
def raw_stops(
    context: dg.AssetExecutionContext,
    published_files: dg.ResourceParam[PublishedFiles],
    writers: dg.ResourceParam[Writers],
) -> Iterator[Any]:
    """Read the published file of a year; its rows and its digest are stored by one process at a time."""
    with writers.alone("raw_stops", context.partition_key):
        yield from _read(context, published_files)


def _read(context: dg.AssetExecutionContext, published_files: PublishedFiles) -> Iterator[Any]:
    from sqf_pipeline.contracts.stops import raw_stops_contract
    from sqf_pipeline.nypd.reader import read_published_file

    year = int(context.partition_key)
    file = published_files.obtain(year, context.run.tags.get(SOURCE_TAG))
    context.instance.add_run_tags(context.run.run_id, {OBTAINED_TAG: file.source})
    raw = read_published_file(file.path, year)
    yield from through_gate(
        raw_stops_contract(),
        raw.frame,
        asset="raw_stops",
        output_name="raw_stops",
        metadata=_about_file(file, raw),
        # the same bytes read by the same code are the same stops, whenever that happens
        data_version=f"{raw.sha256[:16]}-{code_version(raw_stops)}",
    )
    unknown = list(raw.columns_unknown)
    yield dg.AssetCheckResult(
        asset_key="raw_stops",
        check_name="columns_recognised",
        passed=not unknown,
        severity=dg.AssetCheckSeverity.WARN,
        description=(
            f"{file.path.name} has columns that the registry does not know, left out: {', '.join(unknown)}. A row in "
            "nypd/columns.csv takes a column in."
            if unknown
            else "Every column of the file is known."
        ),
        metadata={
            "unknown_columns": len(unknown),
            "unknown": ", ".join(unknown) or "none",
            "missing_optional": ", ".join(raw.columns_missing) or "none",
        },
    )
    yield dg.Output(_source_file_row(file, raw), output_name="source_files")


@dg.multi_asset(
    name="stops",
    partitions_def=YEARS,
    outs={
        "stops": dg.AssetOut(
            description="Clean stops of a year: typed, in units, one spelling a category, implausible values null. "
            "As many rows as were published.",
            **described(_GROUP, FRAMES_AND_TABLES, personal=True),
        ),
        "data_quality": dg.AssetOut(
            description="What cleaning changed: how many stops of a year each rule touched, by column.",
            **described(_GROUP, TABLES),
        ),
    },
    check_specs=[
        gate_spec("stops", YEARS, "Types, units and ranges of the registry hold, and no stop is lost or doubled."),
        yearly_check(
            "spellings_known",
            "stops",
            YEARS,
            "Every category is spelled as the vocabulary knows it; a new spelling is kept as it is.",
        ),
    ],
)
def stops(
    context: dg.AssetExecutionContext, writers: dg.ResourceParam[Writers], raw_stops: pd.DataFrame
) -> Iterator[Any]:
    """Clean the stops of a year; they and what cleaning changed are stored by one process at a time."""
    with writers.alone("stops", context.partition_key):
        yield from _clean(context, raw_stops)


def _clean(context: dg.AssetExecutionContext, raw_stops: pd.DataFrame) -> Iterator[Any]:
    from sqf_pipeline.contracts.stops import stops_contract
    from sqf_pipeline.nypd.cleaning import clean_stops

    year = int(context.partition_key)
    cleaned = clean_stops(raw_stops, year)
    outcomes = {name: int(cleaned.stops[name].sum()) for name in ("arrested", "summons_issued")}
    yield from through_gate(
        stops_contract(years=(year,), expected_rows=len(raw_stops)),
        cleaned.stops,
        asset="stops",
        output_name="stops",
        metadata={
            **outcomes,
            "cells_changed": int(cleaned.quality["rows"].sum()),
            "dagster/column_lineage": same_columns("raw_stops", raw_stops.columns),
        },
    )
    new = cleaned.quality[cleaned.quality["rule"] == "new_category"]
    yield dg.AssetCheckResult(
        asset_key="stops",
        check_name="spellings_known",
        passed=new.empty,
        severity=dg.AssetCheckSeverity.WARN,
        description=(
            " ".join(f"{row.column_name}: {row.description}" for row in new.itertuples())
            + " A row in nypd/vocabulary.csv gives a spelling its category."
            if len(new)
            else "Every spelling is known."
        ),
        metadata={"columns_with_new_spellings": len(new), "spellings": as_table(new)},
    )
    yield dg.Output(
        cleaned.quality,
        output_name="data_quality",
        metadata={"rules": as_table(cleaned.quality.sort_values("rows", ascending=False))},
    )


def _about_file(file: "PublishedFile", raw: "RawFile") -> dict[str, Any]:
    return {
        "file_name": file.path.name,
        "sha256": raw.sha256,
        "bytes": raw.bytes,
        "source": file.source,
        "url": dg.MetadataValue.url(file.url) if file.url else "none",
        "obtained_at": dg.MetadataValue.timestamp(file.fetched_at),
        "columns": len(raw.published_names),
        "optional_columns_missing": list(raw.columns_missing),
        "blank_rows_left_out": raw.blank_rows,
    }


def _source_file_row(file: "PublishedFile", raw: "RawFile") -> pd.DataFrame:
    return pd.DataFrame(
        {
            "year": [file.year],
            "file_name": [file.path.name],
            "sha256": [raw.sha256],
            "bytes": [raw.bytes],
            "rows": [len(raw.frame)],
            "columns": [len(raw.published_names)],
            "source": [file.source],
            "url": [file.url],
            "etag": [file.etag],
            "last_modified": [file.last_modified],
            "fetched_at": [file.fetched_at],
            "columns_missing": [", ".join(raw.columns_missing) or None],
            "columns_unknown": [", ".join(raw.columns_unknown) or None],
        }
    )


__all__ = ["raw_stops", "stops"]
