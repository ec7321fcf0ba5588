"""Published files of a year to a frame of text, exactly as published, under our column names."""

import hashlib
import zipfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePosixPath

import pandas as pd

from sqf_pipeline.cleaning.calendar_columns import published_years, shared_moment_column
from sqf_pipeline.cleaning.stop_identifiers import refuse_lost_digits
from sqf_pipeline.ingest.csv_table import read_csv_table
from sqf_pipeline.ingest.file_checks import check_file_kind, read_only_table
from sqf_pipeline.ingest.header import (
    PublishedFileError,
    form_of_header,
    missing_columns,
    recognise_columns,
    refuse_second_header,
)
from sqf_pipeline.ingest.joined_tables import Table, joined
from sqf_pipeline.ingest.local_files import digest_of_parts
from sqf_pipeline.ingest.made_columns import number_the_unnumbered, with_made_columns
from sqf_pipeline.ingest.workbook_table import read_workbook_tables
from sqf_pipeline.registry.forms.published_forms import Form

LARGEST_SHARE = 0.01
"""Above this share of rows of another year, a file is a mixture and no file of its year."""


@dataclass(frozen=True)
class FilePart:
    """One file of a year: its name, digest and size, and the rows that it gave before any was left out."""

    name: str
    sha256: str
    bytes: int
    rows: int


@dataclass(frozen=True)
class RawFile:
    """What was found in the file or files of a year."""

    frame: pd.DataFrame
    """One row a stop, every cell text exactly as published (an empty one is ''), under the names of the registry, in
    published order; only recognised columns, only rows of the year. A column that the form publishes in several is made
    from their texts, and a column `form` says which form it is. Columns are `category`, which holds each different text
    once, but for `stop_id`, `str`."""
    year: int  # the year of the stops
    form: Form  # the form that the header shows
    published_names: dict[str, str]  # our name, or that of the form's field, to the name in the first file
    columns_missing: tuple[str, ...]  # optional columns of the registry that the files do not have
    columns_unknown: tuple[str, ...]  # published names that no column of the registry has had; reported and left out
    blank_rows: int  # rows without any text, which are no stops; left out and counted
    other_years: dict[int, int]  # rows of earlier years, which were left out, by year
    parts: tuple[FilePart, ...]  # the files
    notes: tuple[str, ...] = ()  # sheets that were left aside, and what else is to be told, one sentence each

    @property
    def sha256(self) -> str:
        """Return the digest of the file's bytes, hexadecimal; of several files see `digest_of_parts`."""
        return digest_of_parts([part.sha256 for part in self.parts])

    @property
    def bytes(self) -> int:
        """Return the size of the files."""
        return sum(part.bytes for part in self.parts)


def read_published_file(path: Path, year: int | None = None) -> RawFile:
    """Read the one file of a year; see `read_published_year`."""
    return read_published_year([path], year)


def read_published_year(paths: Sequence[Path], year: int | None = None) -> RawFile:
    """Read the files of a year, every sheet of stops in each, as one; the header shows the form.

    The files, `.csv`, `.xlsx` or `.zip` archives of one of them, are one of the whole year, or its parts in order.
    `year` is that which they should hold; None takes that of most rows.

    Raises PublishedFileError when a file is missing, in another encoding, cut off, of another year or with too many
    rows of one, lacks a required column, or does not agree with the others; UnreadableFileError when it is empty, a web
    page, no workbook despite its name, damaged, or would fill the memory.
    """
    tables: list[Table] = []
    parts: list[FilePart] = []
    notes: tuple[str, ...] = ()
    for path in paths:
        content = _read_bytes(path)
        sheets, said = _sheets_of(path, content)
        of_file = [_table_of(described, sheet) for described, sheet in sheets]
        rows = sum(len(table.frame) for table in of_file)
        if not rows:
            raise PublishedFileError(f"{path.name}: expected one row for each stop, found a header and no rows.")
        tables += of_file
        notes += said
        parts.append(FilePart(path.name, hashlib.sha256(content).hexdigest(), len(content), rows))
    described = " and ".join(path.name for path in paths)
    stops, form, names = joined(tables), tables[0].form, tables[0].names
    if year is None:
        year = _year_of_most(described, stops)
    stops, other_years = without_other_years(described, stops, year)
    stops, unnumbered = number_the_unnumbered(described, stops, form)
    unknown = tuple(dict.fromkeys(name for table in tables for name in table.unknown))
    return RawFile(
        frame=_each_text_once(stops.assign(form=form.name)),
        year=year,
        form=form,
        published_names=names,
        columns_missing=missing_columns(described, form, names, unknown),
        columns_unknown=unknown,
        blank_rows=sum(table.blank_rows for table in tables),
        other_years=other_years,
        parts=tuple(parts),
        notes=notes + unnumbered,
    )


