"""`sqf run` on a year of which only a quarter is there, then on the whole year."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from sqf_pipeline.warehouse import embedded_server
from sqf_pipeline.warehouse.url import create_engine
from sqf_pipeline_tests.modelling_support import small_models
from sqf_pipeline_tests.pipeline_support import Pipeline, in_quarters, write_made_up_years

NOTE = "Partial year: January to March alone of 2020."


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    folder = tmp_path_factory.mktemp("partial")
    made = Pipeline(folder / "home", write_made_up_years(folder / "raw", rows=800))
    with small_models():
        yield made
    made.remove()


def asked(pipeline: Pipeline, query: str) -> list[tuple]:
    engine = create_engine(embedded_server.ensure_running(pipeline.home / "postgres"))
    try:
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(sa.text(query))]
    finally:
        engine.dispose()


def test_a_quarter_is_no_test_year_unless_that_is_allowed_and_the_whole_year_takes_its_place(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    whole = shutil.copy(pipeline.data_dir / "sqf-2020.csv", tmp_path)
    in_quarters(pipeline.data_dir, 2020, 1)
    refused = pipeline.sqf("run")
    assert refused.exit_code == 1, refused.output
    assert "2020 is partial (January to March; sqf-2020-q1.csv)" in refused.stderr
    assert "--allow-partial" in refused.stderr
    months = "SELECT DISTINCT extract(month FROM stop_date)::int FROM sqf.stops WHERE year = 2020"
    assert {month for (month,) in asked(pipeline, months)} - {None} == {1, 2, 3}
    assert asked(pipeline, "SELECT count(*) FROM sqf.models") == [(0,)]

    allowed = pipeline.sqf("run", "--allow-partial")
    assert allowed.exit_code == 0, allowed.output
    assert NOTE in allowed.output
    assert asked(pipeline, "SELECT DISTINCT coverage FROM sqf.models") == [("partial excerpt",)]
    assert NOTE in pipeline.sqf("report").output

    (pipeline.data_dir / "sqf-2020-q1.csv").unlink()
    shutil.copy(whole, pipeline.data_dir)
    again = pipeline.sqf("run")
    assert again.exit_code == 0, again.output
    assert "2020 was loaded before from another version of the file (sqf-2020-q1.csv" in " ".join(again.output.split())
    assert "2020 was revised" in again.output
    assert NOTE not in again.output
    counted = "SELECT before, after FROM sqf.revisions WHERE year = 2020 AND change = 'rows'"
    ((before, after),) = asked(pipeline, counted)
    assert before < 800 == after
    assert asked(pipeline, "SELECT DISTINCT coverage FROM sqf.models") == [("excerpt",)]
