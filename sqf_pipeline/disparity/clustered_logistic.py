"""Logistic and linear regression whose standard errors allow for clusters of rows that share their fate.

References
----------
Liang and Zeger (1986), Biometrika 73 (sandwich); Cameron and Miller (2015), Journal of Human Resources 50.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array
from scipy.special import expit

Floats = NDArray[np.float64]

RIDGE = 1e-3
"""Penalty on every coefficient but the first: keeps that of a precinct in which everybody was frisked finite."""
Z95 = 1.959963984540054


@dataclass(frozen=True)
class Fit:
    """A fitted regression."""

    coefficients: Floats  # shape (columns,)
    covariance: Floats  # of the coefficients, by clusters, shape (columns, columns)
    fitted: Floats  # probability (logistic) or mean (linear) of each row, shape (rows,)

    def ends(self, place: int) -> tuple[float, float, float]:
        """Return a coefficient and its 95 % interval."""
        middle, half = self.coefficients[place], Z95 * np.sqrt(self.covariance[place, place])
        return float(middle), float(middle - half), float(middle + half)


def fit_logistic(design: Floats, happened: ArrayLike, clusters: NDArray[np.intp]) -> Fit:
    """Fit a logistic regression by Newton's method, with the sandwich of clusters.

    `design` is of shape (rows, columns), its first column ones; `happened` and `clusters` (numbers from 0) of shape
    (rows,). Raises ArithmeticError when it does not converge in 60 steps.
    """
    beta, curvature = newton(design, happened)
    chance = expit(design @ beta)
    errors = np.asarray(happened, np.float64) - chance
    return Fit(beta, _sandwich(design * errors[:, None], clusters, np.asarray(np.linalg.inv(curvature))), chance)


def newton(design: Floats, happened: ArrayLike, weights: Floats | None = None) -> tuple[Floats, Floats]:
    """Return coefficients and curvature (minus Hessian) of a logistic regression; `weights` is 1 a row by default."""
    y = np.asarray(happened, dtype=np.float64)
    weight = np.ones(len(y)) if weights is None else weights
    penalty = np.full(design.shape[1], RIDGE)
    penalty[0] = 0.0
    beta = np.zeros(design.shape[1])
    for _ in range(60):
        chance = expit(design @ beta)
        slope = design.T @ (weight * (y - chance)) - penalty * beta
        halves = design * np.sqrt(weight * chance * (1 - chance))[:, None]
        curvature = halves.T @ halves + np.diag(penalty)  # a product with itself takes half the operations
        step = np.linalg.solve(curvature, slope)
        beta = beta + step * min(1.0, 5.0 / max(float(np.abs(step).max()), 1e-300))
        if np.abs(step).max() < 1e-8:
            return beta, curvature
    raise ArithmeticError("The logistic regression did not converge in 60 steps: look for columns without spread.")


def fit_linear(design: Floats, values: ArrayLike, clusters: NDArray[np.intp]) -> Fit:
    """Fit a least-squares regression with the sandwich of clusters; arguments as in `fit_logistic`."""
    y = np.asarray(values, dtype=np.float64)
    inverse = np.asarray(np.linalg.pinv(design.T @ design))
    beta = inverse @ (design.T @ y)
    fitted = design @ beta
    return Fit(beta, _sandwich(design * (y - fitted)[:, None], clusters, inverse), fitted)


def _sandwich(scores: Floats, clusters: NDArray[np.intp], inverse: NDArray[Any]) -> Floats:
    """Return inverse times the summed squares of the clusters' scores times inverse, with G / (G - 1)."""
    number = np.unique(clusters, return_inverse=True)[1]
    count = int(number.max()) + 1
    together = csr_array((np.ones(len(number)), (number, np.arange(len(number)))), shape=(count, len(number))) @ scores
    return inverse @ (together.T @ together) @ inverse * (count / max(count - 1, 1))


def average_difference(
    fit: Fit, design: Floats, column: int, group_columns: Sequence[int]
) -> tuple[float, float, float]:
    """Return how much likelier everybody would be with a group's column set than with none, and its 95 % interval.

    The mean over the rows of P(group) - P(reference), all else as it is; interval by the delta method.
    """
    others = fit.coefficients.copy()
    others[list(group_columns)] = 0.0
    line = design @ others
    ones, zeros = expit(line + fit.coefficients[column]), expit(line)
    steep, flat = ones * (1 - ones), zeros * (1 - zeros)
    slope = (steep - flat) @ design
    slope[list(group_columns)] = 0.0
    slope[column] = steep.sum()
    slope /= len(design)
    middle, half = float((ones - zeros).mean()), Z95 * float(np.sqrt(slope @ fit.covariance @ slope))
    return middle, middle - half, middle + half


def indicators(stops: pd.DataFrame, names: Sequence[str]) -> Floats:
    """Return one column a value of each named column but its first, a missing value being a value of its own."""
    parts = []
    for name in names:
        codes = pd.factorize(stops[name], sort=True, use_na_sentinel=True)[0] + 1
        levels = np.unique(codes)[1:]
        parts.append((codes[:, None] == levels[None, :]).astype(np.float64))
    return np.column_stack(parts) if parts else np.empty((len(stops), 0))


def spline(values: Floats) -> Floats:
    """Return a cubic spline basis of values with five knots at their quantiles, without the constant."""
    from sklearn.preprocessing import SplineTransformer

    basis = SplineTransformer(n_knots=5, knots="quantile", include_bias=False).fit_transform(values[:, None])
    return np.asarray(basis, dtype=np.float64)
