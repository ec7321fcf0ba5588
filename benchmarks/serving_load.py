"""Many requests to one service, and how long each took.

What belongs here: clients on loopback that keep their connection open, and their times. What does not: which
services are compared (`serving_speed`).
"""

import socket
import threading
from dataclasses import dataclass
from time import perf_counter

import numpy as np


@dataclass(frozen=True)
class Load:
    """What a load measured: `seconds` of each request, wall time, and answers that were not 200."""

    seconds: np.ndarray
    wall: float
    failures: int

    @property
    def per_second(self) -> float:
        """Requests answered a second."""
        return len(self.seconds) / self.wall

    def percentile(self, share: float) -> float:
        """Return the time, in milliseconds, that a share (in percent) of requests did not exceed."""
        return float(np.percentile(self.seconds, share) * 1000)


def request_bytes(path: str, body: bytes) -> bytes:
    """Return a POST of JSON as it goes over the wire."""
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", "Content-Type: application/json"]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


def run_load(port: int, sent: list[bytes], *, clients: int, seconds: float) -> Load:
    """Send the requests in turn from some clients at once for a time; each waits for its answer before the next."""
    stop = threading.Event()
    times: list[list[float]] = [[] for _ in range(clients)]
    failures = [0] * clients

    def client(number: int) -> None:
        with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            place = number
            while not stop.is_set():
                started = perf_counter()
                connection.sendall(sent[place % len(sent)])
                failures[number] += not _read_answer(connection)
                times[number].append(perf_counter() - started)
                place += clients

    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    started = perf_counter()
    for thread in threads:
        thread.start()
    stop.wait(seconds)
    stop.set()
    for thread in threads:
        thread.join()
    return Load(np.concatenate([np.array(part) for part in times]), perf_counter() - started, sum(failures))


def _read_answer(connection: socket.socket) -> bool:
    """Read one whole answer; return whether its status is 200."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65_536)
        if not part:
            raise ConnectionError("the service closed the connection")
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
    while len(body) < length:
        body += connection.recv(65_536)
    return head.startswith(b"HTTP/1.1 200")


__all__ = ["Load", "request_bytes", "run_load"]
