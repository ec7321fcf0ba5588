"""A year's file: where it is published, and what is known of it once downloaded, in `sqf-2020.xlsx.json` beside it."""

import json
import logging
import shutil
from dataclasses import asdict, dataclass
from email.utils import parsedate_to_datetime
from functools import cache
from pathlib import Path, PurePosixPath
from typing import NamedTuple
from urllib.parse import urlsplit

from sqf_pipeline.files import file_sha256, put_in_place, scraps_of, unfinished, written_whole
from sqf_pipeline.ingest.local_files import SUFFIXES, SourceError, require_covered_year
from sqf_pipeline.registry.csv_tables import read_rows

logger = logging.getLogger(__name__)

EARLIER_FOLDER = "earlier"


@dataclass(frozen=True)
class DownloadRecord:
    """Where a file came from and what the server said of it; about a file of that `sha256` alone."""

    url: str
    etag: str | None  # both as the server wrote them
    last_modified: str | None
    size: int  # bytes
    sha256: str  # 64 hexadecimal digits
    fetched_at: str  # ISO 8601, UTC

    def to_json(self) -> str:
        """Return the record as it is kept."""
        return json.dumps(asdict(self), indent=2) + "\n"


class Downloaded(NamedTuple):
    """A yearly file, whole and checked; `changed` when its bytes are new, `earlier` where the former ones are kept."""

    path: Path
    record: DownloadRecord
    changed: bool
    earlier: Path | None = None


def record_path(path: Path) -> Path:
    """Return where the record of a file is kept."""
    return path.with_name(path.name + ".json")


def read_record(path: Path, kept: Path | None = None) -> DownloadRecord | None:
    """Return the record of `path`, or None: the file is missing, or somebody's own, or was changed by somebody."""
    kept = kept or record_path(path)
    if not (path.is_file() and kept.is_file()):
        return None
    try:
        record = DownloadRecord(**json.loads(kept.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        logger.warning("the download record %s is damaged and not used: %s", kept, error)
        return None
    if record.sha256 != file_sha256(path):
        logger.warning("%s is not the file of its download record; the record is not used", path)
        return None
    return record


def clean_up(target: Path) -> None:
    """Finish what a killed download had all but finished, and remove what else it left; for the holder of the lock."""
    for note in scraps_of(record_path(target)):
        if read_record(target, note) is not None:
            put_in_place(note, record_path(target))
    for folder in (target.parent, target.parent / EARLIER_FOLDER):
        for scrap in folder.glob(f".{target.stem}.*[0-9a-f].part.*"):
            logger.warning("removing %s, left by a download that was cut off", scrap)
            scrap.unlink()


def put_with_record(part: Path, target: Path, record: DownloadRecord) -> Downloaded:
    """Give a received file its name, unless its bytes are there already, and keep the bytes downloaded before.

    Raises SourceError when something of that name was put there by hand, and it is not what was received.
    """
    former = read_record(target)
    same = target.is_file() and file_sha256(target) == record.sha256
    if former is None and same:
        logger.info("%s was put there by hand; it is what is published at %s", target, record.url)
        return Downloaded(target, record, changed=False)
    if former is None and (target.exists() or target.is_symlink()):
        raise SourceError(
            f"{target} was put there by hand (it has no matching download record) and is not what "
            f"{record.url} gives. It is never replaced, and nothing has changed. To use it, set SQF_SOURCE=local; to "
            "use the published file, move yours to another folder and run again."
        )
    earlier = None
    if former is not None and not same:
        earlier = keep_earlier(target, former)
        logger.warning("%s was published again; the earlier file is kept as %s", target.name, earlier)
    with unfinished(record_path(target)) as note:
        # Written before the file has its name: a kill between the two leaves enough for clean_up.
        note.write_text(record.to_json(), encoding="utf-8")
        if not same:
            put_in_place(part, target)
        put_in_place(note, record_path(target))
    return Downloaded(target, record, not same, earlier)


def keep_earlier(path: Path, record: DownloadRecord) -> Path:
    """Copy a file that will be replaced, and its record, to `earlier/sqf-2017.2020-01-15-<start of sha256>.xlsx`.

    The date is that of the publication (Last-Modified), else that of the download.
    """
    published = record.fetched_at[:10]
    try:
        published = parsedate_to_datetime(record.last_modified or "").date().isoformat()
    except ValueError:
        logger.debug("no date of publication: %r", record.last_modified)
    kept = path.parent / EARLIER_FOLDER / f"{path.stem}.{published}-{record.sha256[:8]}{path.suffix}"
    with written_whole(kept) as temporary:
        shutil.copy2(path, temporary)
    with written_whole(record_path(kept)) as temporary:
        temporary.write_text(record.to_json(), encoding="utf-8")
    return kept


def address_of(url_template: str, year: int) -> str:
    """Return the address of a year's file; raises SourceError when the template is not one."""
    require_covered_year(year)
    published = next(
        row for row in _published_files() if int(row["first_year"]) <= year <= int(row["last_year"] or year)
    )
    address = url_template.replace("{kind}", published["kind"]).replace("{file}", published["file"])
    suffix = PurePosixPath(urlsplit(address).path).suffix.lower()
    if "{year}" not in address or suffix not in SUFFIXES:
        raise SourceError(
            f"An address of the yearly files is {url_template!r}. Expected one that holds {{file}}, or {{year}} and "
            f"ends in {' or '.join(SUFFIXES)}; correct SQF_NYPD_URL or SQF_NYPD_MIRRORS."
        )
    return address.replace("{year}", str(year))


@cache
def _published_files() -> list[dict[str, str]]:
    """Return what NYPD calls its files, by years."""
    return read_rows(__package__, "published_files.csv")


def target_of(url: str, folder: Path, year: int) -> Path:
    """Return where the file of a year from an address is kept: `sqf-<year>` with the address's ending."""
    return folder / f"sqf-{year}{PurePosixPath(urlsplit(url).path).suffix.lower()}"
