"""Serve whatever export is current, for years: `python -m sqf_pipeline.service.following`.

What belongs here: waiting for the first export, starting gunicorn on it, and making gunicorn read a newer one. What
does not: the application (`app`), gunicorn's settings (`gunicorn_config`), and making exports.

Until there is an export, a visitor is told so, and the health check is content: nothing is wrong with a service that
has nothing to serve yet. A newer export is verified here before gunicorn hears of it; when it is refused, the one in
memory goes on answering. Gunicorn's new processes read the new export while the old ones answer, so no request is lost.
"""

import http.server
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqf_pipeline.errors import SqfError
from sqf_pipeline.service.bundle import open_bundle, resolve_folder
from sqf_pipeline.service.manifest import MANIFEST_NAME
from sqf_pipeline.service.wsgi import default_folder
from sqf_pipeline.settings import Settings

LOOK_SECONDS = 2.0
STOP_SECONDS = 30
WAITING = (
    "No models have been published yet. Materialise a year in the pipeline's UI; this service answers as soon as the "
    "first export is there."
)

logger = logging.getLogger(__name__)

Identity = tuple[str, int, int]


def identity_of(folder: Path) -> Identity | None:
    """Return what tells one export from the next (folder, inode and time of its manifest); None when there is none."""
    try:
        export = resolve_folder(folder)
        manifest = (export / MANIFEST_NAME).stat()
    except (SqfError, OSError):
        return None
    return str(export), manifest.st_ino, manifest.st_mtime_ns


class Follower:
    """Looks at the folder of exports and tells when there is another one that can be served.

    An export that is refused is told of once, and looked at again only when it changes.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._served: Identity | None = None
        self._refused: Identity | None = None

    def newer(self) -> bool:
        """Return whether there is a verified export other than the one last reported."""
        folder = self._settings.export_dir or default_folder(self._settings)
        found = identity_of(folder)
        if found is None or found in (self._served, self._refused):
            return False
        try:
            open_bundle(folder)
        except SqfError as error:
            if identity_of(folder) == found:  # else it was being written, and is looked at again
                logger.error("refused the export %s: %s", found[0], error)  # noqa: TRY400 - a message, not a fault
                self._refused = found
            return False
        if identity_of(folder) != found:
            return False
        self._served, self._refused = found, None
        logger.info("serving the export %s", found[0])
        return True


class _WaitingHandler(http.server.BaseHTTPRequestHandler):
    """Answers that there is nothing to serve yet; `/healthz` alone is well."""

    timeout = 10
    server_version = "sqf"
    sys_version = ""

    def do_GET(self) -> None:
        """Answer a page or API request."""
        well = self.path == "/healthz"
        body = json.dumps({"status": "waiting"} if well else {"status": 503, "title": WAITING}).encode()
        self.send_response(200 if well else 503)
        self.send_header("Content-Type", "application/json" if well else "application/problem+json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Content-Type-Options", "nosniff")
        if not well:
            self.send_header("Retry-After", "60")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_POST = do_GET  # noqa: N815 - names of the standard library

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - signature of the standard library
        """Say nothing; health checks come every few seconds."""


@contextmanager
def waiting_server(port: int) -> Iterator[None]:
    """Answer on `port` that there is nothing to serve yet, as long as the context lasts."""
    server = http.server.ThreadingHTTPServer(("0.0.0.0", port), _WaitingHandler)  # noqa: S104 - compose opens 127.0.0.1
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def follow(settings: Settings, port: int, stop: threading.Event, look_seconds: float = LOOK_SECONDS) -> int:
    """Serve the current export on `port` until `stop` is set; return the exit code.

    Parameters
    ----------
    settings
        Say where exports are (`export_dir`, else below `home`).
    port
        Port to answer on, at every address of the machine.
    stop
        Set to end.
    look_seconds
        Time between two looks at the folder.
    """
    follower = Follower(settings)
    if not follower.newer():
        logger.info("waiting for the first export")
        with waiting_server(port):
            while not follower.newer():
                if stop.wait(look_seconds):
                    return 0
    environment = {**os.environ, "PORT": str(port)}
    command = [sys.executable, "-m", "gunicorn", "--config", "python:sqf_pipeline.service.gunicorn_config"]
    gunicorn = subprocess.Popen(command, env=environment)  # noqa: S603 - a fixed program
    try:
        while gunicorn.poll() is None and not stop.wait(look_seconds):
            if follower.newer():
                gunicorn.send_signal(signal.SIGHUP)
        if gunicorn.returncode is not None:
            logger.error("gunicorn ended by itself with exit code %d", gunicorn.returncode)
            return gunicorn.returncode or 1
    finally:
        _end(gunicorn)
    return 0


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def main() -> int:
    """Serve on PORT (8000) until SIGTERM or SIGINT."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.Formatter.converter = time.gmtime
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return follow(Settings(), int(os.environ.get("PORT", "8000")), stop)


__all__ = ["Follower", "follow", "identity_of", "main", "waiting_server"]

if __name__ == "__main__":
    sys.exit(main())
