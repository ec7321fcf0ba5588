"""The experiments: which model is fitted on which columns, how resampled and how calibrated, one entry each."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from sqf_pipeline.modelling import calibration as calibrators
from sqf_pipeline.modelling.estimators import SLOW_BOOSTING, kind
from sqf_pipeline.modelling.feature_sets import FeatureSet, FeatureSetError, chosen_fields, feature_set
from sqf_pipeline.registry.forms.published_forms import NEW_FORM
from sqf_pipeline.registry.outcomes import OUTCOME_ENTRIES, STUDY_OUTCOMES

if TYPE_CHECKING:
    from sqf_pipeline.modelling.resampling import Method


@dataclass(frozen=True)
class Experiment:
    """One model to fit."""

    outcome: str  # what it foresees
    feature_set: str  # name of the set of columns
    estimator: str  # kind of model, see `estimators.KINDS`
    resampling: "Method" = "none"  # how training stops are resampled
    calibration: calibrators.Kind = "logistic"
    """`none` and `prior` need no held-out year; `logistic` is fitted on the last training year."""
    settings: Mapping[str, Any] = field(default_factory=dict)  # laid over those of the kind
    grid: tuple[Mapping[str, Any], ...] = ()  # settings to try on the last training year; the best by log loss is kept
    fields: tuple[str, ...] = ()
    """Columns chosen for this model instead of a named set's; `feature_set` then names the tier's set."""
    forms: tuple[str, ...] = (NEW_FORM,)
    """Forms of the training years and the test year, which decide what columns a set has."""
    alternatives: tuple["Experiment", ...] = ()
    """Others for the same place: of them all, the one with the least log loss on the last training year is fitted."""

    def __post_init__(self) -> None:
        kind(self.estimator)
        feature_set(self.feature_set, self.forms)

    @property
    def name(self) -> str:
        """Slug of the model: outcome, columns, kind, and resampling and prior correction where there are any."""
        parts = [self.outcome, self._set_name, self.estimator]
        if self.resampling != "none":
            parts.append(self.resampling)
        if self.calibration == "prior":
            parts.append("prior")
        return "-".join(parts)

    @property
    def _set_name(self) -> str:
        return f"{self.feature_set}_chosen" if self.fields else self.feature_set

    @property
    def needs_held_out_year(self) -> bool:
        """Whether the last training year is kept for choosing, calibration and thresholds."""
        return self.calibration in {"logistic", "isotonic"} or bool(self.grid)

    def features(self) -> FeatureSet:
        """Return the set of columns, the chosen fields if there are any."""
        named = feature_set(self.feature_set, self.forms)
        if not self.fields:
            return named
        return chosen_fields(self._set_name, named.tier, self.outcome, self.fields)


FOREST_GRID: tuple[Mapping[str, Any], ...] = (
    {"min_samples_leaf": 2, "max_features": "sqrt"},
    {"min_samples_leaf": 4, "max_features": 0.2},
)
"""Leaf sizes and features a split that are tried for each tuned forest."""


def study_experiments() -> tuple[Experiment, ...]:
    """Return the forests with the study's settings: its bins and finer categories, both outcomes."""
    return tuple(
        Experiment(outcome, columns, "random_forest", calibration="none")
        for outcome in STUDY_OUTCOMES
        for columns in ("study_2021_binned", "study_2021")
    )


def resampled_experiments() -> tuple[Experiment, ...]:
    """Return the summons forests with the study's settings on resampled training stops."""
    return (
        Experiment("summons", "study_2021", "random_forest", "under", "none"),
        Experiment("summons", "study_2021", "random_forest", "under", "prior"),
        Experiment("summons", "study_2021", "random_forest", "over", "none"),
        Experiment("summons", "study_2021", "random_forest", "smotenc", "none"),
    )


def plain_experiments() -> tuple[Experiment, ...]:
    """Return what the plain pipeline fits."""
    return (*study_experiments(), *resampled_experiments())


def tier_experiments() -> tuple[Experiment, ...]:
    """Return every outcome at each of its tiers, by each of its kinds of model."""
    return tuple(
        Experiment(
            outcome,
            columns,
            estimator,
            settings=_settings(estimator, outcome),
            grid=FOREST_GRID if estimator == "tuned_forest" else (),
        )
        for outcome, entry in OUTCOME_ENTRIES.items()
        for columns in entry.tiers
        for estimator in entry.estimators
    )


def imbalance_experiments() -> tuple[Experiment, ...]:
    """Return the ways with a rare outcome, each calibrated on the last training year."""
    return (
        Experiment("summons", "study_2021", "weighted_forest"),
        Experiment("summons", "study_2021", "balanced_forest"),
        Experiment("summons", "study_2021", "tuned_forest", "under"),
        Experiment("summons", "study_2021", "tuned_forest", "under", "prior"),
        Experiment("summons", "study_2021", "tuned_forest", "over"),
        Experiment("summons", "study_2021", "tuned_forest", "smotenc"),
    )


SERVED_SIZES = (12, 16)
"""Numbers of columns that are tried for each served model: the study's twelve, and what a form still holds."""
SERVED_ESTIMATORS = ("tuned_forest", "boosting")
SERVED_TIERS = ("during", "at_stop")


def served_experiments(ranked: Mapping[tuple[str, str], Sequence[str]]) -> tuple[Experiment, ...]:
    """Return the models for the export: forests of the study's twelve fields, and the best of each other tier.

    `ranked` holds columns by (outcome, feature set), the most important first. The first of them are tried in each
    number of `SERVED_SIZES` by each kind of model; equal ones are decided for fewer columns, then for the forest.
    """
    study = tuple(Experiment(outcome, "study_2021_twelve", "tuned_forest") for outcome in STUDY_OUTCOMES)
    served = []
    for outcome in STUDY_OUTCOMES:
        for columns in SERVED_TIERS:
            names = ranked[outcome, columns]
            first, *others = (
                Experiment(outcome, columns, name, settings=_settings(name, outcome), fields=tuple(names[:size]))
                for size in sorted({min(size, len(names)) for size in SERVED_SIZES})
                for name in SERVED_ESTIMATORS
            )
            served.append(replace(first, alternatives=tuple(others)))
    return (*study, *served)


def _settings(estimator: str, outcome: str) -> Mapping[str, Any]:
    """Return what an outcome's kind of model has in place of the kind's own settings."""
    return SLOW_BOOSTING if estimator == "boosting" and OUTCOME_ENTRIES[outcome].common else {}


def within_forms(experiments: Iterable[Experiment], forms: tuple[str, ...]) -> tuple[list[Experiment], str]:
    """Return the experiments that are possible with years of these forms, and why others are left out, or ''."""
    possible: list[Experiment] = []
    reasons: dict[str, None] = {}
    for experiment in experiments:
        try:
            others = tuple(replace(other, forms=forms) for other in experiment.alternatives)
            possible.append(replace(experiment, forms=forms, alternatives=others))
        except FeatureSetError as error:
            reasons[str(error)] = None
    return possible, f"Models are left out. {' '.join(reasons)}" if reasons else ""
