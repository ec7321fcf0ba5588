"""The tables behind the charts about stops, made from frames.

Shares are of the stops whose outcome is known; each carries Wilson's 95 % interval, in which persons of one encounter
count as if they shared their fate, and a share of fewer than `FEWEST` stops is left out.
"""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from sqf_pipeline.export.field_specs import category_label, field_label
from sqf_pipeline.modelling.intervals import effective_rows, stop_clusters, wilson_interval
from sqf_pipeline.service.analysis_table import AnalysisTable, Cell, ChartSpec, TableColumn
from sqf_pipeline.service.forms import number_choices

FEWEST = 50
"""Fewest stops for which a share is shown."""
CELL_FEET = 2640
"""Side of a map cell: half a mile, in the feet of the coordinates."""
OUTCOME_WORDS = {"arrested": "arrest", "summons_issued": "summons"}
SHARES = ("stops", "arrested_share", "summons_issued_share")
_UNKNOWN = "Not known"
_ENCOUNTER = "encounter"


def stops_tables(stops: pd.DataFrame) -> list[AnalysisTable]:
    """Return every table about stops.

    `stops` has one row a stop with the registry's columns and dtypes, of one or several years.
    """
    stops = with_encounters(stops)  # once for all
    return [
        by_year(stops), by_month(stops), by_hour_and_weekday(stops), by_category(stops, "borough"),
        by_category(stops, "suspect_race"), map_cells(stops),
    ]  # fmt: skip


def outcome_columns() -> tuple[TableColumn, ...]:
    """Return the columns that every table about stops ends with: stops, and each outcome's share."""
    columns = [TableColumn(name="stops", label="Stops", format="count")]
    for name, word in OUTCOME_WORDS.items():
        label = f"Share ending in {'an arrest' if word == 'arrest' else 'a summons'}"
        columns += [
            TableColumn(name=f"{name}_share", label=label, format="percent"),
            TableColumn(name=f"{name}_share_low", label=f"{label}, 95 % low", format="percent"),
            TableColumn(name=f"{name}_share_high", label=f"{label}, 95 % high", format="percent"),
        ]
    return tuple(columns)


def with_encounters(stops: pd.DataFrame) -> pd.DataFrame:
    """Return stops with the number of their encounter in the column `encounter`, which intervals need."""
    return stops if _ENCOUNTER in stops.columns else stops.assign(**{_ENCOUNTER: stop_clusters(stops)})


def outcome_cells(stops: pd.DataFrame) -> list[Cell]:
    """Return the number of stops and each outcome's share with its interval, or None under `FEWEST` stops.

    `stops` come from `with_encounters`.
    """
    cells: list[Cell] = [len(stops)]
    for name in OUTCOME_WORDS:
        inside = stops[name].notna()
        known = stops.loc[inside, name]
        if len(known) < FEWEST:
            cells += [None, None, None]
            continue
        positives = int(known.sum())
        worth = effective_rows(stops.loc[inside, _ENCOUNTER])
        low, high = wilson_interval(positives / len(known), worth)
        cells += [positives / len(known), low, high]
    return cells


def _rows(stops: pd.DataFrame, by: Sequence[str]) -> list[tuple[Cell, ...]]:
    """Return one row for each group, its keys first; groups are sorted by key."""
    rows = []
    for keys, group in with_encounters(stops).groupby(list(by), sort=True, dropna=True, observed=True):
        rows.append((*(_plain(key) for key in keys), *outcome_cells(group)))
    return rows


def _plain(key: Any) -> Cell:
    return key.item() if hasattr(key, "item") else key


def by_year(stops: pd.DataFrame) -> AnalysisTable:
    """Return stops and outcomes by year."""
    rows = _rows(stops, ["year"])
    first, last = rows[0], rows[-1]
    if first[0] == last[0]:
        title = f"{last[1]:,} stops were published for {last[0]}"
    else:
        change = "fell" if float(last[1] or 0) < float(first[1] or 0) else "rose"
        title = f"Stops {change} from {first[1]:,} in {first[0]} to {last[1]:,} in {last[0]}"
        if first[1] == last[1]:
            title = f"{last[0]} has as many stops as {first[0]}: {last[1]:,}"
    return AnalysisTable(
        name="stops_by_year", section="stops", title=title,
        question="How many stops were there each year, and how did they end?",
        note="Counts are of published stops. Bars around a share are its 95 % interval.",
        columns=(TableColumn(name="year", label="Year", format="plain"), *outcome_columns()), rows=tuple(rows),
        chart=ChartSpec(kind="bar", x="year", y=SHARES),
    )  # fmt: skip


