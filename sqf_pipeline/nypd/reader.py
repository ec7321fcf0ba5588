"""A published yearly file to a frame of text, exactly as published, under our column names.

What belongs here: opening CSV and Excel files, finding the header, recognising columns, and refusing what is
not a yearly file. What does not: finding or downloading a file (`source`), and what a text means (`cleaning`).
"""

import csv
import datetime as dt
import difflib
import hashlib
from collections import Counter
from dataclasses import dataclass
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import pandas as pd

from sqf_pipeline.errors import SqfError
from sqf_pipeline.nypd.calendar_columns import published_years, shared_moment_column
from sqf_pipeline.nypd.columns import load_columns, names_by_published, normalise_name
from sqf_pipeline.nypd.file_checks import check_file_kind
from sqf_pipeline.nypd.stop_identifiers import refuse_lost_digits

HEADER_SEARCH_ROWS = 20
"""A title or a note may stand above the header of a sheet; it is looked for in this many rows."""


class PublishedFileError(SqfError):
    """A yearly file that cannot be read as one; the message says what was expected, found, and what to do."""


@dataclass(frozen=True)
class RawFile:
    """What was found in one yearly file.

    Attributes
    ----------
    frame
        One row a stop, every column `str` exactly as published (an empty cell is ''), under the names of the
        registry, in published order; only recognised columns.
    published_names
        Our name to the name in this file.
    columns_missing
        Optional columns of the registry that the file does not have.
    columns_unknown
        Published names that no column of the registry has had; reported and left out.
    blank_rows
        Rows without any text, which are no stops; left out and counted.
    sha256
        Digest of the file's bytes, hexadecimal.
    bytes
        Size of the file.
    """

    frame: pd.DataFrame
    published_names: dict[str, str]
    columns_missing: tuple[str, ...]
    columns_unknown: tuple[str, ...]
    blank_rows: int
    sha256: str
    bytes: int


def read_published_file(path: Path, year: int) -> RawFile:
    """Read one yearly file of the form in use since 2017.

    Parameters
    ----------
    path
        A `.csv` file in UTF-8 or an `.xlsx` workbook.
    year
        The year that the file should hold.

    Raises
    ------
    PublishedFileError
        When the file is missing, empty, not what its name says, in another encoding, cut off, of another
        year, or lacks a required column.
    UnreadableFileError
        When a workbook is none, is damaged, or would fill the memory.
    """
    content = _read_bytes(path)
    if path.suffix.lower() == ".csv":
        table = _read_csv(path, content)
    elif path.suffix.lower() == ".xlsx":
        table = _read_workbook(path, content)
    else:
        raise PublishedFileError(f"{path.name}: expected a .csv or .xlsx file, found {path.suffix or 'no'} ending.")
    names, unknown = _recognise_columns(path, [str(name) for name in table.columns])
    names |= shared_moment_column(names, table)
    missing = _missing_columns(path, names, unknown)
    filled = (table != "").any(axis="columns")
    blank_rows = int((~filled).sum())
    frame = table.loc[filled, list(names.values())].reset_index(drop=True)
    frame.columns = pd.Index(list(names))
    if frame.empty:
        raise PublishedFileError(f"{path.name}: expected one row a stop, found a header and no rows.")
    _check_year(path, frame, year)
    refuse_lost_digits(frame["stop_id"].unique(), path.name)
    return RawFile(
        frame=frame,
        published_names=names,
        columns_missing=missing,
        columns_unknown=unknown,
        blank_rows=blank_rows,
        sha256=hashlib.sha256(content).hexdigest(),
        bytes=len(content),
    )


