"""A cluster of the embedded server: how it is made, and how a server is started on it.

What belongs here: the settings, and the two programs that are run. What does not: when that is done, and what is
waited for (`local`).
"""

import json
import secrets
import shutil
import subprocess
import sys
from pathlib import Path

from sqf_pipeline.errors import SqfError
from sqf_pipeline.warehouse import launch
from sqf_pipeline.warehouse.account import Account, clean_environment, make_folder
from sqf_pipeline.warehouse.place import HOST, ROLE, Place, write_privately
from sqf_pipeline.warehouse.programs import Programs

# Durable, small, and the same on every machine. Sums of floating-point numbers must not depend on how many workers
# share them; messages must not repeat the values of a row.
SERVER_SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "shared_buffers": "64MB",
    "max_connections": "100",
    "max_wal_size": "256MB",
    "max_parallel_workers_per_gather": "0",
    "jit": "off",
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_parameter_max_length": "0",
}
SETTINGS_FROM_18 = {"io_method": "sync"}
# After a crash everything is written to disk by one call instead of one a file: as durable, and seconds sooner.
SETTINGS_ON_LINUX = {"recovery_init_sync_method": "syncfs"}


def make_cluster(place: Place, cluster: Path, account: Account, programs: Programs) -> None:
    """Make the cluster under a temporary name and rename it, so that a half-made one is never taken for whole.

    Raises
    ------
    SqfError
        When initdb fails; its last words are told.
    """
    unfinished, password_copy = cluster / "data.new", cluster / "password.new"
    if unfinished.exists():
        shutil.rmtree(unfinished)
    make_folder(unfinished, 0o700)
    account.give(unfinished)
    password = secrets.token_hex(24)
    write_privately(place.password_file, f"{password}\n")
    write_privately(password_copy, f"{password}\n")
    account.give(password_copy)
    command = [
        programs.path("initdb"), "--pgdata", str(unfinished), "--username", ROLE, "--pwfile", str(password_copy),
        "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C", "--data-checksums", "--no-instructions",
    ]  # fmt: skip
    if sys.platform == "linux" and programs.major >= 17:
        # One call that writes everything to disk instead of a thousand: as durable, and two seconds sooner.
        command += ["--sync-method", "syncfs"]
    try:
        done = subprocess.run(  # noqa: S603 - a program of the wheel
            command, capture_output=True, text=True, check=False, env=clean_environment(), **account.run_arguments()
        )
    finally:
        password_copy.unlink()
    if done.returncode != 0:
        reason = "; ".join(done.stderr.strip().splitlines()[-3:])
        msg = f"The embedded database could not be made in {cluster}: {reason}. Check space and permissions there."
        raise SqfError(msg)
    unfinished.rename(cluster / "data")


def launch_server(place: Place, cluster: Path, account: Account, programs: Programs, port: int) -> None:
    """Start the server as a process of nobody's; it may still end at once, see its log.

    Raises
    ------
    SqfError
        When it cannot be started, or another one holds the data.
    """
    settings = SERVER_SETTINGS | {"port": str(port)}
    settings |= SETTINGS_FROM_18 if programs.major >= 18 else {}
    settings |= SETTINGS_ON_LINUX if sys.platform == "linux" else {}
    command = [programs.path("postgres"), "-D", str(cluster / "data")]
    for name, value in settings.items():
        command += ["-c", f"{name}={value}"]
    identity = {} if account.own else {"user": account.uid, "group": account.gid, "extra_groups": []}
    order = {
        "command": command,
        "lock": str(cluster / "alive.lock"),
        "log": str(place.log),
        # With the lock in hand this file is stale, whatever process has got its number since.
        "remove": [str(cluster / "data" / "postmaster.pid")],
        "environment": clean_environment(),
        "account": identity,
    }
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-I", "-S", launch.__file__],
        input=json.dumps(order), capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode == launch.LOCK_IS_HELD:
        msg = f"Another server works on {cluster}, started by something other than sqf. Stop it and try again."
        raise SqfError(msg)
    if done.returncode != launch.STARTED:
        reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
        msg = f"The embedded database could not be started: {reason}."
        raise SqfError(msg)


__all__ = ["SERVER_SETTINGS", "launch_server", "make_cluster"]
