"""The tables behind the charts about stops, made from frames.

Shares are of the stops whose outcome is known; each carries Wilson's 95 % interval, in which persons of one encounter
count as if they shared their fate, and a share of fewer than `FEWEST` stops is left out.
"""

from collections.abc import Sequence
from string import ascii_uppercase
from typing import Any

import pandas as pd

from sqf_pipeline.evaluation.bootstrap import effective_rows, stop_clusters, wilson_interval
from sqf_pipeline.export.frame_tables import table_of
from sqf_pipeline.registry.forms.published_forms import form_breaks, forms
from sqf_pipeline.registry.outcomes import OUTCOME_WORDS, STUDY_TARGETS
from sqf_pipeline.registry.words import category_label, field_label
from sqf_pipeline.registry.year_and_month_words import year_runs
from sqf_pipeline.service.analysis_table import AnalysisTable
from sqf_pipeline.service.forms import number_choices
from sqf_pipeline.service.places import PLACES_TABLE

FEWEST = 50
"""Fewest stops for which a share is shown."""
OUTCOME_SHARES = {column: f"Share ending in {OUTCOME_WORDS[name]['noun']}" for name, column in STUDY_TARGETS.items()}
_ENDS = [("stops", "Stops", "count"), *((f"{name}_share", label, "percent") for name, label in OUTCOME_SHARES.items())]
_UNKNOWN = "Not known"
_ENCOUNTER = "encounter"
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


def stops_tables(stops: pd.DataFrame) -> list[AnalysisTable]:
    """Return every table about stops of one or several years, one row a stop with the registry's columns and dtypes."""
    stops = with_encounters(stops)  # once for all
    return [
        by_year(stops), by_month(stops), by_hour_and_weekday(stops), by_category(stops, "borough"),
        by_category(stops, "suspect_race"), map_cells(stops), place_cells(stops),
    ]  # fmt: skip


def with_encounters(stops: pd.DataFrame) -> pd.DataFrame:
    """Return stops with the number of their encounter in the column `encounter`, which intervals need."""
    return stops if _ENCOUNTER in stops.columns else stops.assign(**{_ENCOUNTER: stop_clusters(stops)})


def outcome_shares(stops: pd.DataFrame) -> dict[str, Any]:
    """Return the number of stops and each outcome's share with its interval, or None under `FEWEST` stops.

    `stops` come from `with_encounters`.
    """
    found: dict[str, Any] = {"stops": len(stops)}
    for name in OUTCOME_SHARES:
        known = stops[name].notna().to_numpy()
        share = low = high = None
        if known.sum() >= FEWEST:
            share = int(stops[name].sum()) / int(known.sum())
            low, high = wilson_interval(share, effective_rows(stops[_ENCOUNTER][known]))
        found |= {f"{name}_share": share, f"{name}_share_low": low, f"{name}_share_high": high}
    return found


