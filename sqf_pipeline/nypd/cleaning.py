"""Text as published to typed stops in units, with a count of everything that was changed.

What belongs here: the way from the raw frame to the clean one, one rule a kind of column, and the table of what
the rules changed. What does not: reading files (`reader`), the knowledge of columns and spellings (the two CSV
tables), and how one text is read (`parsing`).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from sqf_pipeline.nypd import parsing
from sqf_pipeline.nypd.columns import Column, load_columns
from sqf_pipeline.nypd.shifted_rows import repair_shifted_rows
from sqf_pipeline.nypd.vocabulary import categories_by_spelling, normalise_text, null_spellings

DTYPES = {
    "year": "Int16",
    "identifier": "Int64",
    "date": "datetime64[s]",
    "time": "Int32",
    "integer": "Int32",
    "number": "Float64",
    "height": "Float64",
    "month": "Int8",
    "weekday": "Int8",
    "category": "string",
    "code": "Int32",
    "flag": "boolean",
    "mark": "boolean",
    "text": "string",
}
"""Type of a clean column by its kind; a missing value is null in each."""

NEW_CATEGORY_ROWS = 10
"""A spelling that no vocabulary knows is a new category when this many stops of a year have it (2020 brought
132 stops with a new race), and a misplaced cell when fewer have it (2017 has the race MALE seven times)."""

_MARK_CODES = {
    "id_card_identifies_officer": "I",
    "shield_identifies_officer": "S",
    "verbal_identifies_officer": "V",
}
_PARSERS: dict[str, Callable[[str], Any]] = {
    "year": parsing.parse_whole_number,
    "identifier": parsing.parse_whole_number,
    "time": parsing.parse_time,
    "integer": parsing.parse_whole_number,
    "code": parsing.parse_whole_number,
    "number": parsing.parse_number,
    "height": parsing.parse_height,
    "month": parsing.parse_month,
    "weekday": parsing.parse_weekday,
    "flag": parsing.parse_flag,
}


@dataclass
class QualityLog:
    """Counts of what the rules found, for the table `data_quality`."""

    year: int
    entries: list[tuple[str, str, int, str]] = field(default_factory=list)

    def add(self, column_name: str, rule: str, rows: int, description: str) -> None:
        """Add `rows` found by `rule` in a column; a rule that found nothing leaves no entry."""
        if rows:
            self.entries.append((column_name, rule, int(rows), description))

    def to_frame(self) -> pd.DataFrame:
        """Return one row a column and rule: year, column_name, rule, rows, description."""
        frame = pd.DataFrame(self.entries, columns=["column_name", "rule", "rows", "description"])
        frame.insert(0, "year", self.year)
        return frame.astype({"year": "Int16", "column_name": "string", "rule": "string", "rows": "Int64"}).astype(
            {"description": "string"}
        )


@dataclass(frozen=True)
class CleanedStops:
    """Clean stops of a year and what cleaning changed.

    Attributes
    ----------
    stops
        One row a stop in the order of the file, every column of the registry, types as in `DTYPES`.
    quality
        One row a column and rule that found anything: year, column_name, rule, rows, description.
    """

    stops: pd.DataFrame
    quality: pd.DataFrame


def clean_stops(raw: pd.DataFrame, year: int) -> CleanedStops:
    """Return typed stops of a year; as many rows as came in.

    Parameters
    ----------
    raw
        Text as published, under our names, as `reader.read_published_file` returns it.
    year
        Year of the file; it becomes the column `year`.
    """
    log = QualityLog(year)
    repaired, repairs = repair_shifted_rows(raw)
    for repair in repairs:
        log.add(repair.column_name, repair.rule, repair.rows, repair.description)
    columns = {}
    for entry in load_columns():
        if entry.name in repaired:
            columns[entry.name] = _clean_column(repaired[entry.name], entry, log)
        else:
            columns[entry.name] = pd.Series(pd.NA, index=raw.index, dtype=DTYPES[entry.kind])
    stops = pd.DataFrame(columns, index=raw.index)
    _settle_calendar(stops, year, log)
    _add_geography(stops)
    return CleanedStops(stops=stops, quality=log.to_frame())


def _clean_column(texts: pd.Series, entry: Column, log: QualityLog) -> pd.Series:
    """Return one typed column. Texts repeat, so that each different one is read once."""
    codes, spellings = pd.factorize(texts)
    normal = {text: normalise_text(text) for text in spellings}
    nothing = {text for text in spellings if normal[text] in null_spellings()}
    rows_of = dict(zip(spellings, np.bincount(codes, minlength=len(spellings)).tolist(), strict=True))
    values: dict[str, Any]
    if entry.kind == "text":
        values = {text: None if text in nothing else " ".join(text.split()) for text in spellings}
    elif entry.kind == "category":
        values = _categories(entry, normal, nothing, rows_of, log)
    elif entry.kind == "date":
        values = _dates(entry, normal, nothing, rows_of, log)
    elif entry.kind == "mark":
        values = _marks(entry, normal, nothing, rows_of, log)
    else:
        values = _parsed(entry, normal, nothing, rows_of, log)
    typed = pd.Series([values[text] for text in spellings], dtype=DTYPES[entry.kind])
    return typed.take(codes).set_axis(texts.index)


def _categories(
    entry: Column, normal: dict[str, str], nothing: set[str], rows_of: dict[str, int], log: QualityLog
) -> dict[str, Any]:
    known = categories_by_spelling(entry.name)
    totals: dict[str, int] = {}
    for text, spelling in normal.items():
        totals[spelling] = totals.get(spelling, 0) + rows_of[text]
    values: dict[str, str | None] = {}
    respelled = coded_unknown = misplaced = 0
    new: set[str] = set()
    for text, spelling in normal.items():
        rows = rows_of[text]
        if text in nothing:
            values[text] = None
        elif spelling in known:
            values[text] = known[spelling] or None
            respelled += rows if known[spelling] not in {spelling, ""} else 0
            coded_unknown += 0 if known[spelling] else rows
        elif known and totals[spelling] < NEW_CATEGORY_ROWS:
            values[text] = None
            misplaced += rows
        else:
            values[text] = spelling
            if known:
                new.add(spelling)
    # one entry a column, however many spellings: column and rule are the key of the table data_quality
    told = ", ".join(f"{spelling[:60]!r} ({totals[spelling]:,})" for spelling in sorted(new))
    log.add(
        entry.name, "new_category", sum(totals[spelling] for spelling in new),
        f"In no vocabulary; kept as it is: {told}.",
    )  # fmt: skip
    log.add(entry.name, "respelled", respelled, "Another spelling of a known category; one spelling is kept.")
    log.add(entry.name, "coded_unknown", coded_unknown, "NYPD's code for unknown; missing now.")
    log.add(
        entry.name, "misplaced", misplaced,
        f"Spelling known to no vocabulary in fewer than {NEW_CATEGORY_ROWS} stops; missing now.",
    )  # fmt: skip
    return values


def _marks(
    entry: Column, normal: dict[str, str], nothing: set[str], rows_of: dict[str, int], log: QualityLog
) -> dict[str, Any]:
    yes = {"Y", "YES", _MARK_CODES.get(entry.name, "Y")}
    values: dict[str, bool | None] = {}
    unreadable = 0
    for text, spelling in normal.items():
        if text in nothing or spelling in {"N", "NO"}:
            values[text] = False
        elif spelling in yes:
            values[text] = True
        else:
            values[text] = None
            unreadable += rows_of[text]
    log.add(entry.name, "unreadable", unreadable, "Neither set nor empty; missing now.")
    return values


def _parsed(
    entry: Column, normal: dict[str, str], nothing: set[str], rows_of: dict[str, int], log: QualityLog
) -> dict[str, Any]:
    parse = _PARSERS[entry.kind]
    values: dict[str, Any] = {}
    unreadable = implausible = 0
    for text, spelling in normal.items():
        value = None if text in nothing else parse(spelling)
        if value is None:
            unreadable += 0 if text in nothing else rows_of[text]
        elif not _plausible(entry, float(value)):
            implausible += rows_of[text]
            value = None
        values[text] = value
    log.add(entry.name, "unreadable", unreadable, f"Not a {entry.kind} that can be read; missing now.")
    unit = f" {entry.unit}" if entry.unit else ""
    log.add(
        entry.name, "implausible", implausible,
        f"Outside {_bound(entry.minimum)} to {_bound(entry.maximum)}{unit}; missing now.",
    )  # fmt: skip
    return values


def _plausible(entry: Column, value: float) -> bool:
    return not (
        (entry.minimum is not None and value < entry.minimum) or (entry.maximum is not None and value > entry.maximum)
    )


def _bound(value: float | None) -> str:
    return "any" if value is None else f"{value:g}" if value < 10_000 else f"{value:,.0f}"


def _dates(
    entry: Column, normal: dict[str, str], nothing: set[str], rows_of: dict[str, int], log: QualityLog
) -> dict[str, Any]:
    values: dict[str, Any] = {}
    unreadable = outside_year = 0
    for text, spelling in normal.items():
        date = None if text in nothing else parsing.parse_date(spelling)
        if date is None:
            unreadable += 0 if text in nothing else rows_of[text]
        elif date.year != log.year:
            outside_year += rows_of[text]
            date = None
        values[text] = date
    log.add(entry.name, "unreadable", unreadable, "Not a date that can be read; missing now.")
    log.add(entry.name, "outside_year", outside_year, f"A date outside {log.year}, the year of the file; missing now.")
    return values


def _settle_calendar(stops: pd.DataFrame, year: int, log: QualityLog) -> None:
    """Set the year, fill month and weekday from the date where they are missing, and count disagreements."""
    other_year = stops["year"].notna() & (stops["year"] != year)
    log.add("year", "outside_year", int(other_year.sum()), f"Another year than {year}, the file's; set to it.")
    stops["year"] = pd.Series(year, index=stops.index, dtype=DTYPES["year"])
    from_date = {
        "month": stops["stop_date"].dt.month.astype("Int8"),
        "weekday": (stops["stop_date"].dt.day_of_week + 1).astype("Int8"),
    }
    for name, computed in from_date.items():
        disagree = (stops[name] != computed).fillna(value=False)
        log.add(name, "disagrees_with_date", int(disagree.sum()), "Published value is not that of the date; kept.")
        stops[name] = stops[name].fillna(computed)


def _add_geography(stops: pd.DataFrame) -> None:
    """Fill longitude and latitude (degrees, WGS 84, rounded to a millionth, about 10 cm) from feet."""
    known = (stops["x_feet"].notna() & stops["y_feet"].notna()).to_numpy()
    longitude, latitude = _transformer().transform(
        stops.loc[known, "x_feet"].to_numpy(dtype=float), stops.loc[known, "y_feet"].to_numpy(dtype=float)
    )
    for name, values in (("longitude", longitude), ("latitude", latitude)):
        degrees = np.full(len(stops), np.nan)
        degrees[known] = np.round(values, 6)
        stops[name] = pd.array(np.where(known, degrees, 0.0), dtype="Float64")
        stops.loc[~known, name] = pd.NA


@cache
def _transformer() -> Any:
    """Return the transformation from EPSG:2263 (US survey feet) to EPSG:4326 (degrees)."""
    from pyproj import Transformer

    return Transformer.from_crs("EPSG:2263", "EPSG:4326", always_xy=True)


__all__ = ["DTYPES", "NEW_CATEGORY_ROWS", "CleanedStops", "clean_stops"]
