"""Resampled sums: counts by stratum on the stops and on every resample of whole encounters or precincts.

References
----------
Field and Welsh (2007), Bootstrapping clustered data, Journal of the Royal Statistical Society B 69.
Mantel and Haenszel (1959), JNCI 22; Greenland and Robins (1985), Biometrics 41 (risk difference and ratio).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array

from sqf_pipeline.evaluation.bootstrap import RESAMPLES, resample_weights, stop_clusters
from sqf_pipeline.evaluation.metrics import Floats

Unit = Literal["encounter", "precinct"]
Strata = Literal["none", "precinct_year", "precinct_year_crime"]

STRATA: dict[Strata, tuple[str, ...]] = {
    "none": (),
    "precinct_year": ("precinct", "year"),
    "precinct_year_crime": ("precinct", "year", "suspected_crime"),
}
"""Columns within whose equal values groups are compared; a stop without one of them is compared with none."""


@dataclass(frozen=True)
class Resampling:
    """Which cluster each stop belongs to, and how often each cluster is drawn."""

    clusters: NDArray[np.intp]  # of each stop from 0, shape (stops,)
    draws: NDArray[np.float32]
    """How often each cluster stands in each resample, shape (clusters, 1 + resamples); the first column is all ones, so
    that the first of every sum is that of the stops themselves."""

    def sums(self, stops: NDArray[np.intp], cells: NDArray[np.intp], count: int) -> Floats:
        """Return how many stops stand in each cell, shape (count, 1 + resamples).

        `stops` are positions, one may stand several times; `cells` is the cell of each, 0..count-1.
        """
        ones = np.ones(len(stops), dtype=np.float32)
        shape = (count, len(self.draws))
        return np.asarray(csr_array((ones, (cells, self.clusters[stops])), shape=shape) @ self.draws, np.float64)


def make_resampling(stops: pd.DataFrame, unit: Unit, *, resamples: int = RESAMPLES) -> Resampling:
    """Return a resampling of stops by encounter or by precinct, the same for the same stops.

    Stops without a precinct are one more cluster.
    """
    if unit == "encounter":
        clusters = stop_clusters(stops)
    else:
        clusters = stops.groupby("precinct", dropna=False, sort=True).ngroup().to_numpy(dtype=np.intp)
    count = int(clusters.max(initial=-1)) + 1
    drawn = resample_weights(np.arange(count), resamples=resamples).T if count else np.empty((0, resamples), np.uint8)
    draws = np.ones((count, 1 + resamples), dtype=np.float32, order="C")  # a sum reads whole rows of it
    draws[:, 1:] = drawn
    return Resampling(clusters, draws)


def stratum_codes(stops: pd.DataFrame, strata: Strata) -> NDArray[np.intp]:
    """Return the stratum of each stop from 0, -1 where one of its columns is missing, shape (stops,)."""
    names = list(STRATA[strata])
    if not names:
        return np.zeros(len(stops), dtype=np.intp)
    return stops.groupby(names, dropna=True, sort=True).ngroup().to_numpy(dtype=np.intp, na_value=-1)


@dataclass(frozen=True)
class Compared:
    """Two groups' acts within strata that both have, on the stops and on every resample."""

    resampling: Resampling
    cells: NDArray[np.intp]  # stratum of each stop among those compared, -1 outside, shape (stops,)
    count: int  # number of strata compared
    rows: tuple[NDArray[np.bool_], NDArray[np.bool_]]
    """Stops among which shares are taken, of the group and of the reference, each of shape (stops,)."""
    share: float  # share of the group's stops that lie in strata compared

    @cached_property
    def totals(self) -> tuple[Floats, Floats]:
        """Return the sums of `rows`, each of shape (count, 1 + resamples)."""
        found = (np.flatnonzero(rows) for rows in self.rows)
        ones, others = (self.resampling.sums(stops, self.cells[stops], self.count) for stops in found)
        return ones, others

    @property
    def smaller(self) -> int:
        """Return how many stops the smaller of the two has."""
        return min(int(mask.sum()) for mask in self.rows)

    def contrasts(self, events: Iterable[NDArray[np.bool_]]) -> list[tuple[Floats, Floats]]:
        """Return the Mantel-Haenszel difference and ratio of each event's share, each of shape (1 + resamples,).

        Difference: sum_k (a_k n0_k - b_k n1_k) / N_k over sum_k n1_k n0_k / N_k; ratio: sum_k a_k n0_k / N_k over
        sum_k b_k n1_k / N_k; in stratum k, a of n1 acts of the group and b of n0 of the reference. Not defined (nan)
        where a resample has no stratum with both, or the reference no event.
        """
        stops = [np.flatnonzero(rows & happened) for happened in events for rows in self.rows]
        if not stops:
            return []
        # strata without an event add nothing; those of all events are summed together
        here, numbers = zip(*(np.unique(self.cells[found], return_inverse=True) for found in stops), strict=True)
        ends = np.cumsum([0, *map(len, here)])
        cells = np.concatenate([number + end for number, end in zip(numbers, ends, strict=False)])
        sums = np.split(self.resampling.sums(np.concatenate(stops), cells, ends[-1]), ends[1:-1])
        # events times the other group's acts over all acts
        totals = [
            (count * other[strata] * self._share[strata]).sum(axis=0)
            for count, strata, other in zip(sums, here, self.totals[::-1] * (len(stops) // 2), strict=True)
        ]
        with np.errstate(divide="ignore", invalid="ignore"):
            return [
                ((up - down) / self._weight, np.where(down > 0, up / down, np.nan))
                for up, down in zip(totals[::2], totals[1::2], strict=True)
            ]

    @cached_property
    def _share(self) -> Floats:
        """Return one over the acts of both groups in each stratum, 0 where there are none."""
        both = self.totals[0] + self.totals[1]
        return np.divide(1.0, both, out=np.zeros_like(both), where=both > 0)

    @cached_property
    def _weight(self) -> Floats:
        return np.asarray((self.totals[0] * self.totals[1] * self._share).sum(axis=0))


def compare(
    resampling: Resampling, strata: NDArray[np.intp], group: NDArray[np.bool_], reference: NDArray[np.bool_]
) -> Compared:
    """Return what compares the stops of a group with those of the reference within strata, shapes (stops,)."""
    size = max(int(strata.max(initial=-1)) + 1, 1)
    inside = strata >= 0
    both = np.ones(size, dtype=bool)
    for rows in (group, reference):
        both &= np.bincount(strata[rows & inside], minlength=size) > 0
    number = np.cumsum(both) - 1
    cells = np.where(inside, np.where(both, number, -1)[strata], -1)
    ones, others = group & (cells >= 0), reference & (cells >= 0)
    count = int(both.sum())
    return Compared(resampling, cells, count, (ones, others), float(ones.sum() / max(group.sum(), 1)))
