"""The tables behind the charts of stops for 1,000 residents, made from stops and the table of residents."""

from typing import Any

import pandas as pd

from sqf_pipeline.display import number
from sqf_pipeline.export.frame_tables import table_of
from sqf_pipeline.registry.columns import force_marks
from sqf_pipeline.registry.residents import WARNING, census_group
from sqf_pipeline.service.analysis_table import AnalysisTable

FEWEST_RESIDENTS = 1000
"""Fewest residents for which a rate is shown: in Central Park live 129 people."""
_CENSUS = {
    "hispanic": "Hispanic", "white": "White", "black": "Black", "asian_or_pacific": "Asian or Pacific Islander",
    "native": "American Indian or Alaska Native",
}  # fmt: skip
_EVERYBODY = "Everybody"
_COUNTS = ("stops", "frisks", "force", "arrests")


def residents_tables(stops: pd.DataFrame, residents: pd.DataFrame) -> list[AnalysisTable]:
    """Return stops, frisks, force and arrests for 1,000 residents by group, and on a map by precinct and group.

    `stops` are those of one year with the registry's columns, `residents` has those of the table of that name.
    """
    counted = _counted(stops)
    by_race = _rates(counted.groupby("race", sort=False), residents.groupby("race")["residents"].sum())
    by_race = by_race.assign(race=by_race["race"].map(_CENSUS)).dropna(subset=["race"])
    living = residents.groupby(["precinct", "race"])["residents"].sum()
    everybody = residents.groupby("precinct")["residents"].sum()
    middle = stops.groupby("precinct")[["longitude", "latitude"]].mean().astype("float64").round(4)
    of_all = _rates(counted.groupby("precinct"), everybody).assign(race=_EVERYBODY)
    of_groups = _rates(counted.dropna(subset=["race"]).groupby(["precinct", "race"]), living)
    placed = pd.concat([of_all, of_groups.assign(race=of_groups["race"].map(_CENSUS))], ignore_index=True)
    placed = placed[placed["race"].notna()].join(middle, on="precinct").dropna(subset=["longitude", "latitude"])
    year = int(stops["year"].iloc[0]) if len(stops) else ""
    unmapped = int(counted["race"].isna().sum())
    small = int((placed["residents"] < FEWEST_RESIDENTS).sum())
    return [
        table_of("residents_by_race", by_race, title=_most(by_race, year), warning=WARNING, unmapped=unmapped),
        table_of("residents_map", placed, year=year, fewest=FEWEST_RESIDENTS, small=small, warning=WARNING),
    ]


def _counted(stops: pd.DataFrame) -> pd.DataFrame:
    """Return a row a stop: precinct, the census's group, and what is counted, as 0 or 1."""
    marks = [name for name in force_marks() if name in stops]
    flags = {"frisks": stops["frisked"], "force": stops[marks].any(axis=1), "arrests": stops["arrested"]}
    return pd.DataFrame(
        {
            "precinct": stops["precinct"],
            "race": stops["suspect_race"].map(census_group()),
            "stops": 1,
            **{name: flag.fillna(value=False).astype("int64") for name, flag in flags.items()},
        }
    )


def _rates(groups: Any, living: pd.Series) -> pd.DataFrame:
    """Return counts and rates by group; a rate of few residents is missing, and a group without a stop has none."""
    counts = groups[list(_COUNTS)].sum().reindex(living.index, fill_value=0)
    enough = living.where(living >= FEWEST_RESIDENTS)
    rates = {f"{name}_per_1000": 1000.0 * counts[name] / enough for name in _COUNTS}
    return counts.assign(residents=living, **rates).reset_index()


def _most(by_race: pd.DataFrame, year: Any) -> str:
    known = by_race.dropna(subset=["stops_per_1000", "race"]).sort_values("stops_per_1000", kind="stable")
    if known.empty:
        return "Stops for 1,000 residents by group"
    least, most = known.iloc[0], known.iloc[-1]
    return (
        f"Stops of {year} for 1,000 residents: from {number(least['stops_per_1000'], 1)} ({least['race']}) to "
        f"{number(most['stops_per_1000'], 1)} ({most['race']})"
    )
