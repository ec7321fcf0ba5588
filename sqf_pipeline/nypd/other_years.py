"""Rows of another year in a year's file: told apart, left out, or a reason to refuse the file."""

import pandas as pd

from sqf_pipeline.nypd.header import PublishedFileError

LARGEST_SHARE = 0.01
"""Above this share of rows of another year, a file is a mixture and no file of its year."""

_SERIAL_DAYS = (36_526, 73_415)  # spreadsheet dates of 2000 to 2100, days after 1899-12-30


def years_of_rows(frame: pd.DataFrame) -> pd.Series:
    """Return the year of each row as Int64: what its column `year` says, else its date; null where neither tells.

    The column comes first because a slip in one date (2020 has a stop dated 2018) does not move a stop.
    """
    unknown = pd.Series(pd.NA, index=frame.index, dtype="Int64")
    said = _as_year(frame["year"]) if "year" in frame else unknown
    return said.fillna(_year_of_date(frame["stop_date"]) if "stop_date" in frame else unknown)


def _as_year(texts: pd.Series) -> pd.Series:
    """Return four-digit and two-digit years (2020, 2020.0, 2,020, 20) as Int64."""
    whole = texts.str.strip().str.replace(",", "", regex=False).str.extract(r"^(\d{2}|\d{4})(?:\.0*)?$", expand=False)
    return _in_full(whole)


def _year_of_date(texts: pd.Series) -> pd.Series:
    texts = texts.str.strip()
    long = texts.str.extract(r"(?<!\d)((?:19|20)\d\d)(?!\d)", expand=False)
    short = texts.str.extract(r"^\d{1,2}[/.-]\d{1,2}[/.-](\d\d)(?!\d)", expand=False)
    serial = pd.to_numeric(texts.where(texts.str.fullmatch(r"\d{5}(?:\.\d+)?")), errors="coerce")
    serial = serial.where(serial.between(*_SERIAL_DAYS))
    from_serial = pd.to_datetime(serial, unit="D", origin="1899-12-30").dt.year.astype("Int64")
    return _in_full(long).fillna(_in_full(short)).fillna(from_serial)


def _in_full(digits: pd.Series) -> pd.Series:
    numbers = pd.to_numeric(digits, errors="coerce").astype("Int64")
    return numbers.where(~(numbers < 100).fillna(value=False), numbers + 2000)


def without_other_years(described: str, frame: pd.DataFrame, year: int) -> tuple[pd.DataFrame, dict[int, int]]:
    """Return the rows of a year and those of unknown year, and how many rows of which earlier year were left out.

    Raises
    ------
    PublishedFileError
        Fewer than half of the rows are of the year, more than 1 % are of another, or any is of a later one: an
        earlier file cannot know it.
    """
    years = years_of_rows(frame)
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
            "it was put together from several files, or the years are wrong. Fetch the published file again."
        )
    if sum(others.values()) > LARGEST_SHARE * len(frame):
        raise PublishedFileError(
            f"{described}: expected stops of {year}, found {told} among {len(frame):,} rows; at most "
            f"{LARGEST_SHARE:.0%} may be of another year. Remove the other year's rows, or fetch the file again."
        )
    kept = ~years.isin(list(others)).fillna(value=False).to_numpy(dtype=bool)
    return frame.loc[kept].reset_index(drop=True), others


def _largest(counts: dict[int, int]) -> list[tuple[int, int]]:
    return sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))[:3]
