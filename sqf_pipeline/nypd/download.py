"""Downloading a yearly file into a folder so that the folder only ever holds whole files.

What belongs here: one download from lock to rename, with checks and record. What does not: HTTP (`transfer`),
whether a download is wanted (`source`), and looking without taking (`publication`).
"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from filelock import FileLock, Timeout

from sqf_pipeline.nypd.download_record import (
    EARLIER_FOLDER,
    DownloadRecord,
    keep_earlier,
    read_record,
    sync_folder,
    write_record,
)
from sqf_pipeline.nypd.file_checks import check_file_kind
from sqf_pipeline.nypd.http_client import Patience, RefusedError, new_session
from sqf_pipeline.nypd.local_files import SUFFIXES, SourceError, file_sha256, require_covered_year
from sqf_pipeline.nypd.transfer import Progress, Transfer, logged_progress

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Downloaded:
    """The outcome of asking for a yearly file.

    Attributes
    ----------
    path
        The file, whole and checked.
    record
        What is remembered about it.
    changed
        Whether the folder now holds other bytes than before.
    earlier
        Where the bytes that were replaced are kept, None when none were.
    """

    path: Path
    record: DownloadRecord
    changed: bool
    earlier: Path | None


def address_of(url_template: str, year: int) -> str:
    """Return the address of a year's file; raises SourceError when the template is not one."""
    require_covered_year(year)
    address = url_template.replace("{year}", str(year))
    suffix = PurePosixPath(urlsplit(address).path).suffix.lower()
    if address == url_template or suffix not in SUFFIXES:
        raise SourceError(
            f"The address of the yearly files is {url_template!r}. Expected an address that holds {{year}} and ends in "
            ".xlsx or .csv; correct SQF_NYPD_URL."
        )
    return address


def target_of(url: str, folder: Path, year: int) -> Path:
    """Return where the file of a year from an address is kept: `sqf-<year>` with the address's ending."""
    return folder / f"sqf-{year}{PurePosixPath(urlsplit(url).path).suffix.lower()}"


def download_year(
    url_template: str,
    year: int,
    folder: Path,
    *,
    patience: Patience | None = None,
    progress: Progress | None = None,
) -> Downloaded:
    """Bring a folder's file of a year up to date with what is published, and return it.

    A file that was downloaded before is asked for conditionally, so that an unchanged one costs one request. A
    republished one replaces it, and the bytes that were there are kept in the folder `earlier`. The file is
    written under a hidden name and renamed when it is whole, so a kill at any moment leaves the old state; what a
    kill has left is removed by the next download of that year.

    Parameters
    ----------
    url_template
        Address in which `{year}` stands for the year.
    year
        Calendar year of the stops, 2017 or later.
    folder
        Where the file goes, as `sqf-<year>.xlsx` (or `.csv`, as in the address); made when it is missing.
    patience
        Time-outs and retries.
    progress
        Called with the bytes received so far and the bytes expected (None when the server does not say); by
        default the log is told every few seconds.

    Raises
    ------
    NotPublishedError
        The server has no such file.
    UnreachableError
        The server did not deliver within the patience given.
    RefusedError
        The server will not give the file.
    UnreadableFileError
        What came is not a yearly file.
    SourceError
        The folder cannot be written, or another process holds the download.
    """
    patience = patience or Patience()
    url = address_of(url_template, year)
    target = target_of(url, folder, year)
    with _explained_folder_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with _one_at_a_time(target, patience):
            _remove_leftovers(target)
            return _download(url, year, target, patience, progress)


def _download(url: str, year: int, target: Path, patience: Patience, progress: Progress | None) -> Downloaded:
    known = read_record(target)
    if known is not None and known.url != url:
        known = None
    temporary = target.with_name(f".{target.name}.part")
    try:
        with new_session() as session, temporary.open("wb") as file:
            transfer = Transfer(session, url, year, file, known, patience, progress or logged_progress(target.name))
            received = transfer.run()
            file.flush()
            os.fsync(file.fileno())
        if not received:
            return _unchanged(target, known, url)
        check_file_kind(temporary, kind=target.suffix, described=f"What {url} gave for {year}")
        record = DownloadRecord(
            url=url,
            etag=transfer.etag,
            last_modified=transfer.last_modified,
            size=temporary.stat().st_size,
            sha256=file_sha256(temporary),
            fetched_at=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        return _put_in_place(temporary, target, record)
    finally:
        temporary.unlink(missing_ok=True)


def _unchanged(target: Path, known: DownloadRecord | None, url: str) -> Downloaded:
    if known is None:
        raise RefusedError(f"{url}: the server says that nothing changed although nothing was known. Try again later.")
    logger.info("%s is what is published at %s", target, url)
    return Downloaded(target, known, changed=False, earlier=None)


def _put_in_place(temporary: Path, target: Path, record: DownloadRecord) -> Downloaded:
    """Rename the received file to its name, after putting different bytes of that name aside."""
    earlier = None
    changed = True
    if target.exists():
        if file_sha256(target) == record.sha256:
            changed = False
        elif read_record(target) is None:
            raise SourceError(
                f"{target} was put there by hand, and {record.url} publishes other bytes of that name. Nothing was "
                "changed. To use the file that is there, set SQF_SOURCE=local; to download, move it out of the folder."
            )
        else:
            earlier = keep_earlier(target)
            logger.warning("%s was published anew; the file used so far is kept as %s", target.name, earlier)
    if changed:
        temporary.replace(target)
        sync_folder(target.parent)
    # A kill before the next line leaves a file without a true record, which is asked for again, once.
    write_record(target, record)
    return Downloaded(target, record, changed=changed, earlier=earlier)


@contextmanager
def _one_at_a_time(target: Path, patience: Patience) -> Iterator[None]:
    """Hold the lock of one file's download; a process that ends, however it ends, gives its lock back."""
    lock = FileLock(target.with_name(f".{target.name}.lock"), timeout=patience.total)
    try:
        lock.acquire()
    except Timeout as error:
        raise SourceError(
            f"Another process has been downloading {target} for {patience.total:,.0f} s. Wait for it, or end it, and "
            "run again."
        ) from error
    try:
        yield
    finally:
        lock.release()


def _remove_leftovers(target: Path) -> None:
    """Remove what a killed download of this file left; the lock is held, so nobody is writing them."""
    left = [target.with_name(f".{target.name}.part"), target.with_name(f".{target.name}.json.part")]
    left += sorted((target.parent / EARLIER_FOLDER).glob(f".{target.stem}.*.part"))
    for path in left:
        if path.exists():
            logger.warning("removing %s, left by a download that was cut off", path)
            path.unlink()


@contextmanager
def _explained_folder_errors(folder: Path) -> Iterator[None]:
    """Turn the system's refusal to write into a message that names folder and cause."""
    try:
        yield
    except SourceError:
        raise
    except OSError as error:
        raise SourceError(
            f"The download could not be written to {folder}: {error.strerror or error}. Expected a folder that this "
            "account may write, with a few free megabytes; nothing that was there has changed. Free some space or "
            "permit writing, or point SQF_DATA_DIR at another folder."
        ) from error


__all__ = ["Downloaded", "Progress", "address_of", "download_year", "target_of"]
