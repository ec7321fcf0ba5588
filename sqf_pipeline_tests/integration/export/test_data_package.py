"""The data package: what is in it is what the tables hold, and the programs of both formats take it."""

import csv
import gzip
import hashlib
import io
import json
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pandas as pd
import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

import sqf_pipeline
from sqf_pipeline.cli import main
from sqf_pipeline.registry.columns import load_columns
from sqf_pipeline.warehouse.tables import build_metadata
from sqf_pipeline.warehouse.url import create_engine
from sqf_pipeline.warehouse.writer import replace_partition
from sqf_pipeline_tests.integration.conftest import created
from sqf_pipeline_tests.integration.warehouse import frames

YEARS = (2019, 2020)
NOTEBOOKS = Path(sqf_pipeline.__file__).parents[1] / "notebooks"
SETTINGS = {"SQF_SOURCE": "local", "COLUMNS": "200"}


@dataclass
class Filled:
    """A database with two years of stops and results of one test year, and the package made of it."""

    url: str
    stops: dict[int, pd.DataFrame]
    predictions: pd.DataFrame
    folder: Path

    def export(self, folder: Path, *options: str, source: str = "local") -> Result:
        environment = {**SETTINGS, "SQF_DATABASE_URL": self.url, "SQF_HOME": str(folder.parent), "SQF_SOURCE": source}
        return CliRunner().invoke(main, ["export", "data", str(folder), *options], env=environment)


