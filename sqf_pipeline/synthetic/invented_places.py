"""Invented places: sites around the centre of each precinct, with streets whose names say SYNTHETIC."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sqf_pipeline.synthetic.conditional_chain import Codes, Uniforms, load_aggregates

MARK = "SYNTHETIC"
"""Stands in every synthetic street name, and so in every address: a file that strays is still recognised."""

SITES = 300  # sites a precinct; some are visited far more often than others, in every year the same ones

_CITY = ((913_500, 120_500), (1_067_500, 272_500))  # south-western and north-eastern corner of the city, feet
_BEGINNINGS = ("AMBER", "BRAMBLE", "COPPER", "DAPPLE", "EMBER", "FERN", "GOSSAMER", "HOLLOW", "INDIGO", "JUNIPER",
               "KESTREL", "LANTERN", "MARBLE", "NETTLE", "OPAL", "PEBBLE")  # fmt: skip
_ENDINGS = ("BROOK", "COMBE", "DALE", "FIELD", "GATE", "HAVEN", "MERE", "REACH", "RIDGE", "WICK", "WOLD", "YARD")
_KINDS = {"STREET": "ST", "AVENUE": "AVE", "ROAD": "RD", "PLACE": "PL", "BOULEVARD": "BLVD"}


@dataclass(frozen=True)
class Sites:
    """Every site, as arrays of shape (precincts, SITES) in the order of `precincts`; `crossing` is -1 for none."""

    precincts: tuple[str, ...]
    feet: NDArray[np.int64]
    street: Codes
    crossing: Codes
    house: Codes
    sector_rank: Uniforms


def street_names(*, abbreviated: bool) -> list[str]:
    """Return every street name, its kind written in full or abbreviated."""
    kinds = list(_KINDS.values() if abbreviated else _KINDS)
    return [
        f"{MARK} {beginning}{ending} {kinds[(first * 7 + second) % len(kinds)]}"
        for first, beginning in enumerate(_BEGINNINGS)
        for second, ending in enumerate(_ENDINGS)
    ]


def make_sites(seed: int) -> Sites:
    """Return the sites of all precincts; `feet` is (precincts, SITES, 2), whole feet of X and Y (EPSG:2263).

    Offsets from a precinct's centre are sums of four uniform numbers, scaled to its spread and at most 2.5 times
    it away.
    """
    places = load_aggregates()["places"]
    shape, streets = (len(places), SITES), len(_BEGINNINGS) * len(_ENDINGS)
    rng = np.random.default_rng([seed, 1])
    centre, spread = (np.array([facts[at : at + 2] for facts in places.values()], dtype=float) for at in (3, 5))
    offsets = np.clip((rng.random((*shape, 2, 4)).sum(axis=-1) - 2.0) * np.sqrt(3.0), -2.5, 2.5)
    feet = np.rint(centre[:, None, :] + offsets * spread[:, None, :]).astype(np.int64)
    street = (rng.random(shape) * streets).astype(np.int64)
    other = (street + 1 + (rng.random(shape) * (streets - 1)).astype(np.int64)) % streets
    return Sites(
        precincts=tuple(places),
        feet=np.clip(feet, *_CITY),
        street=street,
        crossing=np.where(rng.random(shape) < 0.47, other, -1),
        house=1 + (rng.random(shape) * 3000).astype(np.int64),
        sector_rank=rng.random(shape),
    )


def choose_sites(uniforms: Uniforms) -> Codes:
    """Return a site number for each uniform number; the first sites are visited most."""
    return (SITES * uniforms**1.3).astype(np.int64)
