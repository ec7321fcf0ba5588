"""Downloading a yearly file into a folder so that the folder only ever holds whole files.

What belongs here: one download from request to rename, with resume, checks, lock and record. What does not:
whether a download is wanted (`source`), and looking without taking (`publication`).
"""

import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import BinaryIO
from urllib.parse import urlsplit

import requests
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
from sqf_pipeline.nypd.http_client import (
    Patience,
    RefusedError,
    TransientError,
    UnreachableError,
    new_session,
    require_success,
    send,
    translated_errors,
)
from sqf_pipeline.nypd.local_files import SUFFIXES, SourceError, file_sha256, require_covered_year

logger = logging.getLogger(__name__)

MAX_FILE_BYTES = 1 << 30
_BLOCK = 1 << 16
_SECONDS_BETWEEN_TELLINGS = 5.0

Progress = Callable[[int, int | None], None]


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
            transfer = _Transfer(session, url, year, file, known, patience, progress or _logged_progress(target.name))
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
        else:
            earlier = keep_earlier(target)
            logger.warning("%s was published anew; the file used so far is kept as %s", target.name, earlier)
    if changed:
        temporary.replace(target)
        sync_folder(target.parent)
    # A kill before the next line leaves a file without a true record, which is asked for again, once.
    write_record(target, record)
    return Downloaded(target, record, changed=changed, earlier=earlier)


@dataclass
class _Transfer:
    """One file on its way: asks, appends, and asks on from where it broke off."""

    session: requests.Session
    url: str
    year: int
    file: BinaryIO
    known: DownloadRecord | None
    patience: Patience
    progress: Progress
    received: int = 0
    expected: int | None = None
    etag: str | None = None
    last_modified: str | None = None
    deadline: float = field(init=False)

    def __post_init__(self) -> None:
        self.deadline = self.patience.deadline()

    def run(self) -> bool:
        """Receive the whole file; returns False when the server says that the known one is current."""
        failures = 0
        furthest = 0
        while True:
            try:
                return self._attempt()
            except TransientError as error:
                failures = 1 if self.received > furthest else failures + 1
                furthest = max(furthest, self.received)
                if failures >= self.patience.attempts:
                    raise UnreachableError(
                        f"{self.url} could not be downloaded: {error}, after asking {failures} times. Try again later, "
                        "or put the file into the data folder by hand and set SQF_SOURCE=local."
                    ) from error
                self.patience.wait_before_retry(failures, error, self.deadline, self.url)

    def _attempt(self) -> bool:
        response = send(self.session, "GET", self.url, self._headers(), patience=self.patience, deadline=self.deadline)
        with response:
            if response.status_code == 416 and self.received:
                self._start_again()
                raise TransientError("the server no longer has the rest of the file")
            require_success(response, self.url, self.year)
            if response.status_code == 304:
                return False
            self._place(response)
            self._receive(response)
        if self.expected is not None and self.received != self.expected:
            message = f"{self.received:,} of {self.expected:,} bytes came"
            if self.received > self.expected:
                self._start_again()
            raise TransientError(message)
        return True

    def _headers(self) -> dict[str, str]:
        """Ask for the rest when some is here and the server can tell whether it is still the same file."""
        if self.received:
            validator = self.etag if self.etag and not self.etag.startswith("W/") else self.last_modified
            if validator is not None:
                return {"Range": f"bytes={self.received}-", "If-Range": validator}
            self._start_again()
        headers = {}
        if self.known is not None and self.known.etag:
            headers["If-None-Match"] = self.known.etag
        if self.known is not None and self.known.last_modified:
            headers["If-Modified-Since"] = self.known.last_modified
        return headers

    def _place(self, response: requests.Response) -> None:
        """Set where the body belongs in the file, and how many bytes the file will have."""
        if response.status_code == 206:
            start, total = _content_range(response.headers.get("Content-Range", ""))
            if start != self.received or response.headers.get("ETag", self.etag) != self.etag:
                self._start_again()
                raise TransientError("the server sent another part, or a part of another file, than was asked for")
            self.expected = total or self.expected
        else:
            self._start_again()
            length = response.headers.get("Content-Length", "")
            # A length counts the bytes in transit, which are the file's only when they are not compressed.
            self.expected = int(length) if length.isdigit() and not _is_compressed(response) else None
            self.etag = response.headers.get("ETag")
            self.last_modified = response.headers.get("Last-Modified")
        if (self.expected or 0) > MAX_FILE_BYTES:
            self._refuse_size(self.expected or 0)

    def _receive(self, response: requests.Response) -> None:
        with translated_errors(self.url):
            # read1 returns as soon as anything came, so that the deadline holds against a server that drips.
            while block := response.raw.read1(_BLOCK, decode_content=_is_compressed(response)):
                self.file.write(block)
                self.received += len(block)
                if self.received > MAX_FILE_BYTES:
                    self._refuse_size(self.received)
                self.progress(self.received, self.expected)
                if self.patience.clock() > self.deadline:
                    raise UnreachableError(
                        f"{self.url} could not be downloaded within {self.patience.total:,.0f} s: "
                        f"{self.received:,} bytes came. Try again on a faster connection, or put the file into the "
                        "data folder by hand and set SQF_SOURCE=local."
                    )

    def _refuse_size(self, size: int) -> None:
        raise RefusedError(
            f"{self.url} gives {size:,} bytes or more; a yearly file has about 4,000,000, and at "
            f"most {MAX_FILE_BYTES:,} are accepted. Check the address (SQF_NYPD_URL)."
        )

    def _start_again(self) -> None:
        self.file.seek(0)
        self.file.truncate()
        self.received = 0


def _logged_progress(name: str) -> Progress:
    """Return a progress that tells the log at most every few seconds, so that a quick download is not told at all."""
    told = time.monotonic()

    def progress(received: int, expected: int | None) -> None:
        nonlocal told
        if time.monotonic() - told >= _SECONDS_BETWEEN_TELLINGS:
            told = time.monotonic()
            of = f" of {expected / 1e6:,.1f}" if expected else ""
            logger.info("downloading %s: %.1f%s MB", name, received / 1e6, of)

    return progress


def _is_compressed(response: requests.Response) -> bool:
    """Return whether a server compresses in transit although it was asked not to."""
    return response.headers.get("Content-Encoding", "identity") != "identity"


def _content_range(value: str) -> tuple[int | None, int | None]:
    """Return first byte and total of `bytes 5-9/10`; None for what is not told."""
    unit, _, rest = value.partition(" ")
    span, _, total = rest.partition("/")
    first = span.partition("-")[0]
    if unit != "bytes" or not first.isdigit():
        return None, None
    return int(first), int(total) if total.isdigit() else None


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


__all__ = ["MAX_FILE_BYTES", "Downloaded", "Progress", "address_of", "download_year", "target_of"]
