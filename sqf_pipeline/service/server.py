"""The one process that answers on a port and takes a newer export while it runs, from any thread without a pause."""

import gc
import logging
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from flask import Flask, Response, request

from sqf_pipeline.memory import return_memory
from sqf_pipeline.service.app import create_app
from sqf_pipeline.service.bundle import CURRENT_NAME, BundleError, list_exports, order_of, resolve_folder
from sqf_pipeline.service.deployment import DIRECT, Deployment, register_security_headers
from sqf_pipeline.service.manifest import MANIFEST_NAME
from sqf_pipeline.service.monitoring import Metrics
from sqf_pipeline.service.problems import PROBLEM_TYPE
from sqf_pipeline.service.schemas import Problem

logger = logging.getLogger(__name__)

THREADS = 4  # threads that answer; one thread reads all connections, so that a slow client holds none of these
IDLE_SECONDS = 20  # time after which a connection that sends nothing is closed
LOOK_SECONDS = 2.0  # time between two looks at the folder of exports
WAITING = (
    "No models have been published yet. Materialise a year in the pipeline's UI; this service answers as soon as the "
    "first export is there."
)

Identity = tuple[str, frozenset[tuple[str, int, int, int]]]


def identity_of(path: Path) -> Identity | None:
    """Return what distinguishes one export from another, or a mended one from itself; None when there is none.

    That is the folder, and the name, inode, size and time of each of its files.
    """
    try:
        export = resolve_folder(path)
        (export / MANIFEST_NAME).stat()
        stats = [(str(file), file.stat()) for file in export.rglob("*")]
    except (BundleError, OSError):
        return None
    return str(export), frozenset((name, stat.st_ino, stat.st_size, stat.st_mtime_ns) for name, stat in stats)


class ServedExport:
    """The WSGI application of whatever export is current.

    An export takes the place of the former one only when all of it has been loaded and tried; until then, and when it
    is refused, the former one answers. A refusal is reported once in the log, and in `/readyz` and `/metrics` as long
    as it is current; it is looked at again when it changes. `path` is an export, a pointer to one, or the folder of all
    exports, whose `current` is then followed.
    """

    def __init__(self, path: Path, deployment: Deployment = DIRECT) -> None:
        self._path = path
        self._deployment = deployment
        self._metrics = Metrics()
        self._app = _waiting_app()
        self._served: Identity | None = None
        self._refused: Identity | None = None

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a request from the export that is served when it comes."""
        return self._app(environ, start_response)

    def start(self, *, wait: bool = False) -> None:
        """Load the current export or, when it is refused, the latest former one that loads.

        Raises BundleError, with the reason for the current one, when none can be served and none is to be waited for.
        """
        found = identity_of(self._path)
        try:
            self._take(self._path, found)
        except BundleError as error:
            if not (self._fall_back() or wait):
                raise
            if found is None and self._served is None:
                logger.info("waiting for the first export")
            else:
                self._refuse(found, error)

    def _fall_back(self) -> bool:
        for former in self._former():
            try:
                self._take(former, identity_of(former))
            except BundleError as error:
                logger.error("refused the export %s: %s", former.name, error)  # noqa: TRY400 - a message, not a fault
            else:
                return True
        return False

    def look(self) -> bool:
        """Take the current export if it is another than the one served and loads; return whether it was taken."""
        found = identity_of(self._path)
        if found is None or found == self._refused:
            return False
        if found == self._served:
            self._refuse(None)
            return False
        try:
            self._take(self._path, found)
        except BundleError as error:
            if identity_of(self._path) == found:  # else it was being written, and is looked at again
                self._refuse(found, error)
            return False
        return True

    def watch(self, stop: threading.Event, seconds: float = LOOK_SECONDS) -> None:
        """Look at the folder of exports every so often until `stop` is set.

        What was replaced is freed at the next look, when no request is being answered from it any more.
        """
        taken = False
        while not stop.wait(seconds):
            if taken:
                gc.collect()  # its objects refer to each other
                return_memory()
            taken = self.look()

    def _take(self, path: Path, identity: Identity | None) -> None:
        app = create_app(path, self._metrics, self._deployment)
        if identity_of(path) != identity:
            raise BundleError(f"The export {path} changed while it was loaded.")
        self._app, self._served = app, identity
        self._refuse(None)
        logger.info("serving the export %s", identity[0] if identity else path)

    def _refuse(self, identity: Identity | None, error: BundleError | None = None) -> None:
        self._refused = identity
        self._metrics.refused.set(error is not None)
        self._app.config["REFUSED"] = Path(identity[0]).name if identity else "current" if error else None
        if error is not None:
            logger.error("refused the export %s: %s", self._app.config["REFUSED"], error)

    def _former(self) -> list[Path]:
        """Return the exports to fall back to, the latest first: none is of a later year than the one refused."""
        folder = self._path.parent if self._path.name == CURRENT_NAME else self._path
        if (self._path / MANIFEST_NAME).exists() and self._path.name != CURRENT_NAME:
            return []  # one export was named, and no other is wanted
        try:
            current = resolve_folder(folder / CURRENT_NAME)
            limit = order_of(current)
        except BundleError:
            return list_exports(folder)
        return [export for export in list_exports(folder) if export != current and order_of(export) <= limit]


def _waiting_app() -> Flask:
    """Return what answers until there is an export: `/healthz` is well, everything else is asked to come again."""
    app = Flask("waiting", static_folder=None)
    register_security_headers(app)

    @app.before_request
    def wait() -> Response:
        if request.path == "/healthz":
            return Response('{"status":"waiting"}', content_type="application/json")
        refused = app.config.get("REFUSED")
        reason = f"The export {refused} cannot be served; the service's log says why." if refused else WAITING
        body = Problem(type="about:blank", title=reason, status=503, detail=reason)
        return Response(body.model_dump_json(), 503, {"Retry-After": "60"}, content_type=PROBLEM_TYPE)

    return app


def serve(
    path: Path, host: str = "127.0.0.1", port: int = 8000, *, wait: bool = False, deployment: Deployment = DIRECT
) -> None:
    """Serve the export at `path`, and whatever takes its place, until SIGTERM or Ctrl-C.

    Raises BundleError when no export can be served, before a port is opened; with `wait`, the service then asks
    visitors to come again, and keeps looking for one. Raises OSError when the port is taken.
    """
    from sqf_pipeline.service.connections import run_server

    served = ServedExport(path, deployment)
    served.start(wait=wait)
    logging.basicConfig()
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # a line for every request that waits its turn
    stop = threading.Event()
    watcher = threading.Thread(target=served.watch, args=(stop,), daemon=True, name="exports")
    watcher.start()
    try:
        run_server(
            served, host=host, port=port, threads=THREADS, channel_timeout=IDLE_SECONDS, cleanup_interval=5,
            connection_limit=500, max_request_body_size=2 * deployment.largest_request, max_request_header_size=32_768,
            expose_tracebacks=False, ident="", url_prefix=deployment.prefix,
            clear_untrusted_proxy_headers=not deployment.trusted_proxies,
        )  # fmt: skip
    finally:
        stop.set()
        watcher.join()  # an interpreter that ends under a thread in ONNX Runtime's C++ aborts (-6 in place of 0)
