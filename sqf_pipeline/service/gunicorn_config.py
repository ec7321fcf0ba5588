"""Gunicorn's settings: `gunicorn --config python:sqf_pipeline.service.gunicorn_config`.

What belongs here: processes, threads, time limits, and the folder in which processes share their metrics. What
does not: the application.
"""

import os
import shutil
import tempfile
from typing import Any

bind = f"0.0.0.0:{os.environ.get('PORT', '8000')}"
workers = int(os.environ.get("WEB_CONCURRENCY", "1"))
worker_class = "gthread"
threads = 16  # each waits for one client, a slow one too; answers themselves take a fraction of a millisecond
timeout = 30
keepalive = 5
max_requests = 0
limit_request_line = 8190
limit_request_fields = 50
wsgi_app = "sqf_pipeline.service.wsgi:app"
control_socket_disable = True  # nobody steers this server from another process
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108, PTH112 - heartbeats off the disk

if workers > 1:  # the prometheus client reads this when it is imported, in the workers
    os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", tempfile.mkdtemp(prefix="sqf-metrics-"))


def on_exit(server: Any) -> None:  # noqa: ARG001 - gunicorn's signature
    """Remove the shared metrics when the whole server ends."""
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR", "")
    if os.path.basename(folder).startswith("sqf-metrics-"):  # noqa: PTH119
        shutil.rmtree(folder, ignore_errors=True)


def child_exit(server: Any, worker: Any) -> None:  # noqa: ARG001 - gunicorn's signature
    """Drop the gauges of a worker that ended."""
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        from prometheus_client.multiprocess import mark_process_dead

        mark_process_dead(worker.pid)


__all__ = [
    "bind", "child_exit", "control_socket_disable", "keepalive", "limit_request_fields", "limit_request_line",
    "max_requests", "on_exit", "threads", "timeout", "worker_class", "worker_tmp_dir", "workers", "wsgi_app",
]  # fmt: skip
