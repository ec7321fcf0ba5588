"""Logistic recalibration: how a forecast's logits would have to be moved to agree with what happened.

References
----------
Cox (1958), Two further applications of a model for binary regression, Biometrika 45 (the slope).
Van Calster et al. (2016), A calibration hierarchy for risk models was defined, Journal of Clinical Epidemiology 74
(the intercept, with the slope held at 1).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sqf_pipeline.modelling.calibration import log_odds

Floats = NDArray[np.float64]

LOGIT_FLOOR = 1e-6
"""Probabilities are kept this far from 0 and 1 before their logit is taken, as forests do say 0 and 1."""

_NEWTON_STEPS = 100


def _expit(values: Floats) -> Floats:
    from scipy.special import expit

    return expit(values)


def _fit_recalibration(actual: Floats, logits: Floats) -> tuple[float | None, tuple[float, float] | None]:
    """Return the intercept at slope 1, and the free (intercept, slope), by Newton's method; None if undefined."""
    if actual.min() == actual.max():
        return None, None
    intercept = _newton(actual, np.ones((len(actual), 1)), logits)
    if np.ptp(logits) < 1e-12:
        return (None if intercept is None else float(intercept[0])), None
    free = _newton(actual, np.column_stack([np.ones_like(logits), logits]), np.zeros_like(logits))
    return (
        None if intercept is None else float(intercept[0]),
        None if free is None else (float(free[0]), float(free[1])),
    )


def _newton(actual: Floats, design: Floats, offset: Floats) -> Floats | None:
    """Maximise the logistic likelihood; None when it has no maximum (the classes are separated)."""
    beta = np.zeros(design.shape[1])
    if design.shape[1] == 2:
        beta[1] = 1.0
    value = _log_likelihood(beta, actual, design, offset)
    for _ in range(_NEWTON_STEPS):
        mean = _expit(design @ beta + offset)
        gradient = design.T @ (actual - mean)
        hessian = (design * (mean * (1 - mean))[:, None]).T @ design
        try:
            step = np.linalg.solve(hessian, gradient)
        except np.linalg.LinAlgError:
            return None
        size = 1.0
        while (better := _log_likelihood(beta + size * step, actual, design, offset)) < value and size > 1e-8:
            size /= 2
        beta, value = beta + size * step, better
        if np.abs(size * step).max() < 1e-10:
            return beta if np.abs(beta).max() < 1e3 else None
    return None


def _log_likelihood(beta: Floats, actual: Floats, design: Floats, offset: Floats) -> float:
    linear = design @ beta + offset
    return float((actual * linear - np.logaddexp(0.0, linear)).sum())


@dataclass(frozen=True)
class Recalibration:
    """Columns whose weighted sums give the recalibration of any reweighting, near the unweighted fit."""

    intercept: float | None
    free: tuple[float, float] | None
    columns: Floats  # (rows, 12): see fit_recalibration

    def intercepts(self, sums: Floats) -> Floats:
        """Return the intercept at slope 1 for each row of weighted sums, shape (resamples,)."""
        if self.intercept is None:
            return np.full(len(sums), np.nan)
        gradient, curvature, third = sums[:, 0], sums[:, 1], sums[:, 2]
        step = gradient / curvature
        return self.intercept + step - 0.5 * third * step**2 / curvature

    def slopes(self, sums: Floats) -> Floats:
        """Return the free slope for each row of weighted sums, shape (resamples,)."""
        if self.free is None:
            return np.full(len(sums), np.nan)
        gradient, h, t = sums[:, 3:5], sums[:, 5:8], sums[:, 8:12]
        step = _solve_two(h, gradient)
        bend = np.column_stack(
            [
                t[:, 0] * step[:, 0] ** 2 + 2 * t[:, 1] * step[:, 0] * step[:, 1] + t[:, 2] * step[:, 1] ** 2,
                t[:, 1] * step[:, 0] ** 2 + 2 * t[:, 2] * step[:, 0] * step[:, 1] + t[:, 3] * step[:, 1] ** 2,
            ]
        )
        return self.free[1] + step[:, 1] - 0.5 * _solve_two(h, bend)[:, 1]


def _solve_two(matrix: Floats, right: Floats) -> Floats:
    """Solve symmetric 2 x 2 systems given as (a, b, c) rows; nan where singular."""
    a, b, c = matrix.T
    determinant = a * c - b * b
    with np.errstate(divide="ignore", invalid="ignore"):
        return (
            np.column_stack([c * right[:, 0] - b * right[:, 1], a * right[:, 1] - b * right[:, 0]])
            / np.where(determinant > 0, determinant, np.nan)[:, None]
        )


def fit_recalibration(actual: Floats, probability: Floats) -> Recalibration:
    """Fit the recalibration once, and prepare the sums of its Chebyshev step for reweightings.

    One Chebyshev step (Newton's, corrected by the third derivative) from the unweighted fit is exact to third
    order in the distance of the reweighted fit, and needs sums only, so that thousands of fits cost one product
    of matrices.
    """
    logits = log_odds(probability, LOGIT_FLOOR)
    intercept, free = _fit_recalibration(actual, logits)
    columns = np.zeros((len(actual), 12))
    if intercept is not None:
        mean = _expit(logits + intercept)
        spread = mean * (1 - mean)
        columns[:, :3] = np.column_stack([actual - mean, spread, spread * (1 - 2 * mean)])
    if free is not None:
        mean = _expit(free[0] + free[1] * logits)
        spread = mean * (1 - mean)
        bend = spread * (1 - 2 * mean)
        powers = logits[:, None] ** np.arange(4)
        columns[:, 3:5] = (actual - mean)[:, None] * powers[:, :2]
        columns[:, 5:8] = spread[:, None] * powers[:, :3]
        columns[:, 8:12] = bend[:, None] * powers
    return Recalibration(intercept, free, columns)
