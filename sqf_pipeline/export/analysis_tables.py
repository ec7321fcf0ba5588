"""Every table of the analysis that stops and result tables allow, under the names that people know the models by."""

from collections.abc import Mapping, Sequence

import pandas as pd

from sqf_pipeline.export import analysis_models as made
from sqf_pipeline.export.analysis_stops import across_forms, stops_tables
from sqf_pipeline.export.analysis_treatment import treatment_tables
from sqf_pipeline.modelling.fitting import FittedModel
from sqf_pipeline.registry.outcomes import TIER_WORDS, model_order
from sqf_pipeline.service.analysis_table import AnalysisTable


def model_titles(models: Sequence[FittedModel]) -> dict[str, str]:
    """Return what people call each model, what is known first comes first."""
    ranked = sorted(models, key=lambda model: model_order(model.outcome, model.feature_set.tier))
    return {model.name: f"{model.outcome.title()}, {TIER_WORDS[model.feature_set.tier]}" for model in ranked}


def title_of_slug(name: str) -> str:
    """Return what people call a model that is not exported: `arrest-at_stop-tuned_forest` in words."""
    outcome, columns, *kind = name.split("-")
    words = " ".join(kind).replace("_", " ")
    return f"{outcome.capitalize()}, all columns {columns.replace('_', ' ')} ({words})"


def _titles_for(frame: pd.DataFrame, served: Mapping[str, str], *, forests_too: bool) -> dict[str, str]:
    """Return titles of the served models that a frame has rows of, then of the forests on all columns of a tier."""
    present = set(frame["model"].astype(str))
    forests = [name for name in sorted(present - set(served)) if name.endswith("-tuned_forest")] if forests_too else []
    titles = {name: title for name, title in served.items() if name in present}
    return titles | {name: title_of_slug(name) for name in forests}


def analysis_tables(
    stops: pd.DataFrame, results: Mapping[str, pd.DataFrame], titles: Mapping[str, str]
) -> list[AnalysisTable]:
    """Return every table of the analysis that stops and results allow.

    `titles` maps the served models to what people call them. Where groups of people or importances were measured on
    the forests of all columns alone, these are shown; a result table with neither is left out.
    """
    tables = list(stops_tables(stops))
    years = results.get("outcomes_by_year")
    if years is not None and len(set(years["form"])) > 1:
        tables.insert(0, across_forms(years))
    of_models = {
        "metric_intervals": (made.metrics_table, False),
        "metric_differences": (made.difference_table, False),
        "feature_importances": (made.importance_table, True),
        "calibration_bins": (made.calibration_table, False),
        "subgroup_metrics": (made.subgroup_table, True),
    }
    for name, (make, forests_too) in of_models.items():
        frame = results.get(name)
        if frame is not None and (shown := _titles_for(frame, titles, forests_too=forests_too)):
            tables.append(make(frame, shown))
    others = {
        "study_2021_comparison": (made.study_chart_table, made.study_table),
        "data_quality": (made.quality_table,),
        "drift": (made.drift_table,),
    }
    for name, makers in others.items():
        frame = results.get(name)
        if frame is not None and len(frame):
            tables += [make_alone(frame) for make_alone in makers]
    return tables + treatment_tables(stops, results, int(stops["year"].max()))
