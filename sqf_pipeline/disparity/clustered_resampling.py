"""Resampled sums: counts by stratum on the stops and on every resample of whole encounters or precincts.

References
----------
Field and Welsh (2007), Bootstrapping clustered data, Journal of the Royal Statistical Society B 69.
Mantel and Haenszel (1959), JNCI 22; Greenland and Robins (1985), Biometrics 41 (risk difference and ratio).
"""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from sqf_pipeline.evaluation.bootstrap import RESAMPLES, percentile_interval, resample_weights, stop_clusters

if TYPE_CHECKING:
    import pandas as pd

Unit = Literal["encounter", "precinct"]
Strata = Literal["none", "precinct_year", "precinct_year_crime"]
Floats = NDArray[np.float64]

STRATA: dict[Strata, tuple[str, ...]] = {
    "none": (),
    "precinct_year": ("precinct", "year"),
    "precinct_year_crime": ("precinct", "year", "suspected_crime"),
}
"""Columns within whose equal values groups are compared; a stop without one of them is compared with none."""


@dataclass(frozen=True)
class Resampling:
    """Which cluster each stop belongs to, and how often each cluster is drawn.

    Attributes
    ----------
    clusters
        Cluster of each stop from 0, shape (stops,).
    draws
        How often each cluster stands in each resample, float32 of shape (clusters, 1 + resamples); the first column
        is all ones, so that the first of every sum is that of the stops themselves.
    """

    clusters: NDArray[np.intp]
    draws: NDArray[np.float32]

    def sums(self, rows: NDArray[np.bool_], cells: NDArray[np.intp], count: int) -> Floats:
        """Return how many of the stops `rows` stand in each cell, shape (count, 1 + resamples).

        `cells` is the cell of each stop, shape (stops,); those of `rows` lie in 0..count-1.
        """
        from scipy.sparse import csr_array

        where = np.flatnonzero(rows)
        ones = np.ones(len(where), dtype=np.float32)
        shape = (count, len(self.draws))
        return np.asarray(csr_array((ones, (cells[where], self.clusters[where])), shape=shape) @ self.draws, np.float64)


def make_resampling(stops: "pd.DataFrame", unit: Unit, *, resamples: int = RESAMPLES) -> Resampling:
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


def stratum_codes(stops: "pd.DataFrame", strata: Strata) -> NDArray[np.intp]:
    """Return the stratum of each stop from 0, -1 where one of its columns is missing, shape (stops,)."""
    names = list(STRATA[strata])
    if not names:
        return np.zeros(len(stops), dtype=np.intp)
    return stops.groupby(names, dropna=True, sort=True).ngroup().to_numpy(dtype=np.intp, na_value=-1)


@dataclass(frozen=True)
class Compared:
    """Two groups' acts within strata that both have, on the stops and on every resample.

    Attributes
    ----------
    cells
        Stratum of each stop among those compared, -1 outside, shape (stops,).
    count
        Number of strata compared.
    rows
        Stops among which shares are taken, of the group and of the reference, each of shape (stops,).
    share
        Share of the group's stops that lie in strata compared.
    """

    resampling: Resampling
    cells: NDArray[np.intp]
    count: int
    rows: tuple[NDArray[np.bool_], NDArray[np.bool_]]
    share: float

    @cached_property
    def totals(self) -> tuple[Floats, Floats]:
        """Return the sums of `rows`, each of shape (count, 1 + resamples)."""
        ones, others = (self.resampling.sums(rows, self.cells, self.count) for rows in self.rows)
        return ones, others

    @property
    def smaller(self) -> int:
        """Return how many stops the smaller of the two has."""
        return min(int(mask.sum()) for mask in self.rows)

    def contrast(self, happened: NDArray[np.bool_]) -> tuple[Floats, Floats]:
        """Return the Mantel-Haenszel difference and ratio of a share, each of shape (1 + resamples,).

        Difference: sum_k (a_k n0_k - b_k n1_k) / N_k over sum_k n1_k n0_k / N_k; ratio: sum_k a_k n0_k / N_k over
        sum_k b_k n1_k / N_k; in stratum k, a of n1 acts of the group and b of n0 of the reference. Not defined (nan)
        where a resample has no stratum with both, or the reference no event.
        """
        up, down = (
            self._events(rows & happened, other) for rows, other in zip(self.rows, self.totals[::-1], strict=True)
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            return (up - down) / self._weight, np.where(down > 0, up / down, np.nan)

    def _events(self, rows: NDArray[np.bool_], others: Floats) -> Floats:
        """Return the sum of events times the other group's acts over all acts; strata without an event add nothing."""
        here = np.unique(self.cells[rows])
        places = np.zeros(self.count + 1, dtype=np.intp)  # the last for stops outside, whose cell is -1
        places[here] = np.arange(len(here))
        events = self.resampling.sums(rows, places[self.cells], len(here))
        return np.asarray((events * others[here] * self._share[here]).sum(axis=0))

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


def estimate_and_ends(drawn: Floats) -> tuple[float, float | None, float | None]:
    """Return a figure of the stops and its 95 % percentile interval from figures of shape (1 + resamples,)."""
    return float(drawn[0]), *percentile_interval(drawn[1:])
