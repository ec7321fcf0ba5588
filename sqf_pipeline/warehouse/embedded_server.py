"""The embedded PostgreSQL server, for machines without one: on 127.0.0.1 alone, started and stopped by `pg_ctl`."""

import json
import logging
import os
import secrets
import shutil
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg2

from sqf_pipeline.errors import SqfError
from sqf_pipeline.files import written_whole
from sqf_pipeline.warehouse import postgres_programs as postgres
from sqf_pipeline.warehouse.postgres_programs import HOST, Programs, is_alive, locked
from sqf_pipeline.warehouse.server_account import Account, account_for, choose_cluster, clusters_outside, make_folder
from sqf_pipeline.warehouse.url import DRIVER

ROLE = DATABASE = "sqf"
PORT_ATTEMPTS = 5
PORT_IS_TAKEN = ("could not create any TCP/IP sockets", "Address already in use")
LOCK_SECONDS, CONNECT_SECONDS, ANSWER_SECONDS, PATIENCE_SECONDS, REMNANT_PATIENCE_SECONDS = 180, 5, 60, 2, 5
LOG_BYTES = 1_000_000

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ServerStatus:
    """What is known about an embedded server; `url` (password included) and `version` only while it runs."""

    running: bool
    url: str | None
    port: int | None
    data: Path | None
    log: Path | None
    version: str | None


def ensure_running(directory: Path) -> str:
    """Return the URL of the embedded server in `directory`; create and start it when need be.

    Raises SqfError when it cannot be made, started or reached; the message says why and what to do.
    """
    if sys.platform == "win32":
        raise SqfError("The embedded database runs on Linux and macOS; on Windows set SQF_DATABASE_URL, or use WSL.")
    with _opened(directory) as server:
        url = server.url_if_running()
        if url is not None:
            return url
        with server.start_lock() as lock:
            return server.url_if_running() or server.start(lock)


def stop(directory: Path) -> bool:
    """Stop the embedded server in `directory`; return whether one was running.

    Raises SqfError when it belongs to somebody else, or does not end.
    """
    with _opened(directory) as server:
        cluster = server.cluster()
        if cluster is None:
            return False
        with server.start_lock():
            return postgres.stop_server(cluster)


def status(directory: Path) -> ServerStatus:
    """Return what is known about the embedded server in `directory`; nothing is created or started."""
    with _opened(directory) as server:
        cluster, port, url = server.cluster(), server.port(), server.url_if_running()
        version = server.ask(port, "SHOW server_version") if url and port else None
        data, log = cluster / "data" if cluster else None, server.log if server.log.exists() else None
        return ServerStatus(url is not None, url, port, data, log, version)


def remove(directory: Path) -> None:
    """Stop the embedded server in `directory` and delete it with all its data."""
    stop(directory)
    with _opened(directory) as server:
        for folder in (server.cluster(), server.directory):
            if folder is not None and folder.exists():
                shutil.rmtree(folder)


@contextmanager
def _opened(directory: Path) -> Iterator["_Server"]:
    """Give the server of a folder, and tell what the operating system refuses."""
    server = _Server(directory)
    try:
        yield server
    except OSError as error:
        raise SqfError(
            f"Cannot use the embedded database in {server.directory}: {error}. Check space and permissions; a lost "
            "password can be restored from a backup only. Run sqf as the user who made the folder."
        ) from error


