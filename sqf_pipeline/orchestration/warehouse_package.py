"""The data package of a warehouse: all its tables, read in one state of the database, a year at a time."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sqf_pipeline.settings import schema_for_source

if TYPE_CHECKING:
    import pyarrow as pa
    import sqlalchemy as sa

    from sqf_pipeline.export.packaged_tables import PackagedTable, WrittenFile
    from sqf_pipeline.orchestration.resources import Warehouse


def write_warehouse_package(
    warehouse: "Warehouse", folder: Path, *, recode: str | None = None, published: str | None = None
) -> "list[WrittenFile]":
    """Write the data package of a warehouse and return its data files; see `export.data_package.write_data_package`.

    `published` is a date, YYYY-MM-DD, that the package carries.
    """
    from importlib.metadata import version

    from sqf_pipeline.export.data_package import write_data_package
    from sqf_pipeline.export.packaged_tables import PackageFacts
    from sqf_pipeline.warehouse.writer import one_state

    facts = PackageFacts(
        synthetic=warehouse.schema == schema_for_source("sample"), version=version("sqf-pipeline"), published=published
    )
    with one_state(warehouse.engine) as connection:
        return write_data_package(folder, packaged_tables(warehouse, connection), facts, recode=recode)


def packaged_tables(warehouse: "Warehouse", connection: "sa.Connection") -> "list[PackagedTable]":
    """Return every table of a warehouse as it looks to a connection.

    Columns that differ between two runs on the same files (times of writing and of fetching) are left out.
    """
    from sqf_pipeline.registry.declared_tables import declared_tables

    return [_packaged(warehouse, connection, name) for name in declared_tables()]


def _packaged(warehouse: "Warehouse", connection: "sa.Connection", name: str) -> "PackagedTable":
    import sqlalchemy as sa

    from sqf_pipeline.export.packaged_tables import STOPS, PackagedTable
    from sqf_pipeline.registry.declared_tables import declared_columns, declared_tables
    from sqf_pipeline.warehouse.frame_conversion import empty_batch
    from sqf_pipeline.warehouse.writer import read_batches

    declared, table = declared_tables(), warehouse.table(name)
    key = declared[name]["key"].split()
    targets = declared[name]["refers"].split()
    columns = [column for column in declared_columns(name) if "volatile" not in column["marks"].split()]
    names = [column["column"] for column in columns]
    years = connection.execute(sa.select(table.c[key[0]]).distinct().order_by(table.c[key[0]])).scalars()

    def read(year: int) -> "Iterator[pa.RecordBatch]":
        yield from read_batches(connection, table, names, {key[0]: year})

    return PackagedTable(
        name=name,
        comment=declared[name]["comment"],
        key=tuple(key),
        refers={target: tuple(declared[target]["key"].split()) for target in targets},
        columns=tuple(columns),
        by_year=STOPS in {name, *targets},
        years=tuple(years),
        read=read,
        empty=empty_batch([table.c[name] for name in names]),
    )
