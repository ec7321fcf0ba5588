"""`sqf export`: result tables as files for other programs.

What belongs here: which tables, and reading them. What does not: writing an extract (`serving.tableau`), and the
export of models, which is an asset.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sqf_pipeline.commands.surroundings import load_settings, open_warehouse
from sqf_pipeline.errors import SqfError

if TYPE_CHECKING:
    import pandas as pd

    from sqf_pipeline.orchestration.resources import Warehouse

BY_STOP = ("stops", "predictions")
"""Tables with a row a stop: large, and about persons, so that they are written on request alone."""


@click.group("export")
def command() -> None:
    """Write result tables for other programs."""


@command.command("tableau")
@click.argument("path", type=click.Path(path_type=Path, dir_okay=False), default="sqf.hyper")
@click.option("--source", type=click.Choice(["local", "nypd", "sample", "auto"]), help="Whose results.")
@click.option("--with-stops", is_flag=True, help="Also the tables with a row a stop.")
def tableau(path: Path, source: str | None, *, with_stops: bool) -> None:
    """Write the result tables and views as a Tableau extract (.hyper) at PATH."""
    from sqf_pipeline.serving.tableau import write_hyper

    settings = load_settings(source=source)
    warehouse = open_warehouse(settings, settings.source)
    try:
        tables = read_tables(warehouse, with_stops=with_stops)
    finally:
        warehouse.close()
    if not tables:
        raise SqfError(
            f"There are no results in schema {warehouse.schema} yet, so nothing was written. `sqf run` makes them; the "
            "sample's stand apart (--source sample)."
        )
    write_hyper(tables, path)
    rows = sum(len(frame) for frame in tables.values())
    click.echo(f"{path}: {rows:,} rows in {len(tables)} tables.")


def read_tables(warehouse: "Warehouse", *, with_stops: bool) -> "dict[str, pd.DataFrame]":
    """Return the tables and views of a warehouse's schema that hold rows, by name."""
    import pandas as pd
    import sqlalchemy as sa

    found = {}
    with warehouse.engine.connect() as connection:
        inspector = sa.inspect(connection)
        names = [*inspector.get_table_names(warehouse.schema), *inspector.get_view_names(warehouse.schema)]
        for name in sorted(names):
            if name in BY_STOP and not with_stops:
                continue
            table = sa.Table(name, sa.MetaData(schema=warehouse.schema), autoload_with=connection)
            frame = pd.read_sql(sa.select(table), connection)
            if len(frame):
                found[name] = frame.convert_dtypes()
    return found


__all__ = ["BY_STOP", "command", "read_tables", "tableau"]
