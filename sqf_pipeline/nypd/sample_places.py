"""Invented places: sites within precincts, with coordinates, streets and sectors.

What belongs here: where a synthetic stop happens. What does not: who was stopped and what followed
(`sample_chain`), and how a place is spelled in a year's file (`sample_layout`).

Only the centre and the spread of each precinct come from published figures; every site is drawn, and every street
name is invented and says that it is synthetic.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sqf_pipeline.nypd.sample_chain import Codes, generator, load_aggregates

MARK = "SYNTHETIC"
"""Stands in every synthetic street name, and so in every address: a file that strays is still recognised."""

SITES = 300
"""Sites a precinct; some are visited far more often than others, in every year the same ones."""

_SITES_STREAM = 1
_SPREAD_LIMIT = 2.5
_CITY = ((913_500, 120_500), (1_067_500, 272_500))
"""South-western and north-eastern corner of the city, feet."""
_SKEW = 1.3
_BEGINNINGS = (
    "AMBER", "BRAMBLE", "COPPER", "DAPPLE", "EMBER", "FERN", "GOSSAMER", "HOLLOW", "INDIGO", "JUNIPER", "KESTREL",
    "LANTERN", "MARBLE", "NETTLE", "OPAL", "PEBBLE",
)  # fmt: skip
_ENDINGS = ("BROOK", "COMBE", "DALE", "FIELD", "GATE", "HAVEN", "MERE", "REACH", "RIDGE", "WICK", "WOLD", "YARD")
_KINDS = ("STREET", "AVENUE", "ROAD", "PLACE", "BOULEVARD")
STREETS = tuple(
    f"{MARK} {beginning}{ending} {_KINDS[(first * 7 + second) % len(_KINDS)]}"
    for first, beginning in enumerate(_BEGINNINGS)
    for second, ending in enumerate(_ENDINGS)
)


@dataclass(frozen=True)
class Sites:
    """Every site, as arrays of shape (precincts, SITES) in the order of `precincts`."""

    precincts: tuple[str, ...]
    x: NDArray[np.int64]
    y: NDArray[np.int64]
    street: NDArray[np.int64]
    crossing: NDArray[np.int64]
    house: NDArray[np.int64]
    sector_rank: NDArray[np.float64]


def make_sites(seed: int) -> Sites:
    """Return the sites of all precincts; coordinates are whole feet (EPSG:2263).

    Offsets from a precinct's centre are sums of four uniform numbers, scaled to its spread and at most 2.5 times
    it away.
    """
    places = load_aggregates()["places"]
    precincts = tuple(places)
    shape = (len(precincts), SITES)
    rng = generator(seed, _SITES_STREAM)
    centre = np.array([[places[p][3], places[p][4]] for p in precincts], dtype=np.float64)
    spread = np.array([[places[p][5], places[p][6]] for p in precincts], dtype=np.float64)
    offsets = np.clip((rng.random((*shape, 2, 4)).sum(axis=-1) - 2.0) * np.sqrt(3.0), -_SPREAD_LIMIT, _SPREAD_LIMIT)
    feet = np.rint(centre[:, None, :] + offsets * spread[:, None, :]).astype(np.int64)
    feet = np.clip(feet, _CITY[0], _CITY[1])
    street = (rng.random(shape) * len(STREETS)).astype(np.int64)
    step = 1 + (rng.random(shape) * (len(STREETS) - 1)).astype(np.int64)
    is_crossing = rng.random(shape) < 0.47
    return Sites(
        precincts=precincts,
        x=feet[:, :, 0],
        y=feet[:, :, 1],
        street=street,
        crossing=np.where(is_crossing, (street + step) % len(STREETS), -1),
        house=1 + (rng.random(shape) * 3000).astype(np.int64),
        sector_rank=rng.random(shape),
    )


def choose_sites(uniforms: NDArray[np.float64]) -> Codes:
    """Return a site number for each uniform number; the first sites are visited most."""
    return (SITES * uniforms**_SKEW).astype(np.int64)


__all__ = ["MARK", "SITES", "STREETS", "Sites", "choose_sites", "make_sites"]
