"""The web application put together.

What belongs here: limits, and the order in which the parts are added. What does not: any route.
"""

from pathlib import Path

from flask import Flask

from sqf_pipeline.service.api import register_api
from sqf_pipeline.service.loaded_bundle import load_service
from sqf_pipeline.service.monitoring import Metrics, register_metrics
from sqf_pipeline.service.pages import register_pages
from sqf_pipeline.service.problems import register_error_handlers
from sqf_pipeline.service.security import register_security_headers

LARGEST_REQUEST = 1_048_576
"""Largest request body, in bytes: about three times what the longest list of stops needs."""


def create_app(bundle_dir: Path) -> Flask:
    """Return the application that answers from the export at `bundle_dir`.

    Raises BundleError when the export is refused; nothing is served then.
    """
    service = load_service(bundle_dir)
    app = Flask(__name__, static_folder=None)  # files are served under a mark of their content, by `pages`
    app.config.update(
        DEBUG=False, TESTING=False, PROPAGATE_EXCEPTIONS=False, MAX_CONTENT_LENGTH=LARGEST_REQUEST,
        MAX_FORM_MEMORY_SIZE=65_536, MAX_FORM_PARTS=200,
    )  # fmt: skip
    metrics = Metrics()
    register_security_headers(app)
    register_metrics(app, metrics)
    register_error_handlers(app)
    register_api(app, service, metrics)
    register_pages(app, service)
    return app


__all__ = ["LARGEST_REQUEST", "create_app"]
