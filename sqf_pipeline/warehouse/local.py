"""The embedded PostgreSQL server: a real one, for machines without.

What belongs here: its life. `ensure_running` starts it, or finds it running; many processes share it; it outlives
whoever started it; `stop` ends it. What does not: its folder (`place`), how it is made and launched (`cluster`), its
programs (`programs`), the account it runs as (`account`), and anything about tables.

The server listens on 127.0.0.1 alone, on a free port that it keeps as long as nobody else takes it, and admits by
SCRAM. It counts as running when it answers a query about its own data folder; a process number is never believed.
"""

import logging
import shutil
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg2
from psycopg2 import errors

from sqf_pipeline.errors import SqfError
from sqf_pipeline.warehouse.account import Account, account_for, choose_cluster, clusters_left_outside
from sqf_pipeline.warehouse.cluster import launch_server, make_cluster
from sqf_pipeline.warehouse.place import DATABASE, HOST, PAUSE_SECONDS, ROLE, Place
from sqf_pipeline.warehouse.processes import end_remnants, listening_port, lock_is_held, postmaster
from sqf_pipeline.warehouse.programs import Programs, programs_for

PORT_ATTEMPTS = 5
PORT_IS_TAKEN = ("could not create any TCP/IP sockets", "Address already in use")
START_SECONDS = 60
CONNECT_SECONDS = 5
STOP_SECONDS = 60
QUIT_SECONDS = 10
REMNANT_PATIENCE_SECONDS = 5
LOG_BYTES = 1_000_000

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class LocalServer:
    """What is known about the embedded server of a folder.

    Attributes
    ----------
    running
        Whether it answers.
    url
        Its URL, password included; None unless it runs.
    port, data, log
        Its port when it last ran, the data folder and the log; None when there is none yet.
    version
        Version of the server; None unless it runs.
    """

    running: bool
    url: str | None
    port: int | None
    data: Path | None
    log: Path | None
    version: str | None


def ensure_running(directory: Path) -> str:
    """Return the URL of the embedded server in `directory`; create and start it when need be.

    Parameters
    ----------
    directory
        Folder of the server, created when it is missing; spaces and long paths are fine.

    Raises
    ------
    SqfError
        When the server cannot be made, started or reached; the message says why and what to do.
    """
    if sys.platform == "win32":
        msg = "The embedded database runs on Linux and macOS; on Windows set SQF_DATABASE_URL, or use WSL."
        raise SqfError(msg)
    place = Place(directory)
    url = _url_if_running(place)
    if url is not None:
        return url
    with _under_lock(place):
        return _url_if_running(place) or _start(place)


def stop(directory: Path) -> bool:
    """Stop the embedded server in `directory`; return whether one was running.

    Raises
    ------
    SqfError
        When it belongs to somebody else, or does not end.
    """
    place = Place(directory)
    if place.cluster() is None:
        return False
    with _under_lock(place):
        cluster = place.cluster()
        return cluster is not None and _stop_cluster(cluster)


def status(directory: Path) -> LocalServer:
    """Return what is known about the embedded server in `directory`; nothing is created or started."""
    place = Place(directory)
    cluster, port, url, version = place.cluster(), place.port(), _url_if_running(place), None
    if url is not None and port is not None:
        with _session(place, port, DATABASE) as cursor:
            cursor.execute("SHOW server_version")
            version = str(cursor.fetchone()[0])
    return LocalServer(
        running=url is not None,
        url=url,
        port=port,
        data=cluster / "data" if cluster else None,
        log=place.log if place.log.exists() else None,
        version=version,
    )


def remove(directory: Path) -> None:
    """Stop the embedded server in `directory` and delete it with all its data."""
    place = Place(directory)
    cluster = place.cluster()
    if cluster is not None:
        with _under_lock(place):
            _stop_cluster(cluster, orderly=False)
    if cluster is not None and not cluster.is_relative_to(place.directory):
        shutil.rmtree(cluster)
    if place.directory.exists():
        shutil.rmtree(place.directory)


@contextmanager
def _under_lock(place: Place) -> Iterator[None]:
    """Hold the start lock, and tell what the operating system refuses."""
    try:
        with place.start_lock():
            yield
    except OSError as error:
        msg = f"Cannot set up the embedded database in {place.directory}: {error}. Check space and permissions."
        raise SqfError(msg) from error


def _url_if_running(place: Place) -> str | None:
    """Return the URL when the server of this very folder lives and answers on its noted port."""
    port, cluster = place.port(), place.cluster()
    if port is None or cluster is None or not lock_is_held(cluster / "alive.lock"):
        return None
    return place.url(port) if _answers(place, port, cluster, DATABASE) else None


def _answers(place: Place, port: int, cluster: Path, database: str) -> bool:
    """Return whether a query is answered on this port by the server of this cluster, and no other."""
    try:
        with _session(place, port, database) as cursor:
            cursor.execute("SHOW data_directory")
            reported = cursor.fetchone()[0]
    except psycopg2.OperationalError as error:
        if "too many clients" in str(error) or "remaining connection slots" in str(error):
            msg = f"The embedded database on port {port} has no connection left. Close other programs that use it."
            raise SqfError(msg) from None
        return False
    try:
        return Path(reported).samefile(cluster / "data")
    except OSError:
        return False


@contextmanager
def _session(place: Place, port: int, database: str) -> Iterator["psycopg2.extensions.cursor"]:
    connection = psycopg2.connect(
        host=HOST, hostaddr=HOST, port=port, user=ROLE, password=place.password(), dbname=database,
        connect_timeout=CONNECT_SECONDS, sslmode="disable", gssencmode="disable", options="",
    )  # fmt: skip
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()


