"""`sqf serve` and `sqf export tableau` as a person types them."""

import json
import sys
from urllib.request import urlopen

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from sqf_pipeline.cli import main
from sqf_pipeline.warehouse.writer import replace_partition
from sqf_pipeline_tests.integration.warehouse import frames
from sqf_pipeline_tests.service_process import free_port, running
from sqf_pipeline_tests.waiting import PATIENCE

pantab = pytest.importorskip("pantab", reason="Tableau extracts need pantab: pip install 'sqf-pipeline[tableau]'")


def test_serve_answers_from_the_export_it_is_given(export_folder, tmp_path):
    port = free_port()
    command = [sys.executable, "-m", "sqf_pipeline.cli", "serve", "--port", str(port), "--export", str(export_folder)]
    log = tmp_path / "log"
    with (
        running(command, port, log, {"SQF_HOME": str(tmp_path / "home")}, tmp_path) as service,
        urlopen(f"{service.url}/api/v1/models", timeout=PATIENCE) as answer,  # noqa: S310 - our own address
    ):
        assert len(json.load(answer)["models"]) == 6
    assert f"http://127.0.0.1:{port}" in log.read_text()
    assert not (tmp_path / "home").exists()  # it needs no database and writes nothing


def test_serve_without_an_export_says_what_to_do(tmp_path):
    shown = CliRunner().invoke(main, ["serve", "--port", str(free_port())], env={"SQF_HOME": str(tmp_path)})
    assert shown.exit_code == 1
    assert "No export of the models" in shown.output
    assert "sqf run" in shown.output
    assert "Traceback" not in shown.output


def test_the_extract_holds_the_tables_that_have_rows(engine, warehouse, tmp_path):
    files = frames.source_files(warehouse, 2020)
    replace_partition(engine, warehouse.tables["sqf.source_files"], files, {"year": 2020})
    stops = frames.stops(60, 2020, seed=1)
    replace_partition(engine, warehouse.tables["sqf.stops"], stops, {"year": 2020})
    settings = {
        "SQF_HOME": str(tmp_path), "SQF_SOURCE": "local",
        "SQF_DATABASE_URL": engine.url.render_as_string(hide_password=False),
    }  # fmt: skip
    path = tmp_path / "results.hyper"
    shown = CliRunner().invoke(main, ["export", "tableau", str(path)], env=settings)
    assert shown.exit_code == 0, shown.output
    found = {name[1] if isinstance(name, tuple) else name for name in pantab.frames_from_hyper(path)}
    assert {"source_files", "outcomes_by_year", "outcomes_by_borough"} <= found
    assert not found & {"stops", "predictions", "models"}
    years = pantab.frame_from_hyper(path, table="outcomes_by_year")
    with engine.connect() as connection:
        expected = connection.execute(sa.text("SELECT stops FROM sqf.outcomes_by_year")).scalar_one()
    assert years["stops"].tolist() == [expected] == [60]
    for name, rows in (("models", frames.models(warehouse)), ("predictions", frames.predictions(warehouse, stops))):
        replace_partition(engine, warehouse.tables[f"sqf.{name}"], rows, {"test_year": 2020})
    shown = CliRunner().invoke(main, ["export", "tableau", str(path), "--with-stops"], env=settings)
    assert shown.exit_code == 0, shown.output
    found = {name[1] if isinstance(name, tuple) else name for name in pantab.frames_from_hyper(path)}
    assert {name for name in found if name.startswith("predictions")} == {"predictions"}
    assert len(pantab.frame_from_hyper(path, table="predictions")) == 60 * len(frames.DEFAULT_MODELS)
    assert len(pantab.frame_from_hyper(path, table="stops")) == 60
