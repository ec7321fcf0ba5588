"""Which charts are drawn of a test year, from which rows."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sqf_pipeline.evaluation.bootstrap import resample_weights, stop_clusters
from sqf_pipeline.evaluation.compared_models import MAIN_ESTIMATOR, MAIN_MODELS
from sqf_pipeline.evaluation.curves import CURVE_RESAMPLES, curve_points
from sqf_pipeline.evaluation.importance import METRIC_BY_OUTCOME
from sqf_pipeline.evaluation.result_rows import forecasts
from sqf_pipeline.modelling.side_by_side import side_by_side
from sqf_pipeline.registry.outcomes import STUDY_OUTCOMES, STUDY_TARGETS
from sqf_pipeline.reporting.plots import drift_plots, model_plots, stops_plots, subgroup_plots
from sqf_pipeline.reporting.plots.style import Origin, figure_png, small_png

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class ChartInputs:
    """Stops of the training years and of one test year, and its test stops and result tables by name."""

    test_year: int
    source: str
    stops: pd.DataFrame
    tables: Mapping[str, pd.DataFrame]
    data_note: str = ""

    @property
    def years(self) -> list[int]:
        """Return the years of the stops, in order."""
        return sorted(int(year) for year in self.stops["year"].unique())

    @property
    def origin_of_models(self) -> Origin:
        """Return what figures of models say of where their stops come from."""
        trained = [year for year in self.years if year < self.test_year]
        return Origin(self.source, [self.test_year], trained, note=self.data_note)

    def of_models(self, table: str, *names: str) -> pd.DataFrame:
        """Return the rows of a table about some models."""
        return self.tables[table][self.tables[table]["model"].isin(names)]


def draw_charts(inputs: ChartInputs, *, processes: int = 1) -> "Iterator[tuple[str, bytes, bytes]]":
    """Yield the name, the PNG and a small PNG of each chart, in order; the same whatever the number of processes."""
    outcomes = drawn_outcomes(inputs.tables["test_stops"])
    # to other processes goes what their charts show
    predictions = {"predictions": inputs.of_models("predictions", *MAIN_MODELS)}
    of_models = replace(inputs, stops=inputs.stops[["year"]], tables={**inputs.tables, **predictions})
    tasks = [
        partial(_drawn, _charts_of_stops, inputs),
        *(partial(_drawn, partial(_charts_of_outcome, outcome=outcome), of_models) for outcome in outcomes),
        partial(_drawn, _chart_of_drift, of_models),
    ]
    for drawn in side_by_side(tasks, processes):
        yield from drawn


def _drawn(
    charts: "Callable[[ChartInputs], Iterator[tuple[str, Figure]]]", inputs: ChartInputs
) -> list[tuple[str, bytes, bytes]]:
    pictures = ((name, figure_png(figure)) for name, figure in charts(inputs))
    return [(name, png, small_png(png)) for name, png in pictures]


def _charts_of_stops(inputs: ChartInputs) -> "Iterator[tuple[str, Figure]]":
    origin = Origin(inputs.source, inputs.years, note=inputs.data_note)
    yield "stops_a_month", stops_plots.stops_a_month(inputs.stops, origin)
    yield "outcome_shares", stops_plots.outcome_shares(inputs.stops, origin)
    yield "hour_and_weekday", stops_plots.hour_and_weekday(inputs.stops, origin)
    yield "stops_map", stops_plots.stops_map(inputs.stops, origin)
    models = inputs.tables["models"]
    summonses = models[models["outcome"] == "summons"]
    yield "class_balance", model_plots.class_balance(summonses, inputs.origin_of_models)


def _chart_of_drift(inputs: ChartInputs) -> "Iterator[tuple[str, Figure]]":
    yield "drift", drift_plots.drift_overview(inputs.tables["drift"], inputs.origin_of_models)


def drawn_outcomes(test_stops: pd.DataFrame) -> list[str]:
    """Return the outcomes whose models are drawn: those that some test stops had and others had not."""
    return [outcome for outcome in STUDY_OUTCOMES if test_stops[STUDY_TARGETS[outcome]].nunique() == 2]


def _charts_of_outcome(inputs: ChartInputs, outcome: str) -> "Iterator[tuple[str, Figure]]":
    origin = inputs.origin_of_models
    models, stops, target = inputs.tables["models"], inputs.tables["test_stops"], STUDY_TARGETS[outcome]
    fitted = models.loc[models["outcome"] == outcome, "model"].tolist()
    mains = [name for name in MAIN_MODELS if name in fitted]
    study = f"{outcome}-study_2021-{MAIN_ESTIMATOR}"
    if study not in fitted:  # years of two forms do not have the study's columns
        study = mains[-1]
    known = stops[stops[target].notna()]
    share, measure = float(known[target].mean()), METRIC_BY_OUTCOME[outcome]
    curves, areas = _curves(inputs, mains, known), inputs.of_models("metric_intervals", *mains)
    groups = inputs.of_models("subgroup_metrics", study)
    figures = {
        "confusion_matrices": partial(
            model_plots.confusion_matrices, inputs.of_models("confusion_matrices", study), origin, outcome=outcome
        ),
        "roc_and_precision_recall": partial(
            model_plots.roc_and_precision_recall, curves, areas, origin, base_rate=share, rows=len(known)
        ),
        "calibration": partial(model_plots.calibration, inputs.of_models("calibration_bins", *mains), origin),
        "importances": partial(
            model_plots.importances, inputs.of_models("feature_importances", study), origin, measure=measure
        ),
        "models": partial(
            model_plots.metric_comparison, inputs.of_models("metric_intervals", *fitted), measure, origin,
            chance=0.5 if measure == "roc_auc" else share,
        ),
        "group_rates": partial(subgroup_plots.subgroup_rates, groups, origin),
        "group_quality": partial(subgroup_plots.subgroup_quality, groups, origin),
    }  # fmt: skip
    for name, draw in figures.items():
        yield f"{outcome}_{name}", draw()


def _curves(inputs: ChartInputs, names: list[str], known: pd.DataFrame) -> pd.DataFrame:
    """Return points of the curves of some models of one outcome, on the same resamples."""
    weights = resample_weights(stop_clusters(known), resamples=CURVE_RESAMPLES)
    chosen = inputs.of_models("predictions", *names)
    by_name = forecasts(chosen)
    order = known["stop_id"].to_numpy()
    parts = []
    for name in names:
        stop_ids = chosen.loc[(chosen["model"] == name) & chosen["actual"].notna(), "stop_id"].to_numpy()
        if not np.array_equal(stop_ids, order):
            raise ValueError(f"the predictions of {name} are of other stops than those given, or in another order")
        parts.append(curve_points(by_name[name], weights).assign(model=name))
    return pd.concat(parts, ignore_index=True)
