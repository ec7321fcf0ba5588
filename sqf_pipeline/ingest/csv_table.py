"""A CSV file as published to a frame of text."""

import csv
from io import StringIO
from pathlib import Path

import pandas as pd

from sqf_pipeline.ingest.header import PublishedFileError, known_names, refuse_repeated


def read_csv_table(path: Path, content: bytes) -> pd.DataFrame:
    """Return the rows of a CSV file in UTF-8, every cell `str`; raises PublishedFileError when it is none."""
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
    _check_rows(path, text)
    try:
        return pd.read_csv(StringIO(text), dtype=str, keep_default_na=False, na_values=[], index_col=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise PublishedFileError(
            f"{path.name}: expected comma-separated rows of one length, found: {str(error).strip()}. "
            "The file is damaged; fetch it again."
        ) from error


def _check_rows(path: Path, text: str) -> None:
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
    if not known_names(header):
        raise PublishedFileError(
            f"{path.name}: expected a first line with the published column names, found none of them. Check that this "
            "is NYPD's stop, question and frisk file of 2017 or later, with its header."
        )
    # pandas would rename the second of two columns, and it would pass for an unknown one.
    refuse_repeated(path.name, header)
