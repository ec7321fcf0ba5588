"""Counts and times of the service for Prometheus."""

from collections.abc import Callable, Iterable
from time import perf_counter
from typing import Any

from flask import Flask, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

TRIAL = "sqf.trial"
"""Key in the environment of a request that the service asks itself, which is not counted."""
_METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS"})
_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)


class Metrics:
    """The service's metrics, in a registry of their own so that two services in one process do not mix."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        labels = ("endpoint", "method", "status")
        self.requests = Counter("sqf_requests", "Requests answered.", labels, registry=self.registry)
        self.seconds = Histogram(
            "sqf_request_seconds", "Time to answer a request, in seconds.", ("endpoint",), buckets=_BUCKETS,
            registry=self.registry,
        )  # fmt: skip
        self.refused = Gauge(
            "sqf_export_refused", "1 while the current export is refused and a former one answers.",
            registry=self.registry,
        )  # fmt: skip
        self.predictions = Counter("sqf_predictions", "Stops answered.", ("outcome", "tier"), registry=self.registry)

        self._kept: dict[tuple[str, str, str], tuple[Counter, Histogram]] = {}

    def count(self, endpoint: str, method: str, status: str, seconds: float) -> None:
        """Count a request that was answered, and how long that took."""
        kept = self._kept.get((endpoint, method, status))
        if kept is None:  # looking up a metric by its labels takes longer than counting
            kept = self.requests.labels(endpoint, method, status), self.seconds.labels(endpoint)
            self._kept[endpoint, method, status] = kept
        kept[0].inc()
        kept[1].observe(seconds)

    def page(self) -> bytes:
        """Return the metrics in Prometheus's text format."""
        return generate_latest(self.registry)


def register_metrics(app: Flask, metrics: Metrics) -> None:
    """Count and time every request of an application, and serve `/metrics`."""
    answer = app.wsgi_app

    def counted(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        started = perf_counter()

        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            if TRIAL not in environ:
                method = environ["REQUEST_METHOD"]
                endpoint = environ["werkzeug.request"].endpoint or "none"
                method = method if method in _METHODS else "other"
                metrics.count(endpoint, method, status[:3], perf_counter() - started)
            return start_response(status, headers, *error)

        return answer(environ, start)

    def show() -> Response:
        return Response(metrics.page(), content_type=CONTENT_TYPE_LATEST)

    app.wsgi_app = counted  # type: ignore[method-assign]
    app.add_url_rule("/metrics", "metrics", show, methods=["GET"])
