"""The web application put together."""

from http import HTTPStatus
from pathlib import Path

from flask import Flask

from sqf_pipeline.service.api import register_api
from sqf_pipeline.service.bundle import BundleError, resolve_folder
from sqf_pipeline.service.deployment import (
    DIRECT,
    Deployment,
    believe_proxies,
    register_cors,
    register_security_headers,
)
from sqf_pipeline.service.loaded_bundle import Service, load_service
from sqf_pipeline.service.monitoring import TRIAL, Metrics, register_metrics
from sqf_pipeline.service.pages import register_pages
from sqf_pipeline.service.problems import register_error_handlers


def create_app(bundle_dir: Path, metrics: Metrics | None = None, deployment: Deployment = DIRECT) -> Flask:
    """Return the application that answers from the export at `bundle_dir`, after it has answered every page once.

    `metrics` go on counting where a former export's application stopped. Raises BundleError when the export is
    refused, or anything in it cannot be read or shown.
    """
    folder = resolve_folder(bundle_dir)
    try:
        app = _put_together(load_service(folder), metrics or Metrics(), deployment)
        _try_every_page(app)
    except BundleError:
        raise
    except Exception as error:
        raise BundleError(
            f"The export {folder} cannot be served: {type(error).__name__}: {error}. Export again."
        ) from error
    return app


def _try_every_page(app: Flask) -> None:
    """Ask for everything that needs no question; raises BundleError for an answer that is not well."""
    client = app.test_client()
    for rule in app.url_map.iter_rules():
        if rule.arguments or "GET" not in (rule.methods or ()):
            continue
        answer = client.get(rule.rule, environ_overrides={TRIAL: True})
        well = answer.status_code == HTTPStatus.OK or (
            rule.endpoint == "pages.download_card" and answer.status_code == HTTPStatus.NOT_FOUND
        )
        if not well:
            raise BundleError(f"The page {rule.rule} of the export cannot be shown ({answer.status}). Export again.")


def _put_together(service: Service, metrics: Metrics, deployment: Deployment) -> Flask:
    app = Flask(__name__, static_folder=None)  # files are served under a mark of their content, by `pages`
    app.config.update(
        DEBUG=False, TESTING=False, PROPAGATE_EXCEPTIONS=False, MAX_CONTENT_LENGTH=deployment.largest_request,
        MAX_FORM_MEMORY_SIZE=65_536, MAX_FORM_PARTS=200,
    )  # fmt: skip
    believe_proxies(app, deployment.trusted_proxies)
    register_cors(app, deployment.cors_origins)  # runs after the headers below, which it loosens
    register_security_headers(app)
    register_metrics(app, metrics)
    register_error_handlers(app)
    register_api(app, service, metrics)
    register_pages(app, service)
    return app
