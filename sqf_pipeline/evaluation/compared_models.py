"""Which models stand in full in the card, which are compared with which, and which are served."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd

from sqf_pipeline.errors import SqfError
from sqf_pipeline.evaluation.bootstrap import stop_clusters
from sqf_pipeline.evaluation.importance import permutation_importance
from sqf_pipeline.modelling.estimators import make_model
from sqf_pipeline.modelling.experiments import SERVED_SIZES, SERVED_TIERS, Experiment, served_experiments
from sqf_pipeline.modelling.feature_sets import chosen_fields, feature_set
from sqf_pipeline.modelling.held_out_stops import is_early
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


def select_columns(
    estimator: Any, training: pd.DataFrame, target: str, columns: Sequence[str], *, count: int
) -> tuple[str, ...]:
    """Return the most important columns, most important first, without a look at the test year.

    A clone of the estimator is fitted on all training years but the last; columns are permuted on the last, by ROC AUC.
    Of a single year the last third of its days stands for the last year.

    Parameters
    ----------
    estimator
        Unfitted estimator that takes a frame of `columns`.
    training
        Clean stops of at least two years, or of one with `stop_date`; with `year`, `target` and `columns`.
    target
        Name of the outcome's column; stops of unknown outcome are left out.
    count
        Number of columns to choose; all where there are fewer.

    Raises
    ------
    SqfError
        When the training stops are of one year without dates, or the stops set aside or those before them have no stop
        with, or none without, the outcome.
    """
    from sklearn.base import clone

    earlier, holdout = _split_last_year(training, target)
    model = clone(estimator).fit(earlier.loc[:, list(columns)], earlier[target].astype(bool).to_numpy())
    actual = holdout[target].astype(bool).to_numpy()
    table = permutation_importance(model, holdout, actual, columns, clusters=stop_clusters(holdout))
    return tuple(table["feature"].head(count))


def _split_last_year(training: pd.DataFrame, target: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return stops of known outcome before the last year, and those of the last year; raises SqfError if unfit."""
    known = training[training[target].notna()]
    years = sorted(int(year) for year in known["year"].dropna().unique())
    early = is_early(known)
    if early.all():
        raise SqfError(
            f"The columns of a model are chosen on the last training year, or the last third of a single one, and need "
            f"earlier stops; {target} is known in the years {years}, without dates. Train on more years."
        )
    earlier, holdout = known[early], known[~early]
    for part, where in ((earlier, "the earlier ones"), (holdout, f"those set aside of {years[-1]}")):
        if part[target].nunique() < 2:
            raise SqfError(
                f"The columns of a model are chosen on stops with and without the outcome; in {where} {target} is "
                f"{bool(part[target].iloc[0])} in all {len(part):,} stops. Look at that column of the published files, "
                "or use another test year."
            )
    return earlier, holdout
