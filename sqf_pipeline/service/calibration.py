"""From a model's score to a probability, as numbers that JSON can hold.

What belongs here: the stored form of a calibrator and its application with numpy. What does not: fitting one
(`modelling`).
"""

from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, model_validator

_SMALLEST = 1e-12


class Calibration(BaseModel):
    """A monotone map from score to probability.

    `identity` leaves the score as it is. `logistic` is Platt's map on log odds: p = 1 / (1 + exp(-(slope *
    logit(score) + intercept))) (Platt 1999; on log odds, Niculescu-Mizil and Caruana 2005), with the score kept
    `smallest` away from 0 and 1. `piecewise` joins the points (scores, probabilities) by straight lines and
    stays constant beyond them, which is what isotonic regression predicts (Zadrozny and Elkan 2002). `chain`
    applies several in turn, such as a prior correction and then a logistic map.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["identity", "logistic", "piecewise", "chain"] = "identity"
    slope: FiniteFloat = 1.0
    intercept: FiniteFloat = 0.0
    smallest: FiniteFloat = Field(_SMALLEST, gt=0, lt=0.5)
    scores: tuple[FiniteFloat, ...] = ()
    probabilities: tuple[FiniteFloat, ...] = ()
    parts: tuple["Calibration", ...] = ()

    @model_validator(mode="after")
    def _check(self) -> "Calibration":
        if self.kind == "piecewise":
            if len(self.scores) < 2 or len(self.scores) != len(self.probabilities):
                raise ValueError("a piecewise calibration needs as many probabilities as scores, two at least")
            if np.any(np.diff(self.scores) < 0) or np.any(np.diff(self.probabilities) < 0):
                raise ValueError("a piecewise calibration needs ascending scores and probabilities")
        if self.kind == "chain" and not self.parts:
            raise ValueError("a chain of calibrations needs at least one part")
        return self

    def apply(self, scores: np.ndarray) -> np.ndarray:
        """Return the probabilities, float64 within [0, 1], of an array of scores of any shape."""
        scores = np.asarray(scores, dtype=np.float64)
        if self.kind == "logistic":
            clipped = np.clip(scores, self.smallest, 1 - self.smallest)
            log_odds = self.slope * np.log(clipped / (1 - clipped)) + self.intercept
            return 1 / (1 + np.exp(-np.clip(log_odds, -700, 700)))
        if self.kind == "piecewise":
            return np.interp(scores, self.scores, self.probabilities)
        if self.kind == "chain":
            for part in self.parts:
                scores = part.apply(scores)
        return np.clip(scores, 0.0, 1.0)


__all__ = ["Calibration"]
