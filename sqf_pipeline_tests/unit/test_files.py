"""Files are written whole or not at all, whatever ends the writing."""

import errno
import hashlib
import multiprocessing
import os
import resource
import signal
import time
from pathlib import Path

import pytest
from filelock import FileLock

from sqf_pipeline.errors import SqfError
from sqf_pipeline.files import (
    SCRAP_SECONDS,
    file_sha256,
    folder_written_whole,
    locked,
    scraps_of,
    written_whole,
)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def write(path: Path, text: str) -> None:
    with written_whole(path) as temporary:
        temporary.write_text(text)


def test_a_file_appears_under_its_name_when_the_block_has_ended(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "table.csv"
    with written_whole(path) as temporary:
        temporary.write_text("whole")
        assert not path.exists()
        assert (temporary.suffix, temporary.parent) == (".csv", path.parent)
        assert temporary.name.startswith(".")
    assert path.read_text() == "whole"
    assert names(path.parent) == ["table.csv"]
    assert path.stat().st_mode & 0o777 == 0o666 & ~current_umask()


def current_umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_a_file_is_on_the_disk_before_it_has_its_name_and_its_name_soon_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    flush, rename = os.fsync, Path.replace

    def fsync(descriptor: int) -> None:
        done.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        flush(descriptor)

    def replace(self: Path, to: Path) -> Path:
        done.append("rename")
        return rename(self, to)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", replace)
    with written_whole(tmp_path / "table.csv") as temporary:
        temporary.write_text("whole")
    assert done == [temporary.name, "rename", tmp_path.name]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, OSError])
def test_a_block_that_raises_leaves_the_former_file_and_no_scrap(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "table.csv"
    write(path, "former")

    def fail() -> None:
        with written_whole(path) as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(error):
        fail()
    assert path.read_text() == "former"
    assert names(tmp_path) == ["table.csv"]


def test_a_full_disk_leaves_the_former_file_and_no_scrap(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    write(path, "former")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, before[1]))
    try:
        with pytest.raises(OSError, match="too large") as refused:
            write(path, "x" * 5_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert refused.value.errno == errno.EFBIG
    assert path.read_text() == "former"
    assert names(tmp_path) == ["table.csv"]


def test_a_killed_writer_leaves_the_former_file_and_a_later_one_cleans_up(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    write(path, "former")

    def be_killed() -> None:
        with written_whole(path) as temporary:
            temporary.write_text("half")
            os.kill(os.getpid(), signal.SIGKILL)

    process = multiprocessing.get_context("fork").Process(target=be_killed)
    process.start()
    process.join()
    assert path.read_text() == "former"
    (scrap,) = scraps_of(path)

    write(path, "while it could be still at work")
    assert scraps_of(path) == [scrap]
    os.utime(scrap, (time.time() - SCRAP_SECONDS - 1,) * 2)
    write(path, "later")
    assert names(tmp_path) == ["table.csv"]


def test_only_scraps_of_the_file_itself_are_removed(tmp_path: Path) -> None:
    others = {"a.csv", "a.b.csv", ".a.b.0123abcd.part.csv", ".a.0123abcd.part.xlsx", ".a.part.csv", "0123abcd.part.csv"}
    for name in (*others, ".a.0123abcd.part.csv"):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (time.time() - SCRAP_SECONDS - 1,) * 2)
    write(tmp_path / "a.csv", "new")
    assert names(tmp_path) == sorted(others)


def test_a_name_with_signs_of_a_pattern_is_only_a_name(tmp_path: Path) -> None:
    (tmp_path / ".a.0123abcd.part.csv").touch()
    (tmp_path / ".[ab].0123abcd.part.csv").touch()
    assert scraps_of(tmp_path / "[ab].csv") == [tmp_path / ".[ab].0123abcd.part.csv"]


def test_writers_at_the_same_time_never_mix(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"

    def write_often(letter: str) -> None:
        for _ in range(50):
            write(path, letter * 100_000)

    writers = [multiprocessing.get_context("fork").Process(target=write_often, args=(letter,)) for letter in "abc"]
    for process in writers:
        process.start()
    seen = set()
    while any(process.is_alive() for process in writers):
        if path.exists():
            seen.add(path.read_text())
    assert [process.exitcode for process in writers] == [0, 0, 0]
    assert seen <= {"a" * 100_000, "b" * 100_000, "c" * 100_000}
    assert names(tmp_path) == ["table.csv"]


def test_the_digest_is_that_of_the_bytes(tmp_path: Path) -> None:
    content = bytes(range(256)) * 10_000
    (tmp_path / "file").write_bytes(content)
    assert file_sha256(tmp_path / "file") == hashlib.sha256(content).hexdigest()


def test_a_lock_is_held_by_one_and_given_back(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    busy = SqfError("busy")
    with FileLock(path), pytest.raises(SqfError, match="busy"), locked(path, seconds=0.1, otherwise=busy):
        pytest.fail("two hold it")
    with pytest.raises(ValueError, match="inside"), locked(path, seconds=0, otherwise=busy):
        raise ValueError("inside")
    with locked(path, seconds=0, otherwise=busy):
        pass


def test_a_folder_is_put_back_when_its_writer_was_killed_between_two_renames(tmp_path):
    former = tmp_path / ".package.0123abcd.former"
    former.mkdir()
    (former / "mark.json").write_text("earlier")
    with pytest.raises(RuntimeError), folder_written_whole(tmp_path / "package", known_by="mark.json"):
        raise RuntimeError
    assert (tmp_path / "package" / "mark.json").read_text() == "earlier"
    assert [path.name for path in tmp_path.iterdir()] == ["package"]


def test_scraps_of_killed_writers_of_a_folder_go_after_an_hour_and_those_at_work_stay(tmp_path):
    old, fresh, others = (tmp_path / f".{name}.part" for name in ("p.0123abcd", "p.89abcdef", "pp.0123abcd"))
    for path in (old, fresh, others):
        path.mkdir()
        (path / "file").write_text("half")
    for path in (old, others):
        os.utime(path, (0, 0))
    with folder_written_whole(tmp_path / "p", known_by="mark.json") as work:
        (work / "deep").mkdir()
        (work / "deep" / "file").write_text("whole")
    assert {path.name for path in tmp_path.iterdir()} == {"p", fresh.name, others.name}
    assert (tmp_path / "p" / "deep" / "file").read_text() == "whole"


@pytest.mark.parametrize("kind", ["file", "folder of other files"])
def test_what_was_not_written_as_a_whole_folder_is_refused_and_kept(tmp_path, kind):
    place = tmp_path / "mine"
    if kind == "file":
        place.write_text("mine")
    else:
        place.mkdir()
        (place / "notes.txt").write_text("mine")
    with pytest.raises(SqfError, match="found other files"), folder_written_whole(place, known_by="mark.json"):
        pytest.fail("the block must not begin")
    assert place.read_text() == "mine" if kind == "file" else (place / "notes.txt").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
