"""The outcome test: how often an act finds something, by group, and the difference from the reference group.

If officers act on the same evidence with everybody, what they find at the margin is the same; fewer finds say that
a group was held to a lower bar. The average find is not the marginal one (infra-marginality): groups whose risks are
spread differently differ in finds under one bar, so that this test alone decides nothing.

References
----------
Becker (1957), The Economics of Discrimination; Knowles, Persico and Todd (2001), Journal of Political Economy 109.
Simoiu, Corbett-Davies and Goel (2017), The problem of infra-marginality in outcome tests, Annals of Applied Statistics.
Kish (1965), Survey Sampling (design effect).
"""

from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd

from sqf_pipeline.disparity.acts_and_hits import FEWEST_ACTS, REFERENCE, group_names
from sqf_pipeline.disparity.clustered_resampling import Floats, Resampling
from sqf_pipeline.disparity.resampled_window import Mask, Window
from sqf_pipeline.evaluation.bootstrap import effective_rows, estimate_and_ends, wilson_interval
from sqf_pipeline.registry.declared_tables import result_frame


def outcome_test_rates(window: Window) -> pd.DataFrame:
    """Return the table `outcome_test_rates` of one window of years.

    Rates are shares (0 to 1). Fewer than `FEWEST_ACTS` acts on a group have no hits and no rate. Where all or none
    found something a bootstrap knows no doubt, and the interval is Wilson's on the effective number of acts.
    """
    hits, resampling = window.hits, window.resampling("encounter")
    rows = []
    for population, _, act, acted in window.acts:
        for number, group in enumerate(group_names()):
            mine = acted & (window.codes == number)
            for hit, figures in zip(hits, rates_among(mine, hits.values(), resampling), strict=True):
                rows.append((window.years, population.name, act.name, hit, group, int(mine.sum()), *figures))
    return result_frame("outcome_test_rates", rows)


_Figures = tuple[int | None, float | None, float | None, float | None, float | None]


def rates_among(acted: Mask, hits: Iterable[Mask], resampling: Resampling) -> Iterator[_Figures]:
    """Yield hits, rate, low, high and design effect among the stops `acted` for each kind of hit.

    All are None where the stops are too few.
    """
    acts, clusters = int(acted.sum()), resampling.clusters[acted]
    among = np.maximum(_all_drawn(resampling, acted), 1) if acts >= FEWEST_ACTS else None
    for found in hits:
        number = int((acted & found).sum())
        if among is None:
            yield None, None, None, None, None
        elif number in {0, acts}:
            yield number, number / acts, *wilson_interval(number / acts, effective_rows(clusters)), None
        else:
            rate = number / acts
            together = np.bincount(clusters, weights=found[acted] - rate)
            design_effect = float((together**2).sum() / (acts * rate * (1 - rate)))
            yield number, *estimate_and_ends(_all_drawn(resampling, acted & found) / among), design_effect


def _all_drawn(resampling: Resampling, rows: Mask) -> Floats:
    """Return how many of some stops there are, and in each resample."""
    stops = np.flatnonzero(rows)
    return resampling.sums(stops, np.zeros_like(stops), 1)[0]


def outcome_test_contrasts(window: Window) -> pd.DataFrame:
    """Return the table `outcome_test_contrasts` of one window of years.

    Mantel-Haenszel differences and ratios of shares, intervals by encounter; null where either group has fewer than
    `FEWEST_ACTS` acts in the strata that both have. `share_compared` is the share of the group's acts in them.
    """
    rows: list[tuple[object, ...]] = []
    for one, drawn in zip(window.comparisons, window.drawn("encounter"), strict=True):
        for hit in window.hits:
            figures: tuple[float | None, ...] = (None,) * 6
            if drawn.hits is not None:
                figures = tuple(figure for values in drawn.hits[hit] for figure in estimate_and_ends(values))
            key = (window.years, one.population, one.act, hit, one.strata, one.group, REFERENCE)
            rows.append((*key, *figures, drawn.share))
    return result_frame("outcome_test_contrasts", rows)