class _Server:
    """An embedded server and its folder.

    password (of the only role, readable by its owner alone), server.json (where the cluster is, and the port),
    start.lock (held while somebody starts or stops the server), server.log (its messages, without the values of rows),
    and cluster/ with data/ (PGDATA) and alive.lock.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory.expanduser().resolve()
        self.password_file = self.directory / "password"
        self.state_file = self.directory / "server.json"
        self.log = self.directory / "server.log"

    @contextmanager
    def start_lock(self) -> Iterator[int]:
        """Hold the one lock under which servers of this folder start and stop; creates the folder."""
        self.directory.parent.mkdir(parents=True, exist_ok=True)
        make_folder(self.directory, 0o711 if os.geteuid() == 0 else 0o700)
        with locked(self.directory / "start.lock", LOCK_SECONDS) as lock:
            yield lock

    def _state(self) -> dict:
        try:
            return json.loads(self.state_file.read_bytes())
        except FileNotFoundError:
            return {}
        except ValueError:
            raise OSError(f"{self.state_file} is damaged") from None

    def cluster(self) -> Path | None:
        """Return the folder of the cluster if its data are there, else None."""
        cluster = self.directory / self._state().get("cluster", "cluster")
        return cluster if (cluster / "data").is_dir() else None

    def port(self) -> int | None:
        """Return the port that the server last had; None when it never ran."""
        return self._state().get("port")

    def _note(self, cluster: Path, port: int) -> None:
        """Note where the cluster is and its port; a cluster in the folder moves with it."""
        where = cluster.relative_to(self.directory) if cluster.is_relative_to(self.directory) else cluster
        _write_privately(self.state_file, json.dumps({"cluster": str(where), "port": port}))

    def _password(self) -> str:
        return self.password_file.read_text(encoding="ascii").strip()

    def _url(self, port: int) -> str:
        return f"{DRIVER}://{ROLE}:{self._password()}@{HOST}:{port}/{DATABASE}"

    def url_if_running(self) -> str | None:
        """Return the URL when the server of this very folder lives and answers on its noted port."""
        port, cluster = self.port(), self.cluster()
        if port is None or cluster is None or not is_alive(cluster) or not self._answers(port, cluster, DATABASE):
            return None
        return self._url(port)

    def _answers(self, port: int, cluster: Path, database: str) -> bool:
        """Return whether a query is answered on this port by the server of this cluster, and no other."""
        try:
            reported = self.ask(port, "SHOW data_directory", database)
        except psycopg2.OperationalError as error:
            if "too many clients" in str(error) or "remaining connection slots" in str(error):
                raise SqfError(
                    f"The embedded database on port {port} has no connection left. Close other programs that use it."
                ) from None
            return False
        with suppress(OSError):
            return Path(reported or "").samefile(cluster / "data")
        return False

    def ask(self, port: int, statement: str, database: str = DATABASE) -> str | None:
        """Return the first value that a statement gives, or None."""
        connection = psycopg2.connect(
            host=HOST, hostaddr=HOST, port=port, user=ROLE, password=self._password(), dbname=database,
            connect_timeout=CONNECT_SECONDS, sslmode="disable", gssencmode="disable", options="",
        )  # fmt: skip
        with closing(connection), connection.cursor() as cursor:
            connection.autocommit = True
            cursor.execute(statement)
            row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None

    def create_database(self, port: int) -> None:
        """Create the database unless it is there."""
        if self.ask(port, f"SELECT 1 FROM pg_database WHERE datname = '{DATABASE}'", "postgres") is None:  # noqa: S608
            # A starter that was killed has perhaps asked for it as well, and its request is carried out without it.
            with suppress(psycopg2.errors.DuplicateDatabase, psycopg2.errors.UniqueViolation):
                self.ask(port, f"CREATE DATABASE {DATABASE} TEMPLATE template0", "postgres")

    def start(self, lock: int) -> str:
        """Start the server from whatever was left, and return its URL; the caller holds the start lock."""
        cluster = self.cluster()
        account = account_for(cluster / "data" if cluster else None)
        if cluster is None:
            for forgotten in clusters_outside(self.directory):  # the folder was deleted, and is made anew
                logger.warning("An earlier database of %s is in %s; delete it if not needed", self.directory, forgotten)
                postgres.stop_server(forgotten)
            cluster = choose_cluster(self.directory, account)
        url = self._wait(cluster)
        if url is not None:
            return url
        data = cluster / "data"
        major = int((data / "PG_VERSION").read_text(encoding="ascii")) if data.exists() else None
        programs = postgres.programs_for(account, cluster, major)
        if not data.exists():
            self._make(cluster, account, programs, lock)
        for noted in (self.port(), *[None] * PORT_ATTEMPTS):
            port = noted or _free_port()
            self._note(cluster, port)
            url = self._wait(cluster) if self._launch(cluster, account, programs, port) else None
            if url is not None:
                logger.info("embedded PostgreSQL runs on %s:%d, data in %s", HOST, port, data)
                return url
        raise SqfError(f"No free port on {HOST} was found in {PORT_ATTEMPTS} attempts; see {self.log}.")

    def _wait(self, cluster: Path) -> str | None:
        """Wait until a server that lives answers (it may be recovering) and return its URL; None when none lives."""
        data, begun = cluster / "data", time.monotonic()
        while is_alive(cluster):
            lines, waited = postgres.pid_file(data), time.monotonic() - begun
            # The eighth line comes once it listens; before that, whatever answers on the port is somebody else.
            port = int(lines[3]) if len(lines) >= 8 else None
            if postgres.postmaster(data) is None:
                # Either just born, or killed, and then its other processes notice and end, unless they are stuck.
                if waited > REMNANT_PATIENCE_SECONDS:
                    postgres.end_remnants(cluster)
            elif port and self._answers(port, cluster, "postgres"):
                self._note(cluster, port)
                self.create_database(port)
                return self._url(port)
            elif waited > ANSWER_SECONDS:
                raise SqfError(
                    f"The embedded database in {cluster} runs, but has not answered for {ANSWER_SECONDS} seconds. "
                    f"See {self.log}; `sqf db stop` ends it, and the next command starts it again."
                )
            time.sleep(postgres.PAUSE_SECONDS)
        return None

    def _make(self, cluster: Path, account: Account, programs: Programs, lock: int) -> None:
        """Make the data folder under a temporary name, so that a half-made one is never taken for whole."""
        unfinished, password_copy = cluster / "data.new", cluster / "password.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        make_folder(unfinished, 0o700)
        password = secrets.token_hex(24)
        for path in (self.password_file, password_copy):
            _write_privately(path, password)
        account.give(unfinished)
        account.give(password_copy)
        try:
            failure = programs.initdb(account, unfinished, ROLE, password_copy, lock)
        finally:
            password_copy.unlink()
        if failure is not None:
            raise SqfError(
                f"The embedded database could not be made in {cluster}: {failure}. Check space and permissions there."
            )
        unfinished.rename(cluster / "data")

    def _launch(self, cluster: Path, account: Account, programs: Programs, port: int) -> bool:
        """Start the server with `alive.lock` in its hands; return False when the port is taken."""
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        with os.fdopen(os.open(self.log, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "ab+") as log:
            log_start = log.seek(0, os.SEEK_END)
            with locked(cluster / "alive.lock", PATIENCE_SECONDS) as alive:
                (cluster / "data/postmaster.pid").unlink(missing_ok=True)  # stale, whoever has got its number since
                failure = programs.start(account, cluster / "data", port, log, alive)
            if failure is None or is_alive(cluster, PATIENCE_SECONDS):
                return True
            log.seek(log_start)
            said = log.read().decode("utf-8", "replace") or failure
        if any(sign in said for sign in PORT_IS_TAKEN):
            return False
        last = " | ".join(said.splitlines()[-4:])
        raise SqfError(f"The embedded database ended as it started: {last}. The whole log is {self.log}.")


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as probe:
        return int(probe.getsockname()[1])


def _write_privately(path: Path, text: str) -> None:
    """Write a file that its owner alone can read, whole or not at all."""
    with written_whole(path) as temporary:
        temporary.touch(mode=0o600)
        temporary.write_text(f"{text}\n", encoding="utf-8")
