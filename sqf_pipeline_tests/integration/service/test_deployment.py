"""Prefix, trusted proxies, other origins, and the limit of a request."""

import http.client
import json
import re
import sys
from urllib.request import Request, urlopen

import pytest
from click.testing import CliRunner
from werkzeug.test import Client

from sqf_pipeline.cli import main
from sqf_pipeline.service.app import create_app
from sqf_pipeline.service.deployment import Deployment
from sqf_pipeline_tests.service_process import free_port, running
from sqf_pipeline_tests.waiting import PATIENCE

OTHER = "https://research.example.org"
PROXY = {"X-Forwarded-Prefix": "/stops", "X-Forwarded-Host": "data.example.org", "X-Forwarded-Proto": "https"}
ADDRESSES = re.compile(r"""(?:href|src|action|data-chart)="(/[^"]*)\"""")


@pytest.fixture(scope="module")
def behind(export_folder) -> Client:
    """Return a client of a service that trusts one proxy and one other origin, and takes 2,000 bytes."""
    deployment = Deployment(cors_origins=(OTHER,), largest_request=2_000, trusted_proxies=1)
    return create_app(export_folder, deployment=deployment).test_client()


@pytest.mark.parametrize("page", ["/", "/arrest", "/analysis", "/faults", "/model-card", "/api", "/no-such-page"])
def test_every_address_on_a_page_has_the_prefix_of_a_trusted_proxy(behind, page):
    addresses = ADDRESSES.findall(behind.get(page, headers=PROXY).text)
    assert len(addresses) > 5
    assert [address for address in addresses if not address.startswith("/stops/")] == []
    assert not any(address.startswith("/stops/") for address in ADDRESSES.findall(behind.get(page).text))


def test_the_openapi_document_names_the_prefix_as_its_server(behind):
    assert behind.get("/api/openapi.json", headers=PROXY).get_json()["servers"] == [{"url": "/stops"}]
    assert behind.get("/api/openapi.json").get_json()["servers"] == [{"url": "/"}]


def test_examples_to_copy_have_the_address_that_the_proxy_has(behind):
    page = behind.get("/api", headers=PROXY).text
    assert len(re.findall(r"curl -s https://data\.example\.org/stops/api/", page)) == page.count("curl -s ") > 3


def test_a_proxy_that_is_not_trusted_changes_nothing(client):
    assert client.get("/", headers=PROXY).data == client.get("/").data
    assert client.get("/api/openapi.json", headers=PROXY).get_json()["servers"] == [{"url": "/"}]


@pytest.mark.parametrize(
    "prefix",
    [
        "//evil.org",
        "https://evil.org",
        "stops",
        "/a b",
        "/stops?x=1",
        "/<script>",
        "/../x",
        "/x/..",
        "/%2e%2e",
        "/a//b",
    ],
)
def test_a_prefix_that_is_no_path_is_passed_over(behind, prefix):
    said = {"X-Forwarded-Prefix": prefix}
    assert behind.get("/arrest", headers=said).data == behind.get("/arrest").data
    assert behind.get("/api/openapi.json", headers=said).get_json()["servers"] == [{"url": "/"}]


def test_a_prefix_may_have_several_parts_and_end_in_a_slash(behind):
    for prefix in ("/a/b.c/d-e", "/a/b.c/d-e/"):
        said = {"X-Forwarded-Prefix": prefix}
        assert behind.get("/api/openapi.json", headers=said).get_json()["servers"] == [{"url": "/a/b.c/d-e"}]


