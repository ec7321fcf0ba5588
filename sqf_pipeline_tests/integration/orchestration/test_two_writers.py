"""Two processes that make the same asset at once: a reader sees what one of them wrote, never a mixture."""

import hashlib
import multiprocessing
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import pytest

from sqf_pipeline.definitions import build_defs
from sqf_pipeline.errors import SqfError
from sqf_pipeline.orchestration.io_managers import (
    FrameAndTableIOManager,
    NotMadeYetError,
    ParquetIOManager,
    ReportIOManager,
    one_writer,
)
from sqf_pipeline.orchestration.partitions import TEST_YEARS, YEARS
from sqf_pipeline.orchestration.running import QUIET
from sqf_pipeline.orchestration.stored_models import FittedModelsIOManager
from sqf_pipeline.orchestration.stored_years import year_alone
from sqf_pipeline.settings import Settings
from sqf_pipeline_tests.nypd_server import as_workbook
from sqf_pipeline_tests.unit.ingest.published import published_names, raw_stops
from sqf_pipeline_tests.waiting import PATIENCE

ROUNDS = 16
SEEN_BOTH = "seen-both"
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload([__name__])  # imports are made once, not by every writer


@dataclass(frozen=True)
class Model:
    """What the IO manager needs of a fitted model."""

    name: str
    pipeline: Any
    columns: tuple[str, ...] = ("a",)
    class_counts_before: tuple[int, int] = (1, 2)
    class_counts_after: tuple[int, int] = (1, 2)


def output(asset: str, partitions: dg.PartitionsDefinition = TEST_YEARS) -> dg.OutputContext:
    return dg.build_output_context(asset_key=asset, partition_key="2020", asset_partitions_def=partitions)


def read(manager: Any, asset: str, partitions: dg.PartitionsDefinition = TEST_YEARS) -> Any:
    with dg.build_input_context(
        asset_key=dg.AssetKey(asset), partition_key="2020", asset_partitions_def=partitions,
        asset_partition_key_range=dg.PartitionKeyRange("2020", "2020"),
    ) as context:  # fmt: skip
        return manager.load_input(context)


def rounds(folder: Path, least: int = ROUNDS) -> Iterator[int]:
    """Count until the reader has seen both writers: on a busy machine one may be through before the other begins."""
    end = time.monotonic() + PATIENCE
    number = 0
    while number < least or (not (folder / SEEN_BOTH).exists() and time.monotonic() < end):
        yield number
        number += 1


def write_models(folder: Path, writer: int) -> None:
    for number in rounds(folder):
        models = [Model(f"m{place}", f"{writer}-{number}" * 5_000) for place in range(3)]
        FittedModelsIOManager(folder).handle_output(output("models"), iter(models))


def write_reports(folder: Path, writer: int) -> None:
    for number in rounds(folder):
        content = f"{writer}-{number}".encode()
        files = dict.fromkeys(("model_card.md", "model_card.html"), content * 2_000)
        ReportIOManager(folder).handle_output(output("model_card"), files)


