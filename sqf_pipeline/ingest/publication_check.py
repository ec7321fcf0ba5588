"""Whether a year's file is published, and whether it is another one than the known: one HEAD request, no download."""

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqf_pipeline.ingest.download import NotPublishedError, Patience, ask, require_file
from sqf_pipeline.ingest.download_record import DownloadRecord, address_of

if TYPE_CHECKING:
    import requests

QUICK = Patience(connect=5.0, read=10.0, total=25.0, attempts=2, longest_wait=5.0)

# Servers that do not do HEAD say so in one of these ways; some say 403 to HEAD alone.
_HEAD_REFUSED = frozenset({400, 403, 405, 501})
_LONGEST_TAG = 64


@dataclass(frozen=True)
class PublicationState:
    """What a server says about a year's file."""

    year: int
    url: str
    published: bool
    changed: bool  # it is another publication than the one known; also when none is known
    tag: str | None  # short name of the publication, the same as long as the server calls it the same
    reason: str  # one sentence for people


def check_publication(
    url_template: str, year: int, known: DownloadRecord | None, *, patience: Patience = QUICK
) -> PublicationState:
    """Ask whether a year's file is published, and whether it differs from the known one.

    Two publications are the same when the server gives them the same ETag; without one, the same Last-Modified
    and length. A server that refuses HEAD is asked with GET, and the file is left where it is. Raises UnreachableError
    when the server does not answer, RefusedError when it answers neither with a file nor with its absence.
    """
    url = address_of(url_template, year)
    response = ask("HEAD", url, patience)
    if response.status_code in _HEAD_REFUSED:
        response = ask("GET", url, patience)
    try:
        require_file(response, url, year)
    except NotPublishedError:
        reason = f"{year} is not published: {url} answers {response.status_code}"
        return PublicationState(year, url, False, False, None, reason)
    if response.headers.get("Content-Type", "").startswith("text/html"):
        reason = f"{year} is not published: {url} answers with a web page, not a file"
        return PublicationState(year, url, False, False, None, reason)
    return _compare(year, url, response, known if known is not None and known.url == url else None)


def _compare(year: int, url: str, response: "requests.Response", known: DownloadRecord | None) -> PublicationState:
    etag, last_modified = response.headers.get("ETag"), response.headers.get("Last-Modified")
    length = response.headers.get("Content-Length", "")
    size = int(length) if length.isdecimal() else None
    dated = f" ({last_modified})" if last_modified else ""
    changed = True
    if known is None:
        reason = f"{year} is published{dated} and has not been downloaded from there yet"
    else:
        if etag and known.etag:
            changed, by = _opaque(etag) != _opaque(known.etag), "ETag"
        elif last_modified and known.last_modified:
            changed, by = (last_modified, size or known.size) != (known.last_modified, known.size), "date and length"
        elif size is not None:
            changed, by = size != known.size, "length (the server gives nothing else)"
        else:
            changed, by = False, "address (the server gives nothing that would show a change)"
        since = f"since {known.fetched_at[:10]}"
        reason = (
            f"a new version of {year} was published{dated}: its {by} changed {since}"
            if changed
            else f"{year} is unchanged {since}, by its {by}"
        )
    return PublicationState(year, url, True, changed, publication_tag(etag, last_modified, size), reason)


def publication_tag(etag: str | None, last_modified: str | None, size: int | None) -> str:
    """Return a name of a publication of at most 64 characters: its ETag, else date and length, else `unknown`."""
    dated = "-".join(str(part) for part in (last_modified, size) if part is not None)
    name = _opaque(etag) if etag else dated
    tag = re.sub(r"[^0-9A-Za-z]+", "-", name).strip("-") or "unknown"
    return tag if len(tag) <= _LONGEST_TAG else hashlib.sha256(name.encode()).hexdigest()


def _opaque(etag: str) -> str:
    """Return an ETag without the mark of a weak one, which servers add and drop for the same file."""
    return etag.removeprefix("W/")
