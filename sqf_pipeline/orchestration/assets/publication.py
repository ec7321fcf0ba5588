"""What leaves the pipeline: charts, the model card, and the export that the service answers from.

What belongs here: the assets `charts`, `model_card` and `model_export`. What does not: drawing, wording and exporting
(`modelling.plots`, `modelling.model_card`, `export`).
"""

from base64 import b64encode
from typing import TYPE_CHECKING, Any

import dagster as dg
import pandas as pd

from sqf_pipeline.orchestration.assets.labels import OWNERS, REPORTS, described
from sqf_pipeline.orchestration.checks import require_no_failed_drift
from sqf_pipeline.orchestration.partitions import (
    STUDY_WINDOW,
    TEST_YEARS,
    in_year_order,
    training_years,
)
from sqf_pipeline.orchestration.resources import Exports, PublishedFiles
from sqf_pipeline.orchestration.stored_models import StoredModels
from sqf_pipeline.registry.outcomes import STUDY_OUTCOMES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_GROUP = "publication"
_SHOWN_DPI = 60  # a preview in the UI; the file has more


@dg.asset(
    partitions_def=TEST_YEARS,
    ins={"source_files": dg.AssetIn(partition_mapping=STUDY_WINDOW)},
    description="Charts of the stops, the models, groups of people and drift, as PNG files and here.",
    **described(_GROUP, REPORTS),
)
def charts(
    context: dg.AssetExecutionContext,
    published_files: dg.ResourceParam[PublishedFiles],
    training_stops: pd.DataFrame,
    test_stops: pd.DataFrame,
    models: pd.DataFrame,
    predictions: pd.DataFrame,
    metric_intervals: pd.DataFrame,
    confusion_matrices: pd.DataFrame,
    feature_importances: pd.DataFrame,
    calibration_bins: pd.DataFrame,
    subgroup_metrics: pd.DataFrame,
    drift: pd.DataFrame,
    source_files: dict[str, pd.DataFrame],
) -> dg.Output[Any]:
    """Draw the charts."""
    from sqf_pipeline.reporting.charts import ChartInputs, draw_charts, drawn_outcomes
    from sqf_pipeline.reporting.plots.style import figure_png
    from sqf_pipeline.year_checks.completeness import coverage_note

    test_year = int(context.partition_key)
    require_no_failed_drift(drift, test_year)
    inputs = ChartInputs(
        test_year=test_year,
        source=published_files.origin(test_year),
        data_note=coverage_note(_of_window(source_files, test_year)),
        stops=pd.concat([training_stops, test_stops], ignore_index=True),
        test_stops=test_stops,
        models=models,
        predictions=predictions,
        metric_intervals=metric_intervals,
        confusion_matrices=confusion_matrices,
        feature_importances=feature_importances,
        calibration_bins=calibration_bins,
        subgroup_metrics=subgroup_metrics,
        drift=drift,
    )
    for outcome in sorted(set(STUDY_OUTCOMES) - set(drawn_outcomes(inputs))):
        context.log.warning(
            "no charts of %s: all stops of %s with a known outcome ended alike", outcome, inputs.test_year
        )
    files, metadata = {}, {}
    for name, figure in draw_charts(inputs):
        files[f"{name}.png"] = figure_png(figure)
        metadata[name] = _shown(figure)
    return dg.Output(files, metadata=metadata)


def _shown(figure: "Figure") -> dg.MarkdownMetadataValue:
    from sqf_pipeline.reporting.plots.style import figure_png

    picture = b64encode(figure_png(figure, dpi=_SHOWN_DPI)).decode()
    return dg.MetadataValue.md(f"![chart](data:image/png;base64,{picture})")