class Slowly:
    """Stands for the table: a file that is written whole, and takes its time."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "table"

    def handle_output(self, _context: dg.OutputContext, obj: pd.DataFrame) -> None:
        time.sleep(0.01 * (obj["writer"].iloc[0] + 1))
        fresh = self.path.with_name(f"table-{obj['writer'].iloc[0]}")
        fresh.write_text(str(obj["value"].iloc[0]))
        fresh.replace(self.path)


def write_frames_and_tables(folder: Path, writer: int) -> None:
    manager = FrameAndTableIOManager(ParquetIOManager(folder), Slowly(folder))  # type: ignore[arg-type]
    for number in rounds(folder):
        frame = pd.DataFrame({"writer": [writer], "value": [f"{writer}-{number}"]})
        manager.handle_output(output("stops", YEARS), frame)


def definitions_of(folder: Path, writer: int) -> dg.Definitions:
    frames: Any = ParquetIOManager(folder / "frames")
    settings = Settings(_env_file=None, home=folder / "home", data_dir=folder / f"raw{writer}", source="local")
    return build_defs(settings, frames=frames, tables=frames, frames_and_tables=frames)


def make_raw_stops(folder: Path, writer: int) -> None:
    job = definitions_of(folder, writer).resolve_job_def("yearly_stops")
    selection = [dg.AssetKey(name) for name in ("raw_stops", "source_files", "revisions")]
    with dg.DagsterInstance.ephemeral() as instance:
        for _ in rounds(folder, ROUNDS // 4):
            job.execute_in_process(
                instance=instance, partition_key="2020", asset_selection=selection, run_config=QUIET
            )  # fmt: skip


@contextmanager
def writing(write: Callable[[Path, int], None], folder: Path) -> Iterator[list[Any]]:
    """Let two processes write; they end by themselves, without an error."""
    processes = [CONTEXT.Process(target=write, args=(folder, writer)) for writer in range(2)]
    for process in processes:
        process.start()
    try:
        yield processes
        for process in processes:
            process.join(PATIENCE)
        assert [process.exitcode for process in processes] == [0, 0]
    finally:
        for process in processes:
            process.kill()


@dataclass
class Seen:
    """What a reader saw as long as there were writers."""

    folder: Path
    values: set[str] = field(default_factory=set)

    def both(self) -> bool:
        return {value.partition("-")[0] for value in self.values} == {"0", "1"}

    def as_long_as(self, processes: list[Any], look: Callable[[], str]) -> None:
        while any(process.is_alive() for process in processes):
            # nothing is there before the first writer is through
            with suppress(FileNotFoundError, NotMadeYetError):
                self.values.add(look())
            if self.both():
                (self.folder / SEEN_BOTH).touch()
            time.sleep(0.002)
        self.values.add(look())
        assert self.both(), "both were seen at work"


@pytest.mark.slow
def test_models_are_those_of_one_writer_under_the_digest_of_their_own_bytes(tmp_path):
    def look() -> str:
        stored = read(FittedModelsIOManager(tmp_path), "models")
        contents = {model.pipeline for model in stored}
        assert len(contents) == 1, "the models of one list are of one writer"
        content = contents.pop()
        return str(content[: len(content) // 5_000])

    seen = Seen(tmp_path)
    with writing(write_models, tmp_path) as processes:
        seen.as_long_as(processes, look)
    for path in (tmp_path / "models").glob("*.joblib"):
        assert path.stem.rpartition("-")[2] == hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    assert not list(tmp_path.rglob(".*.part.*"))


@pytest.mark.slow
def test_the_files_of_a_report_are_of_one_writer(tmp_path):
    def look() -> str:
        files = read(ReportIOManager(tmp_path), "model_card")
        assert len(set(files.values())) <= 1 and len(files) in {0, 2}  # noqa: PT018
        return next(iter(files.values()), b"0-").decode()

    seen = Seen(tmp_path)
    with writing(write_reports, tmp_path) as processes:
        seen.as_long_as(processes, look)


@pytest.mark.slow
def test_a_frame_and_its_table_are_of_one_writer(tmp_path):
    path = tmp_path / "stops" / "2020.parquet"

    def look() -> str:
        if not path.exists():
            raise FileNotFoundError
        with one_writer(path, "stops"):
            stored = str(pd.read_parquet(path)["value"].iloc[0])
            assert (tmp_path / "table").read_text() == stored
        return stored

    seen = Seen(tmp_path)
    with writing(write_frames_and_tables, tmp_path) as processes:
        seen.as_long_as(processes, look)


@pytest.mark.slow
def test_the_rows_of_a_year_and_the_digest_of_its_file_are_of_one_writer(tmp_path):
    digests = {}
    for writer, ages in enumerate(((20, 21), (30, 31, 32))):
        stops = raw_stops(*({"suspect_age": str(age)} for age in ages), year=2020)
        (tmp_path / f"raw{writer}").mkdir()
        path = tmp_path / f"raw{writer}" / "sqf-2020.xlsx"
        path.write_bytes(as_workbook(stops.rename(columns=published_names())))
        digests[len(ages)] = hashlib.sha256(path.read_bytes()).hexdigest()
    settings = Settings(_env_file=None, home=tmp_path / "home", source="local")
    frames = tmp_path / "frames"

    def look() -> str:
        with year_alone(settings, "raw_stops", "2020"):
            rows = len(pd.read_parquet(frames / "raw_stops" / "2020.parquet"))
            told = pd.read_parquet(frames / "source_files" / "2020.parquet").iloc[0]
        assert (told["rows"], told["sha256"]) == (rows, digests[rows])
        return f"{rows - 2}-"

    seen = Seen(tmp_path)
    with writing(make_raw_stops, tmp_path) as processes:
        seen.as_long_as(processes, look)


def hold(path: Path, taken: Any, ended: Any) -> None:
    with one_writer(path, "stops of 2020"):
        taken.set()
        ended.wait(PATIENCE)


def test_a_writer_that_never_ends_is_told_and_a_killed_one_gives_its_turn_back(tmp_path):
    taken, ended = CONTEXT.Event(), CONTEXT.Event()
    process = CONTEXT.Process(target=hold, args=(tmp_path / "2020.parquet", taken, ended))
    process.start()
    try:
        assert taken.wait(PATIENCE)
        with (
            pytest.raises(SqfError, match=r"Another run has been writing stops of 2020 for 1 s\. Wait"),
            one_writer(tmp_path / "2020.parquet", "stops of 2020", seconds=1),
        ):
            pass
        process.kill()
        with one_writer(tmp_path / "2020.parquet", "stops of 2020", seconds=PATIENCE):
            pass
    finally:
        process.kill()


def test_a_step_that_failed_to_store_does_not_shut_itself_out(tmp_path):
    """Its exception keeps it, lock and all, as long as somebody looks at the exception."""

    def step() -> Iterator[int]:
        with one_writer(tmp_path / "step", "a step", seconds=5):
            yield 1

    left = step()
    next(left)
    again = step()
    assert next(again) == 1
