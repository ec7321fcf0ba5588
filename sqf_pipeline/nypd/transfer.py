"""Receiving one file over HTTP, resuming where a connection broke, until it is whole.

What belongs here: requests, ranges and counting bytes. What does not: where the file goes and what is in it
(`download`), and how long to wait (`http_client`).
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import BinaryIO

import requests

from sqf_pipeline.nypd.download_record import DownloadRecord
from sqf_pipeline.nypd.http_client import (
    Patience,
    RefusedError,
    TransientError,
    UnreachableError,
    require_success,
    send,
    translated_errors,
)

logger = logging.getLogger(__name__)

MAX_FILE_BYTES = 1 << 30
_BLOCK = 1 << 16
_SECONDS_BETWEEN_TELLINGS = 5.0

Progress = Callable[[int, int | None], None]


@dataclass
class Transfer:
    """One file on its way: asks, appends, and asks on from where it broke off.

    Attributes
    ----------
    session, url, year
        What to ask, and the year for messages.
    file
        Where the bytes go, open for writing at its beginning.
    known
        The publication that is kept already, for a conditional request.
    patience, progress
        See `download_year`.
    received, expected
        Bytes so far, and of the whole file (None when the server does not say).
    etag, last_modified
        What the server calls the file that is being received.
    """

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


def logged_progress(name: str) -> Progress:
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


__all__ = ["MAX_FILE_BYTES", "Progress", "Transfer", "logged_progress"]
