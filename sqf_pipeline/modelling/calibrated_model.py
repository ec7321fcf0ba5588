"""A fitted model as one object that gives the calibrated probability: what an export keeps for use offline."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin

from sqf_pipeline.modelling.calibration import Calibrator
from sqf_pipeline.modelling.shared_fits import positive_score


class CalibratedModel(ClassifierMixin, BaseEstimator):
    """Stops in, calibrated probabilities out: drawing, encoding, classifying and calibration in one.

    The fitted pipeline leads from a frame of `fields`, columns of the registry, to scores; a frame may have more. From
    the probability `threshold` on, `predict` says yes.
    """

    def __init__(self, pipeline: Any, calibration: Calibrator, fields: Sequence[str], threshold: float) -> None:
        self.pipeline = pipeline
        self.calibration = calibration
        self.fields = fields
        self.threshold = threshold

    @property
    def classes_(self) -> np.ndarray:
        """Return the classes, without and with the outcome."""
        return np.array([False, True])

    def predict_proba(self, stops: pd.DataFrame) -> np.ndarray:
        """Return the calibrated probabilities of no and yes, float64 of shape (stops, 2)."""
        probability = self.calibration.apply(positive_score(self.pipeline, stops[list(self.fields)]))
        return np.column_stack([1 - probability, probability])

    def predict(self, stops: pd.DataFrame) -> np.ndarray:
        """Return whether each stop's probability is at least the threshold, bool of shape (stops,)."""
        return self.predict_proba(stops)[:, 1] >= self.threshold