@dg.asset(
    partitions_def=TEST_YEARS,
    ins={
        "source_files": dg.AssetIn(partition_mapping=STUDY_WINDOW),
        "data_quality": dg.AssetIn(partition_mapping=STUDY_WINDOW),
    },
    description="The model card: data and its faults, use, measures with intervals, groups, drift. Every figure in it "
    "is read from a table.",
    **described(_GROUP, REPORTS),
)
def model_card(
    context: dg.AssetExecutionContext,
    published_files: dg.ResourceParam[PublishedFiles],
    models: pd.DataFrame,
    metric_intervals: pd.DataFrame,
    metric_differences: pd.DataFrame,
    threshold_metrics: pd.DataFrame,
    calibration_bins: pd.DataFrame,
    subgroup_metrics: pd.DataFrame,
    feature_importances: pd.DataFrame,
    drift: pd.DataFrame,
    gap_marks: pd.DataFrame,
    outcome_counts: pd.DataFrame,
    risk_concentration: pd.DataFrame,
    precision_at_recall: pd.DataFrame,
    study_2021: pd.DataFrame,
    source_files: dict[str, pd.DataFrame],
    data_quality: dict[str, pd.DataFrame],
) -> dg.Output[Any]:
    """Write the model card."""
    from sqf_pipeline.reporting.model_card import ModelCardInputs, render_model_card

    test_year = int(context.partition_key)
    require_no_failed_drift(drift, test_year)
    markdown, html = render_model_card(
        ModelCardInputs(
            test_year=test_year,
            source=published_files.origin(test_year),
            models=models,
            metric_intervals=metric_intervals,
            metric_differences=metric_differences,
            threshold_metrics=threshold_metrics,
            calibration_bins=calibration_bins,
            subgroup_metrics=subgroup_metrics,
            feature_importances=feature_importances,
            drift=drift,
            gap_marks=gap_marks,
            outcome_counts=outcome_counts,
            risk_concentration=risk_concentration,
            precision_at_recall=precision_at_recall,
            study_2021_comparison=study_2021,
            source_files=_of_window(source_files, test_year),
            data_quality=_of_window(data_quality, test_year),
        )
    )
    files = {"model_card.md": markdown.encode(), "model_card.html": html.encode()}
    return dg.Output(files, metadata={"card": dg.MetadataValue.md(markdown)})


def _of_window(loaded: dict[str, pd.DataFrame], test_year: int) -> pd.DataFrame:
    years = (*training_years(test_year), test_year)
    return pd.concat(in_year_order(loaded, years), ignore_index=True)


@dg.asset(
    partitions_def=TEST_YEARS,
    ins={
        "source_files": dg.AssetIn(partition_mapping=STUDY_WINDOW),
        "data_quality": dg.AssetIn(partition_mapping=STUDY_WINDOW),
    },
    group_name=_GROUP,
    owners=list(OWNERS),
    kinds={"onnx"},
    tags={"grain": "summary"},
    description="The export that the service answers from: models in two forms, verified against each other, with "
    "measures, card and the tables behind its charts.",
)
def model_export(
    context: dg.AssetExecutionContext,
    exports: dg.ResourceParam[Exports],
    published_files: dg.ResourceParam[PublishedFiles],
    served_models: StoredModels,
    training_stops: pd.DataFrame,
    test_stops: pd.DataFrame,
    metric_intervals: pd.DataFrame,
    metric_differences: pd.DataFrame,
    threshold_metrics: pd.DataFrame,
    calibration_bins: pd.DataFrame,
    subgroup_metrics: pd.DataFrame,
    feature_importances: pd.DataFrame,
    drift: pd.DataFrame,
    study_2021: pd.DataFrame,
    model_card: dict[str, bytes],
    source_files: dict[str, pd.DataFrame],
    data_quality: dict[str, pd.DataFrame],
) -> dg.MaterializeResult[Any]:
    """Export the served models."""
    from sqf_pipeline.export.bundle_writer import ExportContext, export_bundle
    from sqf_pipeline.export.source_commit import source_commit
    from sqf_pipeline.service.bundle import CURRENT_NAME, resolve_folder
    from sqf_pipeline.year_checks.completeness import coverage_note

    test_year = int(context.partition_key)
    require_no_failed_drift(drift, test_year)
    files = _of_window(source_files, test_year)
    export_context = ExportContext(
        test_year=test_year,
        training_years=training_years(test_year),
        source=published_files.origin(test_year),
        data_sha256=dict(zip(files["file_name"], files["sha256"], strict=True)),
        training_stops=training_stops,
        test_stops=test_stops,
        results={
            "metric_intervals": metric_intervals,
            "metric_differences": metric_differences,
            "threshold_metrics": threshold_metrics,
            "calibration_bins": calibration_bins,
            "subgroup_metrics": subgroup_metrics,
            "feature_importances": feature_importances,
            "drift": drift,
            "study_2021_comparison": study_2021,
            "data_quality": _of_window(data_quality, test_year),
        },
        model_card=model_card["model_card.md"].decode(),
        git_commit=source_commit(),
        data_note=coverage_note(files),
    )
    folder = export_bundle(exports.folder, list(served_models), export_context)
    in_force, served = "yes", resolve_folder(exports.folder / CURRENT_NAME)
    if served != folder.resolve():
        in_force = (
            f"no: {served.name}, of a later test year, stays in force; `sqf export current {test_year}` goes back"
        )
        context.log.warning("this export is not in force: %s", in_force.removeprefix("no: "))
    return dg.MaterializeResult(
        metadata={
            "path": dg.MetadataValue.path(str(folder.resolve())),
            "in_force": in_force,
            "models": served_models.names,
            "service": dg.MetadataValue.md("Start it with `sqf serve`."),
            "analysis": dg.MetadataValue.url("http://127.0.0.1:8000/analysis"),
            "size_bytes": sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()),
        }
    )


__all__ = ["charts", "model_card", "model_export"]
