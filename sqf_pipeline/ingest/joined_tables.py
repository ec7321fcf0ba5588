"""Sheets or files that hold a year together: they must agree about columns, and no stop may stand in two."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pandas as pd

from sqf_pipeline.ingest.header import PublishedFileError
from sqf_pipeline.registry.forms.published_forms import Form

REPEATED_SHARE = 0.1
"""Persons of one encounter share everything but the number, so a few equal rows are no repetition; a tenth is."""


@dataclass(frozen=True)
class Table:
    """One sheet or file."""

    described: str  # where it stands
    form: Form  # the form that its header shows
    frame: pd.DataFrame  # its rows as text under our names
    names: dict[str, str] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    """The form's fields to the names in it, and the names that nobody knows."""
    blank_rows: int = 0  # rows without any text under a known name, which were left out


def joined(tables: Sequence[Table]) -> pd.DataFrame:
    """Return the rows of several tables one after another, in the columns of the first.

    Raises PublishedFileError when the tables have other forms or columns, or rows of one are repeated in another (a
    sheet of all beside its quarters).
    """
    first = tables[0]
    for table in tables[1:]:
        if table.form is not first.form:
            raise PublishedFileError(
                f"{first.described} and {table.described}: expected one form, found two ({first.form.description}; "
                f"{table.form.description}). They are not of one year; keep the files of one of them."
            )
        _require_same_columns(first, table)
    for place, table in enumerate(tables):
        for other in tables[:place]:
            _refuse_repeated_stops(other, table)
    if len(tables) == 1:  # a copy of a year of 700,000 stops takes half a gigabyte
        return first.frame
    return pd.concat([table.frame[first.frame.columns] for table in tables], ignore_index=True)


def _require_same_columns(first: Table, other: Table) -> None:
    lacking = [name for name in first.frame.columns if name not in other.frame]
    added = [name for name in other.frame.columns if name not in first.frame]
    if lacking or added:
        told = [
            f"{table.described} alone has {', '.join(names[:5])}{' and more' if len(names) > 5 else ''}"
            for table, names in ((first, lacking), (other, added))
            if names
        ]
        raise PublishedFileError(
            f"{first.described} and {other.described}: expected the same columns, found that {' and '.join(told)}. "
            "Give them the same columns, or remove the wrong one."
        )


def _refuse_repeated_stops(first: Table, other: Table) -> None:
    contents = [table.frame.drop(columns="stop_id").drop_duplicates() for table in (first, other)]
    shared = contents[0].merge(contents[1], how="inner")
    numbers = [table.frame["stop_id"].str.strip() for table in (first, other)]
    ids = int((numbers[0].isin(numbers[1]) & (numbers[0] != "")).sum())
    smaller = min(len(first.frame), len(other.frame))
    if len(shared) > max(1, REPEATED_SHARE * smaller):
        raise PublishedFileError(
            f"{first.described} and {other.described}: expected different stops in each, found {len(shared):,} rows of "
            f"one also in the other ({ids:,} under the same number). Remove the one that repeats the other."
        )
    if ids:
        raise PublishedFileError(
            f"{first.described} and {other.described}: expected unique stop numbers, found {ids:,} "
            "numbers in both. Remove the repeated stops, or renumber them."
        )
