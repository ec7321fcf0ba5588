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
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sqf_pipeline.disparity.acts_and_hits import (
    FEWEST_ACTS,
    REFERENCE,
    Entry,
    group_codes,
    group_names,
    holds,
    recorded_entries,
    years_label,
)
from sqf_pipeline.disparity.clustered_resampling import (
    STRATA,
    Floats,
    Resampling,
    Strata,
    compare,
    estimate_and_ends,
    make_resampling,
    stratum_codes,
)
from sqf_pipeline.evaluation.bootstrap import RESAMPLES, effective_rows, wilson_interval
from sqf_pipeline.registry.declared_tables import result_frame

if TYPE_CHECKING:
    import pandas as pd

Mask = NDArray[np.bool_]


def acts_by_population(stops: "pd.DataFrame") -> Iterator[tuple[Entry, Mask, Entry, Mask]]:
    """Yield each population that the forms record and that has stops, with them, and each act with its stops there."""
    for population in recorded_entries(stops, "population"):
        inside = holds(stops, population)
        if not inside.any():
            continue
        for act in recorded_entries(stops, "act"):
            yield population, inside, act, inside & holds(stops, act)


@dataclass(frozen=True)
class Comparison:
    """A group and the reference among the stops of a population, and an act that either may have.

    Attributes
    ----------
    population, act, strata, group
        Their names.
    cells
        Stratum of each stop, see `stratum_codes`.
    stops, acted
        Stops of the group and of the reference, and those of them with the act.
    """

    population: str
    act: str
    strata: Strata
    group: str
    cells: NDArray[np.intp]
    stops: tuple[Mask, Mask]
    acted: tuple[Mask, Mask]


def comparisons(stops: "pd.DataFrame") -> Iterator[Comparison]:
    """Yield every comparison of a group with the reference, within each kind of strata."""
    codes, groups = group_codes(stops), group_names()
    reference = codes == groups.index(REFERENCE)
    for strata in STRATA:
        cells = stratum_codes(stops, strata)
        for population, inside, act, acted in acts_by_population(stops):
            for number, group in enumerate(groups):
                if group == REFERENCE:
                    continue
                pair = (inside & (codes == number), inside & reference)
                both = (pair[0] & acted, pair[1] & acted)
                yield Comparison(population.name, act.name, strata, group, cells, pair, both)


def recorded_hits(stops: "pd.DataFrame") -> dict[str, Mask]:
    """Return where each hit that the forms record was found, by name."""
    return {hit.name: holds(stops, hit) for hit in recorded_entries(stops, "hit")}


def outcome_test_rates(stops: "pd.DataFrame", *, resamples: int = RESAMPLES) -> "pd.DataFrame":
    """Return the table `outcome_test_rates` of the stops as one window of years.

    Rates are shares (0 to 1). Fewer than `FEWEST_ACTS` acts on a group have no hits and no rate. Where all or none
    found something a bootstrap knows no doubt, and the interval is Wilson's on the effective number of acts.
    """
    years, codes, hits = years_label(stops), group_codes(stops), recorded_hits(stops)
    resampling = make_resampling(stops, "encounter", resamples=resamples)
    rows = []
    for population, _, act, acted in acts_by_population(stops):
        for number, group in enumerate(group_names()):
            mine = acted & (codes == number)
            for hit, figures in zip(hits, rates_among(mine, hits.values(), resampling), strict=True):
                rows.append((years, population.name, act.name, hit, group, int(mine.sum()), *figures))
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


def outcome_test_contrasts(stops: "pd.DataFrame", *, resamples: int = RESAMPLES) -> "pd.DataFrame":
    """Return the table `outcome_test_contrasts` of the stops as one window of years.

    Mantel-Haenszel differences and ratios of shares, intervals by encounter; null where either group has fewer than
    `FEWEST_ACTS` acts in the strata that both have. `share_compared` is the share of the group's acts in them.
    """
    years, hits = years_label(stops), recorded_hits(stops)
    resampling = make_resampling(stops, "encounter", resamples=resamples)
    rows: list[tuple[object, ...]] = []
    for one in comparisons(stops):
        compared = compare(resampling, one.cells, *one.acted)
        figures: list[tuple[float | None, ...]] = [(None,) * 6] * len(hits)
        if compared.smaller >= FEWEST_ACTS:
            drawn = compared.contrasts(hits.values())
            figures = [(*estimate_and_ends(difference), *estimate_and_ends(ratio)) for difference, ratio in drawn]
        key = (years, one.population, one.act)
        rows += [
            (*key, hit, one.strata, one.group, REFERENCE, *mine, compared.share)
            for hit, mine in zip(hits, figures, strict=True)
        ]
    return result_frame("outcome_test_contrasts", rows)
