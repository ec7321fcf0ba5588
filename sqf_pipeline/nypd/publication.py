"""Looking, without taking, whether a yearly file is published and whether it changed.

What belongs here: one cheap request a file and what its answer means. What does not: downloading, and deciding
what to do about a change.
"""

import hashlib
import logging
import re
from dataclasses import dataclass

import requests

from sqf_pipeline.nypd.download import address_of
from sqf_pipeline.nypd.download_record import DownloadRecord
from sqf_pipeline.nypd.http_client import (
    Patience,
    TransientError,
    UnreachableError,
    new_session,
    require_success,
    send,
)

logger = logging.getLogger(__name__)

QUICK = Patience(connect=5.0, read=10.0, total=25.0, attempts=2, first_wait=1.0, longest_wait=5.0)

# Servers that do not do HEAD say so in one of these ways; some say 403 to HEAD alone.
_HEAD_REFUSED = frozenset({400, 403, 405, 501})
_ABSENT = frozenset({404, 410})
_LONGEST_TAG = 64


@dataclass(frozen=True)
class PublicationState:
    """What a server says about a year's file.

    Attributes
    ----------
    year, url
        The file asked for.
    published
        Whether there is such a file.
    changed
        Whether it is another publication than the one known; true also when none is known yet.
    tag
        Short name of the publication, the same as long as the server calls it the same; None without a file.
    reason
        One sentence for people.
    """

    year: int
    url: str
    published: bool
    changed: bool
    tag: str | None
    reason: str


def check_publication(
    url_template: str,
    year: int,
    known: DownloadRecord | None,
    *,
    patience: Patience = QUICK,
    session: requests.Session | None = None,
) -> PublicationState:
    """Ask with one HEAD request whether a year's file is published, and whether it differs from the known one.

    Two publications are the same when the server gives them the same ETag; without one, the same Last-Modified
    and length. A server that refuses HEAD is asked for the first byte instead. A failure that may pass is tried
    again within `patience`.

    Raises
    ------
    UnreachableError
        The server did not answer.
    RefusedError
        The server answers neither with a file nor with its absence.
    """
    url = address_of(url_template, year)
    own_session = session is None
    session = session or new_session()
    try:
        response = _ask(session, url, patience)
        with response:
            if response.status_code in _ABSENT:
                return PublicationState(
                    year, url, False, False, None, f"{year} is not published: {url} answers {response.status_code}"
                )
            require_success(response, url, year)
            if response.headers.get("Content-Type", "").startswith("text/html"):
                return PublicationState(
                    year, url, False, False, None, f"{year} is not published: {url} answers with a web page, not a file"
                )
            return _compare(year, url, response, known if known is not None and known.url == url else None)
    finally:
        if own_session:
            session.close()


def _ask(session: requests.Session, url: str, patience: Patience) -> requests.Response:
    deadline = patience.deadline()
    failures = 0
    while True:
        try:
            response = send(session, "HEAD", url, {}, patience=patience, deadline=deadline)
            if response.status_code in _HEAD_REFUSED:
                response.close()
                response = send(session, "GET", url, {"Range": "bytes=0-0"}, patience=patience, deadline=deadline)
        except TransientError as error:
            failures += 1
            if failures >= patience.attempts:
                raise UnreachableError(
                    f"{url} could not be asked: {error}, after asking {failures} times. Check the connection and the "
                    "address (SQF_NYPD_URL), or try again later."
                ) from error
            patience.wait_before_retry(failures, error, deadline, url)
        else:
            return response


def _compare(year: int, url: str, response: requests.Response, known: DownloadRecord | None) -> PublicationState:
    etag = response.headers.get("ETag")
    last_modified = response.headers.get("Last-Modified")
    size = _length(response)
    tag = publication_tag(etag, last_modified, size)

    def state(changed: bool, reason: str) -> PublicationState:
        return PublicationState(year, url, True, changed, tag, reason)

    dated = f" ({last_modified})" if last_modified else ""
    if known is None:
        return state(True, f"{year} is published{dated} and was not downloaded from there yet")
    if etag and known.etag:
        same, by = _opaque(etag) == _opaque(known.etag), "ETag"
    elif last_modified and known.last_modified:
        same, by = (last_modified, size or known.size) == (known.last_modified, known.size), "date and length"
    elif size is not None:
        same, by = size == known.size, "length (all that the server tells)"
    else:
        return state(False, f"{year} is published, but the server tells nothing by which a change could be seen")
    if same:
        return state(False, f"{year} is unchanged since {known.fetched_at[:10]}, by its {by}")
    return state(True, f"{year} was published anew{dated}: its {by} changed since {known.fetched_at[:10]}")


def publication_tag(etag: str | None, last_modified: str | None, size: int | None) -> str:
    """Return a name of a publication of at most 64 characters: its ETag, else date and length, else `unknown`."""
    dated = "-".join(str(part) for part in (last_modified, size) if part is not None)
    name = _opaque(etag) if etag else dated
    tag = re.sub(r"[^0-9A-Za-z]+", "-", name).strip("-") or "unknown"
    return tag if len(tag) <= _LONGEST_TAG else hashlib.sha256(name.encode()).hexdigest()


def _opaque(etag: str) -> str:
    """Return an ETag without the mark of a weak one, which servers add and drop for the same file."""
    return etag.removeprefix("W/")


def _length(response: requests.Response) -> int | None:
    """Return the length of the file, of which a 206 carries only a part."""
    if response.status_code == 206:
        value = response.headers.get("Content-Range", "").rpartition("/")[2]
    else:
        value = response.headers.get("Content-Length", "")
    return int(value) if value.isdigit() else None


__all__ = ["QUICK", "PublicationState", "check_publication", "publication_tag"]
