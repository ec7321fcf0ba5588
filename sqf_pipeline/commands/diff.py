"""`sqf diff`: what changed between two files of a year."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sqf_pipeline.commands.command_support import console, terminal_table
from sqf_pipeline.display import display_table
from sqf_pipeline.errors import SqfError

if TYPE_CHECKING:
    from rich.console import Console

    from sqf_pipeline.ingest.reader import RawFile
    from sqf_pipeline.year_checks.revisions import Revision

DIFFERENT, UNREADABLE = 1, 2


@click.command("diff")
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@click.option("--year", type=int, help="Year of both files. [default: that of most of their stops]")
@click.pass_context
def command(ctx: click.Context, old: Path, new: Path, year: int | None) -> None:
    """Show what changed from the yearly file OLD to NEW: stops added, gone and changed, cells by column, outcomes.

    Values are compared, not bytes, so that a file saved again in another form is equal. Exit code 0: the same stops;
    1: they differ; 2: a file cannot be read as a yearly file, or the two are of different years.
    """
    from sqf_pipeline.cleaning.clean_stops import clean_stops
    from sqf_pipeline.year_checks.revisions import compare_stops

    try:
        former, later = _both(old, new, year)
    except SqfError as error:
        click.secho("Error: ", fg="red", bold=True, nl=False, err=True)
        click.echo(str(error), err=True)
        ctx.exit(UNREADABLE)
    stops = [clean_stops(file.frame, file.year).stops for file in (former, later)]
    revision = compare_stops(*stops)
    _print(console(), former, later, revision)
    ctx.exit(0 if revision.is_equal else DIFFERENT)


def _both(old: Path, new: Path, year: int | None) -> "tuple[RawFile, RawFile]":
    from sqf_pipeline.ingest.reader import read_published_file

    former, later = read_published_file(old, year), read_published_file(new, year)
    if former.year != later.year:
        raise SqfError(
            f"Expected two files of one year, found {former.year} in {old.name} and {later.year} in {new.name}."
        )
    return former, later


def _print(out: "Console", former: "RawFile", later: "RawFile", revision: "Revision") -> None:
    for label, file in (("Old", former), ("New", later)):
        left_out = sum(file.other_years.values())
        rest = f", {left_out:,} of other years left out" if left_out else ""
        out.print(
            f"{label}  {file.parts[0].name}  {len(file.frame):,} stops{rest}  SHA-256 {file.sha256}", soft_wrap=True
        )
    if revision.is_equal:
        same = former.sha256 == later.sha256
        out.print("[green]Equal[/green]: " + ("the same bytes." if same else "other bytes, the same stops and values."))
        return
    out.print("[bold red]The files differ.[/bold red] " + revision.sentence(), soft_wrap=True)
    records = [
        {"name": name, "old": before, "new": after, "difference": f"{after - before:+,}"}
        for name, (before, after) in {"stops": revision.rows, **revision.outcomes}.items()
    ]
    columns = [("name", ""), ("old", "old", "count"), ("new", "new", "count"), ("difference", "difference")]
    out.print(terminal_table(display_table(records, columns, str(later.year))))
    if revision.cells:
        changed = sorted(revision.cells.items(), key=lambda entry: (-entry[1], entry[0]))
        records = [{"column": name, "stops": stops} for name, stops in changed]
        columns = [("column", "column"), ("stops", "stops with another value", "count")]
        out.print(terminal_table(display_table(records, columns)))
