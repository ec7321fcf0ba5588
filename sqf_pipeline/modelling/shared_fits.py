"""One fit of an experiment: resampling, pipeline and classifier, made once for all experiments that need it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from sqf_pipeline.modelling.calibration import fit_logistic
from sqf_pipeline.modelling.estimators import BLEND, blended, clear_padding, kind, make_model, use_one_core
from sqf_pipeline.modelling.experiments import Experiment
from sqf_pipeline.modelling.feature_sets import FeatureSet
from sqf_pipeline.modelling.repeated_stops import fit_on_repeats
from sqf_pipeline.modelling.resampling import resample
from sqf_pipeline.modelling.side_by_side import one_thread

Fit = tuple[Any, tuple[int, int], tuple[int, int]]
"""A fitted pipeline, and the class counts before and after resampling."""

_REPEATED = ("random_forest", "over")
"""The kind of model, with its own settings, and the way of resampling for which `fit_on_repeats` does the same."""


class SharedFits(dict[tuple[object, ...], Fit]):
    """Fits of experiments on the same training stops, by all that decides them, so that none is made twice."""


def positive_score(pipeline: Any, stops: pd.DataFrame) -> np.ndarray:
    """Return the second column of `predict_proba`; the model was fitted on classes False and True."""
    with one_thread():
        probabilities = pipeline.predict_proba(stops)
    classes = list(pipeline.classes_)
    if True not in classes:
        return np.zeros(len(stops))
    return np.asarray(probabilities[:, classes.index(True)], dtype=np.float64)


def _row_by_row(features: pd.DataFrame) -> pd.DataFrame:
    """Return features laid out by rows: deep trees look at many features of few stops, a tenth quicker so."""
    rows = np.ascontiguousarray(features.to_numpy())
    return pd.DataFrame(rows, index=features.index, columns=features.columns, copy=False)


@dataclass(frozen=True)
class FitStep:
    """The parts of a fit that early and final models share."""

    experiment: Experiment
    features: FeatureSet
    inputs: tuple[str, ...]
    encoded: bool
    n_jobs: int | None
    shared: SharedFits

    def fit(self, stops: pd.DataFrame, positive: np.ndarray, settings: Mapping[str, Any]) -> Fit:
        """Return what is fitted on resampled stops, which is fitted once for all experiments that need it."""
        decided = {**kind(self.experiment.estimator).settings, **settings}
        rows = hashlib.sha256(stops.index.to_numpy().tobytes() + positive.tobytes()).hexdigest()
        key = (
            self.experiment.estimator, self.experiment.outcome, self.experiment.resampling, self.features.name,
            self.inputs, repr(sorted(decided.items())), rows,
        )  # fmt: skip
        if key not in self.shared:
            self.shared[key] = self._fit_anew(stops, positive, settings)
        return self.shared[key]

    def _fit_anew(self, stops: pd.DataFrame, positive: np.ndarray, settings: Mapping[str, Any]) -> Fit:
        experiment = self.experiment
        parts = [
            replace(self, experiment=replace(experiment, estimator=name)).fit(stops, positive, {**own, **settings})[0]
            for name, _, own in (blended(experiment.outcome) if experiment.estimator == BLEND else ())
        ]
        known = stops[list(self.inputs)]
        sampled = resample(known, positive, experiment.resampling, encoded=self.encoded)
        model = make_model(
            experiment.estimator,
            self.features,
            experiment.outcome,
            settings=settings,
            n_jobs=self.n_jobs,
            encoded=self.encoded,
            parts=parts,
        )
        with one_thread():
            if self.encoded and not settings and (experiment.estimator, experiment.resampling) == _REPEATED:
                fit_on_repeats(model[-1], _row_by_row(known), positive, sampled.rows)
            else:
                model.fit(_row_by_row(sampled.stops) if self.encoded else sampled.stops, sampled.positive)
        use_one_core(model)
        clear_padding(model)
        return model, sampled.before, sampled.after

    def choose(
        self, stops: pd.DataFrame, positive: np.ndarray, early: np.ndarray
    ) -> tuple[dict[str, Any], tuple[Mapping[str, Any], ...], np.ndarray]:
        """Return the settings that did best on the last year, all that were tried, and the best one's scores."""
        from sklearn.metrics import average_precision_score, log_loss

        tried = []
        for variant in self.experiment.grid or ({},):
            settings = {**self.experiment.settings, **variant}
            model, _, _ = self.fit(stops[early], positive[early], settings)
            score = positive_score(model, stops.loc[~early, list(self.inputs)])
            actual = positive[~early]
            calibrated = fit_logistic(score, actual).apply(score)
            loss = float(log_loss(actual, calibrated, labels=[False, True]))
            ranking = float(average_precision_score(actual, score)) if actual.any() else float("nan")
            told = {
                "estimator": self.experiment.estimator, "columns": self.features.columns_for(self.experiment.outcome),
                "settings": {**kind(self.experiment.estimator).settings, **settings}, "log_loss": loss,
                "average_precision": ranking,
            }  # fmt: skip
            tried.append((loss, told, settings, score))
        tried.sort(key=lambda entry: entry[0])
        return tried[0][2], tuple(entry[1] for entry in tried), tried[0][3]

    def sampled_share(self, after: tuple[int, int]) -> float:
        """Return the share of positives that the classifier's trees saw."""
        if self.experiment.estimator in {"balanced_forest", "weighted_forest"}:
            return 0.5
        return after[0] / sum(after)
