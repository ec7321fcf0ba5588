"""A CSV file as published to a frame of text."""

import csv
from io import BytesIO, TextIOWrapper

import pandas as pd

from sqf_pipeline.ingest.header import PublishedFileError, form_of_header, known_names, refuse_repeated

_HEADER_BYTES = 1 << 16
_ROWS_AT_A_TIME = 50_000
"""Rows of which every cell is a Python object for a moment; the text of the others is held compactly."""


def read_csv_table(name: str, content: bytes) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return the rows of a CSV file, every cell `str`, and what is to be told about its encoding.

    The bytes are read as they are, without a second copy of the text in memory. A file is in UTF-8, or in the other
    encoding that its form may have. Raises PublishedFileError when it is no such file.
    """
    if b"\x00" in content:  # looked for first: elsewhere they are taken for text, or for a field that does not end
        raise PublishedFileError(
            f"{name}: expected text in UTF-8, found zero bytes (UTF-16, or a damaged file). "
            "Save the file again as 'CSV UTF-8'."
        )
    encoding, notes = _encoding(name, content)
    _check_rows(name, content, encoding)
    try:
        with pd.read_csv(
            BytesIO(content), dtype=str, keep_default_na=False, na_values=[], index_col=False, encoding=encoding,
            chunksize=_ROWS_AT_A_TIME,
        ) as pieces:  # fmt: skip
            table = pd.concat(pieces, ignore_index=True)
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise PublishedFileError(
            f"{name}: expected comma-separated rows of one length, found: {str(error).strip()}. "
            "The file is damaged; fetch it again."
        ) from error
    return table, notes


def _encoding(name: str, content: bytes) -> tuple[str, tuple[str, ...]]:
    """Return the encoding of a file and a note when it is not UTF-8."""
    try:
        for _ in TextIOWrapper(BytesIO(content), encoding="utf-8-sig"):
            pass
    except UnicodeDecodeError:
        first_line = content[:_HEADER_BYTES].splitlines()[0].decode("latin-1")
        header = next(csv.reader([first_line]), [])
        for encoding in form_of_header(header).encodings[1:] if known_names(header) else ():
            try:
                content.decode(encoding)
            except UnicodeDecodeError:
                continue
            return encoding, (f"{name} is not in UTF-8; it was read as {encoding}.",)
        place = _first_wrong_byte(content)
        raise PublishedFileError(
            f"{name}: expected text in UTF-8, found another encoding (byte {place} does not fit). "
            "Save the file again as 'CSV UTF-8'."
        ) from None
    return "utf-8-sig", ()


def _first_wrong_byte(content: bytes) -> int:
    try:
        content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return error.start + 1
    return 0


def _check_rows(name: str, content: bytes, encoding: str) -> None:
    """Refuse rows of another length than the header: pandas fills a short one, and a file cut off ends in one."""
    rows = csv.reader(TextIOWrapper(BytesIO(content), encoding=encoding, newline=""), strict=True)
    try:
        header = next(rows)
        wrong = [(rows.line_num, len(row)) for row in rows if row and len(row) != len(header)]
    except csv.Error as error:
        raise PublishedFileError(
            f"{name}: expected comma-separated rows, found at line {rows.line_num}: {error}. The file is damaged "
            "or was cut off; fetch it again."
        ) from error
    for separator, spoken in ((";", "semicolons"), ("\t", "tabs"), ("|", "vertical bars")):
        if len(header) == 1 and separator in header[0]:
            raise PublishedFileError(
                f"{name}: expected cells separated by commas, found {spoken}. Save the file again as 'CSV UTF-8 "
                "(comma delimited)'."
            )
    if not known_names(header):
        raise PublishedFileError(
            f"{name}: expected a first line with the published column names, found none of them. Check that this "
            "is NYPD's stop, question and frisk file, with its header and no line above it."
        )
    if wrong:
        line, cells = wrong[0]
        raise PublishedFileError(
            f"{name}: expected {len(header)} cells in every row, found another number in {len(wrong)} rows (the "
            f"first, at line {line}, has {cells}). The file is damaged or was cut off; fetch it again."
        )
    # pandas would rename the second of two columns, and it would pass for an unknown one.
    refuse_repeated(name, header)
