"""The server's connections: a short question is answered by the thread that read it, a refusal is a problem."""

import signal
import threading
from collections.abc import Callable
from threading import get_ident
from typing import Any

import waitress.server
from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer
from waitress.task import ErrorTask

from sqf_pipeline.service.problems import DETAILS, PROBLEM_TYPE
from sqf_pipeline.service.schemas import Problem
from sqf_pipeline.service.study_contract import LONGEST_SHORT, STUDY_ROUTES

_SHORT = tuple(f"/api/{route}" for route, _ in STUDY_ROUTES.values())
_LONGEST_WAIT = 0.5
"""Seconds until a signal to end is seen."""


class _ProblemTask(ErrorTask):
    """What the server itself refuses, such as a body that is far too large, told as the application would."""

    def execute(self) -> None:
        error = self.request.error
        detail = DETAILS.get(error.code, f"{error.body}.")
        body = Problem(type="about:blank", title=error.reason, status=error.code, detail=detail)
        data = body.model_dump_json().encode()
        self.status = f"{error.code} {error.reason}"
        self.response_headers.append(("Content-Type", PROBLEM_TYPE))
        self.set_close_on_finish()
        self.content_length = len(data)
        self.write(data)


class Channel(HTTPChannel):
    """One connection; `at_once` while its reading thread has a question to answer."""

    error_task_class = _ProblemTask
    at_once = False

    def received(self, data: bytes) -> bool:
        """Take what was read, and answer a short question that it ends."""
        taken: bool = super().received(data)
        while self.at_once:
            self.at_once = False
            self.service()
        return taken


class Listener(TcpWSGIServer):
    """One address that is listened on; the thread that made it reads its connections."""

    channel_class = Channel

    def __init__(self, *args: Any, **named: Any) -> None:
        self.reader = get_ident()
        super().__init__(*args, **named)

    def add_task(self, task: Channel) -> None:
        """Take the first request of a connection; called by the thread that read it, or that answered one before it.

        It is given to another thread, unless it is a question to the study's endpoints: one stop is answered in a
        tenth of a millisecond, which is less than it takes to wake a thread and be woken by it.
        """
        asked = task.requests[0]
        short = not asked.error and asked.path.endswith(_SHORT) and asked.content_length <= LONGEST_SHORT
        if short and get_ident() == self.reader:
            task.at_once = True
        else:
            super().add_task(task)


def run_server(application: Callable[..., Any], **settings: Any) -> None:
    """Run waitress until SIGTERM or Ctrl-C; what is being answered is finished. Raises OSError for a port in use."""
    waitress.server.TcpWSGIServer = Listener
    connections: dict[int, Any] = {}
    server = waitress.server.create_server(application, map=connections, **settings)
    server.print_listen("Serving on http://{}:{}")
    ended = threading.Event()
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: ended.set())
    while not ended.is_set():
        wasyncore.poll(_LONGEST_WAIT, connections)
    server.task_dispatcher.shutdown()
