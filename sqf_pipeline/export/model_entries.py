"""From fitted models and result tables to an export: the one function that the pipeline calls.

What belongs here: taking what an export needs out of `FittedModel`s and frames of result tables. What does not:
writing the folder (`export`), the wording of charts (`analysis_data`, `analysis_models`), and any reading from a
database.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sqf_pipeline.errors import SqfError
from sqf_pipeline.export.analysis_models import (
    calibration_table,
    drift_table,
    importance_table,
    metrics_table,
    quality_table,
    study_chart_table,
    study_table,
    subgroup_table,
)
from sqf_pipeline.export.analysis_stops import stops_tables
from sqf_pipeline.export.bundle_writer import ExportContext, ExportModel, export_bundle
from sqf_pipeline.modelling.intervals import stop_clusters
from sqf_pipeline.service.analysis_table import AnalysisTable
from sqf_pipeline.service.calibration import Calibration
from sqf_pipeline.service.manifest import Measure, Outcome, Threshold, Tier

if TYPE_CHECKING:
    import pandas as pd

    from sqf_pipeline.modelling.fitting import FittedModel

TIER_WORDS: dict[str, str] = {"at_stop": "at the stop", "during": "during the encounter", "study": "the study's fields"}
_TIERS: tuple[Tier, ...] = ("study", "during", "at_stop")
_OUTCOMES: tuple[Outcome, ...] = ("arrest", "summons")


def publish_models(
    folder: Path,
    models: Sequence["FittedModel"],
    *,
    training_stops: "pd.DataFrame",
    test_stops: "pd.DataFrame",
    results: Mapping[str, "pd.DataFrame"],
    context: ExportContext,
) -> Path:
    """Export fitted models with everything the service shows, and return the new folder.

    Parameters
    ----------
    folder
        Folder of all exports of one schema; `folder/<test year>` and `folder/current` will point to the new one.
    models
        At most one model for each outcome and tier, the twelve-field models as a rule.
    training_stops, test_stops
        Clean stops of the training years and of the test year, with the registry's columns.
    results
        Frames of result tables by the warehouse's names. Used where present: `metric_intervals`,
        `threshold_metrics`, `feature_importances`, `calibration_bins`, `subgroup_metrics`,
        `study_2021_comparison`, `data_quality`, `drift`. A table that is absent leaves its figure out.
    context
        Years, source, hashes and model card; its `analysis` is made here and must be empty.

    Raises
    ------
    SqfError
        When two models share outcome and tier, a form differs from its pipeline by more than 1e-5, or a model
        cannot be exported. The earlier export then stays in force.
    """
    import dataclasses

    import pandas as pd

    seen: dict[tuple[str, str], str] = {}
    for model in models:
        key = (model.outcome, model.feature_set.tier)
        if key in seen:
            raise SqfError(
                f"Both {seen[key]} and {model.name} foresee {key[0]} at the tier {key[1]}; an export holds one of "
                "each. Choose one."
            )
        seen[key] = model.name
    exported = [export_model_of(model, training_stops, test_stops, results) for model in models]
    stops = pd.concat([training_stops, test_stops], ignore_index=True)
    analysis = analysis_tables(stops, results, model_titles(models))
    return export_bundle(folder, exported, dataclasses.replace(context, analysis=tuple(analysis)))


def model_titles(models: Sequence["FittedModel"]) -> dict[str, str]:
    """Return what people call each model, foresight first."""
    order = {"at_stop": 0, "during": 1, "study": 2}
    ranked = sorted(models, key=lambda model: (model.outcome, order[model.feature_set.tier]))
    return {model.name: f"{model.outcome.title()}, {TIER_WORDS[model.feature_set.tier]}" for model in ranked}


def export_model_of(
    model: "FittedModel",
    training_stops: "pd.DataFrame",
    test_stops: "pd.DataFrame",
    results: Mapping[str, "pd.DataFrame"],
) -> ExportModel:
    """Return what the exporter needs of one fitted model; stops of unknown outcome are left out.

    Measures and the record of thresholds come from `results`, where they are found under the model's name.
    """
    outcome = next(name for name in _OUTCOMES if name == model.outcome)
    tier = next(name for name in _TIERS if name == model.feature_set.tier)
    fields = list(model.columns)
    training = training_stops[training_stops[model.target].notna()]
    test = test_stops[test_stops[model.target].notna()]
    calibrator = model.calibrator
    return ExportModel(
        name=model.name, outcome=outcome, tier=tier, fields=fields, pipeline=model.pipeline,
        calibration=Calibration(
            kind=calibrator.kind, slope=calibrator.slope, intercept=calibrator.intercept,
            smallest=calibrator.smallest, scores=calibrator.scores, probabilities=calibrator.probabilities,
        ),
        thresholds=_thresholds(model, results), default_threshold=model.default_threshold,
        training_stops=training[fields], training_share=model.training_share, test_stops=test[fields],
        test_actual=test[model.target].to_numpy(dtype=bool), test_clusters=stop_clusters(test),
        measures=_measures(model.name, results),
    )  # fmt: skip


def _rows_of(name: str, model: str, results: Mapping[str, "pd.DataFrame"]) -> list[dict[str, object]]:
    frame = results.get(name)
    if frame is None:
        return []
    return [
        {str(key): value for key, value in row.items()} for row in frame[frame["model"] == model].to_dict("records")
    ]


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float | np.number) and np.isfinite(value) else None


def _thresholds(model: "FittedModel", results: Mapping[str, "pd.DataFrame"]) -> dict[str, Threshold]:
    measured = {row["aim"]: row for row in _rows_of("threshold_metrics", model.name, results)}
    thresholds = {}
    for name, threshold in model.thresholds.items():
        if not 0 <= threshold.value <= 1:  # an aim that was out of reach; it would class nobody
            continue
        row = measured.get(name, {})
        thresholds[name] = Threshold(
            value=threshold.value, aim=threshold.aim.rstrip("."), precision=_number(row.get("precision")),
            recall=_number(row.get("recall")),
        )  # fmt: skip
    return thresholds


def _measures(name: str, results: Mapping[str, "pd.DataFrame"]) -> dict[str, Measure]:
    measures = {}
    for row in _rows_of("metric_intervals", name, results):
        estimate = _number(row["estimate"])
        if estimate is not None:
            ends = {"low": _number(row["low"]), "high": _number(row["high"])}
            measures[str(row["metric"])] = Measure(estimate=estimate, **ends)
    return measures


def title_of_slug(name: str) -> str:
    """Return what people call a model that is not exported: `arrest-at_stop-tuned_forest` in words."""
    outcome, columns, *kind = name.split("-")
    words = " ".join(kind).replace("_", " ")
    return f"{outcome.capitalize()}, all columns {columns.replace('_', ' ')} ({words})"


def _titles_for(frame: "pd.DataFrame", served: Mapping[str, str], others: Sequence[str]) -> dict[str, str]:
    """Return titles of the served models that a frame has rows of, then of the other models named."""
    present = set(frame["model"].astype(str))
    titles = {name: title for name, title in served.items() if name in present}
    return titles | {name: title_of_slug(name) for name in others if name in present and name not in served}


def _whole_forests(frame: "pd.DataFrame") -> list[str]:
    """Return the forests on all columns of a tier, which stand in where a table has no row of the served models."""
    return sorted(name for name in set(frame["model"].astype(str)) if name.endswith("-tuned_forest"))


def analysis_tables(
    stops: "pd.DataFrame", results: Mapping[str, "pd.DataFrame"], titles: Mapping[str, str]
) -> list[AnalysisTable]:
    """Return every table of the analysis that stops and results allow.

    `titles` maps the served models to what people call them. Where groups of people or importances were measured on
    the forests of all columns alone, these are shown; a result table with neither is left out.
    """
    tables = list(stops_tables(stops))
    of_models = {
        "metric_intervals": (metrics_table, False),
        "feature_importances": (importance_table, True),
        "calibration_bins": (calibration_table, False),
        "subgroup_metrics": (subgroup_table, True),
    }
    for name, (make, forests_too) in of_models.items():
        frame = results.get(name)
        if frame is None:
            continue
        shown = _titles_for(frame, titles, _whole_forests(frame) if forests_too else ())
        if shown:
            tables.append(make(frame, shown))
    others = {
        "study_2021_comparison": (study_chart_table, study_table),
        "data_quality": (quality_table,),
        "drift": (drift_table,),
    }
    for name, makers in others.items():
        frame = results.get(name)
        if frame is not None and len(frame):
            tables += [make_alone(frame) for make_alone in makers]
    return tables


__all__ = ["TIER_WORDS", "analysis_tables", "export_model_of", "model_titles", "publish_models", "title_of_slug"]
