"""Which models stand in full in the card, which are compared with which, and which are served."""

from functools import partial
from typing import TYPE_CHECKING

import pandas as pd

from sqf_pipeline.evaluation.column_selection import select_columns
from sqf_pipeline.modelling.estimators import make_model
from sqf_pipeline.modelling.experiments import SERVED_SIZES, SERVED_TIERS, Experiment, served_experiments
from sqf_pipeline.modelling.feature_sets import chosen_fields, feature_set
from sqf_pipeline.modelling.side_by_side import side_by_side
from sqf_pipeline.registry.columns import column
from sqf_pipeline.registry.outcomes import OUTCOME_ENTRIES, STUDY_OUTCOMES, STUDY_TARGETS

if TYPE_CHECKING:
    from sqf_pipeline.modelling.fitting import FittedModel

MAIN_ESTIMATOR = "tuned_forest"
NOT_SERVED = {"at_stop": frozenset({"suspect_race"})}
"""Columns that no served model of a tier may have: race adds nothing to a model at the stop (docs/modelling.md)."""

MAIN_MODELS = tuple(
    f"{name}-{tier}-{MAIN_ESTIMATOR}"
    for name, entry in OUTCOME_ENTRIES.items()
    for tier in entry.tiers
    if MAIN_ESTIMATOR in entry.estimators
)
"""Models measured by groups of people and by permutation: the forest at each tier."""


def reference_of(model: "FittedModel") -> str | None:
    """Return the model that another is compared with: the forest of the same outcome and tier; None for itself.

    A model of a few columns is compared with the forest that has all columns of its tier; the study's bins with the
    same columns in finer categories.
    """
    tier = model.feature_set.name.removesuffix("_twelve").removesuffix("_chosen").removesuffix("_binned")
    reference = f"{model.outcome}-{tier}-{MAIN_ESTIMATOR}"
    return None if reference == model.name else reference


def experiments_to_serve(
    training_stops: pd.DataFrame, forms: tuple[str, ...], *, processes: int = 1
) -> tuple[Experiment, ...]:
    """Return the models of a few columns, those of each tier ranked by permutation importance.

    Columns are ranked on training stops: by boosting on the first years, by what shuffling costs its ROC AUC on the
    last one; of those that mean the same in the forms of the training years and the test year. Codes are left out, as
    these kinds of model leave them out.
    """
    places = [(outcome, tier) for outcome in STUDY_OUTCOMES for tier in SERVED_TIERS]
    choices = side_by_side((partial(_rank_columns, training_stops, forms, *place) for place in places), processes)
    return served_experiments(dict(zip(places, choices, strict=True)))


def _rank_columns(training_stops: pd.DataFrame, forms: tuple[str, ...], outcome: str, tier: str) -> tuple[str, ...]:
    whole = feature_set(tier, forms)
    barred = NOT_SERVED.get(tier, frozenset())
    columns = [name for name in whole.columns_for(outcome) if name not in barred and column(name).kind != "code"]
    features = chosen_fields(tier, whole.tier, outcome, columns)
    model = make_model("boosting", features, outcome, settings={})
    return select_columns(model, training_stops, STUDY_TARGETS[outcome], columns, count=max(SERVED_SIZES))
