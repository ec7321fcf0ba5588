"""`sqf export`: which export of the models is served, and result tables as files for other programs."""

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sqf_pipeline.commands.command_support import load_settings, open_warehouse, source_option
from sqf_pipeline.errors import SqfError
from sqf_pipeline.registry.csv_tables import read_rows
from sqf_pipeline.settings import schema_for_source

if TYPE_CHECKING:
    import pandas as pd

    from sqf_pipeline.orchestration.resources import Warehouse

RECODINGS = [row["name"] for row in read_rows("sqf_pipeline.export", "recodings.csv")]
BY_STOP = ("stops", "predictions")
"""Tables with one row for each stop: large, and about persons, so written only on request."""


@click.group("export")
def command() -> None:
    """Say which export of the models is served, and write result tables for other programs."""


@command.command("current")
@click.argument("name", required=False)
@source_option("Whose exports.")
def current(name: str | None, source: str | None) -> None:
    """List the exports, or serve the one NAME says (a test year or an export's own name), an earlier one too.

    A run moves `current` forward only; this is the way back. The next run of the same or a later test year moves it
    forward again.
    """
    from sqf_pipeline.export.current_export import serve_export
    from sqf_pipeline.service.bundle import list_exports

    folder = load_settings(source=source).folder("exports")
    exports = list_exports(folder)
    if not exports:
        raise SqfError(f"There is no export in {folder}. `sqf run --full` makes one.")
    if name is not None:
        serve_export(folder, name)
    for export in exports:
        click.echo(_line_of(export, folder))


def _line_of(export: Path, folder: Path) -> str:
    from sqf_pipeline.service.bundle import CURRENT_NAME, order_of, resolve_folder

    year, made = order_of(export)
    time = datetime.fromtimestamp(made / 1e9, UTC)
    pointer = folder / CURRENT_NAME
    mark = f"  {CURRENT_NAME}" if pointer.exists() and resolve_folder(pointer) == export else ""
    return f"{export.name}  test year {year}  exported {time:%Y-%m-%d %H:%M} UTC{mark}"


@command.command("data")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@source_option("Whose tables.")
@click.option("--recode", type=click.Choice(RECODINGS), help="Give the stops another project's columns.")
@click.option("--date", type=click.DateTime(["%Y-%m-%d"]), help="The day of publication, where it should be told.")
def data(folder: Path, source: str | None, recode: str | None, date: datetime | None) -> None:
    """Write stops and result tables to FOLDER as a data package: Parquet, CSV, and all that describes them.

    The same tables give the same bytes. An earlier package in FOLDER is replaced, whole or not at all.
    """
    from sqf_pipeline.orchestration.warehouse_package import write_warehouse_package

    settings = load_settings(source=source)
    day = date.date().isoformat() if date else None
    with closing(open_warehouse(settings)) as warehouse:
        try:
            files = write_warehouse_package(warehouse, folder, recode=recode, published=day)
        except OSError as error:
            raise SqfError(
                f"Cannot write {folder}: {error.strerror or error}. Make room, or name a folder that can be written."
            ) from error
    frames = [file for file in files if file.path.endswith(".parquet")]
    rows = sum(file.rows for file in frames)
    mark = "; SYNTHETIC stops, and labelled so" if warehouse.schema == schema_for_source("sample") else ""
    click.echo(f"{folder}: {rows:,} rows in {len({file.table for file in frames})} tables{mark}.")


@command.command("tableau")
@click.argument("path", type=click.Path(path_type=Path, dir_okay=False), default="sqf.hyper")
@source_option("Whose results.")
@click.option("--with-stops", is_flag=True, help="Include the tables with one row for each stop.")
def tableau(path: Path, source: str | None, *, with_stops: bool) -> None:
    """Write the result tables and views as a Tableau extract (.hyper) at PATH."""
    from sqf_pipeline.export.tableau import write_hyper

    settings = load_settings(source=source)
    with closing(open_warehouse(settings)) as warehouse:
        tables = read_tables(warehouse, with_stops=with_stops)
    if not tables:
        raise SqfError(
            f"There are no results in schema {warehouse.schema} yet, so nothing was written. Make them with `sqf run`; "
            "those of the sample are separate (--source sample)."
        )
    write_hyper(tables, path)
    rows = sum(len(frame) for frame in tables.values())
    click.echo(f"{path}: {rows:,} rows in {len(tables)} tables.")


def read_tables(warehouse: "Warehouse", *, with_stops: bool) -> "dict[str, pd.DataFrame]":
    """Return the tables and views of a warehouse's schema that hold rows, by name."""
    import pandas as pd
    import sqlalchemy as sa

    from sqf_pipeline.warehouse.packed_predictions import PARTS, VIEW

    found, hidden = {}, {*(f"{VIEW}_{part}" for part in PARTS), *(() if with_stops else BY_STOP)}
    with warehouse.engine.connect() as connection:
        inspector = sa.inspect(connection)
        names = [*inspector.get_table_names(warehouse.schema), *inspector.get_view_names(warehouse.schema)]
        for name in sorted(names):
            if name in hidden:
                continue
            table = sa.Table(name, sa.MetaData(schema=warehouse.schema), autoload_with=connection)
            frame = pd.read_sql(sa.select(table), connection)
            if len(frame):
                found[name] = frame.convert_dtypes()
    return found
