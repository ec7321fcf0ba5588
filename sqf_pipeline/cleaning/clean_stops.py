"""Text as published to typed stops in units, with a count of everything that was changed."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from sqf_pipeline.cleaning import numerals
from sqf_pipeline.cleaning.calendar_columns import complete_moments, read_dates, read_times
from sqf_pipeline.cleaning.categories import read_categories
from sqf_pipeline.cleaning.clock_times import null_clock_times
from sqf_pipeline.cleaning.column_reading import Reading, Rows, read_each
from sqf_pipeline.cleaning.form_codes import add_forms, decode, form_of
from sqf_pipeline.cleaning.heights import read_heights
from sqf_pipeline.cleaning.misaligned_rows import repair_shifted_rows
from sqf_pipeline.cleaning.quality_log import EMPTY, FATE_OF_RULE, KEPT, UNREADABLE, QualityLog
from sqf_pipeline.cleaning.stop_identifiers import PLAIN_IDENTIFIER, read_identifiers
from sqf_pipeline.registry.columns import Column, load_columns
from sqf_pipeline.registry.forms.published_forms import NEW_FORM, Form
from sqf_pipeline.registry.kinds import DTYPES
from sqf_pipeline.registry.outcomes import happened
from sqf_pipeline.registry.spellings import categories_by_spelling, normalise_text, null_spellings, unknown_codes


@dataclass(frozen=True)
class CleanedStops:
    """Clean stops of a year and what cleaning changed."""

    stops: pd.DataFrame  # one row a stop in the order of the file, every column of the registry, types as in `DTYPES`
    quality: pd.DataFrame  # one row a column and rule that found anything: year, column_name, rule, rows, description
    loss: pd.DataFrame
    """One row a registry column that the file has: year (Int16), column_name (string), and as Int64 its cells (one a
    row), how many are empty (a missing value, or NYPD's code for unknown), unreadable (not empty, but their meaning is
    lost), implausible (read, but cannot be so), and kept: the rest."""


def clean_stops(raw: pd.DataFrame, year: int) -> CleanedStops:
    """Return typed stops of a year, which becomes the column `year`; as many rows as came in.

    `raw` is text as published, under our names, as `reader.read_published_file` returns it; its column `form` says in
    which form, that in use where there is none.
    """
    log = QualityLog(year)
    form = form_of(raw)
    # rows of the old form, whose free texts are no longer than their fields, were never shifted
    repaired, repairs = repair_shifted_rows(raw) if form.name == NEW_FORM else (raw, [])
    for repair in repairs:
        log.add(repair.column_name, repair.rule, repair.rows, repair.description)
    log.add(
        "stop_id",
        "equal_but_id",
        _equal_to_earlier(raw.drop(columns="stop_id")),
        "Equal to an earlier row except for the stop number (several people in one stop); kept.",
    )
    texts = complete_moments(repaired.drop(columns="form", errors="ignore"))
    columns = {}
    for entry in load_columns():
        if entry.name in texts:
            columns[entry.name] = _clean_column(texts, entry, form, log)
            if repairs:
                lost = ~_is_missing(raw[entry.name]) & _is_missing(repaired[entry.name])
                log.fates[entry.name][lost] = UNREADABLE
        else:
            columns[entry.name] = pd.Series(pd.NA, index=raw.index, dtype=DTYPES[entry.kind])
    stops = pd.DataFrame(columns, index=raw.index)
    _settle_calendar(stops, year, log)
    null_clock_times(stops, log)
    _count_weapons_not_found(stops, log)
    _add_geography(stops)
    add_forms(stops, form)
    return CleanedStops(stops=stops, quality=log.quality_frame(), loss=log.loss_frame())


def _equal_to_earlier(rows: pd.DataFrame) -> int:
    """Return how many rows equal an earlier one; all but those with the same digest are set aside, as most are."""
    alike = pd.util.hash_pandas_object(rows, index=False).duplicated(keep=False)
    return int(rows.loc[alike.to_numpy()].duplicated().sum())


def _is_missing(texts: pd.Series) -> np.ndarray:
    codes, published = pd.factorize(texts)  # each different text is looked at once
    return np.array([normalise_text(text) in null_spellings() for text in published], dtype=bool)[codes]


def _clean_column(texts: pd.DataFrame, entry: Column, form: Form, log: QualityLog) -> pd.Series:
    """Return one typed column and log what was found. Texts repeat, so that each different one is read once."""
    decoded = decode(texts[entry.name], entry, form, log)
    if entry.kind == "identifier" and decoded.texts.str.fullmatch(PLAIN_IDENTIFIER).all():
        # nearly every year; hundreds of thousands of numbers, each its own, need not be read one by one
        log.fates[entry.name] = np.full(len(texts), KEPT, dtype=np.int8)
        return decoded.texts.astype(DTYPES[entry.kind])
    codes, published = pd.factorize(decoded.texts)
    spellings = [normalise_text(text) for text in published]
    rows_of: dict[str, int] = {}
    for spelling, rows in zip(spellings, np.bincount(codes, minlength=len(published)).tolist(), strict=True):
        if spelling not in null_spellings():
            rows_of[spelling] = rows_of.get(spelling, 0) + rows
    if entry.kind == "text":
        reading = Reading(dict.fromkeys(rows_of, True))
        values = [
            " ".join(text.split()) if spelling in rows_of else None
            for text, spelling in zip(published, spellings, strict=True)
        ]
    else:
        dated = texts.assign(**{entry.name: decoded.texts}) if entry.kind == "date" else texts
        reading = _read(rows_of, entry, dated, form, log.year)
        values = [reading.meant.get(spelling, _OF_NOTHING.get(entry.kind)) for spelling in spellings]
    for rule, rows, description in reading.findings:
        log.add(entry.name, rule, rows, description)
    fates = np.array([_fate(spelling, reading) for spelling in spellings], dtype=np.int8)
    log.fates[entry.name] = fates[codes]
    decoded.settle(log.fates[entry.name])
    return pd.Series(values, dtype=DTYPES[entry.kind]).take(codes).set_axis(texts.index)


def _read(rows_of: Rows, entry: Column, texts: pd.DataFrame, form: Form, year: int) -> Reading:
    if entry.kind == "date":
        return read_dates(texts, year)
    if entry.kind == "category":
        own = {text: text for text in form.codes.get(entry.name, {}).values() if text in rows_of}
        reading = read_categories({text: rows for text, rows in rows_of.items() if text not in own}, entry, year)
        reading.meant |= own
        return reading
    coded = [text for text in rows_of if text in unknown_codes()]
    reading = _READERS[entry.kind]({text: rows for text, rows in rows_of.items() if text not in coded}, entry, year)
    reading.reject(rows_of, "coded_unknown", coded, "NYPD's code for unknown; set to missing.")
    return reading


def _fate(spelling: str, reading: Reading) -> int:
    if spelling not in reading.meant:
        return EMPTY
    if reading.meant[spelling] is not None:
        return KEPT
    return FATE_OF_RULE.get(reading.rules[spelling], UNREADABLE)


def _read_flags(rows_of: Rows, entry: Column, _: int) -> Reading:
    own = categories_by_spelling(entry.name)
    reading = Reading({text: own[text] == "Y" if text in own else numerals.parse_flag(text) for text in rows_of})
    unread = [text for text, value in reading.meant.items() if value is None]
    reading.reject(rows_of, "unreadable", unread, "Neither yes nor no; set to missing.")
    return reading


def _read_numbers(rows_of: Rows, entry: Column, _: int) -> Reading:
    if entry.kind == "number":
        return read_each(rows_of, entry, lambda text: numerals.parse_number(text, entry.unit))
    return read_each(rows_of, entry, lambda text: _parse_small_whole_number(text, entry.unit))


def _parse_small_whole_number(text: str, unit: str) -> float | None:
    number = numerals.parse_whole_number(text, unit)
    return number if number is not None and abs(number) < 2**31 else None


_READERS: dict[str, Callable[[Rows, Column, int], Reading]] = {
    "identifier": read_identifiers,
    "year": lambda rows_of, entry, _: read_each(rows_of, entry, numerals.parse_year),
    "month": lambda rows_of, entry, _: read_each(rows_of, entry, numerals.parse_month),
    "weekday": lambda rows_of, entry, _: read_each(rows_of, entry, numerals.parse_weekday),
    "time": read_times,
    "height": read_heights,
    **dict.fromkeys(("flag", "mark"), _read_flags),
    **dict.fromkeys(("integer", "code", "number"), _read_numbers),
}
"""By kind, from the rows of each distinct text of a column, its registry entry and the year, to its reading."""

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
        log.add(name, "disagrees_with_date", int(disagree.sum()), "The published value does not match the date; kept.")
        stops[name] = stops[name].fillna(computed)


def _count_weapons_not_found(stops: pd.DataFrame, log: QualityLog) -> None:
    contradicting = (happened(stops, "weapon") & ~stops["weapon_found"]).fillna(value=False)
    log.add(
        "weapon_found", "weapon_marked_not_found", int(contradicting.sum()),
        "No weapon found, but a firearm, a knife or another weapon is marked; both kept.",
    )  # fmt: skip


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
