"""A workbook as published to frames of text, one a sheet of stops."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd

from sqf_pipeline.ingest.header import PublishedFileError, known_names, refuse_repeated

HEADER_SEARCH_ROWS = 20
"""A title or a note may stand above the header of a sheet; it is looked for in this many rows."""

HEADER_NAMES = 10
"""A row with as many published names is a header, with fewer only in a workbook that has no better one: a pivot table
or a list of fields names some columns too."""


@dataclass(frozen=True)
class _Sheet:
    name: str
    hidden: bool
    rows: Sequence[list[Any]]
    header: int
    matches: int

    @property
    def stops(self) -> int:
        return sum(any(_cell_text(cell).strip() for cell in row) for row in self.rows[self.header + 1 :])


def read_workbook_tables(path: Path, content: bytes) -> tuple[list[tuple[str, pd.DataFrame]], tuple[str, ...]]:
    """Return the sheets of stops of a workbook, as (name, frame of `str` under the published names), in its order.

    Beside them one sentence for each one left aside. Every visible sheet with the header and more than one row is
    taken. A hidden sheet, and one with a header and at most one row, is no sheet of stops where there are others.
    Raises PublishedFileError when no sheet has the header, the workbook is damaged, or the only stops are hidden behind
    another sheet.
    """
    sheets = _sheets_with_header(path, content)
    taken = [sheet for sheet in sheets if not sheet.hidden and sheet.stops > 1]
    if not taken:
        visible, hidden = ([sheet for sheet in sheets if sheet.hidden is is_hidden] for is_hidden in (False, True))
        behind = [sheet.name for sheet in hidden if sheet.stops > 1]
        if visible and behind:
            raise PublishedFileError(
                f"{path.name}: the sheet {visible[0].name!r} has {visible[0].stops} stops, and the hidden sheet "
                f"{behind[0]!r} has more. Unhide the right sheet, remove the other, and save."
            )
        taken = visible or hidden
    notes = tuple(
        f"{path.name}: the sheet {sheet.name!r} ({'hidden, ' if sheet.hidden else ''}{sheet.stops:,} rows) was left "
        "out."
        for sheet in sheets
        if sheet not in taken
    )
    return [(sheet.name, _frame(path, sheet)) for sheet in taken], notes


def _sheets_with_header(path: Path, content: bytes) -> list[_Sheet]:
    from python_calamine import CalamineError, CalamineWorkbook, SheetVisibleEnum

    try:
        workbook = CalamineWorkbook.from_filelike(BytesIO(content))
        hidden = {sheet.name: sheet.visible != SheetVisibleEnum.Visible for sheet in workbook.sheets_metadata}
        sheets = [
            _with_header(name, hidden[name], workbook.get_sheet_by_name(name).to_python())
            for name in workbook.sheet_names
        ]
    except (CalamineError, OSError, ValueError) as error:
        raise PublishedFileError(
            f"{path.name}: the workbook is damaged or cut off ({str(error).strip()}). Fetch it again."
        ) from error
    needed = min(HEADER_NAMES, max((sheet.matches for sheet in sheets), default=0))
    if not needed:
        names = ", ".join(repr(sheet.name) for sheet in sheets) or "none"
        raise PublishedFileError(
            f"{path.name}: expected a sheet whose header has the published column names, found none in the "
            f"sheets {names}. Check that this is NYPD's stop, question and frisk file."
        )
    return [sheet for sheet in sheets if sheet.matches >= needed]


def _with_header(name: str, hidden: bool, rows: list[list[Any]]) -> _Sheet:
    """Return a sheet with the place of the row that has the most published names."""
    matches = [known_names([str(cell) for cell in row]) for row in rows[:HEADER_SEARCH_ROWS]]
    best = max(matches, default=0)
    return _Sheet(name, hidden, rows, matches.index(best) if best else 0, best)


def _frame(path: Path, sheet: _Sheet) -> pd.DataFrame:
    header = [str(cell) for cell in sheet.rows[sheet.header]]
    refuse_repeated(f"{path.name}, sheet {sheet.name!r}", header)
    columns = list(zip(*sheet.rows[sheet.header + 1 :], strict=False)) or [()] * len(header)
    return pd.DataFrame(
        {index: pd.Series([_cell_text(cell) for cell in cells], dtype=str) for index, cells in enumerate(columns)}
    ).set_axis(header, axis="columns")


def _cell_text(cell: Any) -> str:
    """Return the text of a spreadsheet cell: whole numbers without a point, dates and times in ISO form.

    Beyond 2**53 a sheet's number has lost its last digits, and whole digits would be made up.
    """
    if isinstance(cell, str):
        return cell
    if isinstance(cell, float):
        return f"{cell:.15g}" if abs(cell) >= 2**53 else str(int(cell)) if cell.is_integer() else repr(cell)
    if isinstance(cell, dt.datetime):
        return cell.date().isoformat() if cell.time() == dt.time() else cell.isoformat(sep=" ")
    if isinstance(cell, dt.date | dt.time):
        return cell.isoformat()
    return "" if cell is None else str(cell)
