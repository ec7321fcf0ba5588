"""The server's connections: a short question is answered by the thread that read it, a refusal is a problem."""

from collections.abc import Callable
from copy import copy
from threading import get_ident
from typing import Any

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer
from waitress.task import ErrorTask, ThreadedTaskDispatcher

from sqf_pipeline.service.schemas import Problem
from sqf_pipeline.service.study_contract import STUDY_ROUTES

_SHORT = tuple(f"/api/{route}" for route, _ in STUDY_ROUTES.values())
_LONGEST = 4096
"""Bytes of the longest body that is a short question."""


class _ProblemTask(ErrorTask):
    """What the server itself refuses, such as a body that is far too large, told as the application would."""

    def execute(self) -> None:
        error = self.request.error
        body = Problem(type="about:blank", title=error.reason, status=error.code, detail=f"{error.body}.")
        data = body.model_dump_json().encode()
        self.status = f"{error.code} {error.reason}"
        self.response_headers.append(("Content-Type", "application/problem+json"))
        self.set_close_on_finish()
        self.content_length = len(data)
        self.write(data)


class Channel(HTTPChannel):
    """One connection; `at_once` while its reading thread has a question to answer."""

    error_task_class = _ProblemTask
    at_once = False

    def received(self, data: bytes) -> bool:
        """Take what was read, answer a short question that it ends, and send head and body of the answer together."""
        taken: bool = super().received(data)
        while self.at_once:
            self.at_once = False
            self.adj = self.server.adj_at_once
            self.service()
            self.adj = self.server.adj
            self.handle_write()
        return taken


class Listener(TcpWSGIServer):
    """One address that is listened on; the thread that made it reads its connections."""

    channel_class = Channel

    def __init__(self, *args: Any, **named: Any) -> None:
        self.reader = get_ident()
        super().__init__(*args, **named)
        self.adj_at_once = copy(self.adj)
        self.adj_at_once.send_bytes = self.adj.outbuf_high_watermark

    def pull_trigger(self) -> None:
        """Wake the reading thread, unless it is the one that asks."""
        if get_ident() != self.reader:
            super().pull_trigger()


class Dispatcher(ThreadedTaskDispatcher):
    """Gives whole requests to threads, but a short question to the thread that read it.

    The study's endpoints answer one stop in a tenth of a millisecond: less than it takes to wake another thread, and
    to be woken by it.
    """

    def add_task(self, task: Channel) -> None:
        """Take the first request of a connection; called by its reading thread, or by the one that answered it."""
        request = task.requests[0]
        if (
            task.server.reader == get_ident()
            and not request.error
            and request.path.endswith(_SHORT)
            and request.content_length <= _LONGEST
        ):
            task.at_once = True
        else:
            super().add_task(task)


class Server:
    """Waitress with its addresses, one thread that reads, and others that answer.

    Raises OSError when the port is taken.
    """

    def __init__(self, application: Callable[..., Any], threads: int, **settings: Any) -> None:
        adjustments = Adjustments(**settings)
        self._map: dict[int, Any] = {}
        self._dispatcher = Dispatcher()
        self.listeners = [
            Listener(application, self._map, dispatcher=self._dispatcher, adj=adjustments, sockinfo=address)
            for address in adjustments.listen
        ]
        self._dispatcher.set_thread_count(threads)
        self._ended = False

    def run(self) -> None:
        """Answer until `end`; then what is being answered is finished."""
        for listener in self.listeners:
            listener.print_listen("Serving on http://{}:{}")
        while not self._ended:
            wasyncore.poll(1.0, self._map)
        self._dispatcher.shutdown()
        wasyncore.close_all(self._map)

    def end(self, *_: object) -> None:
        """End `run` soon; may be called by a signal, and by any thread."""
        self._ended = True
        self.listeners[0].trigger.pull_trigger()
