"""Conditional probabilities as small whole-number tables: a masked multinomial logit and its disclosure rules.

What belongs here: fitting one variable given its parents, and what is left out so that no figure rests on a few
stops. What does not: which variables there are and how they are read (`make_synthetic_aggregates`), and drawing from
the tables (`sqf_pipeline.synthetic.conditional_chain`).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import optimize, sparse, special

SMALLEST_CELL = 10
"""No figure rests on fewer stops than this."""

SMALLEST_LEVEL = 30
"""A level of a parent with fewer stops than this has no effect of its own."""

DEPLETED_BELOW = 30.0
"""A cell of a few stops where at least this many were to be expected counts as empty: its stops are left out."""

PENALTY = 1.0
"""Weight of the squared effects, as scikit-learn's C = 1."""

SCALE = 100
"""Effects are stored as whole hundredths."""


def one_hot(levels: pd.DataFrame, order: dict[str, list[str]]) -> tuple[sparse.csr_matrix, list[tuple[str, int]]]:
    """Return the indicator matrix of the parents (rows, features) and the (parent, level position) of each feature.

    The most frequent level of a parent, and those with fewer than `SMALLEST_LEVEL` stops, have no indicator.
    """
    blocks, names = [], []
    for parent in levels.columns:
        codes = pd.Categorical(levels[parent], categories=order[parent]).codes
        counts = np.bincount(codes[codes >= 0], minlength=len(order[parent]))
        for position in range(len(counts)):
            if counts[position] >= SMALLEST_LEVEL and position != int(counts.argmax()):
                blocks.append(sparse.csr_matrix((codes == position).astype(np.float64)[:, None]))
                names.append((parent, position))
    if not blocks:
        return sparse.csr_matrix((len(levels), 0)), []
    return sparse.hstack(blocks, format="csr"), names


def _disclosure_rules(design: sparse.csr_matrix, target: np.ndarray, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return rows to keep (rows,) and effects allowed (features, classes), both boolean.

    A cell of 1 to 9 stops either has no effect, or, where far more were to be expected, loses its stops.
    """
    indicator = sparse.csr_matrix(
        (np.ones(len(target)), (np.arange(len(target)), target)), shape=(len(target), classes)
    )
    cells = np.asarray((design.T @ indicator).todense())
    share = np.bincount(target, minlength=classes) / len(target)
    expected = np.asarray(design.sum(axis=0)).ravel()[:, None] * share[None, :]
    small = (cells > 0) & (cells < SMALLEST_CELL)
    depleted = small & (expected >= DEPLETED_BELOW)
    keep = np.asarray(design.multiply(depleted.T[target]).sum(axis=1)).ravel() == 0
    return keep, ~(small & ~depleted)


def fit_logit(
    target: Sequence[str],
    parents: pd.DataFrame,
    classes: list[str],
    order: dict[str, list[str]],
    stretch: float = 1.0,
) -> dict[str, Any]:
    """Return intercepts and effects of a multinomial logit as whole hundredths.

    Parameters
    ----------
    target
        Class of each stop; stops whose class is not in `classes` are left out.
    parents
        Level of each parent, a column a parent.
    classes
        Classes in order; the first is the reference, whose score is always 0.
    order
        Levels of each parent in order.
    stretch
        Factor on the effects of all parents but the year; intercept and years are then moved so that the mean
        probability stays in every year. Only for two classes.

    Returns
    -------
    `intercepts`: classes - 1 numbers; `effects`: for each parent a flat list of (levels x (classes - 1)) numbers,
    the effects of one level standing together. A parent without any effect is absent.
    """
    codes = pd.Categorical(target, categories=classes).codes
    known = codes >= 0
    design, names = one_hot(parents[known], order)
    labels = codes[known].astype(np.int64)
    keep, allowed = _disclosure_rules(design, labels, len(classes))
    design, labels = design[keep], labels[keep]
    free = allowed[:, 1:] & allowed[:, :1]  # an effect compares a class with the reference: both must be allowed
    width = len(classes) - 1
    observed = np.zeros((len(labels), len(classes)))
    observed[np.arange(len(labels)), labels] = 1.0

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weights = flat.reshape(design.shape[1] + 1, width)
        effects = np.where(free, weights[1:], 0.0)
        scores = np.zeros((len(labels), len(classes)))
        scores[:, 1:] = weights[0] + design @ effects
        scores -= scores.max(axis=1, keepdims=True)
        exponentials = np.exp(scores)
        totals = exponentials.sum(axis=1, keepdims=True)
        residual = (exponentials / totals - observed)[:, 1:]
        value = float((np.log(totals).ravel() - (scores * observed).sum(axis=1)).sum())
        gradient = np.vstack([residual.sum(axis=0), np.where(free, design.T @ residual + PENALTY * effects, 0.0)])
        return value + PENALTY * float((effects**2).sum()) / 2, gradient.ravel()

    start = np.zeros((design.shape[1] + 1, width))
    share = np.maximum(observed.mean(axis=0), 1e-6)
    start[0] = np.log(share[1:] / share[0])
    best = optimize.minimize(loss, start.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": 400})
    weights = best.x.reshape(start.shape)
    if stretch != 1.0:
        _stretch(weights, design, names, observed[:, 1], stretch)
    stored = np.rint(np.vstack([weights[:1], np.where(free, weights[1:], 0.0)]) * SCALE).astype(int)
    effects: dict[str, list[int]] = {}
    for parent in parents.columns:
        table = np.zeros((len(order[parent]), width), dtype=int)
        for row, (name, position) in enumerate(names):
            if name == parent:
                table[position] = stored[row + 1]
        if table.any():
            effects[parent] = table.ravel().tolist()
    return {"intercepts": stored[0].tolist(), "effects": effects}


def _stretch(
    weights: np.ndarray, design: sparse.csr_matrix, names: list[tuple[str, int]], observed: np.ndarray, factor: float
) -> None:
    """Stretch effects in place, all but those of the years, which take up what keeps each year's mean."""
    years = [row for row, (parent, _) in enumerate(names) if parent == "year"]
    others = np.array([row not in years for row in range(len(names))])
    weights[1:][others] *= factor
    scores = (design[:, others] @ weights[1:][others]).ravel()

    def needed(rows: np.ndarray) -> float:
        mean = float(observed[rows].mean())
        return float(optimize.brentq(lambda move: float(special.expit(scores[rows] + move).mean()) - mean, -30, 30))

    of_year = {row: np.asarray(design[:, [row]].todense()).ravel() > 0 for row in years}
    weights[0, 0] = needed(~np.any(list(of_year.values()), axis=0) if years else np.ones(len(observed), dtype=bool))
    for row, rows in of_year.items():
        weights[1 + row, 0] = needed(rows) - weights[0, 0]


__all__ = ["SCALE", "SMALLEST_CELL", "fit_logit", "one_hot"]
