"""The service of the containers: it waits for the first export, takes a newer one, and refuses a spoilt one."""

import logging
import os
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from sqf_pipeline.export.bundle_writer import export_bundle
from sqf_pipeline.service.bundle import resolve_folder
from sqf_pipeline.service.following import Follower, follow, identity_of, waiting_server
from sqf_pipeline.service.healthy import is_healthy
from sqf_pipeline.service.manifest import MANIFEST_NAME
from sqf_pipeline.settings import Settings
from sqf_pipeline_tests.service_process import free_port
from sqf_pipeline_tests.service_support import small_models

SECONDS = 60


@pytest.fixture(scope="module")
def exports(tmp_path_factory) -> Path:
    """Make a home whose exports are those of two test years; `current` is the later one."""
    home = tmp_path_factory.mktemp("home")
    small = small_models()
    for year in (2020, 2021):
        context = replace(small.context, test_year=year, training_years=(year - 3, year - 2, year - 1))
        export_bundle(home / "exports" / "sqf", small.models, context)
    return home / "exports" / "sqf"


@pytest.fixture
def home(tmp_path, exports) -> Path:
    """Give a home of the test's own with the export of 2020 alone."""
    folder = tmp_path / "exports" / "sqf"
    shutil.copytree(exports / "2020", folder / "2020")
    (folder / "current").symlink_to("2020")
    return tmp_path


def settings_of(home: Path) -> Settings:
    return Settings(home=home, source="local", export_dir=None)


def add_2021(home: Path, exports: Path) -> Path:
    folder = home / "exports" / "sqf"
    shutil.copytree(exports / "2021", folder / "2021")
    return folder


def point_at(folder: Path, year: str) -> None:
    (folder / "next").symlink_to(year)
    (folder / "next").replace(folder / "current")


def test_an_export_is_reported_once_and_a_newer_one_again(home, exports):
    follower = Follower(settings_of(home))
    assert follower.newer()
    assert not follower.newer()
    folder = add_2021(home, exports)
    assert not follower.newer(), "it is not the current one"
    point_at(folder, "2021")
    assert follower.newer()
    assert not follower.newer()


def test_the_same_year_made_again_is_newer_whatever_its_date_says(home):
    follower = Follower(settings_of(home))
    assert follower.newer()
    manifest = home / "exports" / "sqf" / "2020" / MANIFEST_NAME
    os.utime(manifest, (0, 0))  # a clock that was set back
    assert follower.newer()


def test_a_spoilt_export_is_refused_once_and_the_old_one_stays(home, exports, caplog):
    follower = Follower(settings_of(home))
    assert follower.newer()
    folder = add_2021(home, exports)
    spoilt = next(path for path in (folder / "2021").rglob("*.onnx"))
    spoilt.write_bytes(spoilt.read_bytes()[:-1])
    point_at(folder, "2021")
    with caplog.at_level(logging.ERROR):
        assert not follower.newer()
        assert not follower.newer()
    assert len([record for record in caplog.records if "refused the export" in record.getMessage()]) == 1
    point_at(folder, "2020")
    assert not follower.newer(), "what is served is current again"


def test_without_an_export_there_is_nothing_newer(tmp_path):
    assert identity_of(tmp_path / "exports") is None
    assert not Follower(settings_of(tmp_path)).newer()


def test_a_visitor_who_comes_too_early_is_told_and_the_health_check_content():
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    assert not is_healthy(f"{url}/healthz")[0]
    with waiting_server(port):
        assert is_healthy(f"{url}/healthz") == (True, f"{url}/healthz answered 200")
        answer = requests.post(f"{url}/api/v1/arrest", json={}, timeout=10)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "60")
        assert "No models have been published yet" in answer.json()["title"]
        assert not is_healthy(f"{url}/readyz")[0]
    assert not is_healthy(f"{url}/healthz")[0]


def test_an_address_that_is_none_is_not_healthy():
    assert is_healthy("file:///etc/passwd")[0] is False


@pytest.fixture
def serving(tmp_path, home) -> Iterator[tuple[str, Path]]:
    """Follow an empty home, as the service of a new set-up does; give its address and the home."""
    empty = tmp_path / "new"
    port, stop = free_port(), threading.Event()
    with ThreadPoolExecutor(1) as aside:
        following = aside.submit(follow, settings_of(empty), port, stop, 0.1)
        try:
            yield f"http://127.0.0.1:{port}", empty
        finally:
            stop.set()
            assert following.result(timeout=SECONDS) == 0


def test_the_first_export_and_the_next_are_served_without_losing_a_request(serving, home, exports, monkeypatch):
    url, empty = serving
    wait_for(lambda: is_healthy(f"{url}/healthz")[0])
    assert requests.get(f"{url}/readyz", timeout=10).status_code == 503
    monkeypatch.setenv("SQF_HOME", str(empty))  # gunicorn reads it when it starts
    monkeypatch.setenv("SQF_SOURCE", "local")
    shutil.copytree(home / "exports", empty / "exports", symlinks=True)
    wait_for(lambda: served_year(url) == 2020)
    folder = add_2021(empty, exports)
    point_at(folder, "2021")
    answered: list[int | None] = []

    def changed() -> bool:
        answered.append(served_year(url))
        return answered[-1] == 2021

    wait_for(changed)
    assert set(answered) == {2020, 2021}, "every request in between was answered"
    assert resolve_folder(empty / "exports" / "sqf").name == "2021"


def served_year(url: str) -> int | None:
    try:
        answer = requests.get(f"{url}/api/v1/models", timeout=10)
    except requests.ConnectionError:
        return None
    return answer.json()["test_year"] if answer.ok else None


def wait_for(condition) -> None:
    waiting = threading.Event()
    for _ in range(SECONDS * 10):
        if condition():
            return
        waiting.wait(0.1)
    pytest.fail("it did not come to that")
