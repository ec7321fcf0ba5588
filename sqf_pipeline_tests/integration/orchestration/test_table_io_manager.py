"""Assets as rows of tables, on a real PostgreSQL."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import pytest
import sqlalchemy as sa

from sqf_pipeline.orchestration import io_managers
from sqf_pipeline.orchestration.io_managers import FrameAndTableIOManager, ParquetIOManager, TableIOManager
from sqf_pipeline.orchestration.partitions import TEST_YEARS, YEARS
from sqf_pipeline.orchestration.resources import Warehouse
from sqf_pipeline.orchestration.stored_models import FittedModelsIOManager
from sqf_pipeline.settings import Settings
from sqf_pipeline.warehouse.writer import read_table
from sqf_pipeline_tests.integration.warehouse import frames


@pytest.fixture
def opened(database_url: str, warehouse: sa.MetaData, tmp_path: Path) -> Warehouse:
    del warehouse  # asked for so that the tables are there
    return Warehouse(Settings(database_url=database_url, home=tmp_path, source="local"))


def asset_of(name: str, frame: pd.DataFrame, partitions: dg.PartitionsDefinition, deps: Sequence[str] = ()):
    @dg.asset(key=name, partitions_def=partitions, io_manager_key="tables", deps=deps)
    def made() -> pd.DataFrame:
        return frame

    return made


def make(warehouse: Warehouse, *assets: dg.AssetsDefinition, manager: Any = None) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        list(assets),
        partition_key="2020",
        resources={"tables": manager or TableIOManager(warehouse)},
        raise_on_error=False,
    )


def models_in(warehouse: Warehouse, table: str = "models") -> list[str]:
    return sorted(read_table(warehouse.engine, warehouse.table(table), {"test_year": 2020})["model"])


def test_an_asset_replaces_its_year_and_tells_how_many_rows(opened):
    files = frames.source_files(opened.metadata)
    for _ in range(2):
        result = make(opened, asset_of("source_files", files, YEARS))
        assert result.success
    stored = read_table(opened.engine, opened.table("source_files"), {"year": 2020})
    assert stored["file_name"].tolist() == ["sqf-2020.csv"]
    (materialization,) = result.asset_materializations_for_node("source_files")
    assert materialization.metadata["dagster/partition_row_count"].value == 1
    assert materialization.metadata["dagster/table_name"].value == "sqf.source_files"


def fitted(folder: Path, **groups: tuple[str, ...]) -> FittedModelsIOManager:
    """Return the store of models with the lists of some assets, as if they had just been fitted."""
    for asset, names in groups.items():
        (folder / asset).mkdir(parents=True, exist_ok=True)
        (folder / asset / "2020.json").write_text(json.dumps({name: {} for name in names}))
    return FittedModelsIOManager(folder)


def test_a_run_that_measures_some_models_leaves_the_others_and_drops_what_is_no_longer_fitted(opened, tmp_path):
    manager = TableIOManager(opened, fitted(tmp_path, plain=("a", "b"), tiers=("c", "d")))

    def store(table: str, *names: str) -> None:
        rows = getattr(frames, "models" if table == "models" else "metrics")(opened.metadata, names)
        made = asset_of(table, rows, TEST_YEARS, deps=["plain", "tiers", "test_stops"])
        assert make(opened, made, manager=manager).success

    for table in ("models", "model_metrics"):
        store(table, "a", "b", "c", "d")
        store(table, "b", "a")
        assert models_in(opened, table) == ["a", "b", "c", "d"], table
    fitted(tmp_path, plain=("b",), tiers=("d", "e"))
    store("models", "b")
    assert models_in(opened) == ["b", "d"], "a and c are fitted no more, e was not measured yet"
    assert models_in(opened, "model_metrics") == ["b", "d"], "and all that was measured on them goes"
    store("models", "b", "d", "e")
    assert models_in(opened) == ["b", "d", "e"]


def test_models_of_an_asset_that_a_table_is_not_made_from_are_replaced_with_the_year(opened, tmp_path):
    manager = TableIOManager(opened, fitted(tmp_path, plain=("a",), gone=("c",)))
    rows = frames.models(opened.metadata, ("a", "c"))
    assert make(opened, asset_of("models", rows, TEST_YEARS, deps=["plain"]), manager=manager).success
    rows = frames.models(opened.metadata, ("a",))
    assert make(opened, asset_of("models", rows, TEST_YEARS, deps=["plain"]), manager=manager).success
    assert models_in(opened) == ["a"]


def test_what_is_loaded_is_the_whole_year(opened):
    seen = []
    models = asset_of("models", frames.models(opened.metadata, ("a", "c")), TEST_YEARS)

    @dg.asset(partitions_def=TEST_YEARS, io_manager_key="tables", metadata={io_managers.TABLE: "drift"})
    def reader(models: pd.DataFrame) -> pd.DataFrame:
        seen.extend(models["model"])
        return frames.frame_for(opened.table("drift"), [])

    assert make(opened, models, reader).success
    assert seen == ["a", "c"]


def test_a_frame_that_does_not_fit_its_table_changes_neither_table_nor_file(opened, tmp_path):
    manager = FrameAndTableIOManager(ParquetIOManager(tmp_path / "frames"), TableIOManager(opened))
    good = frames.source_files(opened.metadata)
    assert make(opened, asset_of("source_files", good, YEARS), manager=manager).success
    before = (tmp_path / "frames" / "source_files" / "2020.parquet").read_bytes()

    for spoiled in (
        good.drop(columns="sha256"),
        good.assign(more=1),
        good.assign(sha256="short"),
        good.assign(rows=-1),
    ):
        assert not make(opened, asset_of("source_files", spoiled, YEARS), manager=manager).success
        assert (tmp_path / "frames" / "source_files" / "2020.parquet").read_bytes() == before
    assert len(read_table(opened.engine, opened.table("source_files"), {"year": 2020})) == 1
    assert not list(tmp_path.rglob(".*.part.*"))


def test_an_asset_without_a_table_cannot_be_stored(opened):
    result = make(opened, asset_of("nowhere", pd.DataFrame({"year": [2020]}), YEARS))
    assert not result.success
