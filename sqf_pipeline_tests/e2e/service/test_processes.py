"""The service as a process: cold start, memory, slow and hostile clients, a newer export."""

import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path
from urllib.request import Request, urlopen

import psutil
import pytest

from sqf_pipeline.export.bundle_writer import export_bundle
from sqf_pipeline.service.bundle import resolve_folder
from sqf_pipeline.service.server import IDLE_SECONDS
from sqf_pipeline_tests.service_process import free_port, running, waitress_command
from sqf_pipeline_tests.service_support import small_export
from sqf_pipeline_tests.waiting import PATIENCE

ROOT = Path(__file__).parents[3]
QUESTION = json.dumps({"tier": "during", "stops": [{"searched": True, "suspect_age": 30}]}).encode()
HEAVY = ("pandas", "sklearn", "scipy", "matplotlib", "dagster", "sqlalchemy", "joblib", "onnx", "mpld3")


def ask(url: str) -> dict:
    request = Request(f"{url}/api/v1/predictions/arrest", QUESTION, {"Content-Type": "application/json"})  # noqa: S310
    with urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310
        return json.load(answer)


def test_the_service_imports_nothing_heavy():
    code = (
        "import sys, pkgutil, importlib, onnxruntime, waitress, sqf_pipeline.service, sqf_pipeline.commands.serve;"
        "[importlib.import_module(f'sqf_pipeline.service.{found.name}') for found in pkgutil.iter_modules("
        "sqf_pipeline.service.__path__)];"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


def test_cold_start_and_memory_stay_small(service):
    """The start is timed as work done by the processor, which a busy machine does not stretch."""
    ask(service.url)
    process = psutil.Process(service.process.pid)
    times = process.cpu_times()
    assert times.user + times.system < 3
    assert process.memory_info().rss < 400_000_000


def test_a_slow_client_holds_nobody_up(service):
    slow = []
    for _ in range(20):
        connection = socket.create_connection(("127.0.0.1", service.port), timeout=5)
        connection.sendall(
            b"POST /api/v1/predictions/arrest HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Content-Length: 500\r\n\r\n{"
        )
        slow.append(connection)
    started = time.monotonic()
    for _ in range(20):
        assert ask(service.url)["predictions"]
    assert time.monotonic() - started < IDLE_SECONDS  # after which the slow ones are let go
    for connection in slow:
        connection.close()


def test_a_large_body_is_refused_and_the_service_lives(service):
    for size in (1_500_000, 10_000_000):
        connection = HTTPConnection("127.0.0.1", service.port, timeout=PATIENCE)
        try:
            body = b"[" + b"0," * (size // 2) + b"0]"
            connection.request("POST", "/api/v1/predictions/arrest", body, {"Content-Type": "application/json"})
            status = connection.getresponse().status
        except (BrokenPipeError, ConnectionResetError):
            status = 413  # it closed the door while we were still sending
        finally:
            connection.close()
        assert status == 413
        assert ask(service.url)["predictions"]


@pytest.mark.parametrize(
    "sent",
    [
        b"GARBAGE\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 100_000 + b"\r\n\r\n",
        b"GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\nzz\r\n",
        b"POST /api/v1/predictions/arrest HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        bytes(range(256)) * 20,
    ],
    ids=["garbage", "long header", "path trick", "smuggling", "negative length", "all bytes"],
)
def test_broken_requests_are_refused_without_a_trace(service, sent):
    with socket.create_connection(("127.0.0.1", service.port), timeout=5) as connection:
        connection.sendall(sent)
        connection.settimeout(2)  # some of these are not yet a whole request, so that no answer is right too
        try:
            answer = connection.recv(65_536)
        except (TimeoutError, ConnectionResetError):
            answer = b""
    assert b" 200 " not in answer.split(b"\r\n")[0]
    assert b"Traceback" not in answer
    assert b"root:" not in answer
    assert ask(service.url)["predictions"]


def test_many_clients_at_once_get_the_same_answer(service):
    answers, failures = [], []

    def client() -> None:
        try:
            answers.extend(ask(service.url)["predictions"][0]["probability"] for _ in range(15))
        except OSError as error:
            failures.append(error)

    threads = [threading.Thread(target=client) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert len(answers) == 120
    assert len(set(answers)) == 1


def test_a_changed_export_is_refused_before_a_port_opens(export_folder, tmp_path):
    folder = Path(shutil.copytree(resolve_folder(export_folder), tmp_path / "export"))
    path = next((folder / "models").glob("*.onnx"))
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(bytes(data))
    ended = subprocess.run(
        waitress_command(folder, free_port()), capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert ended.returncode != 0
    assert "refused because of models/" in ended.stderr


def test_the_procfile_serves(export_folder, tmp_path):
    command = (ROOT / "Procfile").read_text().removeprefix("web:").strip()
    port = free_port()
    environment = {
        "PORT": str(port), "SQF_EXPORT_DIR": str(export_folder / "current"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }  # fmt: skip
    with running(shlex.split(command), port, tmp_path / "log", environment, tmp_path) as service:
        assert ask(service.url)["predictions"]
        service.process.terminate()
        assert service.process.wait(PATIENCE) == 0


@pytest.mark.parametrize(("arguments", "served"), [((), True), (("--source", "local"), False)])
def test_a_home_folder_with_a_sample_alone_is_served_unless_another_source_was_asked_for(
    export_folder, tmp_path, arguments, served
):
    """Without an address of an export, the service looks where the pipeline writes it."""
    (tmp_path / "exports").mkdir()
    shutil.copytree(export_folder, tmp_path / "exports" / "sqf_sample", symlinks=True)
    port = free_port()
    command = [sys.executable, "-m", "sqf_pipeline.cli", "serve", *arguments]
    environment = {"SQF_HOME": str(tmp_path), "PORT": str(port)}
    if served:
        with running(command, port, tmp_path / "log", environment, tmp_path) as service:
            assert ask(service.url)["source"] == "sample"
        return
    ended = subprocess.run(
        command, env={**os.environ, **environment}, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert "add --source sample" in ended.stderr


def test_a_newer_export_is_taken_by_the_running_process_without_losing_a_request_or_keeping_its_memory(tmp_path):
    small = small_export()
    folder = tmp_path / "exports"
    export_bundle(folder, small.models, small.context)
    port = free_port()
    with running(waitress_command(folder, port), port, tmp_path / "log") as service:
        process = psutil.Process(service.process.pid)
        before = process.memory_info().rss
        for year in range(2021, 2024):
            export_bundle(folder, small.models, replace(small.context, test_year=year))
            limit = time.monotonic() + 60
            while ask(service.url)["test_year"] != year:
                assert time.monotonic() < limit, (tmp_path / "log").read_text()
        assert process.memory_info().rss < before + 60_000_000