def test_pages_of_an_origin_that_is_named_may_use_the_interface_and_no_others(behind, client):
    body = {"tier": "at_stop", "stops": {}}
    asked = {"Origin": OTHER, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    before = behind.options("/api/v1/predictions/arrest", headers=asked)
    assert before.status_code == 200
    assert before.headers["Access-Control-Allow-Origin"] == OTHER
    assert "POST" in before.headers["Access-Control-Allow-Methods"]
    assert before.headers["Access-Control-Allow-Headers"] == "Content-Type"
    answer = behind.post("/api/v1/predictions/arrest", json=body, headers={"Origin": OTHER})
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (200, OTHER)
    assert "Origin" in answer.headers["Vary"]
    for origin in ("https://evil.example.org", f"{OTHER}.evil.org", "null", OTHER.replace("https", "http")):
        refused = behind.post("/api/v1/predictions/arrest", json=body, headers={"Origin": origin})
        assert "Access-Control-Allow-Origin" not in refused.headers
        assert "Origin" in refused.headers["Vary"]
    assert "Access-Control-Allow-Origin" not in behind.get("/arrest", headers={"Origin": OTHER}).headers
    closed = client.post("/api/v1/predictions/arrest", json=body, headers={"Origin": OTHER})
    assert "Access-Control-Allow-Origin" not in closed.headers


def test_an_error_too_may_be_read_by_the_origin(behind):
    answer = behind.post("/api/v1/predictions/arrest", json={}, headers={"Origin": OTHER})
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (422, OTHER)


@pytest.mark.parametrize(("size", "status"), [(1_000, 400), (2_000, 400), (2_001, 413), (50_000, 413)])
def test_the_limit_of_a_request_is_a_setting_and_is_told_as_a_problem(behind, size, status):
    answer = behind.post("/api/v1/predictions/arrest", data=b" " * size, content_type="application/json")
    assert (answer.status_code, answer.content_type) == (status, "application/problem+json")
    assert answer.get_json()["status"] == status


def test_the_command_serves_under_a_prefix_and_refuses_what_is_too_large_as_a_problem(export_folder, tmp_path):
    port = free_port()
    command = [sys.executable, "-m", "sqf_pipeline.cli", "serve", "--port", str(port), "--export", str(export_folder)]
    environment = {"SQF_HOME": str(tmp_path), "SCRIPT_NAME": "/stops", "SQF_MAX_REQUEST_BYTES": "2000"}
    with running(command, port, tmp_path / "log", environment, tmp_path) as service:
        for path in ("/stops/", "/"):  # a proxy may leave the prefix on, or take it off
            with urlopen(service.url + path, timeout=PATIENCE) as page:  # noqa: S310 - our own address
                assert 'href="/stops/arrest"' in page.read().decode()
        question = Request(  # noqa: S310 - our own address
            f"{service.url}/stops/api/v1/predictions/arrest",
            json.dumps({"tier": "at_stop", "stops": {}}).encode(),
            {"Content-Type": "application/json"},
        )
        with urlopen(question, timeout=PATIENCE) as answer:  # noqa: S310 - our own address
            assert len(json.load(answer)["predictions"]) == 1
        for size in (3_000, 5_000_000):  # the application's limit, and the server's own
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
            connection.putrequest("POST", "/api/v1/predictions/arrest")
            connection.putheader("Content-Type", "application/json")
            connection.putheader("Content-Length", str(size))
            connection.endheaders(b" " * 3_000)
            refused = connection.getresponse()
            assert (refused.status, refused.getheader("Content-Type")) == (413, "application/problem+json")
            told = json.load(refused)
            assert (told["status"], told["detail"]) == (413, "The request is larger than the service takes.")
            connection.close()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SQF_CORS_ORIGINS", "research.example.org"), ("SQF_CORS_ORIGINS", "https://a.org/page"),
        ("SQF_CORS_ORIGINS", "https://a.org https://b.org"), ("SQF_URL_PREFIX", "stops"), ("SQF_URL_PREFIX", "/stops/"),
        ("SQF_URL_PREFIX", "//evil.org"), ("SQF_MAX_REQUEST_BYTES", "10"), ("SQF_TRUSTED_PROXIES", "-1"),
        ("SCRIPT_NAME", "stops\r\nX-Evil: 1"),
    ],
)  # fmt: skip
def test_a_setting_that_cannot_be_meant_is_refused(tmp_path, name, value):
    shown = CliRunner().invoke(main, ["serve", "--wait"], env={"SQF_HOME": str(tmp_path), name: value})
    assert shown.exit_code == 1
    assert "SQF_" in shown.output
    assert "Traceback" not in shown.output