def _read_bytes(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise PublishedFileError(
            f"{path}: expected a published yearly file, found nothing. Put the file there or set SQF_DATA_DIR."
        ) from None
    except OSError as error:
        raise PublishedFileError(f"{path}: cannot be read ({error.strerror}). Check the file's permissions.") from error
    if not content.strip():
        raise PublishedFileError(f"{path.name}: expected a yearly file, found an empty one. Fetch it again.")
    if content.lstrip(b"\xef\xbb\xbf \t\r\n")[:15].lower().startswith((b"<!doctype", b"<html", b"<?xml")):
        raise PublishedFileError(
            f"{path.name}: expected a yearly file, found a web page saved under its name. "
            "Download the file itself (its address ends in .xlsx) and replace this one."
        )
    return content


def _read_csv(path: Path, content: bytes) -> pd.DataFrame:
    if content.startswith(b"PK\x03\x04"):
        raise PublishedFileError(f"{path.name}: the content is an Excel workbook; rename the file to end in .xlsx.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise PublishedFileError(
            f"{path.name}: expected text in UTF-8, found another encoding (byte {error.start + 1} does not fit). "
            "Save the file again as 'CSV UTF-8'."
        ) from error
    if "\x00" in text:
        raise PublishedFileError(
            f"{path.name}: expected text in UTF-8, found zero bytes (UTF-16, or a damaged file). "
            "Save the file again as 'CSV UTF-8'."
        )
    _check_rows_of_csv(path, text)
    try:
        return pd.read_csv(StringIO(text), dtype=str, keep_default_na=False, na_values=[], index_col=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise PublishedFileError(
            f"{path.name}: expected comma-separated rows of one length, found: {str(error).strip()}. "
            "The file is damaged; fetch it again."
        ) from error


def _check_rows_of_csv(path: Path, text: str) -> None:
    """Refuse rows of another length than the header: pandas fills a short one, and a file cut off ends in one."""
    rows = csv.reader(StringIO(text, newline=""), strict=True)
    try:
        header = next(rows)
        wrong = [(rows.line_num, len(row)) for row in rows if row and len(row) != len(header)]
    except csv.Error as error:
        raise PublishedFileError(
            f"{path.name}: expected comma-separated rows, found at line {rows.line_num}: {error}. The file is damaged "
            "or was cut off; fetch it again."
        ) from error
    for separator, spoken in ((";", "semicolons"), ("\t", "tabs")):
        if len(header) == 1 and separator in header[0]:
            raise PublishedFileError(
                f"{path.name}: expected cells separated by commas, found {spoken}. Save the file again as 'CSV UTF-8 "
                "(comma delimited)'."
            )
    if wrong:
        line, cells = wrong[0]
        raise PublishedFileError(
            f"{path.name}: expected {len(header)} cells in every row, found another number in {len(wrong)} rows (the "
            f"first, at line {line}, has {cells}). The file is damaged or was cut off; fetch it again."
        )
    if not any(normalise_name(name) in names_by_published() for name in header):
        raise PublishedFileError(
            f"{path.name}: expected a first line with the published column names, found none of them. Check that this "
            "is NYPD's stop, question and frisk file of 2017 or later, with its header."
        )
    # pandas would rename the second of two columns, and it would pass for an unknown one.
    _refuse_repeated(path, header)


def _refuse_repeated(path: Path, header: list[str]) -> None:
    repeated = [name for name, times in Counter(header).items() if times > 1 and name.strip()]
    if repeated:
        raise PublishedFileError(f"{path.name}: the column {repeated[0]!r} stands twice in the header. Remove one.")


def _read_workbook(path: Path, content: bytes) -> pd.DataFrame:
    from python_calamine import CalamineError, CalamineWorkbook

    # Before a library written for good files makes room for whatever a bad one asks for.
    check_file_kind(path, described=path.name)
    try:
        workbook = CalamineWorkbook.from_filelike(BytesIO(content))
        sheets = [(name, workbook.get_sheet_by_name(name).to_python()) for name in workbook.sheet_names]
    except (CalamineError, OSError, ValueError) as error:
        raise PublishedFileError(
            f"{path.name}: the workbook is damaged or cut off ({str(error).strip()}). Fetch it again."
        ) from error
    known = names_by_published()
    best: tuple[int, list[list[Any]], int] = (0, [], 0)
    for _, rows in sheets:
        for position, row in enumerate(rows[:HEADER_SEARCH_ROWS]):
            matches = sum(normalise_name(str(cell)) in known for cell in row)
            if matches > best[0]:
                best = (matches, rows, position)
    matches, rows, position = best
    if not matches:
        names = ", ".join(repr(name) for name, _ in sheets) or "none"
        raise PublishedFileError(
            f"{path.name}: expected a sheet whose header has the published column names, found none in the "
            f"sheets {names}. Check that this is NYPD's stop, question and frisk file of 2017 or later."
        )
    header = [str(cell) for cell in rows[position]]
    _refuse_repeated(path, header)
    columns = list(zip(*rows[position + 1 :], strict=False)) or [()] * len(header)
    return pd.DataFrame(
        {index: pd.Series([_cell_text(cell) for cell in cells], dtype=str) for index, cells in enumerate(columns)}
    ).set_axis(header, axis="columns")


def _cell_text(cell: Any) -> str:
    """Return the text of a spreadsheet cell: whole numbers without a point, dates and times in ISO form."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, float):
        # Beyond 2**53 a sheet's number has lost its last digits, and whole digits would be made up.
        return f"{cell:.15g}" if abs(cell) >= 2**53 else str(int(cell)) if cell.is_integer() else repr(cell)
    if isinstance(cell, dt.datetime):
        return cell.date().isoformat() if cell.time() == dt.time() else cell.isoformat(sep=" ")
    if isinstance(cell, dt.date | dt.time):
        return cell.isoformat()
    return "" if cell is None else str(cell)


def _recognise_columns(path: Path, header: list[str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return our name to published name in published order, and the names that nobody knows."""
    known = names_by_published()
    names: dict[str, str] = {}
    unknown = []
    for published in header:
        ours = known.get(normalise_name(published))
        if ours is None:
            unknown.append(published)
        elif ours in names:
            raise PublishedFileError(
                f"{path.name}: two columns, {names[ours]!r} and {published!r}, are both names of {ours}. "
                "Remove one of them."
            )
        else:
            names[ours] = published
    return names, tuple(unknown)


def _missing_columns(path: Path, names: dict[str, str], unknown: tuple[str, ...]) -> tuple[str, ...]:
    """Return absent optional columns; raise for absent required ones, naming the likeliest candidates."""
    absent = [entry for entry in load_columns() if entry.published_names and entry.name not in names]
    required = [entry for entry in absent if entry.required]
    if required:
        lines = []
        for entry in required:
            likely = difflib.get_close_matches(entry.published_names[0], unknown, n=2, cutoff=0.5)
            hint = f" (perhaps now called {' or '.join(repr(name) for name in likely)})" if likely else ""
            lines.append(f"{' or '.join(entry.published_names)} for {entry.name}{hint}")
        raise PublishedFileError(
            f"{path.name}: {len(required)} required column(s) missing: {'; '.join(lines)}. "
            "If NYPD renamed a column, add its new name to published_names in nypd/columns.csv."
        )
    return tuple(entry.name for entry in absent)


def _check_year(path: Path, frame: pd.DataFrame, year: int) -> None:
    """Refuse a file most of whose rows belong to another year."""
    counts = published_years(frame).value_counts()
    if counts.get(year, 0) * 2 < len(frame):
        found = ", ".join(f"'{found}' in {rows:,} rows" for found, rows in counts.head(3).items()) or "in no row"
        raise PublishedFileError(
            f"{path.name}: expected stops of {year}, found the year {found}. "
            "Check that the file has the right name and year."
        )


__all__ = ["PublishedFileError", "RawFile", "read_published_file"]
