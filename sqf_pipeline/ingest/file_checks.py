"""Whether a file is of the kind its name says, before anything is read from it."""

import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from sqf_pipeline.ingest.local_files import SourceError

# A real yearly workbook holds about 32 MB in 4; these limits leave room for a hundred times its stops in one file.
MAX_UNPACKED_BYTES = 4 << 30
MAX_RATIO = 100
RATIO_MATTERS_ABOVE_BYTES = 64 << 20
MAX_MEMBERS = 5_000

MAX_CELLS = 120_000_000

# Columns are distinguished by the length and first letter of their names, which costs little in a sheet of 30 MB:
# up to CZ (more than any form has had), up to ZZ, and beyond.
_FAR_COLUMN = re.compile(rb'\br="((?:[D-Z][A-Z]|[A-Z]{3})(?=\d))')
_NEAR_COLUMNS, _MIDDLE_COLUMNS, _LAST_COLUMN = 104, 702, 16_384
_LAST_ROW = re.compile(rb'^<row [^>]*?\br="(\d+)"')
_LONGEST_TAG = 512

DAMAGED_ARCHIVE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)
"""What zipfile raises for a damaged archive: the last two where damage looks like a packing it does not know, or like
encryption."""

_HEAD_BYTES = 2_048
_NAMES_SHOWN = 5
_ENCRYPTED = 0x1
_BLOCK = 1 << 20
_REQUIRED_MEMBERS = ("[Content_Types].xml", "xl/workbook.xml")


class UnreadableFileError(SourceError):
    """A file is not of the kind that its name says."""


def check_file_kind(path: Path, *, kind: str | None = None, described: str | None = None) -> None:
    """Raise UnreadableFileError unless a file is a whole workbook, a text that may be CSV, or an archive of one.

    Its `kind` is `.xlsx`, `.csv` or `.zip`, by default the suffix of `path`; it is `described` so in the message, by
    default as its path.
    """
    with path.open("rb") as file:
        _check_content(file, path.stat().st_size, (kind or path.suffix).lower(), described or str(path))


def _check_content(file: BinaryIO, size: int, kind: str, described: str) -> None:
    head = file.read(_HEAD_BYTES)
    if not head.strip():
        raise UnreadableFileError(f"{described} is empty. Expected NYPD's yearly file; fetch or copy it again.")
    if looks_like_html(head):
        raise UnreadableFileError(
            f"{described} is a web page, not a yearly file: the site answered with a page (often an error) "
            "instead of the file. Open the address in a browser to see what it says, and fetch the file again."
        )
    if kind == ".xlsx":
        _check_workbook(file, size, head, described)
    elif kind == ".zip":
        with _opened(file, size, head, described, ("archive", "a zip archive: one")) as archive:
            name, content = read_only_table(archive, described)
        kind = PurePosixPath(name).suffix.lower()
        _check_content(BytesIO(content), len(content), kind, f"{name} in {described}")
    elif head.startswith(b"PK\x03\x04"):
        raise UnreadableFileError(
            f"{described} is a workbook or zip archive under the name of a CSV. Rename it to .xlsx if it is a "
            "workbook, or to .zip."
        )


