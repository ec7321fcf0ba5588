"""A server on this machine that publishes yearly files as NYPD does, and misbehaves when it is told to.

What belongs here: the server and the tiny workbooks it publishes. What does not: what is expected of a client.
"""

import hashlib
import io
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

import pandas as pd


def as_workbook(table: pd.DataFrame) -> bytes:
    """Return a real workbook of one sheet with a table and its header."""
    content = io.BytesIO()
    table.to_excel(content, index=False, engine="openpyxl")
    return content.getvalue()


def tiny_workbook(text: str = "one") -> bytes:
    """Return a workbook that is large enough to be cut in the middle; it holds no stops."""
    rows = [(row, text, hashlib.sha256(f"{text}{row}".encode()).hexdigest()) for row in range(200)]
    return as_workbook(pd.DataFrame(rows))


@dataclass
class Served:
    """A published file, and what the server says of it."""

    content: bytes
    etag: str | None = None
    last_modified: str | None = None
    content_type: str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass
class Asked:
    """A request that came."""

    method: str
    path: str
    headers: dict[str, str]


Behaviour = Callable[["Handler", Served | None], None]


class Handler(BaseHTTPRequestHandler):
    """Answers as a usual static server, or as the next behaviour on the list says."""

    server: "NypdServer"

    def do_GET(self) -> None:
        self.respond()

    def do_HEAD(self) -> None:
        self.respond()

    def respond(self) -> None:
        self.server.asked.append(Asked(self.command, self.path, dict(self.headers)))
        served = self.server.files.get(self.path)
        behaviour = self.server.next_behaviours.popleft() if self.server.next_behaviours else self.server.behaviour
        try:
            behaviour(self, served)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Stay silent."""

    def send(self, status: int, headers: dict[str, str] | None = None, body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def file_headers(self, served: Served) -> dict[str, str]:
        headers = {"Content-Type": served.content_type}
        if served.etag:
            headers["ETag"] = served.etag
        if served.last_modified:
            headers["Last-Modified"] = served.last_modified
        return headers


def usual(handler: Handler, served: Served | None) -> None:
    """Serve like a good static server: validators and conditions."""
    if served is None:
        handler.send(404, body=b"<html>Not found</html>")
        return
    headers = handler.file_headers(served)
    asked = handler.headers
    if served.etag and asked.get("If-None-Match") == served.etag:
        handler.send(304, headers)
        return
    since = asked.get("If-Modified-Since")
    if since is not None and since == served.last_modified and not asked.get("If-None-Match"):
        handler.send(304, headers)
        return
    handler.send(200, headers, served.content)


def status(code: int, **headers: str) -> Behaviour:
    """Return a behaviour that answers with a status alone."""
    return lambda handler, _: handler.send(code, {name.replace("_", "-"): text for name, text in headers.items()})


def redirect(to: str) -> Behaviour:
    """Return a behaviour that sends the client elsewhere."""
    return status(302, Location=to)


def web_page(handler: Handler, served: Served | None) -> None:
    """Answer with a page and a 200, as sites do that think every visitor has a browser."""
    handler.send(200, {"Content-Type": "text/html"}, b"<!DOCTYPE html><html><body>Something went wrong</body></html>")


def cut_off_after(size: int, *, reset: bool = False) -> Behaviour:
    """Return a behaviour that promises the whole file and breaks off, closing or resetting the connection."""

    def behaviour(handler: Handler, served: Served | None) -> None:
        assert served is not None
        handler.send(
            200, {"Content-Length": str(len(served.content))} | handler.file_headers(served), served.content[:size]
        )
        handler.wfile.flush()
        if reset:
            time.sleep(0.05)  # what was sent should arrive before the reset throws the rest away
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            handler.connection.close()
        handler.close_connection = True

    return behaviour


def stall(seconds: float) -> Behaviour:
    """Return a behaviour that says nothing for a while."""
    return lambda *_: time.sleep(seconds)


def drip(handler: Handler, served: Served | None) -> None:
    """Send a byte every now and then, so that no single read ever times out."""
    assert served is not None
    handler.send(200, {"Content-Length": str(len(served.content))} | handler.file_headers(served), b"")
    for position in range(200):
        handler.wfile.write(served.content[position : position + 1])
        handler.wfile.flush()
        time.sleep(0.02)


def head_refused(handler: Handler, served: Served | None) -> None:
    """Serve as usual, but know no HEAD."""
    if handler.command == "HEAD":
        handler.send(405, {"Allow": "GET"})
    else:
        usual(handler, served)


class NypdServer(ThreadingHTTPServer):
    """The server; `next_behaviours` are used up one a request, then `behaviour` is."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, Served] = {}
        self.asked: list[Asked] = []
        self.behaviour: Behaviour = usual
        self.next_behaviours: deque[Behaviour] = deque()

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.shutdown()
        self.server_close()
        self._thread.join()

    @property
    def address(self) -> str:
        """Return the server's own address."""
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def url_template(self) -> str:
        """Return the address of a yearly file, with `{year}` in it."""
        return f"{self.address}/sqf-{{year}}.xlsx"

    def publish(self, year: int, content: bytes, *, etag: bool = True, at: float | None = 1_580_000_000.0) -> Served:
        """Publish a year's file, with an ETag of its content and a date (seconds since 1970) unless told not to."""
        served = Served(
            content,
            etag=f'"{hashlib.sha256(content).hexdigest()[:12]}"' if etag else None,
            last_modified=formatdate(at, usegmt=True) if at is not None else None,
        )
        self.files[f"/sqf-{year}.xlsx"] = served
        return served
