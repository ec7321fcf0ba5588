"""Which thread answers a request, and that answers come whole, in order, whichever does."""

import http.client
import socket
import threading

import pytest

from sqf_pipeline.service.connections import run_server
from sqf_pipeline_tests.service_process import free_port
from sqf_pipeline_tests.waiting import PATIENCE, wait_until

SHORT = "/api/generate_arrest_prediction"
LARGE = 8_000_000


def application(environ, start_response):
    """Answer with the place, the length of the body and the thread."""
    sent = environ["wsgi.input"].read()
    if environ["QUERY_STRING"] == "fail":
        raise RuntimeError("meant to fail")
    size = LARGE if environ["QUERY_STRING"] == "large" else 0
    body = f"{environ['PATH_INFO']} {len(sent)} {threading.current_thread().name} ".encode() + b"." * size
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


@pytest.fixture(scope="module")
def port():
    free = free_port()
    settings = {"host": "127.0.0.1", "port": free, "threads": 2, "url_prefix": "/stops"}
    threading.Thread(target=run_server, args=(application,), kwargs=settings, name="reading", daemon=True).start()
    wait_until(lambda: can_connect(free))
    return free


def can_connect(port):
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


def ask(port, path, body=b"", **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def read_answer(answers):
    assert answers.readline() == b"HTTP/1.1 200 OK\r\n"
    headers = http.client.parse_headers(answers)
    return answers.read(int(headers["Content-Length"])).decode()


@pytest.mark.parametrize(
    ("path", "size", "reads"),
    [
        (SHORT, 400, True), (f"/stops{SHORT}", 400, True), ("/api/generate_summon_prediction", 4096, True),
        (SHORT, 4097, False), (SHORT, 900_000, False), ("/api/v1/predictions/arrest", 400, False), ("/", 0, False),
    ],
)  # fmt: skip
def test_a_short_question_is_answered_by_the_thread_that_read_it(port, path, size, reads):
    status, text = ask(port, path, b"x" * size)
    place, length, thread = text.split()
    assert (status, place, int(length)) == (200, path.removeprefix("/stops"), size)
    assert (thread == "reading") == reads


def test_requests_sent_together_are_answered_in_their_order(port):
    paths = [SHORT, "/a", SHORT, SHORT, "/b", "/c", SHORT]
    sent = "".join(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab" for path in paths)
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        connection.sendall(sent.encode())
        with connection.makefile("rb") as answers:
            for path in paths:
                assert read_answer(answers).split()[:2] == [path, "2"]


def test_a_question_that_comes_in_parts_is_answered_when_it_is_whole(port):
    head = f"POST {SHORT} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        for part in (head[:30], head[30:], b"3\r\nabc\r\n", b"2\r\nde\r\n", b"0\r\n\r\n"):
            connection.sendall(part)
        with connection.makefile("rb") as answers:
            assert read_answer(answers).split() == [SHORT, "5", "reading"]


def test_a_large_answer_comes_whole_to_a_client_that_is_slow_to_read(port):
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        connection.sendall(f"GET {SHORT}?large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        assert ask(port, SHORT)[0] == 200  # nobody waits for the slow one
        received = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert received.count(b".") >= LARGE
    assert received.endswith(b"." * 1000)


@pytest.mark.parametrize("path", [SHORT, "/other"])
def test_a_fault_in_the_application_ends_its_own_connection_alone(port, path):
    assert ask(port, f"{path}?fail")[0] == 500
    assert ask(port, path)[0] == 200


def test_a_client_that_goes_away_is_forgotten(port):
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
            connection.sendall(f"POST {SHORT} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab".encode())
    assert ask(port, SHORT, b"ab")[0] == 200
