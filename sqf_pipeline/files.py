"""Files written whole or not at all, their digests, frames read from them, and locks that hold between processes."""

import glob
import hashlib
import os
import shutil
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING

from sqf_pipeline.errors import SqfError

if TYPE_CHECKING:
    import pandas as pd

SCRAP_SECONDS = 3_600  # age from which a temporary file is taken for one that a killed writer left

_FORMER = "former"


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_frame(path: Path, columns: Collection[str] | None = None) -> "pd.DataFrame":
    """Return the frame of a Parquet file, or those of some columns that it has, in the types that it was written in."""
    import pyarrow.parquet as pq

    names = None if columns is None else [name for name in pq.read_schema(path).names if name in columns]
    table = pq.read_table(path, columns=names)
    frame: pd.DataFrame = table.to_pandas()
    # Parquet has no seconds resolution and gives milliseconds back
    for column in (table.schema.pandas_metadata or {}).get("columns", []):
        if column["pandas_type"] == "datetime" and column["name"] in frame:
            frame[column["name"]] = frame[column["name"]].astype(column["numpy_type"])
    return frame


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Give a temporary path to write to; when the block ends well, the file is flushed and takes the name `path`.

    When the block raises, the temporary file is removed and `path` keeps what it held. A process that is killed leaves
    the old file; its temporary one is removed by the next writer that comes after an hour. The folder of `path` is made
    when it is missing. Of several writers the last one wins, with its own bytes only. Raises OSError when the system
    refuses to write.
    """
    with unfinished(path) as temporary:
        yield temporary
        put_in_place(temporary, path)


@contextmanager
def unfinished(path: Path) -> Iterator[Path]:
    """Give a hidden path of the same ending beside `path`, for `put_in_place`; what is not put in place is removed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for scrap in scraps_of(path):
        if is_left(scrap):
            scrap.unlink(missing_ok=True)
    temporary = path.with_name(f".{path.stem}.{token_hex(4)}.part{path.suffix}")
    try:
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def put_in_place(temporary: Path, path: Path) -> None:
    """Flush a finished file to disk and give it its name, and see that the name outlasts a power cut."""
    _sync(temporary, os.O_RDWR)
    temporary.replace(path)
    if hasattr(os, "O_DIRECTORY"):  # systems without it cannot flush a folder
        _sync(path.parent, os.O_RDONLY | os.O_DIRECTORY)


@contextmanager
def folder_written_whole(folder: Path, *, known_by: str) -> Iterator[Path]:
    """Give an empty hidden folder beside `folder`; when the block ends well, it takes that name.

    What stood there before is replaced when it is empty or holds a file called `known_by`, which says that it was
    written in this way; anything else is refused before the block begins. When the block raises, `folder` keeps what
    it held. What a killed writer leaves is removed, or put back, by the next one. Raises SqfError when something else
    stands there, OSError when the system refuses to write.
    """
    folder = folder.resolve()
    folder.parent.mkdir(parents=True, exist_ok=True)
    _clear_folders_of(folder)
    if folder.exists() and not (folder.is_dir() and ((folder / known_by).exists() or not any(folder.iterdir()))):
        raise SqfError(
            f"Expected at {folder} a folder that is new, empty or holds an earlier {known_by}; found other files. "
            "Nothing was changed. Name another folder."
        )
    work, former = (folder.with_name(f".{folder.name}.{token_hex(4)}.{end}") for end in ("part", _FORMER))
    work.mkdir()
    try:
        yield work
        for path in work.rglob("*"):
            if path.is_file():
                _sync(path, os.O_RDWR)
        if folder.exists():
            folder.rename(former)
        work.rename(folder)
    except BaseException:
        if former.exists() and not folder.exists():
            former.rename(folder)
        raise
    finally:
        shutil.rmtree(work, ignore_errors=True)
        if folder.exists():
            shutil.rmtree(former, ignore_errors=True)


def _clear_folders_of(folder: Path) -> None:
    """Put back a folder whose writer was killed between two renames, and remove what killed writers left."""
    for left in sorted(folder.parent.glob(f".{glob.escape(folder.name)}.{'[0-9a-f]' * 8}.*")):
        if left.suffix == f".{_FORMER}" and not folder.exists():
            left.rename(folder)
        elif is_left(left):
            shutil.rmtree(left)


def scraps_of(path: Path) -> list[Path]:
    """Return the temporary files of writers of `path`, at work or killed."""
    return sorted(path.parent.glob(f".{glob.escape(path.stem)}.{'[0-9a-f]' * 8}.part{glob.escape(path.suffix)}"))


def is_left(path: Path) -> bool:
    """Return whether nobody has written to a file or folder for `SCRAP_SECONDS`; one that is gone is not left."""
    try:
        return time.time() - path.stat().st_mtime >= SCRAP_SECONDS
    except FileNotFoundError:  # its writer has just finished
        return False


@contextmanager
def writable(path: Path) -> Iterator[None]:
    """Tell a user who may not write to `path`, or has no room there, what to do: SqfError in place of OSError."""
    try:
        yield
    except OSError as error:
        raise SqfError(
            f"Cannot write {path}: {error.strerror or error}. Make room or give write permission there, or set "
            "SQF_HOME to another folder."
        ) from error


@contextmanager
def locked(path: Path, *, seconds: float, otherwise: SqfError) -> Iterator[None]:
    """Hold a lock file; a process that ends, however it ends, gives its lock back.

    The file is empty and stays; its folder is made when it is missing. `otherwise` is raised when another process still
    holds it after so many seconds.
    """
    from filelock import FileLock, Timeout

    path.parent.mkdir(parents=True, exist_ok=True)
    # one lock a process: a step whose output could not be stored may hold it still, and must not shut itself out
    lock = FileLock(path, is_singleton=True)
    try:
        lock.acquire(timeout=seconds)
    except Timeout:
        raise otherwise from None
    try:
        yield
    finally:
        lock.release()


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
