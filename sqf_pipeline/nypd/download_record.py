"""What is remembered about a downloaded file, in a small JSON file beside it.

What belongs here: writing and reading the record (`sqf-2020.xlsx.json` beside `sqf-2020.xlsx`), writing files so
that nothing half-written is ever seen, and putting an earlier publication aside. What does not: HTTP.
"""

import json
import logging
import os
import shutil
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

from sqf_pipeline.nypd.local_files import file_sha256

logger = logging.getLogger(__name__)

EARLIER_FOLDER = "earlier"


@dataclass(frozen=True)
class DownloadRecord:
    """Where a file came from and what the server said of it.

    Attributes
    ----------
    url
        Address that was asked.
    etag, last_modified
        What the server calls this version of the file, as it wrote it; None when it said nothing.
    size
        Bytes of the file.
    sha256
        SHA-256 of the file, 64 hexadecimal digits. A record whose digest is not the file's is not about it.
    fetched_at
        When the file was received, ISO 8601 in UTC.
    """

    url: str
    etag: str | None
    last_modified: str | None
    size: int
    sha256: str
    fetched_at: str


def record_path(path: Path) -> Path:
    """Return where the record of a file stands."""
    return path.with_name(path.name + ".json")


def read_record(path: Path) -> DownloadRecord | None:
    """Return the record of the file `path`, or None when there is none or it is not about these bytes."""
    if not path.is_file():
        return None
    try:
        record = DownloadRecord(**json.loads(record_path(path).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        logger.warning("the download record %s is damaged and not used: %s", record_path(path), error)
        return None
    if record.size != path.stat().st_size or record.sha256 != file_sha256(path):
        logger.warning("%s is not the file that its download record tells of; the record is not used", path)
        return None
    return record


def write_record(path: Path, record: DownloadRecord) -> None:
    """Write the record of the file `path`, whole or not at all."""
    temporary = path.with_name(f".{path.name}.json.part")
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(asdict(record), file, indent=2)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(record_path(path))
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Ask the system to keep a folder's renames through a power cut; systems without the call go without."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def keep_earlier(path: Path) -> Path:
    """Copy a file that is about to be replaced to `earlier/sqf-2017.2020-01-15-<first of sha256>.xlsx`.

    The date is the publication's (Last-Modified) when a record tells it, else the file's own. The copy has its
    record beside it. A copy of the same bytes and date that is already there is left alone.

    Returns
    -------
    Path
        The kept copy.
    """
    record = read_record(path)
    folder = path.parent / EARLIER_FOLDER
    folder.mkdir(exist_ok=True)
    digest = record.sha256 if record else file_sha256(path)
    kept = folder / f"{path.stem}.{_publication_date(path, record)}-{digest[:8]}{path.suffix}"
    if not kept.exists():
        temporary = folder / f".{kept.name}.part"
        shutil.copy2(path, temporary)
        temporary.replace(kept)
        sync_folder(folder)
    if record is not None:
        write_record(kept, record)
    return kept


def _publication_date(path: Path, record: DownloadRecord | None) -> str:
    if record is not None and record.last_modified:
        try:
            return parsedate_to_datetime(record.last_modified).date().isoformat()
        except ValueError:
            logger.warning("%r is no date of HTTP; the time of receipt names the kept file", record.last_modified)
    if record is not None:
        return record.fetched_at[:10]
    return datetime.fromtimestamp(path.stat().st_mtime, UTC).date().isoformat()


__all__ = [
    "EARLIER_FOLDER", "DownloadRecord", "keep_earlier", "read_record", "record_path", "sync_folder", "write_record",
]  # fmt: skip
