"""The folder of an embedded server, and what is noted in it.

What belongs here: the files of the folder, read and written so that a crash leaves them whole, and the lock under which
servers start and stop. What does not: servers.

    password      of the only role, readable by its owner alone
    server.json   where the cluster is, and the port
    start.lock    held while somebody starts or stops the server
    server.log    messages of the server, without the values of rows
    cluster/      data/ (PGDATA) and alive.lock (held by the server's processes, see `launch`)
"""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqf_pipeline.errors import SqfError
from sqf_pipeline.warehouse.account import make_folder
from sqf_pipeline.warehouse.url import DRIVER

ROLE = DATABASE = "sqf"
HOST = "127.0.0.1"
LOCK_SECONDS = 180
PAUSE_SECONDS = 0.02


class Place:
    """The folder of one embedded server, and the files in it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory.expanduser().resolve()
        self.password_file = self.directory / "password"
        self.state_file = self.directory / "server.json"
        self.lock_file = self.directory / "start.lock"
        self.log = self.directory / "server.log"

    def cluster(self) -> Path | None:
        """Return the folder of the cluster if its data are there, else None."""
        cluster = self.directory / self._state().get("cluster", "cluster")
        try:
            return cluster if (cluster / "data").is_dir() else None
        except PermissionError:
            msg = (
                f"The embedded database in {cluster} belongs to another account. Run sqf as before, or change SQF_HOME."
            )
            raise SqfError(msg) from None

    def port(self) -> int | None:
        """Return the port that the server last had; None when it never ran."""
        return self._state().get("port")

    def _state(self) -> dict:
        try:
            return json.loads(self.state_file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (ValueError, OSError) as error:
            msg = f"Cannot read {self.state_file}: {error}. Restore it, or run sqf as the user who made it."
            raise SqfError(msg) from None

    def note(self, cluster: Path, port: int) -> None:
        """Note where the cluster is and its port; a cluster in the folder moves with it."""
        inside = cluster.is_relative_to(self.directory)
        where = cluster.relative_to(self.directory) if inside else cluster
        text = json.dumps({"cluster": str(where), "port": port}, indent=1)
        write_privately(self.state_file, f"{text}\n")

    def password(self) -> str:
        """Return the password of the role; raises SqfError when it cannot be read."""
        try:
            return self.password_file.read_text(encoding="ascii").strip()
        except OSError as error:
            msg = (
                f"Cannot read the password of the embedded database, {self.password_file}: {error.strerror}. "
                "Restore it from a backup, or run sqf as the user who made it."
            )
            raise SqfError(msg) from None

    def url(self, port: int) -> str:
        """Return the URL that the pipeline uses."""
        return f"{DRIVER}://{ROLE}:{self.password()}@{HOST}:{port}/{DATABASE}"

    def log_size(self) -> int:
        """Return the bytes of the log, 0 when there is none."""
        return self.log.stat().st_size if self.log.exists() else 0

    def log_tail(self, start: int) -> str:
        """Return what the server said last, since `start` bytes, on one line."""
        try:
            with self.log.open("rb") as log:
                log.seek(start)
                lines = log.read().decode("utf-8", "replace").splitlines()
        except OSError:
            return "no log"
        return " | ".join(line.strip() for line in lines[-4:]) or "none"

    @contextmanager
    def start_lock(self) -> Iterator[None]:
        """Hold the one lock under which servers of this folder start and stop; creates the folder."""
        if not self.directory.exists():
            self.directory.parent.mkdir(parents=True, exist_ok=True)
            make_folder(self.directory, 0o711 if os.geteuid() == 0 else 0o700)
        descriptor = os.open(self.lock_file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            self._take(descriptor)
            yield
        finally:
            os.close(descriptor)

    def _take(self, descriptor: int) -> None:
        deadline = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    msg = (
                        "Another process has been starting or stopping the embedded database for "
                        f"{LOCK_SECONDS} seconds (lock {self.lock_file}). End that process and try again."
                    )
                    raise SqfError(msg) from None
                time.sleep(PAUSE_SECONDS)
            else:
                return


def write_privately(path: Path, text: str) -> None:
    """Write a file that its owner alone can read, whole or not at all."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


__all__ = ["DATABASE", "HOST", "PAUSE_SECONDS", "ROLE", "Place", "write_privately"]
