"""Power cuts, full disks and rival writers: nothing lost, nothing doubled, a clear message, and the next run heals."""

import os
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa

from sqf_pipeline.errors import SqfError
from sqf_pipeline.files import writable, written_whole
from sqf_pipeline.warehouse import embedded_server
from sqf_pipeline.warehouse.postgres_programs import postmaster
from sqf_pipeline.warehouse.tables import build_metadata, ensure_schema
from sqf_pipeline.warehouse.url import create_engine
from sqf_pipeline.warehouse.writer import read_table, replace_partition
from sqf_pipeline_tests.integration.warehouse.frames import row_for, source_files, stops
from sqf_pipeline_tests.table_fingerprints import table_fingerprint
from sqf_pipeline_tests.waiting import PATIENCE, wait_until

pytestmark = pytest.mark.slow  # servers of its own, to be killed

YEAR = {"year": 2020}
ROWS = 400


@dataclass
class Server:
    """An embedded server of the test's own, which it may ill-treat."""

    directory: Path

    @contextmanager
    def stops(self) -> Iterator[tuple[sa.Engine, sa.Table]]:
        """Start the server when it does not run; give an engine and the table of stops."""
        engine = create_engine(embedded_server.ensure_running(self.directory))
        try:
            ensure_schema(engine, "sqf")
            yield engine, build_metadata("sqf").tables["sqf.stops"]
        finally:
            engine.dispose()

    def signal(self, number: signal.Signals) -> None:
        data = embedded_server.status(self.directory).data
        assert data is not None
        server = postmaster(data)
        assert server is not None
        server.send_signal(number)
        server.wait(PATIENCE)


@contextmanager
def folder_for_servers(**mount: str) -> Iterator[Path]:
    """Give a folder that the server's account can enter; with `size`, a file system of its own of that size."""
    folder = Path(tempfile.mkdtemp(prefix="sqf-faults-"))
    if mount:
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={mount['size']}", "tmpfs", str(folder)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if mounted.returncode:
            folder.rmdir()
            pytest.skip(f"a small file system cannot be mounted here: {mounted.stderr.strip()}")
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        if mount:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def server() -> Iterator[Server]:
    """Give a server that holds a year of stops."""
    with folder_for_servers() as folder:
        server = Server(folder / "postgres")
        try:
            load(server, stops(ROWS, seed=1))
            yield server
        finally:
            embedded_server.remove(server.directory)


def load(server: Server, frame: pd.DataFrame) -> str:
    """Write a year and return the digest of the table."""
    with server.stops() as (engine, table):
        metadata = table.metadata
        replace_partition(engine, metadata.tables["sqf.source_files"], source_files(metadata), YEAR)
        replace_partition(engine, table, frame, YEAR)
        return table_fingerprint(engine, table)


def digest(server: Server) -> str:
    with server.stops() as (engine, table):
        return table_fingerprint(engine, table)


@pytest.mark.parametrize("how", [signal.SIGQUIT, signal.SIGKILL], ids=["stopped_at_once", "killed"])
def test_a_database_that_goes_away_in_the_middle_of_a_write_keeps_what_it_had(server, how):
    before = digest(server)
    newer = stops(ROWS + 1, seed=2)
    with server.stops() as (engine, table), ThreadPoolExecutor(1) as aside:
        # a rival holds the key of the last new row, so that the writer stands still with all other rows written
        rival = engine.connect()
        rival.execute(sa.insert(table).values(row_for(table, stop_id=str(ROWS + 1))))
        writing = aside.submit(replace_partition, engine, table, newer, YEAR)
        wait_until(lambda: is_waiting(engine))
        server.signal(how)
        with pytest.raises(SqfError, match="Nothing was changed; run again"):
            writing.result(timeout=PATIENCE)
        rival.invalidate()
        rival.close()
    assert digest(server) == before, "the server comes back with the old rows"
    after = load(server, newer)
    assert after != before
    with server.stops() as (engine, table):
        assert len(read_table(engine, table)) == len(newer)


def is_waiting(engine: sa.Engine) -> bool:
    with engine.connect() as connection:
        query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        return bool(connection.exec_driver_sql(query).scalar_one())


def test_rivals_that_write_one_year_at_once_leave_exactly_one_of_their_versions(server):
    versions = [stops(ROWS + number, seed=number) for number in range(1, 5)]
    alone = {load(server, version) for version in versions}
    assert len(alone) == len(versions)
    with server.stops() as (engine, table), ThreadPoolExecutor(len(versions)) as rivals:
        start = threading.Barrier(len(versions))

        def write(version: pd.DataFrame) -> int:
            start.wait()
            return replace_partition(engine, table, version, YEAR)

        writing: list[Future[int]] = [rivals.submit(write, version) for version in versions]
        assert sorted(one.result(timeout=PATIENCE) for one in writing) == [len(version) for version in versions]
        assert table_fingerprint(engine, table) in alone


def fill(folder: Path, leave: int) -> Path:
    """Fill the file system of a folder up to `leave` bytes."""
    filler = folder / "filler"
    free = shutil.disk_usage(folder).free
    with filler.open("wb") as file:
        while free > leave:
            file.write(b"\0" * min(1_000_000, free - leave))
            file.flush()
            free = shutil.disk_usage(folder).free
    return filler


def test_a_database_without_room_keeps_what_it_had(tmp_path):
    with folder_for_servers(size="300m") as folder:
        server = Server(folder / "postgres")
        try:
            before = load(server, stops(ROWS, seed=1))
            filler = fill(folder, leave=300_000)
            newer = stops(20_000, seed=2)
            with pytest.raises(SqfError, match=r"no space left|failed at table"), server.stops() as (engine, table):
                replace_partition(engine, table, newer, YEAR)
            filler.unlink()
            assert digest(server) == before
            load(server, newer)
            with server.stops() as (engine, table):
                assert len(read_table(engine, table)) == len(newer)
        finally:
            embedded_server.remove(server.directory)


def test_a_file_without_room_leaves_the_old_one_and_no_scraps():
    with folder_for_servers(size="1m") as folder:
        kept = folder / "home" / "stops.parquet"
        with written_whole(kept) as temporary:
            temporary.write_bytes(b"old")
        no_room = pytest.raises(SqfError, match=r"Cannot write .*No space left.*Make room")
        with no_room, writable(kept), written_whole(kept) as new:
            new.write_bytes(os.urandom(2_000_000))
        assert kept.read_bytes() == b"old"
        assert [path.name for path in kept.parent.iterdir()] == ["stops.parquet"]
        with written_whole(kept) as temporary:
            temporary.write_bytes(b"new")
        assert kept.read_bytes() == b"new"