def looks_like_html(head: bytes) -> bool:
    """Return whether the first bytes of a file are those of a web page."""
    start = head.decode("utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else "latin-1", errors="replace")
    start = start.removeprefix("\xef\xbb\xbf").lstrip().lower()
    return start.startswith(("<!doctype html", "<html", "<head", "<body", "<!--")) or "<html" in start[:1024]


def _check_workbook(file: BinaryIO, size: int, head: bytes, described: str) -> None:
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        raise UnreadableFileError(
            f"{described} is an old .xls workbook or one locked by a password. Open it and save it as .xlsx "
            "without a password."
        )
    with _opened(file, size, head, described, ("workbook", "a workbook: an .xlsx")) as archive:
        _check_members(archive, described)
        for member in archive.infolist():
            _read_through(archive, member, described)


@contextmanager
def _opened(
    file: BinaryIO, size: int, head: bytes, described: str, words: tuple[str, str]
) -> Iterator[zipfile.ZipFile]:
    """Open an archive that is not too large; `words` say what it should be, in short and where it is none."""
    short, expected = words
    if not head.startswith(b"PK"):
        raise UnreadableFileError(
            f"{described} is not {expected} begins with the bytes PK, this begins with {head[:8]!r}. "
            "Fetch or copy the file again."
        )
    try:
        with zipfile.ZipFile(file) as archive:
            _check_size(archive, size, described)
            yield archive
    except DAMAGED_ARCHIVE as error:
        raise UnreadableFileError(
            f"{described} is a damaged or incomplete {short} ({error}). Fetch or copy the file again."
        ) from error


def read_only_table(archive: zipfile.ZipFile, described: str) -> tuple[str, bytes]:
    """Return the name and content of the one .csv or .xlsx in an archive; other files beside it are left alone.

    Raises UnreadableFileError when there is none, when there are several, or when it is encrypted.
    """
    tables = [
        member
        for member in archive.infolist()
        if PurePosixPath(member.filename).suffix.lower() in {".csv", ".xlsx"}
        and not PurePosixPath(member.filename).name.startswith(("._", "~"))
    ]
    if len(tables) != 1:
        found = ", ".join(sorted(member.filename for member in tables)[:_NAMES_SHOWN]) or "none"
        raise UnreadableFileError(
            f"{described}: expected exactly one .csv or .xlsx in the archive, found {len(tables)} ({found}). "
            "Unpack it, and keep the file of the year."
        )
    if tables[0].flag_bits & _ENCRYPTED:
        raise UnreadableFileError(
            f"{described}: {tables[0].filename} is encrypted. Unpack it with its password, and use the file inside."
        )
    return tables[0].filename, archive.read(tables[0])


def _check_size(archive: zipfile.ZipFile, packed: int, described: str) -> None:
    """Refuse an archive by what its directory declares, before a byte of it is unpacked."""
    members = archive.infolist()
    unpacked = sum(member.file_size for member in members)
    ratio = unpacked / max(packed, 1)
    too_dense = unpacked > RATIO_MATTERS_ABOVE_BYTES and ratio > MAX_RATIO
    if unpacked > MAX_UNPACKED_BYTES or too_dense or len(members) > MAX_MEMBERS:
        raise UnreadableFileError(
            f"{described} is refused: it would unpack {len(members)} parts to {unpacked / 1e6:,.0f} MB, "
            f"{ratio:,.0f} times its size, and looks like an archive made to fill the memory. A yearly file "
            f"unpacks to about 10 times its size; at most {MAX_UNPACKED_BYTES / 1e6:,.0f} MB in {MAX_MEMBERS} "
            f"parts are allowed, and above {RATIO_MATTERS_ABOVE_BYTES / 1e6:,.0f} MB at most {MAX_RATIO} times."
        )


def _check_members(archive: zipfile.ZipFile, described: str) -> None:
    names = set(archive.namelist())
    missing = [name for name in _REQUIRED_MEMBERS if name not in names]
    if missing or not any(name.startswith("xl/worksheets/") for name in names):
        raise UnreadableFileError(
            f"{described} is a zip archive but not a workbook (it lacks {missing[0] if missing else 'a worksheet'}). "
            "If a workbook or CSV is inside, unpack it."
        )


def _read_through(archive: zipfile.ZipFile, member: zipfile.ZipInfo, described: str) -> None:
    """Unpack a part once and forget it: a false size or checksum comes to light, and a cell far out in a sheet.

    Readers make room for the whole rectangle up to the last row and column, so that one stray cell in the last
    corner of a sheet would ask for hundreds of gigabytes.
    """
    is_sheet = member.filename.startswith("xl/worksheets/")
    width, rows = _NEAR_COLUMNS, 0
    tail = b""
    with archive.open(member) as part:
        while block := part.read(_BLOCK):
            if not is_sheet:
                continue
            text = tail + block
            rows = max([rows, *(int(number) for number in _LAST_ROW.findall(text[text.rfind(b"<row ") :]))])
            if far := _FAR_COLUMN.search(text):
                width = max(width, _LAST_COLUMN if len(far[1]) > 2 else _MIDDLE_COLUMNS)
            tail = text[-_LONGEST_TAG:]
    if rows * width > MAX_CELLS or width == _LAST_COLUMN:
        raise UnreadableFileError(
            f"{described} is refused: {member.filename} has cells far outside a table of stops (row {rows:,}, up to "
            f"column {width:,}), for which a reader would fill the memory. Open it, delete the stray cells, and save."
        )
