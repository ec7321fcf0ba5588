"""Calibrators: from a model's score to a probability, fitted on stops that the model did not see.

Stops are kept by year, never shuffled: a calibrator fitted on shuffled rows does not see how the last year differs
from those before it, and made the test year worse.

References
----------
Elkan (2001), The foundations of cost-sensitive learning, IJCAI; Saerens, Latinne and Decaestecker (2002),
Adjusting the outputs of a classifier to new a priori probabilities, Neural Computation 14 (the prior correction).
Platt (1999), Probabilistic outputs for support vector machines (the logistic map).
Niculescu-Mizil and Caruana (2005), Predicting good probabilities with supervised learning, ICML (on log odds).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import ConfigDict

Kind = Literal["none", "prior", "logistic"]

SCORE_FLOOR = 1e-3
"""Scores are kept this far from 0 and 1 before their log odds are taken: a forest of some hundred trees says 0
where it means fewer than one in a thousand."""


@dataclass(frozen=True)
class Calibrator:
    """A monotone map from score to probability."""

    kind: Literal["identity", "logistic"] = "identity"
    """`identity`: the score as it is. `logistic`: p = 1 / (1 + exp(-(slope * logit(score) + intercept)))."""
    slope: float = 1.0
    intercept: float = 0.0
    smallest: float = 1e-12  # how far scores are kept from 0 and 1

    __pydantic_config__ = ConfigDict(extra="forbid", allow_inf_nan=False)  # an export's manifest holds it as it is

    def apply(self, score: np.ndarray) -> np.ndarray:
        """Return probabilities, float64 in [0, 1], of scores in [0, 1]."""
        score = np.asarray(score, dtype=np.float64)
        if self.kind == "logistic":
            odds = self.slope * log_odds(score, self.smallest) + self.intercept
            return 1 / (1 + np.exp(-np.minimum(np.maximum(odds, -700), 700)))  # np.clip takes ten times as long
        return np.clip(score, 0.0, 1.0)


def log_odds(score: np.ndarray, smallest: float = SCORE_FLOOR) -> np.ndarray:
    """Return log(score / (1 - score)), scores kept `smallest` away from 0 and 1."""
    kept = np.minimum(np.maximum(np.asarray(score, dtype=np.float64), smallest), 1 - smallest)
    return np.log(kept / (1 - kept))


def prior_calibrator(share: float, sampled_share: float) -> Calibrator:
    """Return probabilities for the true share of positives from scores of a model fitted at `sampled_share`.

    p = p_s (pi/pi_s) / [p_s (pi/pi_s) + (1 - p_s) (1 - pi)/(1 - pi_s)] (Elkan 2001; Saerens et al. 2002): a shift of
    the log odds, so that the order of the scores stays. Sound for under-sampling; after over-sampling or SMOTENC with
    fully grown trees the scores are not the sampled problem's probabilities, and it would make them far too small.
    """
    shift = float(np.log(share / (1 - share)) - np.log(sampled_share / (1 - sampled_share)))
    return Calibrator(kind="logistic", intercept=shift)


def fit_logistic(score: np.ndarray, positive: np.ndarray) -> Calibrator:
    """Return the logistic map that makes these scores most likely; the identity when a class is missing.

    A map that would turn the ranking round (a model no better than chance) keeps the share alone.
    """
    from sklearn.linear_model import LogisticRegression

    positive = np.asarray(positive, dtype=bool)
    if positive.all() or not positive.any():
        return Calibrator()
    share = float(positive.mean())
    slope, intercept = 0.0, float(np.log(share / (1 - share)))
    odds = log_odds(score)
    if np.ptp(odds) >= 1e-9:
        model = LogisticRegression(C=np.inf, max_iter=1000, tol=1e-8).fit(odds[:, None], positive)
        if model.coef_[0, 0] > 0:
            slope, intercept = float(model.coef_[0, 0]), float(model.intercept_[0])
    return Calibrator(kind="logistic", slope=slope, intercept=intercept, smallest=SCORE_FLOOR)
