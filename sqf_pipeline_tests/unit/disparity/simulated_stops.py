"""Invented stops whose risks and bars are known: who is frisked, and what is found, follow from them."""

import numpy as np
import pandas as pd

RACES = ("BLACK", "WHITE", "WHITE HISPANIC")
FLAGS = ("frisked", "searched", "weapon_found", "firearm_found", "knife_found", "other_weapon_found",
         "other_contraband_found", "search_basis_incidental_to_arrest")  # fmt: skip


def simulated_stops(
    seed, encounters, bars, *, means=(-2.0, -2.0, -2.0), spreads=(1.0, 1.0, 1.0), shares=(0.5, 0.3, 0.2)
):
    """Return stops of one to three persons an encounter, frisked together if the risk seen is above their bar.

    The risk of a weapon is logit-normal by race (`means`, `spreads`); `bars` are probabilities, in the order of
    `RACES`. In half the encounters all persons have what one has.
    """
    rng = np.random.default_rng(seed)
    sizes = rng.choice([1, 2, 3], encounters, p=[0.7, 0.2, 0.1])
    number = np.repeat(np.arange(encounters), sizes)
    race = rng.choice(3, encounters, p=shares)
    risk = 1 / (1 + np.exp(-rng.normal(np.array(means)[race], np.array(spreads)[race])))
    frisked = (risk > np.array(bars)[race])[number]
    chance = np.where((rng.random(encounters) < 0.5)[number], rng.random(encounters)[number], rng.random(len(number)))
    weapon = chance < risk[number]
    kind = rng.random(len(number))
    found = {"weapon_found": weapon, "firearm_found": weapon & (kind < 0.4), "knife_found": weapon & (kind >= 0.4)}
    precinct = rng.integers(0, 4, encounters)[number]
    return stops_of(number, np.array(RACES)[race[number]], frisked, found, rng, precinct=precinct)


def stops_of(encounter, race, frisked, found, rng, *, precinct):
    """Return a frame of stops of 2020 with the columns that the tests of treatment read."""
    rows = len(encounter)
    count = int(encounter.max()) + 1
    days = rng.integers(0, 366, count)[encounter]
    columns = {
        "year": pd.array(np.full(rows, 2020), dtype="Int16"),
        "stop_date": np.datetime64("2020-01-01", "s") + days.astype("timedelta64[D]").astype("timedelta64[s]"),
        "stop_time_seconds": pd.array(rng.integers(0, 86_400, count)[encounter], dtype="Int32"),
        "x_feet": pd.array(1_000_000.0 + encounter, dtype="Float64"),
        "y_feet": pd.array(200_000.0 + encounter, dtype="Float64"),
        "precinct": pd.array(1 + precinct, dtype="Int32"),
        "issuing_officer_command": pd.array(1 + precinct, dtype="Int32"),
        "suspect_race": pd.array(race, dtype="string"),
        "suspected_crime": pd.array(rng.choice(["CPW", "ROBBERY"], count)[encounter], dtype="string"),
        "initiated_by": pd.array(rng.choice(["SELF INITIATED", "RADIO RUN"], count)[encounter], dtype="string"),
    }
    flags = {name: np.zeros(rows, dtype=bool) for name in FLAGS} | {"frisked": frisked, "searched": frisked} | found
    return pd.DataFrame(columns | {name: pd.array(value, dtype="boolean") for name, value in flags.items()})
