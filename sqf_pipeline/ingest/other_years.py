"""Rows of another year in a year's file: told apart, left out, or a reason to refuse the file."""

import pandas as pd

from sqf_pipeline.cleaning.calendar_columns import published_years
from sqf_pipeline.ingest.header import PublishedFileError

LARGEST_SHARE = 0.01
"""Above this share of rows of another year, a file is a mixture and no file of its year."""


def without_other_years(described: str, frame: pd.DataFrame, year: int) -> tuple[pd.DataFrame, dict[int, int]]:
    """Return the rows of a year and those of unknown year, and how many rows of which earlier year were left out.

    The column `year` decides, and the date where it says nothing: a slip in one date (2020 has a stop dated 2018) does
    not move a stop.

    Raises
    ------
    PublishedFileError
        Fewer than half of the rows are of the year, more than 1 % are of another, or any is of a later one: an
        earlier file cannot know it.
    """
    years = published_years(frame)
    counts = {int(found): int(rows) for found, rows in years.value_counts().items()}
    others = {found: rows for found, rows in sorted(counts.items()) if found != year}
    if counts.get(year, 0) * 2 < len(frame):
        found = ", ".join(f"the year '{other}' in {rows:,} rows" for other, rows in _largest(others)) or "no year"
        raise PublishedFileError(
            f"{described}: expected stops of {year}, found {found}. Check that the file has the right name and year."
        )
    later = {other: rows for other, rows in others.items() if other > year}
    told = ", ".join(f"{rows:,} of {other}" for other, rows in (later or others).items())
    if later:
        raise PublishedFileError(
            f"{described}: expected stops of {year}, found {told}, which is later. A file of {year} cannot hold them: "
            "it was combined from several files, or the years are wrong. Get the published file again."
        )
    if sum(others.values()) > LARGEST_SHARE * len(frame):
        raise PublishedFileError(
            f"{described}: expected stops of {year}, found {told} among {len(frame):,} rows; at most "
            f"{LARGEST_SHARE:.0%} may be of another year. Remove the other year's rows, or fetch the file again."
        )
    kept = ~years.isin(list(others)).fillna(value=False).to_numpy(dtype=bool)
    # a large year is not copied for nothing
    return (frame if kept.all() else frame.loc[kept].reset_index(drop=True)), others


def _largest(counts: dict[int, int]) -> list[tuple[int, int]]:
    return sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))[:3]
