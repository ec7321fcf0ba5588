"""The threshold test's model: log posterior, exact gradient, and what is read from a draw.

In precinct d a group r has persons who carry (share phi) and who do not; the officer sees a signal, normal with mean
delta for carriers and 0 for others, and acts above a threshold. Cell counts are multinomial: found, acted and not
found, not acted. The prior stands on the threshold as a probability, logit tau ~ N(t_r, sigma): with one on the signal
instead, these data give weekdays as much difference as races.

References
----------
Simoiu, Corbett-Davies and Goel (2017), Annals of Applied Statistics 11 (prior on the threshold as a probability).
Pierson, Corbett-Davies and Goel (2018), Fast threshold tests for detecting discrimination, AISTATS (the mixture).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_expit, log_ndtr, logit, ndtr

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Prior:
    """Prior of the means by group: middle and width on the logit (risk, threshold) or log (separation) scale."""

    separation_width: float = 1.0
    """How widely log delta may lie around 0 (delta 1): 1 leaves it to the data, less informs it."""
    middle: float = -2.0
    width: float = 2.0
    scale: float = 1.0


LEARNED, INFORMED = Prior(), Prior(separation_width=0.3)


@dataclass(frozen=True)
class Cells:
    """Counts by precinct and group, each of shape (precincts, groups), the reference group last."""

    stops: Floats
    acts: Floats
    hits: Floats

    @property
    def size(self) -> int:
        """Return the number of parameters: three means a group, three scales, two effects a precinct, one a cell."""
        precincts, groups = self.stops.shape
        return 3 * groups + 3 + 2 * precincts + precincts * groups


@dataclass(frozen=True)
class Parts:
    """A parameter vector taken apart; `means` are of risk, separation and threshold, shape (3, groups)."""

    means: Floats
    scales: Floats
    risk: Floats
    separation: Floats
    threshold: Floats


def take_apart(point: Floats, cells: Cells) -> Parts:
    """Return the parts of a parameter vector of shape (cells.size,)."""
    precincts, groups = cells.stops.shape
    means, log_scales, risk, separation, threshold = np.split(point, np.cumsum([3 * groups, 3, precincts, precincts]))
    return Parts(means.reshape(3, groups), np.exp(log_scales), risk, separation, threshold.reshape(precincts, groups))


def on_cells(parts: Parts) -> tuple[Floats, Floats, Floats]:
    """Return logit phi, delta and logit threshold of each cell, each of shape (precincts, groups)."""
    risk = parts.means[0] + parts.scales[0] * parts.risk[:, None]
    delta = np.exp(parts.means[1] + parts.scales[1] * parts.separation[:, None])
    return risk, delta, parts.means[2] + parts.scales[2] * parts.threshold


def log_posterior(point: Floats, cells: Cells, prior: Prior) -> tuple[float, Floats]:
    """Return the log posterior, up to a constant, and its gradient, of shape (cells.size,).

    Minus infinity and zeros where a step of the sampler has left what a float can hold.

    With t = (tau - eta) / delta + delta / 2 the threshold on the signal: found phi Q(t - delta), not found
    (1 - phi) Q(t), not acted on the rest; eta = logit phi, tau the logit threshold, Q the upper normal tail.
    """
    with np.errstate(all="ignore"):
        value, gradient = _log_posterior(point, cells, prior)
    if not (np.isfinite(value) and np.isfinite(gradient).all()):
        return -np.inf, np.zeros_like(point)
    return value, gradient


def _log_posterior(point: Floats, cells: Cells, prior: Prior) -> tuple[float, Floats]:
    parts = take_apart(point, cells)
    eta, delta, tau = on_cells(parts)
    carriers = (tau - eta) / delta - delta / 2  # t - delta
    others = carriers + delta
    log_phi, log_rest = log_expit(eta), log_expit(-eta)
    below = np.logaddexp(log_phi + log_ndtr(carriers), log_rest + log_ndtr(others))
    spared, found, vain = cells.stops - cells.acts, cells.hits, cells.acts - cells.hits
    value = (spared * below + found * (log_phi + log_ndtr(-carriers)) + vain * (log_rest + log_ndtr(-others))).sum()

    def log_density(signal: Floats) -> Floats:
        return np.asarray(-0.5 * signal**2 - 0.5 * np.log(2 * np.pi))

    up_carriers = spared * np.exp(log_phi + log_density(carriers) - below)
    up_others = spared * np.exp(log_rest + log_density(others) - below)
    by_carriers = up_carriers - found * np.exp(log_density(carriers) - log_ndtr(-carriers))
    by_others = up_others - vain * np.exp(log_density(others) - log_ndtr(-others))
    phi = expit(eta)
    by_phi = spared * (np.exp(log_phi + log_rest + log_ndtr(carriers) - below)
                       - np.exp(log_phi + log_rest + log_ndtr(others) - below))  # fmt: skip
    by_tau = (by_carriers + by_others) / delta
    by_eta = by_phi + found * (1 - phi) - vain * phi - by_tau
    slope = (tau - eta) / delta
    by_log_delta = by_carriers * (-slope - delta / 2) + by_others * (-slope + delta / 2)
    return _with_priors(float(value), parts, (by_eta, by_log_delta, by_tau), prior)


def _with_priors(
    value: float, parts: Parts, by_cells: tuple[Floats, Floats, Floats], prior: Prior
) -> tuple[float, Floats]:
    """Return the log posterior and its gradient from the log likelihood and its slopes on the cells."""
    by_eta, by_log_delta, by_tau = by_cells
    middles = np.array([prior.middle, 0.0, prior.middle])[:, None]
    widths = np.array([prior.width, prior.separation_width, prior.width])[:, None]
    standard = (parts.means - middles) / widths
    value -= 0.5 * float((standard**2).sum())
    value -= 0.5 * float(sum((part**2).sum() for part in (parts.risk, parts.separation, parts.threshold)))
    value += float((np.log(parts.scales) - 0.5 * (parts.scales / prior.scale) ** 2).sum())  # half-normal, on its log
    means = np.stack([by_eta.sum(axis=0), by_log_delta.sum(axis=0), by_tau.sum(axis=0)]) - standard / widths
    risk, separation = by_eta.sum(axis=1), by_log_delta.sum(axis=1)
    lines = np.array([risk @ parts.risk, separation @ parts.separation, (by_tau * parts.threshold).sum()])
    scales = parts.scales * lines + 1.0 - (parts.scales / prior.scale) ** 2
    return value, np.concatenate(
        [
            means.ravel(),
            scales,
            parts.scales[0] * risk - parts.risk,
            parts.scales[1] * separation - parts.separation,
            (parts.scales[2] * by_tau - parts.threshold).ravel(),
        ]
    )


def group_thresholds(points: Floats, cells: Cells) -> Floats:
    """Return each group's threshold as a probability, the mean over precincts weighted by all their stops.

    Points of shape (draws, cells.size); thresholds of shape (draws, groups).
    """
    precincts, groups = cells.stops.shape
    effects = points[:, -precincts * groups :].reshape(-1, precincts, groups)
    means, scale = points[:, 2 * groups : 3 * groups], np.exp(points[:, 3 * groups + 2])
    weight = cells.stops.sum(axis=1) / cells.stops.sum()
    return np.asarray(np.einsum("p,dpg->dg", weight, expit(means[:, None, :] + scale[:, None, None] * effects)))


def start(cells: Cells, seed: int) -> Floats:
    """Return a point to start a chain from: risk and threshold at the rates seen, everything else near 0."""
    generator = np.random.default_rng(seed)
    groups = cells.stops.shape[1]
    point = generator.normal(0, 0.1, cells.size)
    rate = np.clip(cells.hits.sum(axis=0) / np.maximum(cells.acts.sum(axis=0), 1), 0.005, 0.5)
    point[: 3 * groups] += np.concatenate([logit(rate), np.zeros(groups), logit(rate) - 1])
    point[3 * groups : 3 * groups + 3] -= 1.0
    return point


def cell_chances(point: Floats, cells: Cells) -> tuple[Floats, Floats]:
    """Return the chance of an act, and of a find once acted on, of each cell."""
    eta, delta, tau = on_cells(take_apart(point, cells))
    carriers = (tau - eta) / delta - delta / 2
    found, vain = expit(eta) * ndtr(-carriers), expit(-eta) * ndtr(-carriers - delta)
    return found + vain, found / np.maximum(found + vain, 1e-300)
