"""Stops of some years, compared and resampled once for all tables that rest on it: contrasts of acts and of finds."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sqf_pipeline.disparity.acts_and_hits import (
    FEWEST_ACTS,
    REFERENCE,
    Entry,
    group_codes,
    group_names,
    recorded_entries,
    years_label,
)
from sqf_pipeline.disparity.clustered_resampling import (
    STRATA,
    Floats,
    Resampling,
    Strata,
    Unit,
    compare,
    make_resampling,
    stratum_codes,
)
from sqf_pipeline.evaluation.bootstrap import RESAMPLES

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Comparison:
    """A group and the reference among the stops of a population, and an act that either may have, by their names."""

    population: str
    act: str
    strata: Strata
    group: str
    cells: NDArray[np.intp]  # stratum of each stop, see `stratum_codes`
    stops: tuple[Mask, Mask]  # of the group and of the reference
    acted: tuple[Mask, Mask]  # those of them with the act


@dataclass(frozen=True)
class Drawn:
    """What a comparison comes to, on the stops and on every resample."""

    share: float  # share of the group's acts that lie in strata compared
    acts: Floats | None = None  # difference in acts among stops, shape (1 + resamples,)
    hits: dict[str, tuple[Floats, Floats]] | None = None
    """Difference and ratio of each hit among acts; None, as `acts`, where either side has too few acts to compare."""


@dataclass(frozen=True)
class Window:
    """Stops as one window of years, and how often encounters or precincts are resampled."""

    stops: pd.DataFrame
    resamples: int = RESAMPLES
    _resamplings: dict[Unit, Resampling] = field(default_factory=dict)
    _drawn: dict[Unit, list[Drawn]] = field(default_factory=dict)

    @cached_property
    def years(self) -> str:
        """Return the years as the tables name them."""
        return years_label(self.stops)

    @cached_property
    def codes(self) -> NDArray[np.int64]:
        """Return the group of each stop, see `group_codes`."""
        return group_codes(self.stops)

    @cached_property
    def hits(self) -> dict[str, Mask]:
        """Return where each hit that the forms record was found, by name."""
        return {hit.name: hit.holds(self.stops) for hit in recorded_entries(self.stops, "hit")}

    @cached_property
    def acts(self) -> list[tuple[Entry, Mask, Entry, Mask]]:
        """Return each population that the forms record and that has stops, with them, and each act there."""
        populations = [(entry, entry.holds(self.stops)) for entry in recorded_entries(self.stops, "population")]
        acts = [(entry, entry.holds(self.stops)) for entry in recorded_entries(self.stops, "act")]
        return [
            (population, inside, act, inside & acted)
            for population, inside in populations
            if inside.any()
            for act, acted in acts
        ]

    @cached_property
    def comparisons(self) -> list[Comparison]:
        """Return every comparison of a group with the reference, within each kind of strata."""
        codes, groups = self.codes, group_names()
        reference = codes == groups.index(REFERENCE)
        found = []
        for strata in STRATA:
            cells = stratum_codes(self.stops, strata)
            for population, inside, act, acted in self.acts:
                for number, group in enumerate(groups):
                    if group == REFERENCE:
                        continue
                    pair = (inside & (codes == number), inside & reference)
                    both = (pair[0] & acted, pair[1] & acted)
                    found.append(Comparison(population.name, act.name, strata, group, cells, pair, both))
        return found

    def resampling(self, unit: Unit) -> Resampling:
        """Return the resampling of the stops by encounter or precinct."""
        if unit not in self._resamplings:
            self._resamplings[unit] = make_resampling(self.stops, unit, resamples=self.resamples)
        return self._resamplings[unit]

    def drawn(self, unit: Unit) -> list[Drawn]:
        """Return what each of `comparisons` comes to."""
        if unit not in self._drawn:
            self._drawn[unit] = list(self._draw(self.resampling(unit)))
        return self._drawn[unit]

    def _draw(self, resampling: Resampling) -> Iterator[Drawn]:
        acts = self._draw_acts(resampling)
        for place, one in enumerate(self.comparisons):
            compared = compare(resampling, one.cells, *one.acted)
            if compared.smaller < FEWEST_ACTS:
                yield Drawn(compared.share)
                continue
            hits = dict(zip(self.hits, compared.contrasts(self.hits.values()), strict=True))
            yield Drawn(compared.share, acts[place], hits)

    def _draw_acts(self, resampling: Resampling) -> dict[int, Floats]:
        """Return the difference in acts of each comparison by its place; acts of the same stops are drawn together."""
        same: dict[tuple[str, ...], list[int]] = {}
        for place, one in enumerate(self.comparisons):
            same.setdefault((one.strata, one.population, one.group), []).append(place)
        found: dict[int, Floats] = {}
        for places in same.values():
            first = self.comparisons[places[0]]
            acted = (self.comparisons[place].acted for place in places)
            drawn = compare(resampling, first.cells, *first.stops).contrasts(ours | theirs for ours, theirs in acted)
            found |= {place: difference for place, (difference, _) in zip(places, drawn, strict=True)}
        return found
