"""Fixtures of the service's tests: one small export and one application."""

from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from sqf_pipeline.export.bundle_writer import export_bundle
from sqf_pipeline.service.app import create_app
from sqf_pipeline_tests.service_support import small_export


@pytest.fixture(scope="session")
def export_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of exports with one small export in it."""
    folder = tmp_path_factory.mktemp("exports")
    small = small_export()
    export_bundle(folder, small.models, small.context)
    return folder


@pytest.fixture(scope="session")
def app(export_folder: Path) -> Flask:
    """Return the application on the small export."""
    return create_app(export_folder)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Return a client of the application."""
    return app.test_client()


__all__ = ["app", "client", "export_folder"]
