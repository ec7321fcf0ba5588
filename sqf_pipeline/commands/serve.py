"""`sqf serve`: the service.

What belongs here: finding the export and starting the server. What does not: anything that it answers (`service`).
"""

from pathlib import Path

import click

from sqf_pipeline.commands.surroundings import load_settings
from sqf_pipeline.commands.ui import require_free_port
from sqf_pipeline.errors import SqfError
from sqf_pipeline.settings import schema_for_source


@click.command("serve")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535), help="Port to listen on.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--export",
    "folder",
    type=click.Path(path_type=Path),
    help="Export to answer from. [default: SQF_EXPORT_DIR, else the newest]",
)
@click.option(
    "--source",
    type=click.Choice(["local", "nypd", "sample", "auto"]),
    help="Whose export: the sample's stands apart from the others'. [default: SQF_SOURCE]",
)
def command(port: int, host: str, folder: Path | None, source: str | None) -> None:
    """Answer questions about stops from the newest export, until Ctrl-C."""
    from sqf_pipeline.service.server import serve

    settings = load_settings(source=source)
    exports = settings.home / "exports" / schema_for_source(settings.source)
    folder = folder or settings.export_dir or exports / "current"
    if not folder.exists():
        raise SqfError(
            f"No export of the models at {folder}. `sqf run --full` makes one; for the sample, add --source sample to "
            "both commands."
        )
    require_free_port(host, port)
    click.echo(f"http://{host}:{port} answers from {folder}; Ctrl-C ends it.", err=True)
    serve(folder, host, port)


__all__ = ["command"]