def _groups(stops: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Return one row for each group, its keys first; groups are sorted by key."""
    counted = with_encounters(stops)[[*by, *OUTCOME_SHARES, _ENCOUNTER]]  # what is not asked for is not cut up
    groups = counted.groupby(list(by), sort=True, dropna=True, observed=True)
    return pd.DataFrame([dict(zip(by, keys, strict=True)) | outcome_shares(group) for keys, group in groups])


def by_year(stops: pd.DataFrame) -> AnalysisTable:
    """Return stops and outcomes by year."""
    rows = _groups(stops, ["year"])
    first, last = rows["year"].iloc[[0, -1]].tolist()
    before, after = rows["stops"].iloc[[0, -1]].tolist()
    title = f"Stops {'fell' if after < before else 'rose'} from {before:,} in {first} to {after:,} in {last}"
    if first == last:
        title = f"{after:,} stops were published for {last}"
    elif before == after:
        title = f"{last} has as many stops as {first}: {after:,}"
    return table_of("stops_by_year", rows, _ENDS, title=title)


def across_forms(counted: pd.DataFrame) -> AnalysisTable:
    """Return every year that is loaded, from the columns of the view `outcomes_by_year`, with the breaks named."""
    rows = counted.sort_values("year").assign(form=[forms()[name].description for name in counted["form"]])
    first, last = int(rows["year"].iloc[0]), int(rows["year"].iloc[-1])
    dated = [(pd.Timestamp(day), told) for day, told in form_breaks()]
    moments = [(day.year + round((day.day_of_year - 1) / 365.25, 2), day, told) for day, told in dated]
    breaks = tuple(
        (moment, f"{day.day} {day:%B %Y}: {told}") for moment, day, told in moments if first < moment < last + 1
    )
    shares = [(one, one.capitalize().replace("_", " "), "percent") for one in rows if one.endswith("_share")]
    lettered = " ".join(f"{letter}: {told}." for letter, (_, told) in zip(ascii_uppercase, breaks, strict=False))
    counts = {"years": year_runs(rows["year"]), "forms": rows["form"].nunique()}
    return table_of("stops_across_forms", rows, shares, breaks=breaks, lettered=lettered, **counts)


def by_month(stops: pd.DataFrame) -> AnalysisTable:
    """Return stops and outcomes by month, a line a year."""
    rows = _groups(stops, ["year", "month"])
    names = dict(number_choices("month"))
    least, most = (
        f"{rows['stops'][place]:,} in {names[int(rows['month'][place])]} {rows['year'][place]}"
        for place in (rows["stops"].idxmin(), rows["stops"].idxmax())
    )
    note = "Spring 2020 is the first wave of the pandemic." if (rows["year"] == 2020).any() else ""
    return table_of("stops_by_month", rows, _ENDS, least=least, most=most, note=note)


def by_hour_and_weekday(stops: pd.DataFrame) -> AnalysisTable:
    """Return stops and outcomes by hour of the day and day of the week."""
    rows = _groups(stops.assign(hour=stops["stop_time_seconds"] // 3600), ["weekday", "hour"])
    rows["weekday"] = rows["weekday"].map(dict(number_choices("weekday")))
    busiest = rows.loc[rows["stops"].idxmax()]
    return table_of("stops_by_hour", rows, _ENDS, weekday=busiest["weekday"], hour=busiest["hour"], fewest=FEWEST)


def by_category(stops: pd.DataFrame, name: str) -> AnalysisTable:
    """Return stops and outcomes by the values of one category column, the most frequent first."""
    values = stops[name].astype("object").where(stops[name].notna(), _UNKNOWN)
    rows = _groups(stops.assign(**{name: values}), [name]).sort_values("stops", ascending=False, kind="stable")
    rows[name] = [category_label(name, str(value)) for value in rows[name]]
    told = {"first": rows[name].iloc[0], "share": rows["stops"].iloc[0] / max(len(stops), 1) * 100}
    return table_of(f"stops_by_{name}", rows, _ENDS, by=field_label(name).lower(), fewest=FEWEST, **told)


def map_cells(stops: pd.DataFrame) -> AnalysisTable:
    """Return stops and outcomes by half-mile cell; cells of fewer than five stops are left out and counted."""
    places = ["x_feet", "y_feet", "longitude", "latitude"]
    placed = with_encounters(stops)[[*places, "borough", *OUTCOME_SHARES, _ENCOUNTER]].dropna(subset=places)
    cells = placed.assign(
        east=(placed["x_feet"] // HALF_A_MILE).astype("int64"),
        north=(placed["y_feet"] // HALF_A_MILE).astype("int64"),
    )
    found = []
    for _, group in cells.groupby(["east", "north"], sort=True):
        if len(group) < LEAST_STOPS:
            continue
        borough = group["borough"].dropna()
        where = category_label("borough", str(borough.mode().iloc[0])) if len(borough) else _UNKNOWN
        middle = {name: round(float(group[name].mean()), 4) for name in ("longitude", "latitude")}
        found.append({"borough": where, **middle, **outcome_shares(group)})
    names = ["borough", "longitude", "latitude", *outcome_shares(cells.iloc[:0])]
    rows = pd.DataFrame(found, columns=names).sort_values("stops", ascending=False, kind="stable")
    shown = int(rows["stops"].sum())
    share = int(rows["stops"].iloc[: max(1, len(rows) // 10)].sum()) / max(1, shown) * 100
    sparse, unplaced = len(placed) - shown, len(stops) - len(placed)
    return table_of("stops_map", rows, _ENDS, share=share, fewest=FEWEST, sparse=sparse, unplaced=unplaced)


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
    left_out = placed - int(rows["stops"].sum())
    return table_of(PLACES_TABLE, rows, more, feet=_ROUND_FEET, least=LEAST_STOPS, left_out=left_out, placed=placed)
