"""Serving with waitress, on any system.

What belongs here: the server's own limits. What does not: the application (`app`), and gunicorn's start on Linux
(`wsgi`, `gunicorn_config`).
"""

import logging
from collections.abc import Callable
from pathlib import Path

from sqf_pipeline.service.app import LARGEST_REQUEST, create_app

logger = logging.getLogger(__name__)

THREADS = 4
"""Threads that answer; one thread reads all connections, so that a slow client holds none of these."""
IDLE_SECONDS = 20
"""Time after which a connection that sends nothing is closed."""


def serve(
    bundle_dir: Path, host: str = "127.0.0.1", port: int = 8000, *, on_ready: Callable[[], None] | None = None
) -> None:
    """Serve the export at `bundle_dir` until interrupted; `on_ready` is called when it is loaded.

    Raises BundleError when the export is refused, before a port is opened, and OSError when the port is taken.
    """
    import waitress

    app = create_app(bundle_dir)
    logger.info("serving %s on http://%s:%d", bundle_dir, host, port)
    if on_ready is not None:
        on_ready()
    waitress.serve(
        app, host=host, port=port, threads=THREADS, channel_timeout=IDLE_SECONDS, cleanup_interval=5,
        connection_limit=500, max_request_body_size=2 * LARGEST_REQUEST, max_request_header_size=32_768,
        expose_tracebacks=False, ident="",
    )  # fmt: skip


__all__ = ["serve"]
