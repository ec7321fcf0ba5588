"""The assets from published files to clean stops, by year; how a file is read and judged stands in other folders."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import dagster as dg
import pandas as pd

from sqf_pipeline.memory import return_memory
from sqf_pipeline.orchestration.assets.labels import (
    FRAMES,
    FRAMES_AND_TABLES,
    TABLES,
    as_table,
    described,
    same_columns,
)
from sqf_pipeline.orchestration.checks import gate_spec, through_gate, warning_check, yearly_check
from sqf_pipeline.orchestration.io_managers import ParquetIOManager
from sqf_pipeline.orchestration.partitions import YEARS
from sqf_pipeline.orchestration.resources import OBTAINED_TAG, SOURCE_TAG, PublishedFiles
from sqf_pipeline.orchestration.stored_years import hand_over_cleaned, kept_frame, kept_year, take_cleaned, year_alone
from sqf_pipeline.orchestration.versions import code_version, version_of
from sqf_pipeline.registry.year_and_month_words import month_words
from sqf_pipeline.settings import Settings
from sqf_pipeline.year_checks.findings import sentences

if TYPE_CHECKING:
    from sqf_pipeline.ingest.reader import RawFile
    from sqf_pipeline.ingest.source import PublishedFile
    from sqf_pipeline.year_checks.year_review import YearReview

_GROUP = "stops"


def _checks(asset: str, hands_over: str, **held: str) -> list[dg.AssetCheckSpec]:
    """Return the gate of an asset, and the checks of it that stop nothing, by name with what holds in words."""
    gate = gate_spec(asset, YEARS, hands_over)
    return [gate, *(yearly_check(name, asset, YEARS, told) for name, told in held.items())]


@dg.multi_asset(
    name="raw_stops",
    partitions_def=YEARS,
    outs={
        "raw_stops": dg.AssetOut(
            description="Stops of a year as published: every recognised column as text, one row a stop.",
            **described(_GROUP, FRAMES, personal=True),
        ),
        "source_files": dg.AssetOut(
            description="The file or files of a year: names, digest, size, rows, months, whether it is whole, and "
            "where and when it was obtained.",
            **described(_GROUP, FRAMES_AND_TABLES),
        ),
        "revisions": dg.AssetOut(**described(_GROUP, FRAMES_AND_TABLES, table="revisions")),
    },
    check_specs=_checks(
        "raw_stops",
        "Required columns are there, every stop has a number of its own, no column loses too much, and the stops are "
        "as many as NYPD published.",
        columns_recognised="Every column of the file is in the registry of columns; others are left out.",
        year_is_whole="Twelve months, no row of another year, as many stops as expected, and no sheet or file left "
        "aside.",
        not_revised="The file has the bytes from which the year was loaded before, if it was.",
    ),
)
def raw_stops(
    context: dg.AssetExecutionContext,
    published_files: dg.ResourceParam[PublishedFiles],
    settings: dg.ResourceParam[Settings],
    frames: dg.ResourceParam[ParquetIOManager],
) -> Iterator[Any]:
    """Read a year; nothing is stored unless it may be as that year, its rows and digest by one process at a time."""
    with year_alone(settings, "raw_stops", context.partition_key):
        yield from _read(context, published_files, settings, frames)
    return_memory()


def _read(
    context: dg.AssetExecutionContext, published_files: PublishedFiles, settings: Settings, frames: ParquetIOManager
) -> Iterator[Any]:
    from sqf_pipeline.contracts.stop_contracts import raw_stops_contract
    from sqf_pipeline.ingest.cleaned_year import read_and_clean
    from sqf_pipeline.year_checks.revisions import revision_history
    from sqf_pipeline.year_checks.year_review import review_year, source_file_row

    year = int(context.partition_key)
    file = published_files.obtain(year, context.run.tags.get(SOURCE_TAG))
    context.instance.add_run_tags(context.run.run_id, {OBTAINED_TAG: file.source})
    raw, cleaned = published_files.read_ahead(file) or read_and_clean(file.paths, year)
    synthetic = file.source == "sample"
    review = review_year(
        raw,
        cleaned,
        kept_year(frames, year - 1),
        promised=file.promised,
        notes=file.notes,
        excerpt=settings.excerpt and not synthetic,
        synthetic=synthetic,
    )
    gate = through_gate(
        raw_stops_contract(raw.form),
        raw.frame,
        asset="raw_stops",
        output_name="raw_stops",
        metadata=_about_file(file, raw, review),
        # the same bytes read by the same code are the same stops, whenever that happens
        data_version=f"{raw.sha256[:16]}-{version_of(context.assets_def)}",
        findings=review.findings,
    )
    first = next(gate)
    revised: str | None = None
    if isinstance(first, dg.Output):
        # before the former version is overwritten, and before its digest is: a run that is killed between is told again
        history, revised = revision_history(
            kept_frame(frames, "revisions", year),
            kept_frame(frames, "source_files", year),
            kept_frame(frames, "raw_stops", year),
            raw,
            cleaned.stops,
        )
        yield dg.Output(history, output_name="revisions")
    yield first
    yield from gate
    hand_over_cleaned(frames, year, code_version(stops), cleaned)
    if revised:
        context.log.warning("%s", revised)
    yield from _warnings(file, raw, review, revised)
    yield dg.Output(source_file_row(file, raw, review), output_name="source_files")


def _warnings(
    file: "PublishedFile", raw: "RawFile", review: "YearReview", revised: str | None
) -> Iterator[dg.AssetCheckResult]:
    """Yield the checks of a year's file that stop nothing."""
    unknown, months = ", ".join(raw.columns_unknown), month_words(review.months)
    yield warning_check(
        "raw_stops",
        "columns_recognised",
        f"{file.path.name} has columns that the registry does not know, left out: {unknown}. Rows in "
        f"registry/columns.csv and registry/forms/{raw.form.name.lower()}_form.csv take a column in."
        if unknown
        else "",
        "Every column of the file is known.",
        {
            "unknown_columns": len(raw.columns_unknown),
            "unknown": unknown or "none",
            "missing_optional": ", ".join(raw.columns_missing) or "none",
        },
    )
    yield warning_check(
        "raw_stops",
        "year_is_whole",
        sentences(review.of("months", "other_years", "expected", "files")),
        f"{len(raw.frame):,} stops of {months}.",
        {"coverage": review.coverage, "months": months},
    )
    told = "The same bytes as before, or loaded for the first time."
    yield warning_check("raw_stops", "not_revised", revised or "", told)


