"""The pages as documents: what they hold, without a browser."""

import csv
import io
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from sqf_pipeline.export.bundle_writer import export_bundle
from sqf_pipeline.service.app import create_app
from sqf_pipeline_tests.service_support import small_models

PAGES = ("/", "/arrest", "/summons", "/analysis", "/treatment", "/model-card", "/faults", "/api")


class Links(HTMLParser):
    """Every address that a page loads or leads to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, _tag, attrs):
        self.found += [value for name, value in attrs if name in ("href", "src", "action", "data-chart")]


@pytest.mark.parametrize("path", PAGES)
def test_pages_load_nothing_from_elsewhere_and_no_link_is_dead(client, path):
    answer = client.get(path)
    assert (answer.status_code, answer.content_type) == (200, "text/html; charset=utf-8")
    links = Links()
    links.feed(answer.text)
    assert links.found
    for link in {link for link in links.found if not link.startswith("#")}:
        assert link.startswith("/"), link
        assert client.get(link).status_code == 200, link
    assert " style=" not in answer.text  # the content security policy would refuse it
    assert "Invented stops" in answer.text


def test_every_page_says_that_years_are_partial_or_excerpts(tmp_path):
    small = small_models()
    note = "Partial year: January to March alone of 2020."
    export_bundle(tmp_path, small.models, replace(small.context, data_note=note))
    client = create_app(tmp_path).test_client()
    for path in (*PAGES, "/nothing"):
        assert note in client.get(path).text, path


def test_a_source_that_is_not_the_sample_has_no_banner(tmp_path):
    small = small_models()
    export_bundle(tmp_path, small.models[:2], replace(small.context, source="local"))
    client = create_app(tmp_path).test_client()
    for path in ("/", "/arrest", "/analysis"):
        assert "Invented stops" not in client.get(path).text
    assert client.get("/summons").status_code == 404  # this export has no such model


def test_partial_years_and_excerpts_are_said_on_every_page(tmp_path):
    small = small_models()
    note = "2020 is partial: January to June."
    export_bundle(tmp_path, small.models, replace(small.context, data_note=note))
    client = create_app(tmp_path).test_client()
    assert all(note in client.get(path).text for path in PAGES)


def test_downloads_hold_what_the_page_shows(client):
    table = client.get("/analysis/stops_by_year.json").get_json()
    rows = list(csv.reader(io.StringIO(client.get("/analysis/stops_by_year.csv").text)))
    assert rows[0] == [column["name"] for column in table["columns"]]
    assert [row[0] for row in rows[1:]] == [str(row[0]) for row in table["rows"]] == ["2017", "2018", "2019", "2020"]


def test_files_are_kept_for_good_only_under_their_own_mark(client):
    assert "max-age=300" in client.get("/assets/site.css").headers["Cache-Control"]
    assert "max-age=300" in client.get("/assets/site.css?v=stale").headers["Cache-Control"]
    page = client.get("/").text
    address = next(part for part in page.split('"') if part.startswith("/assets/site.css?v="))
    assert "immutable" in client.get(address).headers["Cache-Control"]


def test_html_in_the_model_card_is_text(tmp_path):
    small = small_models()
    card = "# Card\n\n<script>alert(1)</script>\n\n[x](javascript:alert(1))\n"
    export_bundle(tmp_path, small.models[:1], replace(small.context, model_card=card))
    page = create_app(tmp_path).test_client().get("/model-card").text
    assert "<script>alert" not in page
    assert 'href="javascript' not in page


def test_the_model_card_is_fit_for_the_policy_and_for_screen_readers(client):
    page = client.get("/model-card").text
    assert '<td class="number">2</td>' in page
    assert '<th scope="col" class="number">b</th>' in page
    assert 'role="region" aria-label="Table 1"' in page
    assert '<a href="#part-3">Three</a>' in page
    assert '<h2 id="part-3">Three</h2>' in page


def test_a_form_answers_and_keeps_what_was_typed(client):
    answer = client.post(
        "/arrest?tier=during", data={"suspect_age": "31", "searched": "true", "threshold": "equal_costs"}
    )
    assert answer.status_code == 200
    assert 'id="probability"' in answer.text
    assert 'value="31"' in answer.text
    wrong = client.post("/arrest?tier=during", data={"suspect_age": '"><b>'})
    assert wrong.status_code == 422
    assert 'id="suspect_age-error"' in wrong.text
    assert '"><b>' not in wrong.text
    assert 'id="probability"' not in wrong.text


def test_huge_forms_are_refused(client):
    assert client.post("/arrest", data={"suspect_age": "1" * 2_000_000}).status_code == 413
    assert client.get("/healthz").status_code == 200


def test_errors_on_pages_are_pages(client):
    answer = client.get("/nothing/here")
    assert answer.status_code == 404
    assert answer.content_type.startswith("text/html")
