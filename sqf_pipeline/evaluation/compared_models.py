"""Which models stand in full in the card, and which are compared with which.

What belongs here: choices over the list of experiments, by name. What does not: the list (`experiments`), and the
measures (`evaluation`).
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sqf_pipeline.evaluation.importance import METRIC_BY_OUTCOME, permutation_importance, select_columns
from sqf_pipeline.modelling.estimators import make_model
from sqf_pipeline.modelling.experiments import Experiment, served_experiments
from sqf_pipeline.modelling.feature_sets import OUTCOMES, TARGETS, chosen_fields, feature_set

if TYPE_CHECKING:
    from sqf_pipeline.evaluation.model_evaluation import TestYear
    from sqf_pipeline.modelling.fitting import FittedModel

MAIN_TIERS = ("at_stop", "during", "study_2021")
MAIN_ESTIMATOR = "tuned_forest"
CHOSEN_TIERS = ("during", "at_stop")
NOT_SERVED = {"at_stop": frozenset({"suspect_race"})}
"""Columns that no served model of a tier may have: race adds nothing to a model at the stop (docs/modelling.md)."""

MAIN_MODELS = tuple(f"{outcome}-{tier}-{MAIN_ESTIMATOR}" for outcome in OUTCOMES for tier in MAIN_TIERS)
"""Models measured by groups of people and by permutation: the forest at each tier."""


def reference_of(model: "FittedModel") -> str | None:
    """Return the model that another is compared with: the forest of the same outcome and tier; None for itself.

    A model of twelve columns is compared with the forest that has all columns of its tier; the study's bins with
    the same columns in finer categories.
    """
    tier = model.feature_set.name.removesuffix("_twelve").removesuffix("_binned")
    reference = f"{model.outcome}-{tier}-{MAIN_ESTIMATOR}"
    return None if reference == model.name else reference


def compared_pairs(models: Iterable["FittedModel"]) -> list[tuple[str, str]]:
    """Return pairs of a model and its reference, where both are there."""
    by_name = {model.name: model for model in models}
    pairs = ((name, reference_of(model)) for name, model in sorted(by_name.items()))
    return [(name, reference) for name, reference in pairs if reference in by_name]


def experiments_to_serve(training_stops: pd.DataFrame, *, n_jobs: int | None = None) -> tuple[Experiment, ...]:
    """Return the models of twelve columns, those of each tier chosen by permutation importance.

    Columns are chosen on training stops: by a forest of the first years, on the last one.
    """
    chosen: dict[tuple[str, str], tuple[str, ...]] = {}
    for outcome in OUTCOMES:
        for tier in CHOSEN_TIERS:
            whole = feature_set(tier)
            columns = [name for name in whole.columns_for(outcome) if name not in NOT_SERVED.get(tier, ())]
            features = chosen_fields(tier, whole.tier, outcome, columns)
            selection = select_columns(
                make_model(MAIN_ESTIMATOR, features, outcome, settings={"n_estimators": 40}, n_jobs=n_jobs),
                training_stops,
                TARGETS[outcome],
                columns,
                measure=METRIC_BY_OUTCOME[outcome],
            )
            chosen[outcome, tier] = selection.columns
    return served_experiments(chosen)


def permutation_rows(model: "FittedModel", test: "TestYear") -> pd.DataFrame:
    """Return permutation importances of a model on the test year, as rows of `feature_importances`."""
    known = test.stops[model.target].notna().to_numpy(dtype=bool)
    stops = test.stops[known]
    table = permutation_importance(
        model.pipeline,
        stops[list(model.columns)],
        stops[model.target].to_numpy(dtype=bool),
        model.columns,
        clusters=np.asarray(test.clusters)[known],
        measure=METRIC_BY_OUTCOME[model.outcome],
    )
    return table.assign(model=model.name)


def of_test_year(frames: Sequence[pd.DataFrame], *, test_year: int, source: str) -> pd.DataFrame:
    """Return frames one below the other, with the test year and the source in columns."""
    return pd.concat(list(frames), ignore_index=True).assign(test_year=test_year, source=source)


__all__ = [
    "CHOSEN_TIERS", "MAIN_ESTIMATOR", "MAIN_MODELS", "MAIN_TIERS", "NOT_SERVED", "compared_pairs",
    "experiments_to_serve", "of_test_year", "permutation_rows", "reference_of",
]  # fmt: skip