def _each_text_once(stops: pd.DataFrame) -> pd.DataFrame:
    """Return text as categories: of a year of 685,724 stops 0.1 GB rather than 0.7, and read in less time."""
    columns = {name: stops.pop(name) for name in list(stops)}
    for name in columns.keys() - {"stop_id"}:  # one column after another, so that none is there twice but one
        columns[name] = columns[name].astype("category")
    return pd.DataFrame(columns, copy=False)


def _table_of(described: str, sheet: pd.DataFrame) -> Table:
    """Return the rows of a sheet under our names, as its header shows them."""
    header = [str(name) for name in sheet.columns]
    form = form_of_header(header)
    names, unknown = recognise_columns(described, form, header)
    names |= shared_moment_column(names, sheet)
    missing_columns(described, form, names, unknown)
    refuse_second_header(described, form, sheet[names["arrested"]])
    read = {field: name for field, name in names.items() if form.by_column[field].use != "left out"}
    filled = ~_blank_rows(sheet[list(names.values())])
    frame = sheet[list(read.values())]
    if not filled.all():  # the text of a whole year is not copied for nothing
        frame = frame[filled].reset_index(drop=True)
    frame.columns = pd.Index(list(read))
    frame = with_made_columns(frame, form)
    refuse_lost_digits(frame["stop_id"].unique(), described)
    return Table(described, form, frame, names, unknown, int((~filled).sum()))


def _blank_rows(texts: pd.DataFrame) -> pd.Series:
    """Return by row whether every cell is empty or holds spaces alone."""
    blank = pd.Series(data=True, index=texts.index)
    for place in range(texts.shape[1]):  # after a column or two next to no row is left to look at
        still = blank.to_numpy().nonzero()[0]
        blank.iloc[still] = (texts.iloc[still, place].str.strip() == "").to_numpy()
    return blank


def _sheets_of(path: Path, content: bytes) -> tuple[list[tuple[str, pd.DataFrame]], tuple[str, ...]]:
    """Return the tables of stops of a file, each with what to call it, and what was left aside."""
    if path.suffix.lower() == ".zip":
        with zipfile.ZipFile(BytesIO(content)) as archive:
            inside, content = read_only_table(archive, path.name)
        path = Path(f"{path.name}, {PurePosixPath(inside).name}")
    if path.suffix.lower() == ".csv":
        table, notes = read_csv_table(path.name, content)
        return [(path.name, table)], notes
    if path.suffix.lower() != ".xlsx":
        raise PublishedFileError(
            f"{path.name}: expected a .csv, .xlsx or .zip file, found {path.suffix or 'no'} ending."
        )
    sheets, notes = read_workbook_tables(path, content)
    if len(sheets) == 1:
        return [(path.name, sheets[0][1])], notes
    return [(f"{path.name}, sheet {name!r}", sheet) for name, sheet in sheets], notes


def _year_of_most(described: str, stops: pd.DataFrame) -> int:
    counts = published_years(stops).value_counts()
    if counts.empty:
        raise PublishedFileError(f"{described}: expected stops with a year or a date, found none that can be read.")
    return int(counts.index[0])


def _read_bytes(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise PublishedFileError(
            f"{path}: expected a published yearly file, found nothing. Put the file there or set SQF_DATA_DIR."
        ) from None
    except OSError as error:
        raise PublishedFileError(f"{path}: cannot be read ({error.strerror}). Check the file's permissions.") from error
    # Before a library written for good files makes room for whatever a bad one asks for.
    check_file_kind(path, described=path.name)
    return content


def without_other_years(described: str, frame: pd.DataFrame, year: int) -> tuple[pd.DataFrame, dict[int, int]]:
    """Return the rows of a year and those of unknown year, and how many rows of which earlier year were left out.

    The column `year` decides, and the date where it says nothing: a slip in one date (2020 has a stop dated 2018) does
    not move a stop. Raises PublishedFileError when fewer than half of the rows are of the year, more than 1 % are of
    another, or any is of a later one: an earlier file cannot know it.
    """
    years = published_years(frame)
    counts = {int(found): int(rows) for found, rows in years.value_counts().items()}
    others = {found: rows for found, rows in sorted(counts.items()) if found != year}
    if counts.get(year, 0) * 2 < len(frame):
        largest = Counter(others).most_common(3)
        found = ", ".join(f"the year '{other}' in {rows:,} rows" for other, rows in largest) or "no year"
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
