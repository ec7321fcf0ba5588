"""What leaves the pipeline: charts, the model card, the export that the service answers from, and the data package."""

from base64 import b64encode
from typing import Any

import dagster as dg
import pandas as pd

from sqf_pipeline.orchestration.assets import disparity, evaluation, models, stops
from sqf_pipeline.orchestration.assets.labels import REPORTS, TABLES, described
from sqf_pipeline.orchestration.checks import require_no_failed_drift, require_no_telling_gap
from sqf_pipeline.orchestration.partitions import SAME_YEAR, STUDY_WINDOW, TEST_YEARS, in_year_order, years_loaded
from sqf_pipeline.orchestration.resources import Compute, PublishedFiles, Warehouse
from sqf_pipeline.orchestration.stored_models import StoredModels
from sqf_pipeline.registry.outcomes import STUDY_OUTCOMES
from sqf_pipeline.settings import Settings

_GROUP = "publication"


def _inputs(*names: str, by_year: tuple[str, ...]) -> dict[str, dg.AssetIn]:
    """Return inputs by name: of the test year, and of each year of its window."""
    of_study = {"study_2021_comparison": dg.AssetIn("study_2021")}
    window = {name: dg.AssetIn(partition_mapping=STUDY_WINDOW) for name in by_year}
    return {name: of_study.get(name, dg.AssetIn()) for name in names} | window