def _start(place: Place) -> str:
    """Start the server, from whatever was left; the caller holds the start lock."""
    cluster = place.cluster()
    account = account_for(cluster / "data" if cluster else None)
    if cluster is None:
        _stop_forgotten(place)
        cluster = choose_cluster(place.directory, account)
    elif lock_is_held(cluster / "alive.lock"):
        url = _wait_for_living(place, cluster)
        if url is not None:
            return url
    data = cluster / "data"
    if not account.can_enter(cluster):
        msg = (
            f"The account {account.name}, as which root runs the embedded database, can no longer reach {data}. "
            "Let it pass through every folder above (chmod o+x), or run sqf as another user."
        )
        raise SqfError(msg)
    major = int((data / "PG_VERSION").read_text(encoding="ascii")) if data.exists() else None
    programs = programs_for(account, cluster, major)
    if not data.exists():
        make_cluster(place, cluster, account, programs)
    for port in _ports(place.port()):
        place.note(cluster, port)
        if _launch_and_wait(place, cluster, account, programs, port):
            logger.info("embedded PostgreSQL runs on %s:%d, data in %s", HOST, port, data)
            return place.url(port)
    msg = f"No free port on {HOST} was found in {PORT_ATTEMPTS} attempts; see {place.log}."
    raise SqfError(msg)


def _wait_for_living(place: Place, cluster: Path) -> str | None:
    """Wait for a server that lives but did not answer: it may be recovering, or its starter was interrupted.

    Returns its URL, or None when it ended, or was killed and no process of it is left.
    """
    begun = time.monotonic()
    while lock_is_held(cluster / "alive.lock"):
        port, waited = listening_port(cluster / "data"), time.monotonic() - begun
        if postmaster(cluster / "data") is None:
            # Either just born, or killed, and then its other processes notice and end, unless they are stuck.
            if waited > REMNANT_PATIENCE_SECONDS:
                end_remnants(cluster / "data", cluster / "alive.lock")
        elif port is not None and _answers(place, port, cluster, "postgres"):
            place.note(cluster, port)
            _create_database(place, port)
            return place.url(port)
        elif waited > START_SECONDS:
            msg = (
                f"The embedded database in {cluster} runs, but has not answered for {START_SECONDS} seconds. "
                f"See {place.log}; `sqf db stop` ends it, and the next command starts it again."
            )
            raise SqfError(msg)
        time.sleep(PAUSE_SECONDS)
    return None


def _launch_and_wait(place: Place, cluster: Path, account: Account, programs: Programs, port: int) -> bool:
    """Start the server on `port` and wait until it answers; return False when the port is taken."""
    if place.log_size() > LOG_BYTES:
        place.log.replace(place.log.with_suffix(".log.1"))
    log_start = place.log_size()
    launch_server(place, cluster, account, programs, port)
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if not lock_is_held(cluster / "alive.lock"):
            tail = place.log_tail(log_start)
            if any(sign in tail for sign in PORT_IS_TAKEN):
                return False
            msg = f"The embedded database ended as it started: {tail}. The whole log is {place.log}."
            raise SqfError(msg)
        # Before it listens, whatever answers there is somebody else.
        if listening_port(cluster / "data") == port and _answers(place, port, cluster, "postgres"):
            _create_database(place, port)
            return True
        time.sleep(PAUSE_SECONDS)
    msg = (
        f"The embedded database did not answer within {START_SECONDS} seconds. Last messages: "
        f"{place.log_tail(log_start)}. See {place.log}; `sqf db stop` ends a server that hangs."
    )
    raise SqfError(msg)


def _create_database(place: Place, port: int) -> None:
    with _session(place, port, "postgres") as cursor:
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,))
        if cursor.fetchone() is None:
            # A starter that was killed has perhaps asked for it as well, and its request is carried out without it.
            with suppress(errors.DuplicateDatabase, errors.UniqueViolation):
                cursor.execute(f"CREATE DATABASE {DATABASE} TEMPLATE template0")


def _stop_cluster(cluster: Path, *, orderly: bool = True) -> bool:
    """Stop the server of a cluster and wait until none of its processes lives; return whether one did.

    Not orderly is quicker and leaves the next start to recover, as after a crash.
    """
    data, alive = cluster / "data", cluster / "alive.lock"
    if not lock_is_held(alive):
        return False
    account_for(data)
    signals = [(signal.SIGINT, STOP_SECONDS)] if orderly else []
    for number, patience in (*signals, (signal.SIGQUIT, QUIT_SECONDS)):
        server = postmaster(data)
        if server is None:
            break
        server.send_signal(number)
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if not lock_is_held(alive):
                return True
            time.sleep(PAUSE_SECONDS)
    end_remnants(data, alive)
    return True


def _stop_forgotten(place: Place) -> None:
    """Stop servers that were made outside for a folder of this name which has since been deleted."""
    for cluster in clusters_left_outside(place.directory):
        logger.warning(
            "An earlier embedded database of %s is left in %s; delete it if not needed", place.directory, cluster
        )
        if (cluster / "data").is_dir():
            _stop_cluster(cluster)


def _ports(noted: int | None) -> Iterator[int]:
    """Yield ports to try: the one it had before, then free ones picked by the system."""
    if noted is not None:
        yield noted
    for _ in range(PORT_ATTEMPTS):
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            port = int(probe.getsockname()[1])
        yield port


__all__ = ["LocalServer", "ensure_running", "remove", "status", "stop"]
