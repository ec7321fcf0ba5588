"""Counts and times of the service for Prometheus."""

from time import perf_counter

from flask import Flask, Response, g, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

TRIAL = "sqf.trial"  # key in the environment of a request that the service asks itself, which is not counted
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


def register_metrics(app: Flask, metrics: Metrics) -> None:
    """Count and time every request of an application, and serve `/metrics`."""

    @app.before_request
    def start() -> None:
        g.started = perf_counter()

    @app.after_request
    def finish(response: Response) -> Response:
        if TRIAL in request.environ:
            return response
        endpoint = request.endpoint or "none"
        method = request.method if request.method in _METHODS else "other"
        metrics.requests.labels(endpoint, method, response.status_code).inc()
        metrics.seconds.labels(endpoint).observe(perf_counter() - g.get("started", perf_counter()))
        return response

    @app.get("/metrics", endpoint="metrics")
    def show() -> Response:
        return Response(generate_latest(metrics.registry), content_type=CONTENT_TYPE_LATEST)
