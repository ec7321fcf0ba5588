"""The service takes a newer export while it runs, and keeps or falls back to the former one when that is refused."""

import json
import logging
import os
import shutil
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from werkzeug.test import Client

from sqf_pipeline.export.bundle_writer import export_bundle
from sqf_pipeline.service.bundle import BundleError
from sqf_pipeline.service.manifest import MANIFEST_NAME, Manifest
from sqf_pipeline.service.server import ServedExport, identity_of
from sqf_pipeline_tests.integration.export.test_bundle_writer import rewrite
from sqf_pipeline_tests.service_support import small_export
from sqf_pipeline_tests.waiting import PATIENCE


@pytest.fixture(scope="module")
def exports(tmp_path_factory) -> Path:
    """Make a folder with exports of two test years, of the models of one outcome."""
    folder = tmp_path_factory.mktemp("made") / "sqf"
    small = small_export()
    for year in (2020, 2021):
        context = replace(small.context, test_year=year, training_years=(year - 3, year - 2, year - 1))
        export_bundle(folder, small.models[:3], context)
    return folder


@pytest.fixture
def folder(tmp_path, exports) -> Path:
    """Give a folder of the test's own with the export of 2020, which is current."""
    folder = tmp_path / "exports" / "sqf"
    shutil.copytree(exports / "2020", folder / "2020")
    (folder / "current").symlink_to("2020")
    return folder


def add_2021(folder: Path, exports: Path) -> Path:
    return Path(shutil.copytree(exports / "2021", folder / "2021"))


def point_at(folder: Path, year: str) -> None:
    (folder / "next").symlink_to(year)
    (folder / "next").replace(folder / "current")


def started(path: Path, **options) -> ServedExport:
    served = ServedExport(path)
    served.start(**options)
    return served


def year_of(served: ServedExport) -> int | None:
    answer = Client(served).get("/api/v1/models")
    return answer.get_json()["test_year"] if answer.status_code == 200 else None


def health_of(served: ServedExport) -> tuple[int, dict]:
    answer = Client(served).get("/readyz")
    return answer.status_code, answer.get_json()


def refused_metric(served: ServedExport) -> float:
    families = text_string_to_metric_families(Client(served).get("/metrics").text)
    return next(family.samples[0].value for family in families if family.name == "sqf_export_refused")


def shorten(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def spoil_checksum(export: Path) -> None:
    shorten(next(export.rglob("*.onnx")))


def spoil_runtime(export: Path) -> None:
    """Write a model that is no ONNX, with sums that fit it."""
    rewrite_all(export, "models/arrest-at_stop-random_forest.onnx", b"no model")


def spoil_probe(export: Path) -> None:
    manifest = json.loads((export / MANIFEST_NAME).read_text())
    manifest["models"][0]["probes"][0]["probability"] += 0.01
    rewrite(export, MANIFEST_NAME, json.dumps(manifest).encode())


def spoil_table(export: Path) -> None:
    rewrite_all(export, "analysis/stops_by_year.json", b'{"name": "stops_by_year"}')


def spoil_card(export: Path) -> None:
    rewrite_all(export, "model_card.md", b"\xff\xfe no text")


def spoil_threshold(export: Path) -> None:
    """Name a default threshold that the model does not have: only the page of the form would show it."""
    manifest = json.loads((export / MANIFEST_NAME).read_text())
    for model in manifest["models"]:
        model["default_threshold"] = "none"
    rewrite(export, MANIFEST_NAME, json.dumps(manifest).encode())


def spoil_cell(export: Path) -> None:
    """Write rows that are shorter than the table has columns: only showing the page finds out."""
    table = json.loads((export / "analysis" / "data_quality.json").read_text())
    table["rows"] = [row[:1] for row in table["rows"]]
    rewrite_all(export, "analysis/data_quality.json", json.dumps(table).encode())


def rewrite_all(export: Path, name: str, data: bytes) -> None:
    """Write a file and mend every sum of it, as a faulty exporter would have written it."""
    import hashlib

    manifest = json.loads((export / MANIFEST_NAME).read_text())
    for entry in manifest["files"]:
        if entry["name"] == name:
            entry.update(size=len(data), sha256=hashlib.sha256(data).hexdigest())
    rewrite(export, name, data)
    rewrite(export, MANIFEST_NAME, json.dumps(manifest).encode())


SPOILT = [spoil_checksum, spoil_runtime, spoil_probe, spoil_table, spoil_card, spoil_threshold, spoil_cell]
FOUND_FIRST_AND_LAST = [spoil_checksum, spoil_cell]
"""Damage that is found before anything is parsed, and damage that only a page finds; all are refused alike."""


@pytest.mark.parametrize("spoil", SPOILT)
def test_an_export_that_does_not_load_is_refused_and_the_former_one_answers(folder, exports, caplog, spoil):
    served = started(folder)
    assert (year_of(served), health_of(served), refused_metric(served)) == (2020, (200, {"status": "ok"}), 0)
    spoil(add_2021(folder, exports))
    point_at(folder, "2021")
    with caplog.at_level(logging.ERROR):
        assert not served.look()
        assert not served.look()
    refusals = [record.getMessage() for record in caplog.records if "refused the export 2021" in record.getMessage()]
    assert len(refusals) == 1, "told once"
    assert (year_of(served), health_of(served)) == (2020, (200, {"status": "ok", "refused": "2021"}))
    assert refused_metric(served) == 1
    point_at(folder, "2020")
    assert not served.look(), "what is served is current again"
    assert (health_of(served), refused_metric(served)) == ((200, {"status": "ok"}), 0)


@pytest.mark.parametrize("spoil", FOUND_FIRST_AND_LAST)
@pytest.mark.parametrize("pointed", ["", "current"])
def test_a_start_with_a_broken_current_export_falls_back_to_the_former_one(folder, exports, caplog, spoil, pointed):
    spoil(add_2021(folder, exports))
    point_at(folder, "2021")
    with caplog.at_level(logging.ERROR):
        served = started(folder / pointed)
    assert "refused the export 2021" in caplog.text
    assert (year_of(served), health_of(served)) == (2020, (200, {"status": "ok", "refused": "2021"}))
    shutil.rmtree(folder / "2021")
    add_2021(folder, exports)
    assert served.look()
    assert (year_of(served), health_of(served)) == (2021, (200, {"status": "ok"}))


@pytest.mark.parametrize("spoil", FOUND_FIRST_AND_LAST)
def test_an_exporter_refuses_what_a_service_could_not_load(tmp_path, exports, monkeypatch, spoil):
    """The check before `current` moves is the service's own start."""
    from sqf_pipeline.export import bundle_writer

    small = small_export()
    first = export_bundle(tmp_path, small.models[:1], small.context)
    write = bundle_writer.write_files

    def write_and_spoil(work, *arguments, **named):
        write(work, *arguments, **named)
        spoil(work)

    monkeypatch.setattr(bundle_writer, "write_files", write_and_spoil)
    with pytest.raises(BundleError):
        export_bundle(tmp_path, small.models[:3], replace(small.context, test_year=2021))
    assert (tmp_path / "current").resolve() == first
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["2020", first.name, "current"])


