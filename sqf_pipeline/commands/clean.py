"""`sqf clean`: delete the history of old runs."""

import os
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from sqf_pipeline.commands.command_support import load_settings, quieten

if TYPE_CHECKING:
    import dagster as dg


@click.command("clean")
@click.option(
    "--older-than", "days", type=click.IntRange(min=0), default=400, show_default=True, help="Age of a run in days."
)
@click.option("--dry-run", is_flag=True, help="Only show what would be deleted.")
def command(days: int, *, dry_run: bool) -> None:
    """Delete old finished runs that no present result depends on, with what their steps printed.

    Tables, frames, models, exports and yearly files are never touched, nor the runs that made them.
    """
    quieten()
    from sqf_pipeline.orchestration.retention import forget_runs, runs_to_forget

    with _instance() as instance:
        found = runs_to_forget(instance, datetime.now(UTC) - timedelta(days=days))
        if not dry_run:
            forget_runs(instance, found)
        left = instance.get_runs_count()
    verb = "Would delete" if dry_run else "Deleted"
    click.echo(f"{verb} {len(found)} runs older than {days} days; {left} remain.")


def _instance() -> "AbstractContextManager[dg.DagsterInstance]":
    """Open the instance that DAGSTER_HOME names, as in the containers, else that of the home folder."""
    import dagster as dg

    from sqf_pipeline.orchestration.instance import open_instance

    return dg.DagsterInstance.get() if os.environ.get("DAGSTER_HOME") else open_instance(load_settings().home)
