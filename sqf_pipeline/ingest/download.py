"""Downloading one year's file: asked for only when it changed, whole and checked or not at all, with its record."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from time import monotonic, sleep

import requests
from requests import exceptions
from urllib3.exceptions import HTTPError, ReadTimeoutError
from urllib3.util.retry import Retry

from sqf_pipeline.files import file_sha256, locked, unfinished
from sqf_pipeline.ingest.download_record import (
    Downloaded,
    DownloadRecord,
    address_of,
    clean_up,
    put_with_record,
    read_record,
    target_of,
)
from sqf_pipeline.ingest.file_checks import check_file_kind
from sqf_pipeline.ingest.local_files import SourceError

logger = logging.getLogger(__name__)

MAX_FILE_BYTES = 1 << 28
MAX_REDIRECTS = 5
PASSING_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})

_BLOCK = 1 << 16
_SECONDS_BETWEEN_REPORTS = 5.0
_OTHERWISE = "Check the connection and try again later, or put the file there by hand and set SQF_SOURCE=local."


class UnreachableError(SourceError):
    """The server did not answer, or not usefully, within the patience given."""


class NotPublishedError(SourceError):
    """The server says that there is no such file."""


class RefusedError(SourceError):
    """The server answers, but will not give the file, or sends us where we do not go."""


@dataclass(frozen=True)
class Patience:
    """How long to wait for a server, in seconds, and how often to ask.

    The first retry comes at once, the next after twice `first_wait`, then twice as long each, up to `longest_wait`. A
    server that asks for a longer wait (Retry-After) gets it, or is given up when `total` would pass.
    """

    connect: float = 10.0
    read: float = 60.0  # for the next bytes of an answer
    total: float = 900.0  # for everything, retries and waits included
    attempts: int = 5
    first_wait: float = 1.0
    longest_wait: float = 60.0


def download_from(addresses: Sequence[str], year: int, folder: Path, *, patience: Patience | None = None) -> Downloaded:
    """Return the file of a year from the first address that gives it; see `download_year`.

    Raises SourceError with what the address said; of several, what each said, in the kind of the first: a mirror that
    has no file does not make a year unpublished.
    """
    failures: list[SourceError] = []
    for address in addresses:
        try:
            return download_year(address, year, folder, patience=patience)
        except (UnreachableError, RefusedError, NotPublishedError) as error:
            logger.info("%s", error)
            failures.append(error)
    raise told_together(failures)


def told_together(failures: Sequence[SourceError]) -> SourceError:
    """Return one error of the first one's kind that says what every address said."""
    said = " Then, from SQF_NYPD_MIRRORS: ".join(str(failure) for failure in failures)
    return type(failures[0])(said)


def download_year(url_template: str, year: int, folder: Path, *, patience: Patience | None = None) -> Downloaded:
    """Bring a folder's file of a year up to date with what is published, and return it.

    A file that was downloaded before is asked for conditionally: an unchanged one costs one request. A republished one
    replaces it, and the former bytes are kept in the folder `earlier`. A file without a download record is somebody's
    own: it is never touched, and one that differs from the published file is an error. A kill at any moment leaves the
    old state; what it left besides is removed by the next download of that year.

    The file goes to `folder`, made when it is missing, as `sqf-<year>` with the ending of the address; for this see
    `settings.Settings.nypd_url`. Raises NotPublishedError, UnreachableError or RefusedError; UnreadableFileError when
    what came is no yearly file; else SourceError, when the folder cannot be written, holds somebody's own file, or
    another process is downloading all the time.
    """
    patience = patience or Patience()
    url = address_of(url_template, year)
    target = target_of(url, folder, year)
    waited = f"Another process has been downloading {target} for {patience.total:,.0f} s. Wait for it, or end it."
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder / f".{target.stem}.lock", seconds=patience.total, otherwise=SourceError(waited)):
            clean_up(target)
            return _download(url, year, target, patience)
    except OSError as error:
        raise SourceError(
            f"The download could not be written to {folder}: {error.strerror or error}. Expected a folder that this "
            "account may write, with a few free megabytes; existing files are unchanged. Free some space or "
            "permit writing, or point SQF_DATA_DIR at another folder."
        ) from error


