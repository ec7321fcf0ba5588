"""The `sqf` command."""

import importlib
from typing import Any

import click

COMMANDS = {
    "run": "Make every asset of the test years, from the published files to the result tables.",
    "ui": "Open Dagster's UI on the pipeline.",
    "report": "Show what the tables hold: rows, outcomes and metrics of the models.",
    "diff": "Show what changed between two files of a year.",
    "serve": "Serve pages and interface from the current export.",
    "export": "Write the data package or a Tableau extract; choose the export that is served.",
    "db": "Find, open, stop or share the database.",
    "sample": "Write synthetic yearly files.",
    "doctor": "Check what is installed and reachable, and say what to do.",
    "clean": "Delete the history of old runs; results stay.",
}


class _Commands(click.Group):
    """A group whose commands are imported when they are called, and whose errors are shown without a traceback."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        return getattr(importlib.import_module(f"sqf_pipeline.commands.{cmd_name}"), "command")  # noqa: B009

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        from sqf_pipeline.errors import SqfError

        try:
            return super().invoke(ctx)
        except SqfError as error:
            click.secho("Error: ", fg="red", bold=True, nl=False, err=True)
            click.echo(str(error), err=True)
            ctx.exit(1)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="sqf-pipeline", prog_name="sqf")
def main() -> None:
    """Models of what follows a police stop in New York, from the published files."""


if __name__ == "__main__":
    main()
