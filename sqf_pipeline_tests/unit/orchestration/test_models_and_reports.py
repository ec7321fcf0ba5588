"""Models and reports on disk: whole or as they were, and gone when nobody lists them any more."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from sqf_pipeline.errors import SqfError
from sqf_pipeline.orchestration.io_managers import NotMadeYetError, ReportIOManager
from sqf_pipeline.orchestration.partitions import TEST_YEARS
from sqf_pipeline.orchestration.stored_models import FittedModelsIOManager, StoredModels


@dataclass(frozen=True)
class Model:
    """What the IO manager needs of a fitted model."""

    name: str
    pipeline: Any
    columns: tuple[str, ...] = ("a", "b")
    class_counts_before: tuple[int, int] = (1, 9)
    class_counts_after: tuple[int, int] = (1, 1)


def write(manager: dg.IOManager, obj: object, year: str = "2020") -> dict[str, dg.MetadataValue]:
    context = dg.build_output_context(asset_key="made", partition_key=year, asset_partitions_def=TEST_YEARS)
    manager.handle_output(context, obj)
    return dict(context.get_logged_metadata())


def read(manager: dg.IOManager, year: str = "2020") -> Any:
    with dg.build_input_context(
        asset_key=dg.AssetKey("made"), partition_key=year, asset_partitions_def=TEST_YEARS,
        asset_partition_key_range=dg.PartitionKeyRange(year, year),
    ) as context:  # fmt: skip
        return manager.load_input(context)


@pytest.mark.parametrize("kind", [FittedModelsIOManager, ReportIOManager])
def test_what_has_not_been_made_is_named_with_its_year(kind, tmp_path):
    manager = kind(tmp_path)
    write(manager, [Model("forest", "p")] if kind is FittedModelsIOManager else {"card.md": b"x"}, "2021")
    with pytest.raises(NotMadeYetError, match=r"made of 2020 has not been made yet .*sqf run --full"):
        read(manager)


def test_models_come_back_in_their_order_with_and_without_their_pipelines(tmp_path):
    manager = FittedModelsIOManager(tmp_path)
    models = [Model(name, {"weights": name * 3}) for name in ("tree", "forest", "line")]
    told = write(manager, iter(models))
    stored: StoredModels = read(manager)
    assert stored.names == ["tree", "forest", "line"]
    assert list(stored) == models
    assert stored["forest"] == models[1]
    assert [(model.name, model.pipeline) for model in stored.described()] == [(name, None) for name in stored.names]
    assert told["size_bytes"].value == sum(path.stat().st_size for path in tmp_path.rglob("*.joblib"))
    assert [row.data["with_outcome"] for row in told["fitted"].records] == [1, 1, 1]


def test_models_are_read_only_when_they_are_asked_for(tmp_path):
    manager = FittedModelsIOManager(tmp_path)
    write(manager, [Model("kept", "p"), Model("lost", "q")])
    for path in (tmp_path / "made").glob("2020-lost-*.joblib"):
        path.unlink()
    stored = read(manager)
    assert stored["kept"].pipeline == "p"
    with pytest.raises(SqfError, match="Another run replaced the model lost"):
        stored["lost"]


def test_the_same_model_keeps_its_file_and_another_takes_none_away(tmp_path):
    manager = FittedModelsIOManager(tmp_path)

    def files() -> dict[str, int]:
        return {path.name: path.stat().st_ino for path in (tmp_path / "made").glob("*.joblib")}

    write(manager, [Model("forest", "first")])
    early, first = read(manager), files()
    write(manager, [Model("forest", "first")])
    assert files().keys() == first.keys()
    write(manager, [Model("forest", "second")])
    assert early["forest"].pipeline == "first", "who has read the list keeps what it names"
    assert read(manager)["forest"].pipeline == "second"

    for path in (tmp_path / "made").glob("*.joblib"):
        os.utime(path, (0, 0))
    write(manager, [Model("forest", "third")], "2021")
    assert files().keys() >= first.keys(), "another year's files are not ours to remove"
    write(manager, [Model("forest", "second")])
    descriptions = {name for name in first if "description" in name}  # of both models alike, and so still listed
    assert first.keys() & files().keys() == descriptions
    assert read(manager)["forest"].pipeline == "second"


def test_fitting_that_fails_leaves_the_models_that_were_there(tmp_path):
    manager = FittedModelsIOManager(tmp_path)
    write(manager, [Model("forest", "old")])

    def fits_one_and_fails() -> Iterator[Model]:
        yield Model("forest", "new")
        raise RuntimeError("no convergence")

    with pytest.raises(RuntimeError, match="no convergence"):
        write(manager, fits_one_and_fails())
    assert read(manager)["forest"].pipeline == "old"
    assert not list(tmp_path.rglob(".*.part.*"))
    assert list(json.loads((tmp_path / "made" / "2020.json").read_text())) == ["forest"]


def test_a_report_is_its_files_by_name_in_a_folder_of_its_year(tmp_path):
    manager = ReportIOManager(tmp_path)
    files = {"card.md": b"# Card", "chart.png": b"\x89PNG"}
    told = write(manager, files)
    assert read(manager) == files
    folder = tmp_path / "2020" / "made"
    assert told["files"].value == str(folder.resolve())
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == files
    write(manager, {"card.md": b"# Newer"})
    assert read(manager)["card.md"] == b"# Newer"


def test_a_report_that_cannot_be_written_is_told_and_the_old_one_stays(tmp_path, monkeypatch):
    manager = ReportIOManager(tmp_path)
    write(manager, {"card.md": b"old"})

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(SqfError, match=r"Cannot write .*card\.md: No space left.*SQF_HOME"):
        write(manager, {"card.md": b"new"})
    assert read(manager) == {"card.md": b"old"}