def _download(url: str, year: int, target: Path, patience: Patience) -> Downloaded:
    known = read_record(target)
    if known is not None and known.url != url:
        known = None
    with unfinished(target) as part:

        def receive(response: requests.Response, ends_at: float) -> None:
            if known is None or response.status_code != 304:
                require_file(response, url, year)
                _receive(response, url, part, ends_at)

        headers = {"If-None-Match": known.etag, "If-Modified-Since": known.last_modified} if known else {}
        answer = ask("GET", url, patience, {name: text for name, text in headers.items() if text}, receive)
        if known is not None and answer.status_code == 304:
            logger.info("%s is what is published at %s", target, url)
            return Downloaded(target, known, changed=False)
        check_file_kind(part, kind=target.suffix, described=f"The answer of {url} for {year}")
        record = DownloadRecord(
            url=url,
            etag=answer.headers.get("ETag"),
            last_modified=answer.headers.get("Last-Modified"),
            size=part.stat().st_size,
            sha256=file_sha256(part),
            fetched_at=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        return put_with_record(part, target, record)


def _receive(response: requests.Response, url: str, part: Path, ends_at: float) -> None:
    """Write the body to a file; urllib3 raises when it is shorter than the server said."""
    length = response.headers.get("Content-Length", "")
    expected = int(length) if length.isdecimal() and "Content-Encoding" not in response.headers else 0
    received, told = 0, monotonic()
    with part.open("wb") as file:
        # read1 returns as soon as anything came, so that the time limit holds against a server that drips.
        while block := response.raw.read1(_BLOCK, decode_content=True):
            received += len(block)
            if max(received, expected) > MAX_FILE_BYTES:
                raise RefusedError(
                    f"{url} gives {max(received, expected):,} bytes or more; a yearly file has about 4,000,000, and at "
                    f"most {MAX_FILE_BYTES:,} are accepted. Check the address (SQF_NYPD_URL)."
                )
            if monotonic() > ends_at:
                raise UnreachableError(f"{url} is too slow: {received:,} bytes came in the time allowed. {_OTHERWISE}")
            file.write(block)
            if monotonic() - told >= _SECONDS_BETWEEN_REPORTS:
                told = monotonic()
                of = f" of {expected / 1e6:,.1f}" if expected else ""
                logger.info("downloading %s: %.1f%s MB", url, received / 1e6, of)


def ask(
    method: str,
    url: str,
    patience: Patience,
    headers: dict[str, str] | None = None,
    receive: Callable[[requests.Response, float], None] = lambda *_: None,
) -> requests.Response:
    """Send a request until its answer is received, and return the answer, closed.

    `receive` is given the answer with its body unread, and the monotonic time at which patience ends; it is called
    again after a failure that may pass. Redirects, proxies of the environment and certificates: as requests does.

    Raises UnreachableError when the failures do not pass within the patience given, RefusedError when the address, a
    redirect or a certificate is not acceptable.
    """
    ends_at = monotonic() + patience.total
    retry = Retry(None, backoff_factor=patience.first_wait, backoff_max=patience.longest_wait)
    with requests.Session() as session:
        agent = f"sqf-pipeline/{version('sqf-pipeline')} (research on the stop, question and frisk files)"
        # Without compression in transit the length that a server tells is the file's.
        session.headers.update({"User-Agent": agent, "Accept-Encoding": "identity"})
        session.max_redirects = MAX_REDIRECTS
        while True:
            asked_to_wait = 0.0
            left = max(ends_at - monotonic(), 0.001)
            timeout = (min(patience.connect, left), min(patience.read, left))
            try:
                with session.request(method, url, headers=headers, stream=True, timeout=timeout) as response:
                    if response.status_code not in PASSING_STATUSES:
                        receive(response, ends_at)
                        return response
                    asked_to_wait = _retry_after(response)
                    failure = f"the server answered {response.status_code} {response.reason}"
                    failure += f" and asks us to wait {asked_to_wait:,.0f} s" if asked_to_wait else ""
            except (requests.RequestException, HTTPError) as error:
                failure = _passing_failure(error, url)
            retry = retry.increment(url=url)
            wait = max(retry.get_backoff_time(), asked_to_wait)
            asked = len(retry.history)
            if asked >= patience.attempts or monotonic() + wait > ends_at:
                limits = f"attempt {asked} of {patience.attempts}, {patience.total:,.0f} s allowed"
                raise UnreachableError(f"{url}: {failure} ({limits}). {_OTHERWISE}")
            logger.warning("%s: %s; trying again in %.1f s", url, failure, wait)
            sleep(wait)


def _passing_failure(error: Exception, url: str) -> str:
    """Return what failed when asking again may help; raises RefusedError when it will not."""
    if isinstance(error, exceptions.SSLError):
        raise RefusedError(
            f"{url}: the server's certificate is not accepted ({error}). Check the machine's clock and its list of "
            "certificate authorities (REQUESTS_CA_BUNDLE)."
        ) from error
    if isinstance(error, (exceptions.TooManyRedirects, ValueError)):  # all that requests says of an address
        raise RefusedError(
            f"{url} cannot be requested: {error}. Expected an http or https address that leads to the file in at most "
            f"{MAX_REDIRECTS} redirects; check SQF_NYPD_URL."
        ) from error
    if isinstance(error, (exceptions.Timeout, ReadTimeoutError)):
        return "the server did not answer in time"
    cause: BaseException = error
    while cause.__context__ is not None:  # at the bottom the system says what happened
        cause = cause.__context__
    return f"the connection failed ({cause or type(cause).__name__})"


def _retry_after(response: requests.Response) -> float:
    """Return the seconds that a server asks to wait; 0 when it does not, or nobody can read what it says."""
    try:
        return Retry().parse_retry_after(response.headers.get("Retry-After", "0"))
    except (HTTPError, ValueError, OverflowError):
        return 0.0


def require_file(response: requests.Response, url: str, year: int) -> None:
    """Raise what a status other than 200 means: NotPublishedError or RefusedError."""
    if response.status_code in (404, 410):
        raise NotPublishedError(
            f"{year} is not published: NYPD's server has no file at {url} (it answered {response.status_code}). A year "
            "is published around the end of March of the next one. If it is out, its address may have changed: look at "
            "https://www.nyc.gov/site/nypd/stats/reports-analysis/stopfrisk.page and set SQF_NYPD_URL."
        )
    if response.status_code != 200:
        raise RefusedError(
            f"{url}: the server will not give the file of {year} (it answered {response.status_code} "
            f"{response.reason}). Open the address in a browser, put the file into the data folder as sqf-{year}.xlsx, "
            "and set SQF_SOURCE=local."
        )
