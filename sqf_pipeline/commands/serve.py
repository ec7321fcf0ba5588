"""`sqf serve`: the service."""

import logging
import os
import time
from pathlib import Path

import click

from sqf_pipeline.commands.command_support import load_settings, source_option
from sqf_pipeline.commands.ui import require_free_port
from sqf_pipeline.errors import SqfError
from sqf_pipeline.settings import Settings


@click.command("serve")
@click.option(
    "--port", default=8000, show_default=True, envvar="PORT", type=click.IntRange(1, 65535), help="Port to listen on."
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--export",
    "folder",
    type=click.Path(path_type=Path),
    help="Export to answer from. [default: SQF_EXPORT_DIR, else the current one]",
)
@source_option("Export of which source; that of the sample is separate. [default: SQF_SOURCE]")
@click.option("--wait", is_flag=True, help="Wait for the first export instead of stopping; visitors are told so.")
def command(port: int, host: str, folder: Path | None, source: str | None, *, wait: bool) -> None:
    """Serve the current export, and each one that replaces it, until Ctrl-C."""
    from sqf_pipeline.service.deployment import Deployment
    from sqf_pipeline.service.server import serve

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.Formatter.converter = time.gmtime
    settings = load_settings(source=source)
    if not settings.url_prefix:
        settings = load_settings(source=source, url_prefix=os.environ.get("SCRIPT_NAME", "").rstrip("/"))
    folder = folder or settings.export_dir or exports_folder(settings, only=source is not None)
    if not (wait or folder.exists()):
        raise SqfError(
            f"No export of the models at {folder}. `sqf run --full` makes one; for the sample, add --source sample to "
            "both commands."
        )
    require_free_port(host, port)
    deployment = Deployment(
        cors_origins=tuple(origin.strip() for origin in settings.cors_origins.split(",") if origin.strip()),
        largest_request=settings.max_request_bytes,
        prefix=settings.url_prefix,
        trusted_proxies=settings.trusted_proxies,
    )
    click.echo(f"http://{host}:{port}{settings.url_prefix} answers from {folder}; Ctrl-C ends it.", err=True)
    serve(folder, host, port, wait=wait, deployment=deployment)


def exports_folder(settings: Settings, *, only: bool = False) -> Path:
    """Return the folder of exports of the source or, unless `only` is set, the other where it alone is there."""
    other = settings.model_copy(update={"source": "local" if settings.source == "sample" else "sample"})
    folders = [settings.folder("exports"), *([] if only else [other.folder("exports")])]
    return next((folder for folder in folders if folder.is_dir()), folders[0])
