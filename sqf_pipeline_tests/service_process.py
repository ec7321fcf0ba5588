"""A service in a process of its own, for tests that need a port."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from sqf_pipeline_tests.waiting import PATIENCE

_LONGEST_START = PATIENCE
_LONGEST_END = PATIENCE


@dataclass(frozen=True)
class Running:
    """A service that answers: its address, its first process, and the seconds until it answered."""

    url: str
    port: int
    process: subprocess.Popen[bytes]
    seconds: float


def free_port() -> int:
    """Return a port that nobody listens on at this moment."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def waitress_command(bundle: Path, port: int) -> list[str]:
    """Return the command that serves an export with waitress."""
    code = (
        "import sys; from pathlib import Path; from sqf_pipeline.service.server import serve; "
        "serve(Path(sys.argv[1]), '127.0.0.1', int(sys.argv[2]))"
    )
    return [sys.executable, "-c", code, str(bundle), str(port)]


@contextmanager
def running(
    command: Sequence[str],
    port: int,
    log: Path,
    environment: dict[str, str] | None = None,
    folder: Path | None = None,
    *,
    ready: str = "/readyz",
) -> Iterator[Running]:
    """Run a command until its service answers at `ready`, and end it afterwards; its output goes to `log`."""
    started = time.monotonic()
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, stdout=out, stderr=subprocess.STDOUT, env={**os.environ, **(environment or {})}, cwd=folder
        )
        try:
            url = f"http://127.0.0.1:{port}"
            _wait(url + ready, process, log)
            yield Running(url, port, process, time.monotonic() - started)
        finally:
            process.terminate()
            try:
                process.wait(_LONGEST_END)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(_LONGEST_END)


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    limit = time.monotonic() + _LONGEST_START
    while time.monotonic() < limit:
        if process.poll() is not None:
            raise RuntimeError(f"the service ended with {process.returncode}: {log.read_text()[-2000:]}")
        try:
            with urlopen(url, timeout=PATIENCE) as answer:  # noqa: S310 - our own address
                if answer.status == 200:
                    return
        except (URLError, OSError):
            time.sleep(0.02)
    raise RuntimeError(f"the service did not answer in {_LONGEST_START:.0f} s: {log.read_text()[-2000:]}")


__all__ = ["Running", "free_port", "running", "waitress_command"]
