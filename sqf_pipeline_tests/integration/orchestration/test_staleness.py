"""When an asset counts as out of date: other bytes or other code, and nothing else."""

import shutil
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.data_version import CachingStaleStatusResolver
from dagster._core.loader import LoadingContextForTest

from sqf_pipeline.definitions import build_defs
from sqf_pipeline.orchestration import versions
from sqf_pipeline.orchestration.io_managers import ParquetIOManager
from sqf_pipeline.settings import Settings
from sqf_pipeline_tests.pipeline_support import rows_of, write_made_up_years, write_rows

RAW = ("raw_stops", "source_files", "revisions")
STOPS = ("stops", "data_quality", "column_loss")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_made_up_years(tmp_path_factory.mktemp("staleness"), rows=300)


def make(definitions: dg.Definitions, instance: dg.DagsterInstance, *assets: str) -> None:
    result = definitions.resolve_job_def("yearly_stops").execute_in_process(
        instance=instance, partition_key="2018", asset_selection=[dg.AssetKey(asset) for asset in assets]
    )
    assert result.success


def status(definitions: dg.Definitions, instance: dg.DagsterInstance, asset: str) -> str:
    resolver = CachingStaleStatusResolver(instance, definitions.resolve_asset_graph(), LoadingContextForTest(instance))
    return resolver.get_status(dg.AssetKey(asset), "2018").value


def test_stops_are_stale_after_other_bytes_and_fresh_after_the_same(folder, tmp_path):
    data_dir = shutil.copytree(folder, tmp_path / "raw")
    settings = Settings(home=tmp_path / "home", data_dir=data_dir, source="local")
    frames: Any = ParquetIOManager(tmp_path / "frames")
    definitions = build_defs(settings, tables=frames, frames_and_tables=frames)
    with dg.DagsterInstance.ephemeral() as instance:
        make(definitions, instance, *RAW, *STOPS)
        assert status(definitions, instance, "stops") == "FRESH"

        path = data_dir / "sqf-2018.csv"
        path.write_bytes(path.read_bytes())
        make(definitions, instance, *RAW)
        assert status(definitions, instance, "stops") == "FRESH"

        write_rows(path, rows_of(path)[:-1])
        make(definitions, instance, *RAW)
        assert status(definitions, instance, "stops") == "STALE"

        make(definitions, instance, *STOPS)
        assert status(definitions, instance, "stops") == "FRESH"


def test_a_version_of_code_follows_what_is_written_and_where(tmp_path, monkeypatch):
    monkeypatch.setattr(versions, "_PACKAGE", tmp_path)
    versions.code_version.cache_clear()

    def version(*parts: str) -> str:
        versions.code_version.cache_clear()
        return versions.code_version(*parts)

    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "a.py").write_text("a = 1")
    (tmp_path / "part" / "notes.txt").write_text("not code")
    first = version("part")
    (tmp_path / "part" / "notes.txt").write_text("still not code")
    assert version("part") == first
    (tmp_path / "part" / "table.csv").write_text("x")
    second = version("part")
    assert second != first
    (tmp_path / "part" / "a.py").write_text("a = 2")
    assert version("part") not in {first, second}
    with pytest.raises(FileNotFoundError, match=r"nothing\.py is no part"):
        version("nothing.py")
    versions.code_version.cache_clear()
