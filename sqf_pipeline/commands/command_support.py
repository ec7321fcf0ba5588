"""What several commands need: the settings, a warehouse, a console."""

import logging
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, get_args

import click

from sqf_pipeline.errors import SqfError
from sqf_pipeline.registry.year_and_month_words import years_named
from sqf_pipeline.settings import Settings, Source

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from sqf_pipeline.display import DisplayTable
    from sqf_pipeline.orchestration.resources import Warehouse


def source_option(told: str) -> Callable[..., Any]:
    """Return the option `--source` of a command, described as `told`."""
    return click.option("--source", type=click.Choice(get_args(Source)), help=told)


def load_settings(**given: Any) -> Settings:
    """Return the settings, options given on the command line first; raises SqfError naming a wrong one."""
    from pydantic import ValidationError

    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        told = [
            f"SQF_{'_'.join(str(part) for part in problem['loc']).upper()} is {problem['input']!r}: {problem['msg']}."
            for problem in error.errors()
        ]
        raise SqfError("\n".join([*told, "Change it in the environment or in .env."])) from None


def years_given(_context: click.Context, _option: click.Parameter, text: str | None) -> tuple[int, ...]:
    """Return the years that an option names, none when it was not given: `2014`, `2014-2016` or `2003-2005,2014`."""
    try:
        return years_named(text) if text is not None else ()
    except ValueError as error:
        raise click.BadParameter(f"{error}.") from None


def open_warehouse(settings: Settings) -> "Warehouse":
    """Return the warehouse of the settings' source."""
    from sqf_pipeline.orchestration.resources import Warehouse

    return Warehouse(settings)


def console() -> "Console":
    """Return where commands write for people."""
    from rich.console import Console

    return Console(highlight=False)


def quieten() -> None:
    """Silence notices of libraries that would hide a command's own output."""
    warnings.filterwarnings("ignore", module="dagster")
    warnings.filterwarnings("ignore", message=".*is currently in (beta|preview).*")
    # a worker that has grown by 300 MB ends after its task and another takes its place: nothing is lost
    warnings.filterwarnings("ignore", message="A worker stopped while some jobs")
    for name in ("dagster", "alembic", "matplotlib", "fontTools"):
        logging.getLogger(name).setLevel(logging.ERROR)


def terminal_table(shown: "DisplayTable", caption: str | None = None) -> "Table":
    """Return a table as the terminal shows it: numbers to the right, the first column to the left."""
    from rich import box
    from rich.table import Table

    table = Table(
        title=shown.title, title_justify="left", title_style="bold", header_style="", box=box.SIMPLE_HEAD,
        padding=(0, 0), pad_edge=False, caption=caption,
    )  # fmt: skip
    for position, label in enumerate(shown.headers):
        table.add_column(label, justify="right" if position else "left", no_wrap=True)
    for row in shown.texts():
        table.add_row(*row)
    return table
