"""`sqf report`: what it shows is what the tables hold."""

from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from sqf_pipeline.cli import main
from sqf_pipeline.warehouse.writer import replace_partition
from sqf_pipeline_tests.integration.warehouse import frames

NAMES = ("arrest-study-forest", "arrest-study-line")


def report(url: str, home: Path, *options: str) -> Result:
    environment = {"SQF_DATABASE_URL": url, "SQF_HOME": str(home), "SQF_SOURCE": "local", "COLUMNS": "200"}
    return CliRunner().invoke(main, ["report", *options], env=environment)


def line_of(result: Result, begins: str) -> list[str]:
    (line,) = [line for line in result.output.splitlines() if line.strip().startswith(begins)]
    return line.replace(" %", "%").split()


@pytest.fixture
def stops(engine: sa.Engine, warehouse: sa.MetaData) -> pd.DataFrame:
    """Fill the tables with a year of stops and two models of each of two test years; returns the stops."""
    stops = frames.stops(200)
    contents = {"source_files": frames.source_files(warehouse), "stops": stops}
    for name, frame in contents.items():
        replace_partition(engine, warehouse.tables[f"sqf.{name}"], frame, {"year": 2020})
    for year in (2020, 2021):
        metrics = frames.metrics(warehouse, NAMES, year).assign(roc_auc=[0.8126, 0.75], accuracy=[0.9, None])
        for name, frame in {"models": frames.models(warehouse, NAMES, year), "model_metrics": metrics}.items():
            replace_partition(engine, warehouse.tables[f"sqf.{name}"], frame, {"test_year": year})
    return stops


def test_the_figures_are_those_of_the_tables(stops, database_url, tmp_path):
    result = report(database_url, tmp_path)
    assert result.exit_code == 0, result.output
    arrests, summonses = int(stops["arrested"].sum()), int(stops["summons_issued"].sum())
    year, count, arrested, share, issued, *_ = line_of(result, "2020 ")
    assert (year, count, arrested, issued) == ("2020", "200", str(arrests), str(summonses))
    assert share == f"{arrests / stops['arrested'].count():.1%}"
    assert "sqf-2020.csv (local)" in result.output
    for test_year in (2020, 2021):
        assert f"Models of arrest: 20 of 50 test stops of {test_year}" in result.output


def test_one_test_year_alone_and_a_metric_that_does_not_exist_is_a_dash(stops, database_url, tmp_path):
    del stops
    result = report(database_url, tmp_path, "--year", "2021")
    assert result.exit_code == 0, result.output
    assert "test stops of 2020" not in result.output
    assert "arrest: 20 of 50 test stops of 2021" in result.output
    titles = line_of(result, "model ")
    forest, line = (
        dict(zip(titles, line_of(result, name)[1:], strict=True)) for name in ("study forest", "study line")
    )
    assert (forest["acc."], forest["AUC"]) == ("0.900", "0.813")
    assert (line["acc."], line["AUC"]) == ("\u2013", "0.750")


def test_a_year_without_results_is_told_with_those_that_have(stops, database_url, tmp_path):
    del stops
    result = report(database_url, tmp_path, "--year", "2022", "--year", "2021")
    assert result.exit_code == 1
    said = " ".join(result.stderr.split())
    assert "no results of 2022 in schema sqf; there are those of 2020, 2021" in said
    assert "`sqf run --year 2022` makes them" in said
    assert "Traceback" not in result.output


@pytest.mark.parametrize("options", [(), ("--source", "sample")])
def test_empty_tables_and_another_source_s_say_what_to_do(options, warehouse, database_url, tmp_path):
    del warehouse
    result = report(database_url, tmp_path, *options)
    assert result.exit_code == 1
    assert f"no results in schema {'sqf_sample' if options else 'sqf'} yet. `sqf run` makes them" in result.stderr
    assert "Traceback" not in result.output