def _of_window(context: dg.AssetExecutionContext, name: str, loaded: dict[str, pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(in_year_order(loaded, years_loaded(context, name)), ignore_index=True)


@dg.asset(
    partitions_def=TEST_YEARS,
    ins=_inputs(
        "training_stops", "test_stops", "models", "predictions", "metric_intervals", "confusion_matrices",
        "feature_importances", "calibration_bins", "subgroup_metrics", "drift", by_year=("source_files",),
    ),
    description="Charts of the stops, the models, groups of people and drift, as PNG files and here.",
    **described(_GROUP, REPORTS),
)  # fmt: skip
def charts(
    context: dg.AssetExecutionContext,
    published_files: dg.ResourceParam[PublishedFiles],
    training_stops: pd.DataFrame,
    source_files: dict[str, pd.DataFrame],
    compute: dg.ResourceParam[Compute],
    **frames: Any,
) -> dg.Output[Any]:
    """Draw the charts."""
    from sqf_pipeline.reporting.charts import ChartInputs, draw_charts, drawn_outcomes
    from sqf_pipeline.year_checks.completeness import coverage_note

    test_year = int(context.partition_key)
    require_no_failed_drift(frames["drift"], test_year)
    inputs = ChartInputs(
        test_year=test_year,
        source=published_files.origin(test_year),
        data_note=coverage_note(_of_window(context, "source_files", source_files)),
        stops=pd.concat([training_stops, frames["test_stops"]], ignore_index=True),
        tables=frames,
    )
    for outcome in sorted(set(STUDY_OUTCOMES) - set(drawn_outcomes(frames["test_stops"]))):
        context.log.warning(
            "no charts of %s: all stops of %s with a known outcome ended alike", outcome, inputs.test_year
        )
    files, metadata = {}, {}
    for name, png, small in draw_charts(inputs, processes=compute.processes):
        files[f"{name}.png"] = png
        metadata[name] = dg.MetadataValue.md(f"![chart](data:image/png;base64,{b64encode(small).decode()})")
    return dg.Output(files, metadata=metadata)


_MEASURES = (
    "metric_intervals", "metric_differences", "threshold_metrics", "calibration_bins", "subgroup_metrics",
    "feature_importances", "drift", "study_2021_comparison", "outcome_test_rates", "outcome_test_contrasts",
    "decision_and_hit_rates", "risk_concentration", "precision_at_recall", "risk_adjusted", "veil_of_darkness",
    "threshold_test",
)  # fmt: skip


@dg.asset(
    partitions_def=TEST_YEARS,
    ins=_inputs("models", "gap_marks", "outcome_counts", *_MEASURES, by_year=("source_files", "data_quality")),
    description="The model card: data and its faults, use, measures with intervals, groups, drift. Every figure in it "
    "is read from a table.",
    **described(_GROUP, REPORTS),
)
def model_card(
    context: dg.AssetExecutionContext,
    published_files: dg.ResourceParam[PublishedFiles],
    source_files: dict[str, pd.DataFrame],
    data_quality: dict[str, pd.DataFrame],
    **tables: Any,
) -> dg.Output[Any]:
    """Write the model card."""
    from sqf_pipeline.reporting.model_card import render_model_card

    test_year = int(context.partition_key)
    require_no_failed_drift(tables["drift"], test_year)
    require_no_telling_gap(tables["gap_marks"], test_year)
    markdown, html = render_model_card(
        test_year=test_year,
        source=published_files.origin(test_year),
        source_files=_of_window(context, "source_files", source_files),
        data_quality=_of_window(context, "data_quality", data_quality),
        **tables,
    )
    files = {"model_card.md": markdown.encode(), "model_card.html": html.encode()}
    return dg.Output(files, metadata={"card": dg.MetadataValue.md(markdown)})


@dg.asset(
    partitions_def=TEST_YEARS,
    ins=_inputs(
        "served_models", "training_stops", "test_stops", "model_card", "gap_marks", *_MEASURES,
        by_year=("source_files", "data_quality"),
    )
    | {"residents": dg.AssetIn(partition_mapping=SAME_YEAR)},
    description="The export that the service answers from: models in two forms, verified against each other, with "
    "measures, card and the tables behind its charts.",
    **described(_GROUP, kind="onnx"),
)  # fmt: skip
def model_export(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    published_files: dg.ResourceParam[PublishedFiles],
    warehouse: dg.ResourceParam[Warehouse],
    compute: dg.ResourceParam[Compute],
    served_models: StoredModels,
    training_stops: pd.DataFrame,
    test_stops: pd.DataFrame,
    model_card: dict[str, bytes],
    source_files: dict[str, pd.DataFrame],
    data_quality: dict[str, pd.DataFrame],
    **tables: Any,
) -> dg.MaterializeResult[Any]:
    """Export the served models."""
    from sqf_pipeline.export.bundle_writer import ExportContext, export_bundle
    from sqf_pipeline.export.source_commit import source_commit
    from sqf_pipeline.service.bundle import CURRENT_NAME, resolve_folder
    from sqf_pipeline.year_checks.completeness import coverage_note

    test_year = int(context.partition_key)
    require_no_failed_drift(tables["drift"], test_year)
    require_no_telling_gap(tables["gap_marks"], test_year)
    files = _of_window(context, "source_files", source_files)
    export_context = ExportContext(
        test_year=test_year,
        training_years=years_loaded(context, "source_files")[:-1],
        source=published_files.origin(test_year),
        data_sha256=dict(zip(files["file_name"], files["sha256"], strict=True)),
        training_stops=training_stops,
        test_stops=test_stops,
        results={
            **tables,
            "data_quality": _of_window(context, "data_quality", data_quality),
            "outcomes_by_year": warehouse.outcomes_by_year(),
        },
        model_card=model_card["model_card.md"].decode(),
        git_commit=source_commit(),
        data_note=coverage_note(files),
    )
    exports = settings.folder("exports")
    folder = export_bundle(exports, list(served_models), export_context, threads=compute.processes)
    served = resolve_folder(exports / CURRENT_NAME)
    held = f"{served.name}, of a later test year, stays in force; `sqf export current {test_year}` goes back"
    in_force = served == folder.resolve()
    if not in_force:
        context.log.warning("this export is not in force: %s", held)
    return dg.MaterializeResult(
        metadata={
            "path": dg.MetadataValue.path(str(folder.resolve())),
            "in_force": "yes" if in_force else f"no: {held}",
            "models": served_models.names,
            "service": dg.MetadataValue.md("Start it with `sqf serve`."),
            "analysis": dg.MetadataValue.url("http://127.0.0.1:8000/analysis"),
            "size_bytes": sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()),
        }
    )


def _every_table() -> list[dg.AssetDep]:
    """Return all assets that are kept as tables: those by year for each year of the window."""
    made = dg.load_assets_from_modules([stops, disparity, models, evaluation])
    return [
        dg.AssetDep(key, partition_mapping=None if asset.partitions_def == TEST_YEARS else STUDY_WINDOW)
        for asset in made
        if isinstance(asset, dg.AssetsDefinition)
        for key in sorted(asset.keys)
        if TABLES in asset.get_io_manager_key_for_asset_key(key)
    ]


@dg.asset(
    partitions_def=TEST_YEARS,
    deps=_every_table(),
    description="Stops and result tables of every year in the database as files that anybody can read, with all that "
    "describes them; the same as `sqf export data` writes.",
    **described(_GROUP, kind="csv", personal=True),
)
def data_package(
    settings: dg.ResourceParam[Settings], warehouse: dg.ResourceParam[Warehouse]
) -> dg.MaterializeResult[Any]:
    """Write the data package."""
    from sqf_pipeline.orchestration.warehouse_package import write_warehouse_package

    folder = settings.folder("data_package")
    files = write_warehouse_package(warehouse, folder)
    return dg.MaterializeResult(
        metadata={
            "path": dg.MetadataValue.path(str(folder)),
            "files": len(files),
            "rows": sum(file.rows for file in files if file.path.endswith(".parquet")),
            "size_bytes": sum(file.size for file in files),
        }
    )