@pytest.fixture(scope="module")
def filled(server_url: str, warehouse_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    with created(server_url, "data_package", warehouse_template) as url:
        engine, metadata = create_engine(url), build_metadata("sqf")

        def put(name: str, frame: pd.DataFrame, **partition: int) -> None:
            replace_partition(engine, metadata.tables[f"sqf.{name}"], frame, partition)

        stops = {year: frames.stops(120, year, seed=year) for year in YEARS}
        for year, frame in stops.items():
            put("source_files", frames.source_files(metadata, year), year=year)
            put("stops", frame, year=year)
        quality = metadata.tables["sqf.data_quality"]
        for year, rows in ((2019, 3), (2020, 4)):
            row = frames.row_for(quality, year, column_name="suspect_age", rule="implausible", rows=rows)
            put("data_quality", frames.frame_for(quality, [row]), year=year)
        revisions = metadata.tables["sqf.revisions"]
        revision = frames.row_for(revisions, change="rows", column_name="")
        put("revisions", frames.frame_for(revisions, [revision]), year=2020)
        put("models", frames.models(metadata), test_year=2020)
        put("model_metrics", frames.metrics(metadata), test_year=2020)
        thresholds = metadata.tables["sqf.threshold_metrics"]
        row = frames.row_for(thresholds, model=frames.DEFAULT_MODELS[0], threshold=float("inf"))
        put("threshold_metrics", frames.frame_for(thresholds, [row]), test_year=2020)
        bins = metadata.tables["sqf.calibration_bins"]
        row = frames.row_for(
            bins, model=frames.DEFAULT_MODELS[0], mean_probability=0.3, observed_share=0.25, low=0.1, high=0.4
        )
        put("calibration_bins", frames.frame_for(bins, [row]), test_year=2020)
        predictions = frames.predictions(metadata, stops[2020])
        put("predictions", predictions, test_year=2020)
        engine.dispose()
        folder = tmp_path_factory.mktemp("package") / "data"
        made = Filled(url, stops, predictions, folder)
        result = made.export(folder)
        assert result.exit_code == 0, result.output
        yield made


def cells(path: Path) -> list[dict[str, str]]:
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return list(csv.DictReader(io.StringIO(data.decode(), newline="")))


def resources(folder: Path) -> dict[str, dict]:
    described = json.loads((folder / "datapackage.json").read_text(encoding="utf-8"))
    return {resource["name"]: resource for resource in described["resources"]}


def test_every_stop_is_there_with_its_values_in_both_forms(filled):
    for year, stops in filled.stops.items():
        rows = cells(filled.folder / f"csv/stops-{year}.csv.gz")
        frame = pd.read_parquet(filled.folder / f"stops/year={year}.parquet")
        assert [row["stop_id"] for row in rows] == [str(number) for number in range(1, 121)] == list(frame["stop_id"])
        assert [row["stop_date"] for row in rows] == list(stops["stop_date"].dt.strftime("%Y-%m-%d").fillna(""))
        for name in ("suspect_race", "full_address"):  # with quotes, commas, lines and letters of other languages
            assert [row[name] or None for row in rows] == [None if v is pd.NA else v for v in stops[name]]
            assert [None if pd.isna(v) else v for v in frame[name]] == [None if v is pd.NA else v for v in stops[name]]
        words = {True: "true", False: "false"}
        assert [row["arrested"] for row in rows] == ["" if v is pd.NA else words[v] for v in stops["arrested"]]
        numbers = [None if v is pd.NA else float(v) for v in stops["x_feet"]]
        assert [float(row["x_feet"]) if row["x_feet"] else None for row in rows] == numbers


def test_columns_are_those_of_the_registry_and_the_two_computed_ones_each_fully_described(filled):
    names = [column.name for column in load_columns()] + ["suspect_age_band", "suspect_race_combined"]
    fields = resources(filled.folder)["stops-2020"]["schema"]["fields"]
    assert [field["name"] for field in fields] == names == list(cells(filled.folder / "csv/stops-2020.csv.gz")[0])
    by_name = {field["name"]: field for field in fields}
    for column in load_columns():
        field = by_name[column.name]
        assert column.description.rstrip(".") in field["description"]
        assert field.get("unit", "") == column.unit
        assert (field["comparable"], field.get("usage_warning", "")) == (column.comparable, column.usage_warning)
        limits = field.get("constraints", {})
        if column.kind not in {"identifier", "category", "text"}:
            assert (limits.get("minimum"), limits.get("maximum")) == (column.minimum, column.maximum)
        assert limits.get("required", False) == (column.name in {"year", "stop_id"})
    every = [field for resource in resources(filled.folder).values() for field in resource["schema"]["fields"]]
    assert all(field["description"] for field in every)


def test_age_bands_and_combined_groups_are_counted_as_the_ages_and_groups_are(filled):
    rows = cells(filled.folder / "csv/stops-2020.csv.gz")
    ages = [None if age is pd.NA else int(age) for age in filled.stops[2020]["suspect_age"]]
    bands = Counter(row["suspect_age_band"] for row in rows)
    assert bands["under 18"] == sum(age is not None and age < 18 for age in ages)
    assert bands["25 to 34"] == sum(age is not None and 25 <= age <= 34 for age in ages)
    assert bands["55 and over"] == sum(age is not None and age >= 55 for age in ages)
    assert bands[""] == ages.count(None)


def test_every_table_is_there_those_without_rows_too_and_no_time_of_writing(filled):
    by_name = resources(filled.folder)
    tables = [table.name for table in build_metadata("sqf").sorted_tables]
    assert set(by_name) >= {name for name in tables if name not in {"stops", "predictions"}} | {"predictions-2020"}
    assert by_name["drift"]["rows"] == 0
    assert not {"recorded_at", "fetched_at"} & {f["name"] for f in by_name["source_files"]["schema"]["fields"]}
    for resource in by_name.values():
        path = filled.folder / resource["path"]
        assert resource["bytes"] == path.stat().st_size
        assert resource["hash"] == f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
        assert resource["rows"] == len(cells(path)) == len(pd.read_parquet(filled.folder / resource["parquet"]["path"]))
    assert len(cells(filled.folder / "csv/predictions-2020.csv.gz")) == len(filled.predictions)
    references = {key["reference"]["resource"] for key in by_name["predictions-2020"]["schema"]["foreignKeys"]}
    assert references == {"models", "stops-2020"}


def test_sums_cover_every_file_and_two_builds_are_equal_byte_for_byte(filled, tmp_path):
    listed = dict(
        reversed(line.split("  ")) for line in (filled.folder / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    )
    found = {path.relative_to(filled.folder).as_posix() for path in filled.folder.rglob("*") if path.is_file()}
    assert set(listed) == found - {"SHA256SUMS"}
    assert all(hashlib.sha256((filled.folder / n).read_bytes()).hexdigest() == s for n, s in listed.items())
    assert filled.export(tmp_path / "again").exit_code == 0
    for name in found:
        assert (tmp_path / "again" / name).read_bytes() == (filled.folder / name).read_bytes(), name


def faults(folder: Path) -> set[str]:
    """Return the kinds of faults that `frictionless validate` finds."""
    command = [str(Path(sys.executable).parent / "frictionless"), "validate", "datapackage.json", "--json"]
    told = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    report = json.loads(told.stdout)
    assert report["valid"] == (told.returncode == 0)
    assert report["stats"]["tasks"] == len(resources(folder))
    return {error["type"] for task in report["tasks"] for error in task["errors"]}


@pytest.mark.slow
def test_frictionless_takes_it_and_refuses_a_spoilt_cell_and_a_lost_reference(filled, tmp_path):
    assert faults(filled.folder) == set()
    spoilt = Path(shutil.copytree(filled.folder, tmp_path / "spoilt"))
    path = spoilt / "csv/models.csv"
    path.write_text(path.read_text(encoding="utf-8").replace(frames.DEFAULT_MODELS[0], "another", 1), encoding="utf-8")
    assert "hash-count" in faults(spoilt)
    described = json.loads((spoilt / "datapackage.json").read_text(encoding="utf-8"))
    for resource in described["resources"]:
        del resource["hash"], resource["bytes"]
    (spoilt / "datapackage.json").write_text(json.dumps(described), encoding="utf-8")
    assert "foreign-key" in faults(spoilt)


READ_BY_MLCROISSANT = """
import collections, json, sys, mlcroissant
dataset = mlcroissant.Dataset("croissant.json")
years = collections.Counter(row["stops/year"] for row in dataset.records("stops"))
json.dump({
    "errors": sorted(map(str, dataset.metadata.ctx.issues.errors)),
    "years": {str(year): count for year, count in years.items()},
    "models": sum(1 for _ in dataset.records("models")),
    "biases": dataset.metadata.data_biases, "limitations": dataset.metadata.data_limitations,
}, sys.stdout)
"""


def test_mlcroissant_takes_it_and_reads_the_rows(filled):
    # in a process of its own: it brings absl, which closes whatever stood for stderr when it was imported
    command = [sys.executable, "-c", READ_BY_MLCROISSANT]
    told = subprocess.run(command, cwd=filled.folder, capture_output=True, text=True, check=True)
    read = json.loads(told.stdout)
    assert read["errors"] == []
    assert read["years"] == {str(year): 120 for year in YEARS}
    assert read["models"] == 2
    assert read["biases"]
    assert any("Not to be used" in line for line in read["limitations"])


def test_duckdb_and_pandas_count_what_went_in_by_the_lines_that_the_card_gives(filled, monkeypatch):
    monkeypatch.chdir(filled.folder)
    card = Path("README.md").read_text(encoding="utf-8")
    blocks = dict(block.split("\n", 1) for block in card.split("```")[1::2])
    scope: dict = {}
    exec(blocks["python"], scope)  # noqa: S102 - the card's own example
    assert scope["stops"]["year"].value_counts().to_dict() == dict.fromkeys(YEARS, 120)
    assert duckdb.sql(blocks["sql"].strip().rstrip(";")).fetchall() == [(year, 120) for year in YEARS]
    arrests = sum(int(stops["arrested"].sum()) for stops in filled.stops.values())
    query = "SELECT count(*) FILTER (WHERE arrested) FROM read_csv('csv/stops-*.csv.gz')"
    assert duckdb.sql(query).fetchall() == [(arrests,)]


@pytest.mark.parametrize("notebook", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_notebooks_run_on_it_and_are_kept_without_what_they_showed(filled, monkeypatch, notebook):
    monkeypatch.setenv("SQF_PACKAGE", str(filled.folder))
    monkeypatch.setenv("MPLBACKEND", "agg")
    scope: dict = {}
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            assert (cell["outputs"], cell["execution_count"]) == ([], None)
            exec("".join(cell["source"]), scope)  # noqa: S102 - the project's own
    if "shares" in scope:
        known = filled.stops[2020][["precinct", "arrested"]].dropna()
        counted = Counter(known["precinct"])
        assert {int(name): row.stops for name, row in scope["shares"].iterrows()} == counted
        assert scope["shares"]["arrests"].sum() == known["arrested"].sum()
    else:
        assert scope["inside"].tolist() == [True]


def test_r_gets_the_types_of_the_registry(filled):
    card = (filled.folder / "README.md").read_text(encoding="utf-8")
    letters = card.split('col_types = "')[1].split('"')[0]
    kinds = {"identifier": "c", "category": "c", "text": "c", "flag": "l", "mark": "l", "date": "D", "number": "d",
             "height": "d"}  # fmt: skip
    assert letters == "".join(kinds.get(column.kind, "i") for column in load_columns()) + "cc"
    if shutil.which("Rscript") is None:
        pytest.skip("R is not installed here; its letters were compared with the registry")
    code = card.split("```r\n")[1].split("```")[0] + "cat(nrow(stops), nrow(problems(stops)))"
    told = subprocess.run(["Rscript", "-e", code], cwd=filled.folder, capture_output=True, text=True, check=False)
    assert told.stdout.split()[-2:] == ["120", "0"], told.stderr


def test_the_card_tells_provenance_and_what_cleaning_changed(filled):
    card = (filled.folder / "README.md").read_text(encoding="utf-8")
    for year in YEARS:
        assert f"| {year} | sqf-{year}.csv | 1 |" in card
    assert "`" + "a" * 64 + "`" in card
    assert "| `suspect_age` | implausible | 7 |" in card  # 3 in one year and 4 in the other
    assert "SYNTHETIC" not in card
    for column in load_columns():
        assert not column.usage_warning or f"- `{column.name}`: {column.usage_warning}\n" in card
    differs = [column.name for column in load_columns() if column.comparable == "different"]
    (line,) = [line for line in card.splitlines() if line.startswith("- Not comparable")]
    assert all(f"`{name}`" in line for name in differs)
    assert line.count("`") == 2 * len(differs)


def test_recoded_stops_have_stanfords_columns_and_keep_their_key(filled, tmp_path):
    result = filled.export(tmp_path / "stanford", "--recode", "openpolicing", "--date", "2026-01-31")
    assert result.exit_code == 0, result.output
    rows = cells(tmp_path / "stanford/csv/stops-2020.csv.gz")
    stops = filled.stops[2020]
    assert [row["stop_id"] for row in rows] == list(stops["stop_id"])
    assert {row["type"] for row in rows} == {"pedestrian"}
    assert Counter(row["arrest_made"] for row in rows)["true"] == int(stops["arrested"].sum())
    assert Counter(row["outcome"] for row in rows)["arrest"] == int(stops["arrested"].sum())
    clock = [
        None if v is pd.NA else f"{int(v) // 3600:02d}:{int(v) % 3600 // 60:02d}" for v in stops["stop_time_seconds"]
    ]
    assert [row["time"] or None for row in rows] == clock
    assert faults(tmp_path / "stanford") == set()
    assert json.loads((tmp_path / "stanford/croissant.json").read_text())["datePublished"] == "2026-01-31"


def test_other_files_in_the_folder_are_kept_and_an_earlier_package_is_replaced(filled, tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "thesis.txt").write_text("mine", encoding="utf-8")
    refused = filled.export(folder)
    assert refused.exit_code == 1
    assert "other files" in refused.output
    assert [path.name for path in folder.iterdir()] == ["thesis.txt"]
    target = tmp_path / "package"
    assert filled.export(target).exit_code == 0
    (target / "stale.txt").write_text("of the earlier package", encoding="utf-8")
    assert filled.export(target).exit_code == 0
    assert not (target / "stale.txt").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"mine", "package"}


def test_a_failure_in_the_middle_leaves_the_earlier_package(filled, tmp_path, monkeypatch):
    target = tmp_path / "package"
    assert filled.export(target).exit_code == 0
    before = (target / "SHA256SUMS").read_bytes()

    def fail(*_: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("sqf_pipeline.export.data_package.data_card", fail)
    failed = filled.export(target)
    assert failed.exit_code == 1
    assert "No space left" in failed.output
    assert (target / "SHA256SUMS").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["package"]


def test_no_stops_are_said_and_nothing_is_written(filled, tmp_path):
    result = filled.export(tmp_path / "package", source="sample")  # another schema, which is empty
    assert result.exit_code == 1
    assert "There are no stops to export" in result.output
    assert not (tmp_path / "package").exists()


def test_synthetic_stops_are_labelled_in_every_file_that_describes_them(filled, tmp_path):
    engine, metadata = create_engine(filled.url), build_metadata("sqf_sample")
    stops = frames.stops(10)
    source = frames.source_files(metadata).assign(source="sample")
    replace_partition(engine, metadata.tables["sqf_sample.source_files"], source, {"year": 2020})
    replace_partition(engine, metadata.tables["sqf_sample.stops"], stops, {"year": 2020})
    engine.dispose()
    result = filled.export(tmp_path / "package", source="sample")
    assert result.exit_code == 0, result.output
    assert "SYNTHETIC" in result.output
    for name in ("README.md", "datapackage.json", "croissant.json"):
        assert "SYNTHETIC" in (tmp_path / "package" / name).read_text(encoding="utf-8"), name
    assert all("SYNTHETIC" in resource["title"] for resource in resources(tmp_path / "package").values())


def test_what_is_written_meanwhile_does_not_come_in(filled):
    from sqf_pipeline.warehouse.writer import one_state, read_batches

    engine, table = create_engine(filled.url), build_metadata("sqf").tables["sqf.models"]
    with one_state(engine) as state:
        count = sa.select(sa.func.count()).select_from(table)
        assert state.execute(count).scalar_one() == 2
        with engine.begin() as other:
            other.execute(sa.insert(table).values(**frames.row_for(table, 2021, model="late")))
        rows = [
            batch.num_rows
            for year in (2020, 2021)
            for batch in read_batches(state, table, ["model"], {"test_year": year})
        ]
        assert sum(rows) == 2
    with engine.begin() as other:
        other.execute(sa.delete(table).where(table.c.test_year == 2021))
    engine.dispose()
