"""Processes of the embedded server, as the operating system sees them.

What belongs here: whether any process of a server lives, which one is its postmaster, and ending what a killed
server left. What does not: deciding when (`local`).
"""

import fcntl
import os
import time
from pathlib import Path

import psutil

from sqf_pipeline.errors import SqfError

REMNANT_SECONDS = 20.0


def lock_is_held(lock: Path) -> bool:
    """Return whether any process of the server lives: they hold this lock, and only they do."""
    try:
        descriptor = os.open(lock, os.O_RDWR)
    except FileNotFoundError:
        return False
    except PermissionError as error:
        msg = f"Cannot open {lock}: {error.strerror}. Run sqf as the user who made the embedded database."
        raise SqfError(msg) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(descriptor)


def postmaster(data: Path) -> psutil.Process | None:
    """Return the postmaster of a data folder, or None: not a zombie, nor a process that has got its number since."""
    try:
        found = psutil.Process(int(_line(data, 1) or "none"))
    except (ValueError, psutil.NoSuchProcess):
        return None
    return found if _works_in(found, data) else None


def listening_port(data: Path) -> int | None:
    """Return the port that the server of a data folder listens on; None when it does not, or not yet.

    The port is the fourth line of postmaster.pid; the eighth is written once the server listens.
    """
    port = _line(data, 4)
    return int(port) if port is not None and _line(data, 8) is not None else None


def _line(data: Path, number: int) -> str | None:
    """Return a line of postmaster.pid, counted from 1."""
    try:
        return (data / "postmaster.pid").read_text(encoding="utf-8").splitlines()[number - 1]
    except (FileNotFoundError, IndexError):
        return None


def end_remnants(data: Path, lock: Path) -> None:
    """End the processes that a dead postmaster left, and wait until none lives.

    A server process without a postmaster serves nobody, and a new server must not touch the data while one lives.

    Raises
    ------
    SqfError
        When the lock stays held by a process that cannot be found, in another container for example.
    """
    deadline = time.monotonic() + REMNANT_SECONDS
    while lock_is_held(lock):
        if time.monotonic() > deadline:
            msg = (
                f"Some process still holds the embedded database in {data}, and it is not to be found from here. "
                "If another container or machine shares the folder, stop sqf there; it serves one at a time."
            )
            raise SqfError(msg)
        for process in psutil.process_iter():
            if _works_in(process, data):
                process.kill()
        time.sleep(0.05)


def _works_in(process: psutil.Process, data: Path) -> bool:
    """Return whether a living process is PostgreSQL's and has this data folder for its working folder."""
    try:
        return process.name().startswith("postgres") and Path(process.cwd()).samefile(data)
    except (psutil.Error, OSError):
        return False


__all__ = ["end_remnants", "listening_port", "lock_is_held", "postmaster"]