def test_without_any_good_export_the_start_fails_with_the_reason_for_the_current_one(folder, exports):
    spoil_checksum(folder / "2020")
    spoil_card(add_2021(folder, exports))
    point_at(folder, "2021")
    with pytest.raises(BundleError, match="2021 cannot be served: UnicodeDecodeError"):
        started(folder)


def test_an_export_that_is_named_itself_is_served_or_nothing(folder, exports):
    spoil_checksum(add_2021(folder, exports))
    with pytest.raises(BundleError, match="refused because of models/"):
        started(folder / "2021")


def test_what_an_operator_went_back_from_is_not_fallen_back_to(folder, exports):
    add_2021(folder, exports)
    spoil_checksum(folder / "2020")  # it is current: somebody went back to it
    with pytest.raises(BundleError, match="2020"):
        started(folder)


def test_a_pointer_that_leads_nowhere_falls_back_too(folder):
    point_at(folder, "gone")
    served = started(folder / "current")
    assert (year_of(served), health_of(served)) == (2020, (200, {"status": "ok", "refused": "current"}))


def test_an_export_is_taken_once_and_a_newer_one_again(folder, exports):
    served = started(folder)
    assert not served.look()
    add_2021(folder, exports)
    assert not served.look(), "it is not the current one"
    point_at(folder, "2021")
    assert served.look()
    assert not served.look()
    assert year_of(served) == 2021


def test_the_same_year_made_again_is_newer_whatever_its_date_says(folder):
    served = started(folder)
    os.utime(folder / "2020" / MANIFEST_NAME, (0, 0))  # a clock that was set back
    assert served.look()


def test_counts_go_on_when_an_export_is_taken_and_its_own_trial_is_not_counted(folder, exports):
    served = started(folder)
    client = Client(served)
    page = client.get("/metrics").text
    assert 'endpoint="pages.home"' not in page
    for _ in range(3):
        client.post("/api/v1/predictions/arrest", json={"tier": "during", "stops": [{}, {}]})
    add_2021(folder, exports)
    point_at(folder, "2021")
    assert served.look()
    client.post("/api/v1/predictions/arrest", json={"tier": "during", "stops": {}})
    assert 'sqf_predictions_total{outcome="arrest",tier="during"} 7.0' in client.get("/metrics").text


def test_a_visitor_who_comes_too_early_is_told_and_the_health_check_is_well(tmp_path, folder):
    with pytest.raises(BundleError, match="sqf run --full"):
        started(tmp_path / "new")
    served = started(tmp_path / "new", wait=True)
    assert identity_of(tmp_path / "new") is None
    client = Client(served)
    assert (client.get("/healthz").status_code, client.get("/healthz").get_json()) == (200, {"status": "waiting"})
    for answer in (client.post("/api/v1/predictions/arrest", json={}), client.get("/"), client.get("/readyz")):
        assert (answer.status_code, answer.content_type) == (503, "application/problem+json")
        assert answer.headers["Retry-After"] == "60"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "No models have been published yet" in answer.get_json()["title"]
    shutil.copytree(folder, tmp_path / "new", symlinks=True)
    assert served.look()
    assert year_of(served) == 2020


def test_waiting_where_the_only_export_is_broken_says_that(folder):
    spoil_card(folder / "2020")
    served = started(folder, wait=True)
    status, problem = health_of(served)
    assert (status, problem["title"]) == (503, "The export 2020 cannot be served; the service's log says why.")


def test_no_request_is_lost_while_exports_change(folder, exports):
    served = started(folder)
    stop = threading.Event()
    watcher = threading.Thread(target=served.watch, args=(stop, 0.05))
    watcher.start()
    answered: set[int | None] = {year_of(served)}
    add_2021(folder, exports)
    try:
        for year in (2021, 2020):
            point_at(folder, str(year))
            # as long as it takes: two thousand answers were once quicker than a load
            end = time.monotonic() + PATIENCE
            while (last := year_of(served)) != year and time.monotonic() < end:
                answered.add(last)
            answered.add(last)
            assert last == year
    finally:
        stop.set()
        watcher.join()
    assert answered == {2020, 2021}


def test_the_manifest_that_tests_spoil_is_one(folder):
    Manifest.model_validate_json((folder / "2020" / MANIFEST_NAME).read_bytes())
