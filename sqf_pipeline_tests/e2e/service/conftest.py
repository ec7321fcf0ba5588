"""The shared fixtures of the service's tests, made known to pytest here."""

from sqf_pipeline_tests.service_fixtures import app, client, export_folder

__all__ = ["app", "client", "export_folder"]
