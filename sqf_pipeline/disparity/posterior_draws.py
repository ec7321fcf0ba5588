"""Draws from a posterior of thresholds: whether the chains agree, and whether the model's counts are like those seen.

References
----------
Gelman et al. (2013), Bayesian Data Analysis, chapters 6 and 11 (predictive p-value, split R-hat, effective draws).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from sqf_pipeline.disparity.threshold_posterior import Cells, Floats, cell_chances, group_thresholds
from sqf_pipeline.evaluation.bootstrap import SEED

Difference = Literal["lower_threshold", "higher_threshold", "no_difference_shown"]

LARGEST_R_HAT, FEWEST_EFFECTIVE = 1.02, 400


@dataclass(frozen=True)
class Posterior:
    """What is kept of a fit: thresholds of shape (draws, groups), and how far chains and model can be trusted."""

    thresholds: Floats
    r_hat: float
    effective_draws: float
    predictive_p_acts: float
    predictive_p_hits: float

    @property
    def mixed(self) -> bool:
        """Return whether the chains agree and there are enough draws."""
        return self.r_hat < LARGEST_R_HAT and self.effective_draws >= FEWEST_EFFECTIVE

    def difference(self, group: int) -> tuple[float, float, float]:
        """Return a group's threshold minus the reference's (the last), and its 95 % interval."""
        drawn = self.thresholds[:, group] - self.thresholds[:, -1]
        low, high = np.quantile(drawn, [0.025, 0.975])
        return float(drawn.mean()), float(low), float(high)

    def verdict(self, group: int) -> Difference:
        """Return what a group's difference says, gates apart."""
        _, low, high = self.difference(group)
        return "lower_threshold" if high < 0 else "higher_threshold" if low > 0 else "no_difference_shown"


def summarise(draws: Floats, cells: Cells) -> Posterior:
    """Return what is kept of draws of shape (chains, draws, parameters).

    R-hat and effective draws are the worst of the groups' thresholds and of the means and scales above the precincts.
    """
    chains, length, _ = draws.shape
    points = draws.reshape(chains * length, -1)
    thresholds = group_thresholds(points, cells)
    above = 3 * cells.stops.shape[1] + 3
    watched = np.concatenate([thresholds.reshape(chains, length, -1), draws[:, :, :above]], axis=2)
    worst = [split_r_hat_and_effective(series) for series in np.moveaxis(watched, 2, 0)]
    acts, hits = predictive_p(points[:: max(len(points) // 200, 1)], cells)
    return Posterior(thresholds, max(r for r, _ in worst), min(n for _, n in worst), acts, hits)


def split_r_hat_and_effective(series: Floats) -> tuple[float, float]:
    """Return split R-hat and effective draws of one quantity, shape (chains, draws); inf and 0 where nothing moves."""
    half = series.shape[1] // 2
    parts = np.concatenate([series[:, :half], series[:, half : 2 * half]])
    chains, length = parts.shape
    within = float(parts.var(axis=1, ddof=1).mean())
    total = within * (length - 1) / length + float(parts.mean(axis=1).var(ddof=1))
    if within <= 0:
        return float("inf"), 0.0
    centred = parts - parts.mean(axis=1, keepdims=True)
    spectrum = np.fft.rfft(centred, 2 * length, axis=1)
    covariance = np.fft.irfft(np.abs(spectrum) ** 2, axis=1)[:, :length].mean(axis=0) / length
    rho = 1 - (within - covariance * length / (length - 1)) / total
    pairs = rho[: length // 2 * 2].reshape(-1, 2).sum(axis=1)
    positive = np.minimum.accumulate(pairs[: int(np.argmax(pairs < 0)) if (pairs < 0).any() else len(pairs)])
    return float(np.sqrt(total / within)), float(
        min(chains * length / max(2 * positive.sum() - 1, 1e-9), chains * length)
    )


def predictive_p(points: Floats, cells: Cells) -> tuple[float, float]:
    """Return posterior predictive p-values of acts and finds: how often copies are as far off as the counts are.

    Distance from what is expected: the sum over cells of (count - expected)^2 / variance.
    """
    generator = np.random.default_rng(SEED)
    beyond = np.zeros(2)
    for point in points:
        chances = cell_chances(point, cells)
        for place, (among, seen) in enumerate(((cells.stops, cells.acts), (cells.acts, cells.hits))):
            chance = np.clip(chances[place], 1e-9, 1 - 1e-9)
            copy = generator.binomial(among.astype(np.int64), chance)
            variance = np.maximum(among * chance * (1 - chance), 1e-9)
            distances = [float(((counts - among * chance) ** 2 / variance)[among > 0].sum()) for counts in (copy, seen)]
            beyond[place] += distances[0] >= distances[1]
    return float(beyond[0] / len(points)), float(beyond[1] / len(points))
