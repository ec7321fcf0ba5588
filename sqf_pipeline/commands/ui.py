"""`sqf ui`: Dagster's UI."""

import os
import signal
import socket
import sys
from pathlib import Path

import click

from sqf_pipeline.commands.command_support import load_settings
from sqf_pipeline.errors import SqfError

WORKSPACE = Path("workspace.yaml")


@click.command("ui")
@click.option("--port", default=3000, show_default=True, type=click.IntRange(1, 65535), help="Port to listen on.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
def command(port: int, host: str) -> None:
    """Open Dagster's UI on the pipeline, with the schedule's daemon, until Ctrl-C."""
    from sqf_pipeline.orchestration.instance import instance_folder

    settings = load_settings()
    require_free_port(host, port)
    environment = {
        **os.environ,
        "DAGSTER_HOME": str(instance_folder(settings.home)),
        "SQF_HOME": str(settings.home.resolve()),
        "SQF_DATA_DIR": str(settings.data_dir.resolve()),
        # several processes share the console; their notices about beta parameters help nobody
        "PYTHONWARNINGS": os.environ.get("PYTHONWARNINGS", "ignore"),
    }
    workspace = ["-w", str(WORKSPACE)] if WORKSPACE.exists() else ["-m", "sqf_pipeline.definitions"]
    click.echo(f"Dagster's UI will be at http://{host}:{port} in a few seconds; Ctrl-C ends it.", err=True)
    arguments = [sys.executable, "-m", "dagster", "dev", *workspace, "-h", host, "-p", str(port)]
    # A program that a script starts in the background ignores SIGINT, and Dagster then ignores SIGTERM with it: such a
    # UI could only be killed.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.execve(sys.executable, arguments, environment)  # noqa: S606  # it takes over, so that Ctrl-C reaches it


def require_free_port(host: str, port: int) -> None:
    """Refuse a port that another program listens on, or an address that is not this machine's."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        raise SqfError(
            f"Cannot listen on {host}:{port}: {error.strerror or error}. Stop the program that uses the port, or "
            "choose another with --port."
        ) from error
