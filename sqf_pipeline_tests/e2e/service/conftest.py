"""The shared fixtures of the service's tests, made known to pytest here."""

import pytest

from sqf_pipeline_tests.service_fixtures import app, client, export_folder
from sqf_pipeline_tests.service_process import free_port, running, waitress_command

__all__ = ["app", "client", "export_folder", "service"]


@pytest.fixture(scope="module")
def service(export_folder, tmp_path_factory):
    """Return the service as a process of its own, on the small export."""
    port = free_port()
    log = tmp_path_factory.mktemp("log") / "service.log"
    with running(waitress_command(export_folder, port), port, log) as found:
        yield found
