"""A plain worksheet written straight into a workbook's container, always to the same bytes.

What belongs here: the few parts that a workbook of one sheet needs. What does not: what stands in the cells.

General writers spend four seconds and more on a year of stops and stamp the time of writing into the file; this
one takes a fraction of it, streams rows, and dates every part 1 January 1980.
"""

import datetime as dt
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

_EPOCH = dt.date(1899, 12, 30)
MAXIMUM_ROWS = 1_048_575
"""Rows that a worksheet holds below its header."""

_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_CONTENT = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_PARTS = {
    "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_CONTENT}.sheet.main+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_CONTENT}.worksheet+xml"/>'
    f'<Override PartName="/xl/styles.xml" ContentType="{_CONTENT}.styles+xml"/>'
    f'<Override PartName="/xl/sharedStrings.xml" ContentType="{_CONTENT}.sharedStrings+xml"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_RELATIONS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_RELATIONS}/worksheet" Target="worksheets/sheet1.xml"/>'
    f'<Relationship Id="rId2" Type="{_RELATIONS}/styles" Target="styles.xml"/>'
    f'<Relationship Id="rId3" Type="{_RELATIONS}/sharedStrings" Target="sharedStrings.xml"/></Relationships>',
    "xl/styles.xml": f'<styleSheet xmlns="{_MAIN}"><fonts count="1"><font/></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>'
    '</fills><borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="3">'
    '<xf xfId="0"/><xf numFmtId="14" xfId="0" applyNumberFormat="1"/>'
    '<xf numFmtId="21" xfId="0" applyNumberFormat="1"/></cellXfs></styleSheet>',
}


def write_workbook(path: Path, sheet: str, header: Sequence[str], blocks: Iterable[Sequence[Sequence[Any]]]) -> None:
    """Write a workbook of one sheet.

    Parameters
    ----------
    path
        File to write; it is replaced.
    sheet
        Name of the sheet.
    header
        Names of the columns.
    blocks
        Blocks of rows, each a sequence of columns of equal length. A cell is text, a number, a date, a time, or
        None for an empty cell.
    """
    strings: dict[str, int] = {}
    letters = [_letters(number) for number in range(len(header))]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, text in _PARTS.items():
            archive.writestr(_part(name), _HEAD + text)
        archive.writestr(
            _part("xl/workbook.xml"),
            f'{_HEAD}<workbook xmlns="{_MAIN}" xmlns:r="{_RELATIONS}"><sheets>'
            f'<sheet name="{escape(sheet)}" sheetId="1" r:id="rId1"/></sheets></workbook>',
        )
        with archive.open(_part("xl/worksheets/sheet1.xml"), "w", force_zip64=True) as part:
            part.write(f'{_HEAD}<worksheet xmlns="{_MAIN}"><sheetData>'.encode())
            part.write(_rows([[name] for name in header], letters, 1, strings))
            first = 2
            for block in blocks:
                part.write(_rows(block, letters, first, strings))
                first += len(block[0])
            part.write(b"</sheetData></worksheet>")
        items = "".join(f'<si><t xml:space="preserve">{escape(text)}</t></si>' for text in strings)
        archive.writestr(
            _part("xl/sharedStrings.xml"), f'{_HEAD}<sst xmlns="{_MAIN}" uniqueCount="{len(strings)}">{items}</sst>'
        )


def _part(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    info.compress_type = zipfile.ZIP_DEFLATED
    info.create_system = 0
    return info


def _letters(number: int) -> str:
    return chr(65 + number) if number < 26 else _letters(number // 26 - 1) + chr(65 + number % 26)


def _rows(columns: Sequence[Sequence[Any]], letters: list[str], first: int, strings: dict[str, int]) -> bytes:
    cells = [_cells(values, letter, first, strings) for values, letter in zip(columns, letters, strict=True)]
    rows = (f'<row r="{number}">{"".join(row)}</row>' for number, row in enumerate(zip(*cells, strict=True), first))
    return "".join(rows).encode()


def _cells(values: Sequence[Any], letter: str, first: int, strings: dict[str, int]) -> list[str]:
    """Return one column's cells as XML. Values repeat, so that each different one is put into XML once."""
    endings: dict[Any, str] = {}
    result = []
    for number, value in enumerate(values, first):
        ending = endings.get(value)
        if ending is None:
            ending = endings[value] = _ending(value, strings)
        result.append(f'<c r="{letter}{number}"{ending}')
    return result


def _ending(value: Any, strings: dict[str, int]) -> str:
    if value is None:
        return "/>"
    if isinstance(value, str):
        return f' t="s"><v>{strings.setdefault(value, len(strings))}</v></c>'
    if isinstance(value, dt.date):
        return f' s="1"><v>{(value - _EPOCH).days}</v></c>'
    if isinstance(value, dt.time):
        return f' s="2"><v>{(value.hour * 3600 + value.minute * 60 + value.second) / 86400!r}</v></c>'
    return f"><v>{value!r}</v></c>"


__all__ = ["MAXIMUM_ROWS", "write_workbook"]
