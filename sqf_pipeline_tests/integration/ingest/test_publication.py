"""Looking whether a year is published or changed."""

from dataclasses import replace
from pathlib import Path

import pytest

from sqf_pipeline.ingest.download import Patience, RefusedError, UnreachableError, download_year
from sqf_pipeline.ingest.download_record import DownloadRecord
from sqf_pipeline.ingest.publication_check import PublicationState, check_publication, publication_tag
from sqf_pipeline_tests import nypd_server
from sqf_pipeline_tests.nypd_server import NypdServer, tiny_workbook


@pytest.fixture
def known(server: NypdServer, patience: Patience, tmp_path: Path) -> DownloadRecord:
    """Publish and download 2020, and forget the requests."""
    server.publish(2020, tiny_workbook("first"))
    record = download_year(server.url_template, 2020, tmp_path, patience=patience).record
    server.asked.clear()
    return record


def ask(server: NypdServer, known: DownloadRecord | None, patience: Patience) -> PublicationState:
    return check_publication(server.url_template, 2020, known, patience=patience)


def test_a_year_that_is_not_published_yet(server: NypdServer, patience: Patience) -> None:
    state = ask(server, None, patience)
    assert (state.published, state.changed, state.tag) == (False, False, None)
    assert "2020 is not published" in state.reason
    assert [asked.method for asked in server.asked] == ["HEAD"]


def test_a_site_that_answers_everything_with_a_page_has_not_published(server: NypdServer, patience: Patience) -> None:
    server.behaviour = nypd_server.web_page
    state = ask(server, None, patience)
    assert not state.published
    assert "answers with a web page" in state.reason


def test_the_first_publication_is_a_change(server: NypdServer, patience: Patience) -> None:
    served = server.publish(2020, tiny_workbook())
    state = ask(server, None, patience)
    assert (state.published, state.changed) == (True, True)
    assert state.tag == str(served.etag).strip('"')
    assert "has not been downloaded from there yet" in state.reason


def test_one_head_request_tells_that_nothing_changed(
    server: NypdServer, known: DownloadRecord, patience: Patience
) -> None:
    state = ask(server, known, patience)
    assert (state.published, state.changed) == (True, False)
    assert f"2020 is unchanged since {known.fetched_at[:10]}, by its ETag" in state.reason
    assert [asked.method for asked in server.asked] == ["HEAD"]


def test_another_etag_is_a_change(server: NypdServer, known: DownloadRecord, patience: Patience) -> None:
    before = ask(server, known, patience).tag
    server.publish(2020, tiny_workbook("second"))
    state = ask(server, known, patience)
    assert state.changed
    assert state.tag != before
    assert "a new version of" in state.reason


def test_a_weak_etag_is_the_same_etag(server: NypdServer, known: DownloadRecord, patience: Patience) -> None:
    served = server.files["/sqf-2020.xlsx"]
    served.etag = f"W/{served.etag}"
    assert not ask(server, known, patience).changed


def test_without_etag_date_and_length_decide(server: NypdServer, known: DownloadRecord, patience: Patience) -> None:
    served = server.files["/sqf-2020.xlsx"]
    served.etag = None
    state = ask(server, known, patience)
    assert not state.changed
    assert "by its date and length" in state.reason
    served.content += b"more"
    assert ask(server, known, patience).changed
    served.content = served.content.removesuffix(b"more")
    served.last_modified = "Mon, 23 Mar 2020 10:00:00 GMT"
    changed = ask(server, known, patience)
    assert changed.changed
    assert changed.tag == f"Mon-23-Mar-2020-10-00-00-GMT-{known.size}"


def test_without_both_the_length_decides_and_that_is_said(
    server: NypdServer, known: DownloadRecord, patience: Patience
) -> None:
    served = server.files["/sqf-2020.xlsx"]
    served.etag = served.last_modified = None
    state = ask(server, known, patience)
    assert not state.changed
    assert "length (the server gives nothing else)" in state.reason
    served.content += b"more"
    assert ask(server, known, patience).changed


def test_a_server_without_head_is_asked_with_get_and_the_file_left_there(
    server: NypdServer, known: DownloadRecord, patience: Patience
) -> None:
    server.behaviour = nypd_server.head_refused
    assert not ask(server, known, patience).changed
    assert [asked.method for asked in server.asked] == ["HEAD", "GET"]
    server.files["/sqf-2020.xlsx"].etag = None
    assert "by its date and length" in ask(server, known, patience).reason


def test_a_file_known_from_another_address_is_not_known(
    server: NypdServer, known: DownloadRecord, patience: Patience
) -> None:
    assert ask(server, replace(known, url="http://127.0.0.1/elsewhere.xlsx"), patience).changed


def test_passing_failures_are_tried_again_and_lasting_ones_told(
    server: NypdServer, known: DownloadRecord, patience: Patience, waits: list[float]
) -> None:
    server.next_behaviours.append(nypd_server.status(503))
    assert not ask(server, known, patience).changed
    assert len(waits) == 1
    server.behaviour = nypd_server.status(500)
    with pytest.raises(UnreachableError, match=r"500 .*attempt 3 of 3"):
        ask(server, known, patience)


def test_a_server_that_refuses_to_say(server: NypdServer, patience: Patience) -> None:
    server.behaviour = nypd_server.status(401)
    with pytest.raises(RefusedError, match="401"):
        ask(server, None, patience)


def test_tags_are_fit_for_a_run_key() -> None:
    assert publication_tag('W/"5f-ab:1"', None, None) == publication_tag('"5f-ab:1"', "x", 3) == "5f-ab-1"
    assert publication_tag(None, None, None) == "unknown"
    long, other = publication_tag(f'"{"a" * 300}"', None, None), publication_tag(f'"{"a" * 301}"', None, None)
    assert len(long) == len(other) == 64
    assert long != other