@dg.multi_asset(
    name="stops",
    partitions_def=YEARS,
    outs={
        "stops": dg.AssetOut(
            description="Clean stops of a year: typed, in units, one spelling a category, implausible values null. "
            "As many rows as were published.",
            **described(_GROUP, FRAMES_AND_TABLES, personal=True),
        ),
        "data_quality": dg.AssetOut(**described(_GROUP, TABLES, table="data_quality")),
        "column_loss": dg.AssetOut(**described(_GROUP, FRAMES_AND_TABLES, table="column_loss")),
    },
    check_specs=_checks(
        "stops",
        "Types, units and ranges hold, no stop is lost or doubled, no column loses too much.",
        spellings_known="Every category is spelled as the vocabulary knows it; a new spelling is told, and kept as it "
        "is unless it is a known one cut or continued.",
        little_is_lost="No column loses more than a tenth of what is refused, no required one has twice the gaps of "
        "the year before, and no frequent category of the year before is gone.",
    ),
)
def stops(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    raw_stops: pd.DataFrame,
    frames: dg.ResourceParam[ParquetIOManager],
) -> Iterator[Any]:
    """Clean the stops of a year; they and what cleaning changed are stored by one process at a time."""
    return_memory()  # that reading the text took beside the text
    with year_alone(settings, "stops", context.partition_key):
        yield from _clean(context, raw_stops, frames)


def _clean(context: dg.AssetExecutionContext, raw_stops: pd.DataFrame, frames: ParquetIOManager) -> Iterator[Any]:
    from sqf_pipeline.cleaning.clean_stops import clean_stops
    from sqf_pipeline.contracts.stop_contracts import stops_contract
    from sqf_pipeline.registry.outcomes import TARGETS
    from sqf_pipeline.year_checks.year_review import cleaning_findings

    year = int(context.partition_key)
    cleaned = take_cleaned(frames, year, code_version(stops)) or clean_stops(raw_stops, year)
    return_memory()
    before = kept_year(frames, year - 1)
    findings = cleaning_findings(cleaned.stops, cleaned.loss, before)
    outcomes = {name: int(cleaned.stops[name].sum()) for name in TARGETS.values()}
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
        findings=findings,
    )
    new = cleaned.quality[cleaned.quality["rule"].isin(["new_category", "completed"])]
    told = " ".join(f"{row.column_name}: {row.description}" for row in new.itertuples())
    yield warning_check(
        "stops",
        "spellings_known",
        f"{told} A row in registry/spellings.csv gives a spelling its category." if told else "",
        "Every spelling is known.",
        {"columns_with_new_spellings": len(new), "spellings": as_table(new)},
    )
    compared = (
        f"Compared with {year - 1}." if before else f"{year - 1} is not loaded, so gaps are not compared with it."
    )
    yield warning_check("stops", "little_is_lost", sentences(findings), compared, {"compared": compared})
    yield dg.Output(
        cleaned.quality,
        output_name="data_quality",
        metadata={"rules": as_table(cleaned.quality.sort_values("rows", ascending=False))},
    )
    lost = cleaned.loss[cleaned.loss["unreadable"] + cleaned.loss["implausible"] > 0]
    yield dg.Output(cleaned.loss, output_name="column_loss", metadata={"lost": as_table(lost)})


def _about_file(file: "PublishedFile", raw: "RawFile", review: "YearReview") -> dict[str, Any]:
    return {
        "file_name": ", ".join(part.name for part in raw.parts),
        "sha256": raw.sha256,
        "bytes": raw.bytes,
        "source": file.source,
        "url": dg.MetadataValue.url(file.url) if file.url else "none",
        "obtained_at": dg.MetadataValue.timestamp(file.fetched_at),
        "columns": len(raw.published_names),
        "optional_columns_missing": list(raw.columns_missing),
        "blank_rows_left_out": raw.blank_rows,
        "rows_of_other_years_left_out": sum(raw.other_years.values()),
        "coverage": review.coverage,
    }
