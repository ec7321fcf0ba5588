"""Assets as rows of tables, on a real PostgreSQL."""

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
from sqf_pipeline_tests.integration.warehouse import frames


@pytest.fixture
def opened(database_url: str, warehouse: sa.MetaData, tmp_path: Path) -> Warehouse:
    del warehouse  # asked for so that the tables are there
    return Warehouse(database_url, tmp_path / "postgres", "sqf")


def asset_of(name: str, frame: pd.DataFrame, partitions: dg.PartitionsDefinition, **metadata: Any):
    @dg.asset(key=name, partitions_def=partitions, io_manager_key="tables", metadata=metadata)
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


def models_in(warehouse: Warehouse) -> list[str]:
    return warehouse.read(warehouse.table("models"), {"test_year": 2020})["model"].tolist()


def test_an_asset_replaces_its_year_and_tells_how_many_rows(opened):
    files = frames.source_files(opened.metadata)
    for _ in range(2):
        result = make(opened, asset_of("source_files", files, YEARS))
        assert result.success
    stored = opened.read(opened.table("source_files"), {"year": 2020})
    assert stored["file_name"].tolist() == ["sqf-2020.csv"]
    (materialization,) = result.asset_materializations_for_node("source_files")
    assert materialization.metadata["dagster/partition_row_count"].value == 1
    assert materialization.metadata["dagster/table_name"].value == "sqf.source_files"


def test_two_assets_share_a_table_and_each_replaces_its_own_models(opened):
    mine = {io_managers.MODELS: ["a", "b"], io_managers.NOT_MODELS: ["c", "d", "e"]}
    others = {
        io_managers.TABLE: "models",
        io_managers.MODELS: ["c", "d", "e"],
        io_managers.NOT_MODELS: ["a", "b"],
    }

    def rows(*names: str) -> pd.DataFrame:
        return frames.models(opened.metadata, names)

    assert make(opened, asset_of("models", rows("a", "b"), TEST_YEARS, **mine)).success
    assert make(opened, asset_of("extended_models", rows("c", "d"), TEST_YEARS, **others)).success
    assert models_in(opened) == ["a", "b", "c", "d"]
    assert make(opened, asset_of("models", rows("b"), TEST_YEARS, **mine)).success
    assert models_in(opened) == ["b", "c", "d"]
    assert make(opened, asset_of("extended_models", rows("e"), TEST_YEARS, **others)).success
    assert models_in(opened) == ["b", "e"]


@pytest.mark.parametrize("writer", ["models", "extended_models"])
def test_models_that_nobody_fits_any_more_go_with_all_that_was_measured_on_them(opened, writer):
    everything = {io_managers.MODELS: ["a", "gone", "c"], io_managers.NOT_MODELS: []}
    metrics = frames.metrics(opened.metadata, ("a", "gone", "c"))
    assert make(
        opened, asset_of("models", frames.models(opened.metadata, ("a", "gone", "c")), TEST_YEARS, **everything)
    )
    assert make(opened, asset_of("model_metrics", metrics, TEST_YEARS, **everything)).success
    mine, other = ("a", "c") if writer == "models" else ("c", "a")
    owned = {io_managers.TABLE: "models", **only(mine, not_=other)}
    assert make(opened, asset_of(writer, frames.models(opened.metadata, (mine,)), TEST_YEARS, **owned)).success
    assert models_in(opened) == ["a", "c"]
    left = opened.read(opened.table("model_metrics"), {"test_year": 2020})
    assert sorted(left["model"]) == ["a", "c"]


def only(mine: str, *, not_: str) -> dict[str, list[str]]:
    return {io_managers.MODELS: [mine], io_managers.NOT_MODELS: [not_]}


def test_what_is_loaded_are_the_rows_of_the_asset_alone(opened):
    seen = []
    models = asset_of("models", frames.models(opened.metadata, ("a",)), TEST_YEARS, **only("a", not_="c"))
    others = {io_managers.TABLE: "models", **only("c", not_="a")}
    extended = asset_of("extended_models", frames.models(opened.metadata, ("c",)), TEST_YEARS, **others)

    @dg.asset(partitions_def=TEST_YEARS, io_manager_key="tables", metadata={io_managers.TABLE: "drift"})
    def reader(models: pd.DataFrame, extended_models: pd.DataFrame) -> pd.DataFrame:
        seen.extend([models["model"].tolist(), extended_models["model"].tolist()])
        return frames.frame_for(opened.table("drift"), [])

    assert make(opened, models, extended, reader).success
    assert seen == [["a"], ["c"]]


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
    assert len(opened.read(opened.table("source_files"), {"year": 2020})) == 1
    assert not list(tmp_path.rglob("*.partial"))


def test_an_asset_without_a_table_cannot_be_stored(opened):
    result = make(opened, asset_of("nowhere", pd.DataFrame({"year": [2020]}), YEARS))
    assert not result.success
