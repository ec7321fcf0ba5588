"""Time and memory of a program, and the machine they were measured on.

What belongs here: running one program and what the kernel says it took. What does not: which programs.
"""

import os
import platform
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import IO


@dataclass(frozen=True)
class Cost:
    """What one run took.

    Attributes
    ----------
    seconds
        On the clock of the wall.
    cpu_seconds
        Of all cores together, in the program and the system for it; hardly depends on what else runs.
    megabytes
        Largest resident set of the program or of a child it waited for.
    together
        Largest sum of the resident sets of the program and all processes below it, looked at twice a second, MB.
    first_line
        Seconds until the program said something.
    """

    seconds: float
    cpu_seconds: float
    megabytes: float
    together: float
    first_line: float


def run_and_measure(
    command: Sequence[str], environment: Mapping[str, str], log: Path, *, folder: Path | None = None
) -> Cost:
    """Run a program in a folder to its end and return its cost; RuntimeError with its last words when it fails."""
    ended, largest = Event(), [0.0]
    with log.open("wb") as file, ThreadPoolExecutor(2) as aside:
        began = time.perf_counter()
        process = subprocess.Popen(command, env=dict(environment), cwd=folder, stdout=subprocess.PIPE, stderr=file)
        listening = aside.submit(_listen, process, file, began)
        aside.submit(_watch, process.pid, ended, largest)
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        ended.set()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        said = log.read_text(encoding="utf-8", errors="replace")[-3000:]
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}:\n{said}")
    # kilobytes on Linux, bytes on macOS
    unit = 1024 if sys.platform != "darwin" else 1024**2
    cpu_seconds = used.ru_utime + used.ru_stime
    return Cost(seconds, cpu_seconds, used.ru_maxrss / unit, largest[0], listening.result())


def _listen(process: "subprocess.Popen[bytes]", log: IO[bytes], began: float) -> float:
    """Copy what a program says to its log, and return when it said the first thing."""
    first = 0.0
    for line in process.stdout or ():
        first = first or time.perf_counter() - began
        log.write(line)
        log.flush()
    return first


def _watch(pid: int, ended: Event, largest: list[float]) -> None:
    import psutil

    while not ended.wait(0.5):
        try:
            top = psutil.Process(pid)
            sizes = [one.memory_info().rss for one in (top, *top.children(recursive=True))]
        except psutil.Error:  # one ended meanwhile
            continue
        largest[0] = max(largest[0], sum(sizes) / 1024**2)


def machine() -> str:
    """Return one line about the machine: cores, memory, system, Python."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GB, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}"
    )


def now() -> str:
    """Return the day and minute, UTC."""
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
