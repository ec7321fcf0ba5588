"""Text as published to typed stops in units, with a count of everything that was changed.

What belongs here: the way from the raw frame to the clean one, one rule a kind of column, and the table of what
the rules changed. What does not: reading files (`reader`), the knowledge of columns and spellings (the two CSV
tables), and how one text is read (`parsing`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from sqf_pipeline.nypd import parsing
from sqf_pipeline.nypd.column_reading import Reading, Rows, read_each
from sqf_pipeline.nypd.columns import Column, load_columns
from sqf_pipeline.nypd.quality_log import EMPTY, FATE_OF_RULE, KEPT, UNREADABLE, QualityLog
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


@dataclass(frozen=True)
class CleanedStops:
    """Clean stops of a year and what cleaning changed.

    Attributes
    ----------
    stops
        One row a stop in the order of the file, every column of the registry, types as in `DTYPES`.
    quality
        One row a column and rule that found anything: year, column_name, rule, rows, description.
    loss
        One row a registry column that the file has: year (Int16), column_name (string), and as Int64 its cells (one
        a row), how many are empty (spelled as nothing, or NYPD's code for unknown), unreadable (not empty, but
        their meaning is lost), implausible (read, but cannot be so), and kept: the rest.
    """

    stops: pd.DataFrame
    quality: pd.DataFrame
    loss: pd.DataFrame


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
            if repairs:
                lost = ~_spells_nothing(raw[entry.name]) & _spells_nothing(repaired[entry.name])
                log.fates[entry.name][lost.to_numpy()] = UNREADABLE
        else:
            columns[entry.name] = pd.Series(pd.NA, index=raw.index, dtype=DTYPES[entry.kind])
    stops = pd.DataFrame(columns, index=raw.index)
    _settle_calendar(stops, year, log)
    _add_geography(stops)
    return CleanedStops(stops=stops, quality=log.quality_frame(), loss=log.loss_frame())


def _spells_nothing(texts: pd.Series) -> pd.Series:
    return texts.map(lambda text: normalise_text(text) in null_spellings()).astype(bool)


def _clean_column(texts: pd.Series, entry: Column, log: QualityLog) -> pd.Series:
    """Return one typed column and log what was found. Texts repeat, so that each different one is read once."""
    codes, published = pd.factorize(texts)
    spellings = [normalise_text(text) for text in published]
    rows_of: dict[str, int] = {}
    for spelling, rows in zip(spellings, np.bincount(codes, minlength=len(published)).tolist(), strict=True):
        if spelling not in null_spellings():
            rows_of[spelling] = rows_of.get(spelling, 0) + rows
    if entry.kind == "text":
        values = [
            None if spelling not in rows_of else " ".join(text.split())
            for text, spelling in zip(published, spellings, strict=True)
        ]
        reading = Reading(dict.fromkeys(rows_of, True))
    else:
        reading = _READERS[entry.kind](rows_of, entry, log.year)
        values = [reading.meant.get(spelling, _OF_NOTHING.get(entry.kind)) for spelling in spellings]
    for rule, rows, description in reading.findings:
        log.add(entry.name, rule, rows, description)
    fates = np.array([_fate(spelling, reading) for spelling in spellings], dtype=np.int8)
    log.fates[entry.name] = fates[codes]
    return pd.Series(values, dtype=DTYPES[entry.kind]).take(codes).set_axis(texts.index)


def _fate(spelling: str, reading: Reading) -> int:
    if spelling not in reading.meant:
        return EMPTY
    if reading.meant[spelling] is not None:
        return KEPT
    return FATE_OF_RULE.get(reading.rules[spelling], UNREADABLE)


def _read_categories(rows_of: Rows, entry: Column, _: int) -> Reading:
    known = categories_by_spelling(entry.name)
    reading = Reading({spelling: known.get(spelling, spelling) or None for spelling in rows_of})
    unknown = [spelling for spelling in rows_of if known and spelling not in known]
    new = sorted(spelling for spelling in unknown if rows_of[spelling] >= NEW_CATEGORY_ROWS)
    # one entry a column, however many spellings: column and rule are the key of the table data_quality
    told = ", ".join(f"{spelling[:60]!r} ({rows_of[spelling]:,})" for spelling in new)
    reading.note(rows_of, "new_category", new, f"In no vocabulary; kept as it is: {told}.")
    respelled = [spelling for spelling in rows_of if known.get(spelling, spelling) not in {spelling, ""}]
    reading.note(rows_of, "respelled", respelled, "Another spelling of a known category; one spelling is kept.")
    reading.reject(
        rows_of, "coded_unknown", [spelling for spelling in rows_of if known.get(spelling) == ""],
        "NYPD's code for unknown; missing now.",
    )  # fmt: skip
    reading.reject(
        rows_of, "misplaced", [spelling for spelling in unknown if spelling not in new],
        f"Spelling known to no vocabulary in fewer than {NEW_CATEGORY_ROWS} stops; missing now.",
    )  # fmt: skip
    return reading


def _read_marks(rows_of: Rows, entry: Column, _: int) -> Reading:
    yes = {"Y", "YES", _MARK_CODES.get(entry.name, "Y")}
    reading = Reading({text: text in yes if text in yes | {"N", "NO"} else None for text in rows_of})
    unread = [text for text, value in reading.meant.items() if value is None]
    reading.reject(rows_of, "unreadable", unread, "Neither set nor empty; missing now.")
    return reading


def _read_dates(rows_of: Rows, _: Column, year: int) -> Reading:
    reading = Reading({text: parsing.parse_date(text) for text in rows_of})
    unread = [text for text, date in reading.meant.items() if date is None]
    outside = [text for text, date in reading.meant.items() if date is not None and date.year != year]
    reading.reject(rows_of, "unreadable", unread, "Not a date that can be read; missing now.")
    reading.reject(rows_of, "outside_year", outside, f"A date outside {year}, the year of the file; missing now.")
    return reading


_READERS: dict[str, Callable[[Rows, Column, int], Reading]] = {
    "category": _read_categories,
    "mark": _read_marks,
    "date": _read_dates,
    **{kind: lambda rows_of, entry, _: read_each(rows_of, entry, _PARSERS[entry.kind]) for kind in _PARSERS},
}
_OF_NOTHING = {"mark": False}
"""What nothing means where it means something: a mark is set or absent."""


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
