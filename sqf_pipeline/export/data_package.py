"""The data package: stops and result tables as files that anybody can read, with all that describes them."""

import dataclasses
import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv

from sqf_pipeline.errors import SqfError
from sqf_pipeline.export.croissant import croissant
from sqf_pipeline.export.data_card import data_card
from sqf_pipeline.export.packaged_tables import STOPS, PackagedTable, PackageFacts, WrittenFile
from sqf_pipeline.export.recoding import RECODINGS, load_rules, recoded
from sqf_pipeline.export.table_fields import frictionless_field
from sqf_pipeline.files import file_sha256, folder_written_whole

DESCRIPTOR = "datapackage.json"
CHECKSUMS = "SHA256SUMS"
_PARQUET = {"compression": "zstd", "version": "2.6", "data_page_version": "1.0", "store_schema": False}
_GZIP_LEVEL = 6


def write_data_package(
    folder: Path, tables: Sequence[PackagedTable], facts: PackageFacts, *, recode: str | None = None
) -> list[WrittenFile]:
    """Write a data package, whole or not at all, and return its data files.

    The same tables give the same bytes: no time of writing stands in a file, and rows come in the order of the key. An
    earlier package in the folder is replaced; anything else there is refused. With `recode`, a name in `RECODINGS`, the
    stops have the columns and values of another project in place of ours. Raises SqfError when there are no stops, or
    the folder holds other files.
    """
    tables = [_with_columns_of(table, recode) if table.name == STOPS else table for table in tables]
    if not any(table.name == STOPS and table.years for table in tables):
        raise SqfError(
            "There are no stops to export yet, so nothing was written. Make them with `sqf run`; those of the sample "
            "are separate (--source sample)."
        )
    with folder_written_whole(folder, known_by=DESCRIPTOR) as work:
        files = [file for table in tables for file in _write_table(work, table, facts)]
        contents = {
            DESCRIPTOR: _as_json(datapackage(tables, files, facts)),
            "croissant.json": _as_json(croissant(tables, files, facts)),
            "README.md": data_card(tables, files, facts, recode),
        }
        for name, text in contents.items():
            (work / name).write_text(text, encoding="utf-8")
        names = sorted(path.relative_to(work).as_posix() for path in work.rglob("*") if path.is_file())
        sums = "".join(f"{file_sha256(work / name)}  {name}\n" for name in names)
        (work / CHECKSUMS).write_text(sums, encoding="utf-8")
    return files


def _as_json(document: Mapping[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def _with_columns_of(table: PackagedTable, recode: str | None) -> PackagedTable:
    """Return the stops with their computed columns, or in another project's columns."""
    if recode is None:
        rules = load_rules("derived_columns.csv")
        columns = (*table.columns, *(rule.declared() for rule in rules))
    elif recode in RECODINGS:
        rules = load_rules(RECODINGS[recode])
        columns = tuple(rule.declared() for rule in rules)
    else:
        raise SqfError(f"Expected a recoding out of {', '.join(RECODINGS)}; found {recode!r}.")

    def read(year: int) -> Iterator[pa.RecordBatch]:
        for batch in table.read(year):
            made = recoded(batch, rules)
            own = [] if recode else list(zip(batch.schema.names, batch.columns, strict=True))
            yield pa.record_batch(dict([*own, *zip(made.schema.names, made.columns, strict=True)]))

    return dataclasses.replace(table, columns=columns, read=read)


def _write_table(work: Path, table: PackagedTable, facts: PackageFacts) -> Iterator[WrittenFile]:
    """Write a table as Parquet and CSV: in one file of each, or in one a year where it has a row for each stop."""
    for year in table.years if table.by_year else (None,):
        years = table.years if year is None else (year,)
        parquet, text = table.paths(year)
        for path in (work / parquet, work / text):
            path.parent.mkdir(parents=True, exist_ok=True)
        batches = (batch for one in years for batch in table.read(one))
        rows = _write_batches(work / parquet, work / text, table, batches, facts)
        for name in (parquet, text):
            yield WrittenFile(name, table.name, year, rows, (work / name).stat().st_size, file_sha256(work / name))


def _write_batches(
    parquet: Path, text: Path, table: PackagedTable, batches: Iterator[pa.RecordBatch], facts: PackageFacts
) -> int:
    """Write the same rows both ways, batch by batch, and return how many they are."""
    first = next(batches, table.empty)  # a table without rows still says which columns it has
    told = {"title": table.title(facts), "description": table.comment}
    described = [
        field.with_metadata({"description": column["comment"]})
        for field, column in zip(first.schema, table.columns, strict=True)
    ]
    schema = pa.schema(described, metadata=told)
    with ExitStack() as stack:
        frames = stack.enter_context(pq.ParquetWriter(parquet, schema, **_PARQUET))
        raw: Any = stack.enter_context(text.open("wb"))
        if text.suffix == ".gz":
            raw = stack.enter_context(
                gzip.GzipFile(filename="", mode="wb", compresslevel=_GZIP_LEVEL, fileobj=raw, mtime=0)
            )
        lines = stack.enter_context(csv.CSVWriter(raw, schema))
        rows = 0
        for batch in chain([first], batches):
            same = pa.Table.from_batches([batch]).cast(schema)
            frames.write_table(same)
            lines.write_table(same)
            rows += batch.num_rows
    return rows


def datapackage(tables: Sequence[PackagedTable], files: Sequence[WrittenFile], facts: PackageFacts) -> dict[str, Any]:
    """Return the Frictionless Data Package (version 2) of written files: CSV with schemas, Parquet beside it."""
    by_name = {table.name: table for table in tables}
    parquet = {(file.table, file.year): file for file in files if file.path.endswith(".parquet")}
    return {
        "$schema": "https://datapackage.org/profiles/2.0/datapackage.json",
        **facts.descriptor(),
        "resources": [
            _resource(by_name[file.table], file, parquet[file.table, file.year], by_name, facts)
            for file in files
            if file not in parquet.values()
        ],
    }


def _resource(
    table: PackagedTable,
    file: WrittenFile,
    parquet: WrittenFile,
    tables: Mapping[str, PackagedTable],
    facts: PackageFacts,
) -> dict[str, Any]:
    """Return a CSV file with its schema; its twin in Parquet, which few programs for packages read, is named beside."""
    columns = {target: list(names) for target, names in table.refers.items() if target in tables}
    schema: dict[str, Any] = {
        "$schema": "https://datapackage.org/profiles/2.0/tableschema.json",
        "fields": [frictionless_field(column) for column in table.columns],
        "primaryKey": list(table.key),
        "missingValues": [""],
        "foreignKeys": [
            {"fields": names, "reference": {"resource": tables[target].resource(file.year), "fields": names}}
            for target, names in columns.items()
        ],
    }
    return {
        "name": table.resource(file.year),
        "path": file.path,
        "title": table.title(facts),
        "description": table.comment,
        "type": "table",
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "bytes": file.size,
        "hash": f"sha256:{file.sha256}",
        "rows": file.rows,
        "parquet": {"path": parquet.path, "bytes": parquet.size, "hash": f"sha256:{parquet.sha256}"},
        "schema": {name: value for name, value in schema.items() if value},
    }
