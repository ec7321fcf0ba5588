"""What something unseen would have to be like to explain a risk-adjusted difference away.

Two ways. Mixture: something that half or more or less of a group has, unseen by us and seen by the officer, raises the
odds of a frisk and moves the odds of a find; the odds ratio is computed anew under each strength. Robustness value: the
share of what is left of both act and group that it would have to explain, beside what known causes explain of them.

References
----------
Rosenbaum and Rubin (1983), Assessing sensitivity to an unobserved binary covariate, JRSS B 45; Jung et al. (2018).
Cinelli and Hazlett (2020), Making sense of sensitivity, JRSS B 82.
"""

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from sqf_pipeline.disparity.acts_and_hits import REFERENCE, group_names, years_label
from sqf_pipeline.disparity.clustered_logistic import Floats, fit_linear, newton, spline
from sqf_pipeline.disparity.foreseen_risk import RISK_FLOOR
from sqf_pipeline.disparity.risk_adjusted import PLACE, RISK_ACT, ComparedStops
from sqf_pipeline.modelling.calibration import log_odds
from sqf_pipeline.registry.declared_tables import result_frame

ALPHAS = (2.0, 3.0)
"""Odds ratios of a frisk with the unseen thing."""
DELTAS = (1 / 3, 1.0, 3.0)
"""Odds ratios of a find with it; below 1 it misleads."""
SHARES = (0.1, 0.5, 0.9)
"""Shares of a group that have it."""
BENCHMARKS = {
    "suspected of a weapon": ("suspected_crime", "CPW"),
    "begun by the officer": ("initiated_by", "SELF INITIATED"),
    "concealed weapon, by action": ("action_concealed_weapon", True),
    "fits a description": ("action_fits_description", True),
    "inside": ("location_in_out", "I"),
    "male": ("suspect_sex", "MALE"),
}
"""Known causes beside which a robustness value is read."""
BINS = 200


def risk_adjusted_sensitivity(chosen: ComparedStops | None) -> pd.DataFrame:
    """Return the table `risk_adjusted_sensitivity` of `compared_stops` of one window.

    Mixtures rest on the model `risk` of `risk_adjusted`, robustness values on `risk_place`. Empty where that is.
    """
    rows: list[tuple[Any, ...]] = []
    if chosen is None:
        return result_frame("risk_adjusted_sensitivity", rows)
    names = group_names()
    for hit, of_all in chosen.risks["risk"].items():
        risk = of_all[chosen.compared]
        known = list(_benchmarks(chosen, risk))
        for column, number in enumerate(chosen.groups[:-1], start=1):
            key = (years_label(chosen.stops), "all", RISK_ACT, hit, names[number], REFERENCE)
            rows += [(*key, *figures) for figures in _mixtures(chosen, number, risk)]
            rows += [(*key, *figures) for own, figures in known if own == column]
    return result_frame("risk_adjusted_sensitivity", rows)


def _mixtures(chosen: ComparedStops, number: int, risk: Floats) -> Iterator[tuple]:
    """Yield the mixtures of one group and the reference, from `assumption` to `enough_to_explain`."""
    codes, acted = chosen.codes[chosen.compared], chosen.frisked[chosen.compared]
    pair = (codes == number) | (codes == chosen.groups[-1])
    member = (codes == number)[pair].astype(int)
    ranked = np.argsort(np.argsort(risk[pair], kind="stable"), kind="stable") * BINS // int(pair.sum())
    counts = np.zeros((BINS, 2, 2))
    np.add.at(counts, (ranked, member, acted[pair].astype(int)), 1)
    foreseen = np.bincount(ranked, weights=risk[pair], minlength=BINS) / np.maximum(counts.sum(axis=(1, 2)), 1)
    chance = chance_of_act(counts, foreseen)
    for alpha, delta in product(ALPHAS, DELTAS):
        ratios = [
            odds_ratio_under(counts, foreseen, alpha, delta, pair, chance=chance) for pair in product(SHARES, SHARES)
        ]
        least, most = min(ratios), max(ratios)
        label = f"unseen, frisk odds x {alpha:g}, find odds x {delta:.2g}"
        yield label, alpha, delta, least, most, None, None, None, None, least <= 1 <= most


def chance_of_act(counts: Floats, risk: Floats) -> Floats:
    """Return the chance of an act given group and risk, of each bin and in it of reference and group, flat."""
    bins = len(risk)
    curve = np.repeat(spline(log_odds(risk, RISK_FLOOR)), 2, axis=0)
    flat = np.column_stack([np.ones(2 * bins), np.tile([0.0, 1.0], bins), curve])
    happened = np.repeat([0.0, 1.0], 2 * bins)
    weights = np.concatenate([counts[:, :, 0].ravel(), counts[:, :, 1].ravel()])
    beta, _ = newton(np.concatenate([flat, flat]), happened, weights)
    return np.asarray(1 / (1 + np.exp(-(flat @ beta))))


