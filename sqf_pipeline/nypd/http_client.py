"""Asking a server patiently: time-outs, retries with growing waits, and errors that a person understands.

What belongs here: one request with its retries, and what each way of failing is called. What does not: files.
"""

import logging
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import PackageNotFoundError, version
from urllib.parse import urlsplit

import requests
import urllib3

from sqf_pipeline.nypd.local_files import SourceError

logger = logging.getLogger(__name__)

MAX_REDIRECTS = 5
RETRIED_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})


class UnreachableError(SourceError):
    """The server did not answer, or not usefully, within the patience given."""


class NotPublishedError(SourceError):
    """The server says that there is no such file."""


class RefusedError(SourceError):
    """The server answers, but will not give the file, or sends us where we do not go."""


class TransientError(Exception):
    """A failure that may pass by itself; never leaves this package.

    Attributes
    ----------
    retry_after
        Seconds that the server asked to wait, None when it did not.
    """

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


@dataclass(frozen=True)
class Patience:
    """How long to wait for a server, in seconds, and how often to ask again.

    Attributes
    ----------
    connect, read
        Longest wait for a connection, and for the next bytes of an answer.
    total
        Longest time for everything, retries and their waits included.
    attempts
        How often to ask; an attempt that brought new bytes of a file does not count against it.
    first_wait, longest_wait
        The wait before the first retry; each is twice the one before, up to the longest.
    sleep, clock
        How to wait and how to tell the time; tests put their own here.
    """

    connect: float = 10.0
    read: float = 60.0
    total: float = 900.0
    attempts: int = 5
    first_wait: float = 1.0
    longest_wait: float = 60.0
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def deadline(self) -> float:
        """Return the reading of the clock at which patience ends, counted from now."""
        return self.clock() + self.total

    def timeouts(self, deadline: float) -> tuple[float, float]:
        """Return the connect and read time-outs, shortened to what is left until the deadline."""
        left = max(deadline - self.clock(), 0.001)
        return min(self.connect, left), min(self.read, left)

    def wait_before_retry(self, failures: int, error: TransientError, deadline: float, asked: str) -> None:
        """Wait before asking again; raises UnreachableError when the wait would pass the deadline.

        The wait is `first_wait * 2 ** (failures - 1)`, up to a quarter longer by chance so that many askers do
        not return together, and never shorter than what the server asked for.
        """
        wait = min(self.first_wait * 2 ** (failures - 1), self.longest_wait) * (1 + random.random() / 4)  # noqa: S311
        if error.retry_after is not None:
            wait = max(wait, error.retry_after)
        if self.clock() + wait > deadline:
            asked_for = f", and the server asked to wait {wait:,.0f} s" if error.retry_after else ""
            raise UnreachableError(
                f"{asked} could not be had within {self.total:,.0f} s: {error}{asked_for}. Try again later, or put "
                "the file into the data folder by hand and set SQF_SOURCE=local."
            ) from error
        logger.warning("%s: %s; asking again in %.1f s", asked, error, wait)
        self.sleep(wait)


def user_agent() -> str:
    """Return the name under which the pipeline asks, so that a server's owner can see who does."""
    try:
        release = version("sqf-pipeline")
    except PackageNotFoundError:
        release = "unreleased"
    return f"sqf-pipeline/{release} (yearly research download of the stop, question and frisk files)"


def new_session() -> requests.Session:
    """Return an HTTP session with our name, a few redirects, and no compression in transit.

    Without compression the length that a server tells is the file's, and a download can be resumed.
    """
    session = requests.Session()
    session.headers.update({"User-Agent": user_agent(), "Accept-Encoding": "identity"})
    session.max_redirects = MAX_REDIRECTS
    return session


@contextmanager
def translated_errors(url: str) -> Iterator[None]:
    """Turn what requests and urllib3 raise into errors of this module; TransientError where a retry may help."""
    try:
        yield
    except requests.TooManyRedirects as error:
        raise RefusedError(
            f"{url} sends us from page to page: more than {MAX_REDIRECTS} redirects. Check the address (SQF_NYPD_URL)."
        ) from error
    except (requests.exceptions.InvalidSchema, requests.exceptions.MissingSchema) as error:
        raise RefusedError(f"{url} leads to an address that is not http or https: {error}.") from error
    except (requests.exceptions.InvalidURL, requests.exceptions.InvalidHeader) as error:
        raise RefusedError(f"{url} is not an address that can be asked: {error}. Check SQF_NYPD_URL.") from error
    except requests.exceptions.SSLError as error:
        raise RefusedError(
            f"{url}: the server's certificate is not accepted ({error}). Check the machine's clock and its list of "
            "certificate authorities (REQUESTS_CA_BUNDLE)."
        ) from error
    except (requests.Timeout, urllib3.exceptions.ReadTimeoutError) as error:
        raise TransientError("the server did not answer in time") from error
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise TransientError(f"the connection failed ({_innermost(error)})") from error


def _innermost(error: BaseException) -> str:
    """Return the message at the bottom of a chain of errors, where the system says what happened."""
    while error.__context__ is not None:
        error = error.__context__
    return str(error) or type(error).__name__


def send(
    session: requests.Session,
    method: str,
    url: str,
    headers: dict[str, str],
    *,
    patience: Patience,
    deadline: float,
) -> requests.Response:
    """Send one request, following redirects, and return the answer with its body unread.

    Raises TransientError for failures that may pass, RefusedError for those that will not.
    """
    if urlsplit(url).scheme not in ("http", "https"):
        raise RefusedError(f"{url} is not an http or https address. Check SQF_NYPD_URL.")
    with translated_errors(url):
        response = session.request(
            method, url, headers=headers, stream=True, allow_redirects=True, timeout=patience.timeouts(deadline)
        )
    if response.status_code in RETRIED_STATUSES:
        retry_after = retry_after_seconds(response.headers.get("Retry-After"))
        response.close()
        raise TransientError(f"the server answered {response.status_code} {response.reason}", retry_after)
    return response


def retry_after_seconds(value: str | None) -> float | None:
    """Return the wait of a Retry-After header in seconds, given as a number or a date; None when unreadable."""
    if value is None:
        return None
    try:
        return max(float(value), 0.0) if value.strip().isdigit() else _seconds_until(value)
    except ValueError:
        logger.warning("the server's Retry-After %r is neither seconds nor a date and is not used", value)
        return None


def _seconds_until(date: str) -> float:
    moment = parsedate_to_datetime(date)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max((moment - datetime.now(UTC)).total_seconds(), 0.0)


def require_success(response: requests.Response, url: str, year: int) -> None:
    """Raise what a status other than 200, 206 and 304 means; the answer is closed then."""
    status = response.status_code
    if status in (200, 206, 304):
        return
    response.close()
    if status in (404, 410):
        raise NotPublishedError(
            f"NYPD has no file of {year} at {url} (the server answered {status}). A year is published around the "
            "end of March of the next one. If it is out, its address may have changed: look for it at "
            "https://www.nyc.gov/site/nypd/stats/reports-analysis/stopfrisk.page and set SQF_NYPD_URL."
        )
    raise RefusedError(
        f"{url}: the server will not give the file of {year} (it answered {status} {response.reason}). Open the "
        f"address in a browser, put the file into the data folder as sqf-{year}.xlsx, and set SQF_SOURCE=local."
    )


__all__ = [
    "MAX_REDIRECTS", "RETRIED_STATUSES", "NotPublishedError", "Patience", "RefusedError", "TransientError",
    "UnreachableError", "new_session", "require_success", "retry_after_seconds", "send", "translated_errors",
    "user_agent",
]  # fmt: skip
