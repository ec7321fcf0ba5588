"""Time and memory of a program, and the machine they were measured on.

What belongs here: running one program and what the kernel says it took. What does not: which programs.
"""

import os
import platform
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path


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
    """

    seconds: float
    cpu_seconds: float
    megabytes: float


def run_and_measure(command: Sequence[str], environment: Mapping[str, str], log: Path) -> Cost:
    """Run a program to its end and return its cost; raises RuntimeError with its last words when it fails."""
    with log.open("wb") as file:
        began = time.perf_counter()
        process = subprocess.Popen(command, env=dict(environment), stdout=file, stderr=subprocess.STDOUT)
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        said = log.read_text(encoding="utf-8", errors="replace")[-3000:]
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}:\n{said}")
    # kilobytes on Linux, bytes on macOS
    unit = 1024 if sys.platform != "darwin" else 1024**2
    return Cost(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / unit)


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


__all__ = ["Cost", "machine", "now", "run_and_measure"]