def odds_ratio_under(
    counts: Floats, risk: Floats, alpha: float, delta: float, shares: tuple[float, float], *, chance: Floats
) -> float:
    """Return the odds ratio of an act, of group against reference at one risk, were an unseen binary thing seen.

    Parameters
    ----------
    counts
        Stops by bin of risk, group (reference, group) and act (no, yes), shape (bins, 2, 2).
    risk
        Mean risk among those acted on, of each bin, shape (bins,).
    alpha, delta
        Odds ratios of act and find with the unseen thing.
    shares
        Shares of reference and group that have it.
    chance
        From `chance_of_act`, the same whatever the unseen thing is.
    """
    bins = len(risk)
    own = np.column_stack([np.ones(2 * bins), np.tile([0.0, 1.0], bins)])
    share = np.tile(shares, bins)
    odds = base_odds(chance, share, alpha)
    with_it = alpha * odds / (1 + alpha * odds)
    has = (share * (1 - with_it) / (1 - chance), share * with_it / chance)
    found_odds = base_odds(np.repeat(risk, 2), has[1], delta)
    designs, weights = [], []
    for acted in (0, 1):
        for unseen in (0, 1):
            designs.append((own, np.log(found_odds * (delta if unseen else 1.0))))
            weights.append(counts[:, :, acted].ravel() * (has[acted] if unseen else 1 - has[acted]))
    curves = spline(np.concatenate([line for _, line in designs]))
    design = np.column_stack([np.concatenate([columns for columns, _ in designs]), curves])
    beta, _ = newton(design, np.repeat([0.0, 0.0, 1.0, 1.0], 2 * bins), np.concatenate(weights))
    return float(np.exp(beta[1]))


def base_odds(chance: Floats, share: Floats, ratio: float) -> Floats:
    """Return the odds t without a thing that multiplies them by `ratio`, given the chance over those with and without.

    Solves share * ratio t / (1 + ratio t) + (1 - share) * t / (1 + t) = chance.

    >>> base_odds(np.array([0.5]), np.array([0.3]), 1.0)
    array([1.])
    """
    square = ratio * (1 - chance)
    middle = share * ratio + 1 - share - chance * (1 + ratio)
    return np.asarray((-middle + np.sqrt(middle**2 + 4 * square * chance)) / (2 * square))


def _benchmarks(chosen: ComparedStops, risk: Floats) -> Iterator[tuple[int, tuple]]:
    """Yield a group's column in `members` and one of its benchmarks, from `assumption` to `enough_to_explain`."""
    acted = chosen.frisked[chosen.compared].astype(np.float64)
    beside = np.column_stack([spline(log_odds(risk, RISK_FLOOR)), chosen.parts(PLACE)])
    fit = fit_linear(np.column_stack([chosen.members, beside]), acted, chosen.clusters[chosen.compared])
    free = len(acted) - len(fit.coefficients)
    basis = np.linalg.qr(np.column_stack([np.ones(len(acted)), beside]))[0]
    stops = chosen.stops[chosen.compared]
    marks = {
        label: (stops[name] == category).fillna(False).to_numpy(dtype=np.float64)
        for label, (name, category) in BENCHMARKS.items()
        if name in stops and not stops[name].isna().all()
    }
    left = _residuals(basis, np.column_stack([chosen.members[:, 1:], acted, *marks.values()]))
    groups = chosen.members.shape[1] - 1
    for place in range(groups):
        strength = abs(fit.coefficients[place + 1]) / np.sqrt(fit.covariance[place + 1, place + 1])
        value, of_interval = robustness_value(strength, free), robustness_value(max(strength - 1.96, 0.0), free)
        others = np.linalg.qr(np.delete(left[:, :groups], place, axis=1))[0]
        member, *rest = _residuals(others, left[:, [place, *range(groups, left.shape[1])]]).T
        acted_left, *marked = (one - member * (member @ one) / (member @ member) for one in rest)
        for label, mark, whole in zip(marks, marked, rest[1:], strict=True):
            of_race, of_act = _squared_correlation(member, whole), _squared_correlation(acted_left, mark)
            enough = min(of_act, of_race) >= value
            yield place + 1, (f"known: {label}", None, None, None, None, value, of_interval, of_act, of_race, enough)


def robustness_value(strength: float, free: int) -> float:
    """Return the share of what is left of act and group that something unseen must explain to take a t-value to 0.

    RV = (sqrt(f^4 + 4 f^2) - f^2) / 2 with f = |t| / sqrt(degrees of freedom): Cinelli and Hazlett (2020), section 4.

    >>> round(robustness_value(4.18, 783), 3)
    0.139
    """
    f2 = strength**2 / free
    return float((np.sqrt(f2**2 + 4 * f2) - f2) / 2)


def _residuals(basis: Floats, values: Floats) -> Floats:
    return values - basis @ (basis.T @ values)


def _squared_correlation(one: Floats, other: Floats) -> float:
    below = float((one @ one) * (other @ other))
    return float((one @ other) ** 2 / below) if below > 0 else 0.0
