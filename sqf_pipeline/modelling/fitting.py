"""Fitting an experiment: early model, calibrator and thresholds on the last training year, final model on all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from sqf_pipeline.errors import SqfError
from sqf_pipeline.modelling.calibration import Calibrator, fit_logistic, prior_calibrator
from sqf_pipeline.modelling.encoder import features_of_set
from sqf_pipeline.modelling.estimators import settings_of
from sqf_pipeline.modelling.experiments import Experiment
from sqf_pipeline.modelling.feature_sets import FeatureSet
from sqf_pipeline.modelling.held_out_stops import is_early
from sqf_pipeline.modelling.shared_fits import FitStep, SharedFits, positive_score
from sqf_pipeline.modelling.thresholds import Threshold, choose_thresholds, default_threshold, half
from sqf_pipeline.registry.outcomes import TARGETS, happened


@dataclass(frozen=True)
class HeldOut:
    """Scores of the last training year by the early model, which did not see it; shapes (stops of known outcome,)."""

    year: int
    score: np.ndarray  # before calibration
    probability: np.ndarray  # after it
    positive: np.ndarray  # whether each stop had the outcome, bool


@dataclass(frozen=True)
class FittedModel:
    """A fitted model of an experiment with all that is needed to use it; joblib stores it whole."""

    name: str
    outcome: str
    feature_set: FeatureSet
    estimator: str
    resampling: str
    calibration: str
    pipeline: Any  # scikit-learn Pipeline from a frame of registry columns to scores
    calibrator: Calibrator  # from score to probability
    thresholds: Mapping[str, Threshold]  # on the probability, by name
    default_threshold: str
    settings: Mapping[str, Any]  # of the classifier as it was made
    training_years: tuple[int, ...]
    training_rows: int
    training_positives: int
    training_share: float
    """What it was fitted on, before any resampling; stops whose outcome is unknown are not among them."""
    class_counts_before: tuple[int, int]
    class_counts_after: tuple[int, int]
    """Positives and negatives before and after resampling."""
    sampled_share: float  # share of positives that the classifier saw
    held_out: HeldOut | None = None  # None when there was no early model
    tried: tuple[Mapping[str, Any], ...] = ()
    """What was tried on the last training year and what it measured, best first: kind, columns, settings."""
    encoded_features: tuple[str, ...] = ()
    """Names of the encoded features that the pipeline takes; empty where it takes stops and encodes them itself."""

    @property
    def target(self) -> str:
        """Column that records the outcome."""
        return TARGETS[self.outcome]

    @property
    def columns(self) -> tuple[str, ...]:
        """Registry columns the model takes, sorted."""
        return self.feature_set.columns_for(self.outcome)

    def raw_score(self, stops: pd.DataFrame) -> np.ndarray:
        """Return the classifier's scores before calibration, float64 in [0, 1], one a stop.

        A model with `encoded_features` takes the encoded features of stops, any other the stops.
        """
        return positive_score(self.pipeline, stops[list(self.encoded_features or self.columns)])

    def predict_probability(self, stops: pd.DataFrame) -> np.ndarray:
        """Return calibrated probabilities, float64 in [0, 1], one a stop."""
        return self.calibrator.apply(self.raw_score(stops))

    @property
    def held_out_log_loss(self) -> float | None:
        """Log loss on the last training year, by which models are chosen; None where no year was held out."""
        from sklearn.metrics import log_loss

        if self.held_out is None:
            return None
        return float(log_loss(self.held_out.positive, self.held_out.probability, labels=[False, True]))


def fit_experiment(
    experiment: Experiment,
    training_stops: pd.DataFrame,
    *,
    encoded: bool = False,
    n_jobs: int | None = None,
    shared: SharedFits | None = None,
) -> FittedModel:
    """Fit an experiment on training stops, or that one of its alternatives which did best on the last training year.

    Raises SqfError when an outcome is unknown in a whole year, all ended alike, or the last year cannot calibrate.

    Parameters
    ----------
    training_stops
        Clean stops of the training years: registry columns, `year` and the outcome among them.
    encoded
        Whether they come as encoded features instead, by `encoder.encoded_sets`, beside `year` and the outcome.
    n_jobs
        Cores for forests; the model is the same whatever their number.
    shared
        Fits of other experiments on the same training stops, which are used and added to.
    """
    known, positive, years = _usable(experiment, training_stops)
    shared = SharedFits() if shared is None else shared
    step_of = partial(_step_of, training_stops, encoded=encoded, n_jobs=n_jobs, shared=shared)
    step, chosen = _best_of([*map(step_of, (experiment, *experiment.alternatives))], known, positive, years)
    experiment = step.experiment
    pipeline, before, after = step.fit(known, positive, chosen.settings)
    sampled_share = step.sampled_share(after)
    calibrator = chosen.calibrator
    if experiment.calibration == "prior":
        calibrator = prior_calibrator(float(positive.mean()), sampled_share)
    return FittedModel(
        name=experiment.name,
        outcome=experiment.outcome,
        feature_set=step.features,
        estimator=experiment.estimator,
        resampling=experiment.resampling,
        calibration=experiment.calibration,
        pipeline=pipeline,
        calibrator=calibrator,
        thresholds=chosen.thresholds,
        default_threshold=default_threshold(experiment.outcome) if chosen.held_out else "half",
        settings=settings_of(pipeline),
        training_years=tuple(sorted(set(years.tolist()))),
        training_rows=len(known),
        training_positives=int(positive.sum()),
        training_share=float(positive.mean()),
        class_counts_before=before,
        class_counts_after=after,
        sampled_share=sampled_share,
        held_out=chosen.held_out,
        tried=chosen.tried,
        encoded_features=step.inputs if encoded else (),
    )


def _step_of(
    stops: pd.DataFrame, experiment: Experiment, *, encoded: bool, n_jobs: int | None, shared: SharedFits
) -> FitStep:
    features = experiment.features()
    names = features.columns_for(experiment.outcome)
    inputs = features_of_set(stops.columns, features.name, names) if encoded else names
    return FitStep(experiment, features, inputs, encoded, n_jobs, shared)


@dataclass(frozen=True)
class _Chosen:
    """What is decided before the final fit: on the last training year where the experiment is calibrated."""

    settings: Mapping[str, Any]
    calibrator: Calibrator
    thresholds: Mapping[str, Threshold]
    held_out: HeldOut | None = None
    tried: tuple[Mapping[str, Any], ...] = ()


def _best_of(
    steps: Sequence[FitStep], known: pd.DataFrame, positive: np.ndarray, years: np.ndarray
) -> tuple[FitStep, _Chosen]:
    """Return the step with the least log loss on the last training year, the first of equal ones, and its choices."""
    choices = [_choose_on_last_year(step, known, positive, years) for step in steps]
    best = min(range(len(steps)), key=lambda place: choices[place].tried[0]["log_loss"]) if len(steps) > 1 else 0
    tried = sorted((entry for one in choices for entry in one.tried), key=lambda entry: entry["log_loss"])
    return steps[best], replace(choices[best], tried=tuple(tried))


def _choose_on_last_year(step: FitStep, known: pd.DataFrame, positive: np.ndarray, years: np.ndarray) -> _Chosen:
    """Fit early models on all years but the last, and choose settings, calibrator and thresholds on the last.

    Of a single year the last third of its days stands for the last year.

    The final model, fitted on all years, takes them over, which predicts better (docs/modelling.md). An experiment
    that needs no held-out year keeps its own settings.
    """
    experiment, last = step.experiment, int(years.max())
    if not experiment.needs_held_out_year:
        return _Chosen(dict(experiment.settings), Calibrator(), half())
    early = is_early(known)
    if early.all() or len(np.unique(positive[early])) < 2:
        raise SqfError(
            f"The model {experiment.name} is calibrated on the last training year, or the last third of a single one, "
            f"and needs earlier stops with and without the outcome; found {sorted(set(years.tolist()))}. Train on more "
            "years."
        )
    if len(np.unique(positive[~early])) < 2:
        raise SqfError(
            f"The model {experiment.name} is calibrated on the last training year, {last}, which must have stops "
            f"with and without the outcome; found {int(positive[~early].sum()):,} with among {(~early).sum():,}. "
            f"Look at the column {TARGETS[experiment.outcome]} of {last}, or use another test year."
        )
    settings, tried, score = step.choose(known, positive, early)
    calibrator = fit_logistic(score, positive[~early]) if experiment.calibration == "logistic" else Calibrator()
    probability = calibrator.apply(score)
    thresholds = choose_thresholds(probability, positive[~early], experiment.outcome)
    return _Chosen(settings, calibrator, thresholds, HeldOut(last, score, probability, positive[~early]), tried)


def _usable(experiment: Experiment, stops: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Return the stops whose outcome is known, whether they had it, and their years.

    Refused are stops of one kind alone, and to leave a whole year out of training without a word.
    """
    actual = happened(stops, experiment.outcome)
    known, positive = stops[actual.notna()], actual.dropna().to_numpy(dtype=bool)
    lost = sorted(set(stops["year"].astype(int)) - set(known["year"].astype(int)))
    if lost:
        raise SqfError(
            f"The model {experiment.name} needs to know who had the outcome, and in {', '.join(map(str, lost))} the "
            f"column {TARGETS[experiment.outcome]} is empty. Look at that year's file, or use another test year."
        )
    if positive.all() or not positive.any():
        raise SqfError(
            f"The model {experiment.name} needs training stops with and without the outcome; found "
            f"{int(positive.sum()):,} with among {len(positive):,}. Train on more stops."
        )
    return known, positive, known["year"].to_numpy(dtype=np.int64)
