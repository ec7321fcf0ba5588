"""The places that a form offers: parts of precincts, none of fewer than five stops."""

from typing import Any

import pandas as pd

from sqf_pipeline.export.frame_tables import table_of
from sqf_pipeline.service.analysis_table import AnalysisTable
from sqf_pipeline.service.places import PLACES_TABLE

LEAST_STOPS = 5
"""Fewest stops of a place that is shown by itself."""
HALF_A_MILE = 2640
"""In feet."""
SIDES = HALF_A_MILE // 2, HALF_A_MILE, 10**9
"""Sides of the cells in feet, a quarter and half a mile: the larger gather what too few share a smaller one. The last
holds the whole city, and so every stop of a precinct that has no other part."""
_ROUND_FEET = 250
_COORDINATES = ["x_feet", "y_feet"]
_AREAS = ["borough", "patrol_borough"]


def place_cells(stops: pd.DataFrame) -> AnalysisTable:
    """Return the parts of precincts in which stops were made, each at the mean of its stops to 250 feet.

    `stops` has one row a stop with the registry's columns; those without precinct or coordinates are left out, as are
    those in cells of fewer than `LEAST_STOPS`.
    """
    left = stops.dropna(subset=["precinct", *_COORDINATES])
    areas = [name for name in _AREAS if name in stops]
    placed, parts = len(left), list[pd.DataFrame]()
    for side in SIDES:
        if side == SIDES[-1]:
            left = left[~left["precinct"].isin({number for part in parts for number in part["precinct"]})]
        cells = left[["precinct", *_COORDINATES]].assign(east=left["x_feet"] // side, north=left["y_feet"] // side)
        groups = cells.groupby(["precinct", "east", "north"])
        enough = groups["x_feet"].transform("size") >= LEAST_STOPS
        found = groups.mean().assign(stops=groups.size())
        parts.append(found[found["stops"] >= LEAST_STOPS].reset_index())
        left = left[~enough]
    rows = pd.concat(parts, ignore_index=True)
    rows[_COORDINATES] = (rows[_COORDINATES] / _ROUND_FEET).round().astype("int64") * _ROUND_FEET
    of_precinct = stops.groupby("precinct")[areas].agg(lambda known: next(iter(known.mode()), None))
    rows = rows.join(of_precinct, on="precinct").sort_values(["precinct", *_COORDINATES, "stops"], ignore_index=True)
    more = [(name, name.capitalize().replace("_", " "), "code") for name in areas]
    counts: dict[str, Any] = {"left_out": placed - int(rows["stops"].sum()), "placed": placed}
    return table_of(PLACES_TABLE, rows, more, feet=_ROUND_FEET, least=LEAST_STOPS, **counts)