def by_month(stops: pd.DataFrame) -> AnalysisTable:
    """Return stops and outcomes by month, a line a year."""
    rows = _rows(stops, ["year", "month"])
    most, least = max(rows, key=lambda row: row[2] or 0), min(rows, key=lambda row: row[2] or 0)
    names = dict(number_choices("month"))
    title = (
        f"Stops went from {least[2]:,} in {names[int(least[1] or 1)]} {least[0]} to {most[2]:,} in "
        f"{names[int(most[1] or 1)]} {most[0]}, the fewest and the most of a month"
    )
    return AnalysisTable(
        name="stops_by_month", section="stops", title=title, question="Do stops have a season?",
        note="Spring 2020 is the first wave of the pandemic." if any(row[0] == 2020 for row in rows) else "",
        columns=(
            TableColumn(name="year", label="Year", format="plain"),
            TableColumn(name="month", label="Month", format="plain"), *outcome_columns(),
        ),
        rows=tuple(rows), chart=ChartSpec(kind="line", x="month", y=SHARES, group="year"),
    )  # fmt: skip


def by_hour_and_weekday(stops: pd.DataFrame) -> AnalysisTable:
    """Return stops and outcomes by hour of the day and day of the week."""
    timed = stops.assign(hour=(stops["stop_time_seconds"] // 3600))
    rows = _rows(timed, ["weekday", "hour"])
    busiest = max(rows, key=lambda row: row[2] or 0)
    names = dict(number_choices("weekday"))
    rows = [(names[int(row[0] or 1)], *row[1:]) for row in rows]
    title = f"The busiest hour of the week is {names[int(busiest[0] or 1)]} from {busiest[1]}:00"
    return AnalysisTable(
        name="stops_by_hour", section="stops", title=title, question="At which hours do stops happen?",
        note=f"All years together. A share of fewer than {FEWEST} stops is left blank.",
        columns=(
            TableColumn(name="weekday", label="Day"), TableColumn(name="hour", label="Hour", format="plain"),
            *outcome_columns(),
        ),
        rows=tuple(rows), chart=ChartSpec(kind="heat", x="hour", group="weekday", y=SHARES),
    )  # fmt: skip


def by_category(stops: pd.DataFrame, name: str) -> AnalysisTable:
    """Return stops and outcomes by the values of one category column, the most frequent first."""
    values = stops[name].astype("object").where(stops[name].notna(), _UNKNOWN)
    rows = sorted(_rows(stops.assign(**{name: values}), [name]), key=lambda row: -int(row[1] or 0))
    shown = [(category_label(name, str(row[0])), *row[1:]) for row in rows]
    share = float(shown[0][1] or 0) / max(len(stops), 1)
    label = field_label(name)
    return AnalysisTable(
        name=f"stops_by_{name}", section="stops", title=f"{shown[0][0]}: {share * 100:.0f} % of all stops",
        question=f"How do stops and their ends differ by {label.lower()}?",
        note=f"As recorded by the officer. A share of fewer than {FEWEST} stops is left out. A difference between "
        "shares says what was recorded about people who were stopped, not how people behave.",
        columns=(TableColumn(name=name, label=label), *outcome_columns()), rows=tuple(shown),
        chart=ChartSpec(kind="bar", x=name, y=SHARES),
    )  # fmt: skip


def map_cells(stops: pd.DataFrame) -> AnalysisTable:
    """Return stops and outcomes by half-mile cell; cells of fewer than five stops are left out and counted."""
    placed = with_encounters(stops).dropna(subset=["x_feet", "y_feet", "longitude", "latitude"])
    cells = placed.assign(
        east=(placed["x_feet"] // CELL_FEET).astype("int64"), north=(placed["y_feet"] // CELL_FEET).astype("int64")
    )
    rows: list[tuple[int, tuple[Cell, ...]]] = []
    small = 0
    for _, group in cells.groupby(["east", "north"], sort=True):
        if len(group) < 5:
            small += len(group)
            continue
        middle = (round(float(group["longitude"].mean()), 4), round(float(group["latitude"].mean()), 4))
        borough = group["borough"].dropna()
        where = category_label("borough", str(borough.mode().iloc[0])) if len(borough) else _UNKNOWN
        rows.append((len(group), (where, *middle, *outcome_cells(group))))
    rows.sort(key=lambda row: -row[0])
    tenth = rows[: max(1, len(rows) // 10)]
    share = sum(size for size, _ in tenth) / max(1, sum(size for size, _ in rows))
    return AnalysisTable(
        name="stops_map", section="stops", title=f"A tenth of the places see {share * 100:.0f} % of the stops",
        question="Where do stops happen?",
        note=f"Each dot is a cell of half a mile; its area is the number of stops, "
        f"and it is grey where fewer than {FEWEST} leave its share out. {small:,} stops in cells of fewer "
        f"than five and {len(stops) - len(placed):,} without coordinates are left out.",
        columns=(
            TableColumn(name="borough", label="Borough"),
            TableColumn(name="longitude", label="Longitude", format="plain"),
            TableColumn(name="latitude", label="Latitude", format="plain"),
            *outcome_columns(),
        ),
        rows=tuple(row for _, row in rows), chart=ChartSpec(kind="map", x="longitude", size="stops", y=SHARES),
    )  # fmt: skip
