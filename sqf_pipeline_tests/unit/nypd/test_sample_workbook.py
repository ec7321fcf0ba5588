"""The plain workbook writer writes what it was given, always to the same bytes."""

import datetime as dt
import zipfile
from pathlib import Path

from python_calamine import CalamineWorkbook

from sqf_pipeline.nypd.sample_workbook import write_workbook

HEADER = [f"COLUMN {number}" for number in range(30)]


def _blocks() -> list[list[list[object]]]:
    first = [["a & <b>", " "], [1, 5.11], [dt.date(2020, 2, 29), dt.date(2020, 12, 31)], [dt.time(0, 0), None]]
    second = [["a & <b>"], [-73], [dt.date(2018, 1, 3)], [dt.time(23, 59)]]
    return [[*block, *[[0] * len(block[0])] * 26] for block in (first, second)]


def test_cells_come_back(tmp_path: Path) -> None:
    write_workbook(tmp_path / "a.xlsx", "CY & 2020", HEADER, _blocks())
    book = CalamineWorkbook.from_path(tmp_path / "a.xlsx")
    assert book.sheet_names == ["CY & 2020"]
    rows = book.get_sheet_by_index(0).to_python()
    assert rows[0] == HEADER
    assert [row[0] for row in rows[1:]] == ["a & <b>", " ", "a & <b>"]
    assert [row[1] for row in rows[1:]] == [1.0, 5.11, -73.0]
    assert [row[2] for row in rows[1:]] == [dt.date(2020, 2, 29), dt.date(2020, 12, 31), dt.date(2018, 1, 3)]
    assert [row[3] for row in rows[1:]] == [dt.time(0, 0), "", dt.time(23, 59)]
    assert all(len(row) == 30 for row in rows)


def test_bytes_do_not_depend_on_the_clock(tmp_path: Path) -> None:
    for name in ("a.xlsx", "b.xlsx"):
        write_workbook(tmp_path / name, "CY 2020", HEADER, _blocks())
    assert (tmp_path / "a.xlsx").read_bytes() == (tmp_path / "b.xlsx").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.xlsx") as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert archive.testzip() is None
