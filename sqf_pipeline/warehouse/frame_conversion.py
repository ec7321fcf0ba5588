"""Between the types of frames and those of tables.

CSV is written and read by Arrow: it is several times faster than pandas, keeps every digit of a floating-point number,
and distinguishes an empty text (quoted) from null (not quoted), as PostgreSQL does.
"""

from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from pyarrow import csv

from sqf_pipeline.errors import SqfError
from sqf_pipeline.registry.kinds import DTYPES, arrow_type
from sqf_pipeline.warehouse.tables import PARTITION, SQL_TYPES

_BLOCK_BYTES = 1 << 24
CHUNK_ROWS = 20_000
_FOR_COPY = csv.WriteOptions(include_header=False, quoting_style="all_valid")

# Arrow type and type in frames by SQL type; a month is a small integer like a year, and is told by its `info`.
_TYPES: dict[type, tuple[pa.DataType, str]] = {
    type(sa.types.to_instance(sql_type)): (arrow_type(kind), DTYPES[kind])
    for kind, sql_type in reversed(SQL_TYPES.items())
}


_NULLABLE: dict[pa.DataType, pd.api.extensions.ExtensionDtype] = {
    pa.int16(): pd.Int16Dtype(), pa.int32(): pd.Int32Dtype(), pa.int64(): pd.Int64Dtype(),
    pa.float64(): pd.Float64Dtype(), pa.bool_(): pd.BooleanDtype(), pa.string(): pd.StringDtype(),
}  # fmt: skip


def partition_year(table: sa.Table, partition: Mapping[str, object]) -> int:
    """Return the year of a partition; raises SqfError when it names no year or columns that are not there."""
    column = table.info[PARTITION]
    unknown = [name for name in partition if name not in table.columns]
    if unknown:
        raise SqfError(f"Table {table.fullname} has no column {', '.join(unknown)} to be replaced by.")
    if column not in partition:
        raise SqfError(
            f"Table {table.fullname} is replaced by {column}; found only {', '.join(partition) or 'nothing'}."
        )
    return int(str(partition[column]))


def check_frame(table: sa.Table, frame: pd.DataFrame, partition: Mapping[str, object]) -> list[sa.Column]:
    """Return the columns of `table` that `frame` fills, in the table's order.

    Raises SqfError when a column is missing or unknown, holds null where there may be none, lies outside the partition,
    or the key occurs twice. Messages give counts, never values of rows.
    """
    declared = list(table.columns)
    names = {column.name for column in declared}
    doubled = sorted({str(name) for name in frame.columns[frame.columns.duplicated()]})
    extra = [str(name) for name in frame.columns if name not in names]
    missing = [c.name for c in declared if c.name not in frame.columns and not c.info.get("optional")]
    problems = [f"unknown columns: {', '.join(extra)}"] if extra else []
    problems += [f"missing columns: {', '.join(missing)}"] if missing else []
    problems += [f"columns twice: {', '.join(doubled)}"] if doubled else []
    if not problems:
        problems = list(_misfits(table, frame, partition))
    if problems:
        raise SqfError(f"A frame does not fit table {table.fullname}: {'; '.join(problems)}. Nothing was changed.")
    return [column for column in declared if column.name in frame.columns]


def _misfits(table: sa.Table, frame: pd.DataFrame, partition: Mapping[str, object]) -> Iterator[str]:
    """Yield what rows break of a table: columns that may not be null, the partition, the key."""
    for column in table.columns:
        nulls = int(frame[column.name].isna().sum()) if not column.nullable and column.name in frame.columns else 0
        if nulls:
            yield f"{column.name} is null in {nulls} of {len(frame)} rows and may not be"
    for name, value in partition.items():
        if outside := int((frame[name] != value).fillna(True).sum()):
            yield f"{name} is not {value} in {outside} of {len(frame)} rows"
    key = [column.name for column in table.primary_key.columns]
    if doubled := int(frame.duplicated(subset=key).sum()):
        yield f"{doubled} rows repeat a key ({', '.join(key)})"


def csv_in_chunks(table: sa.Table, frame: pd.DataFrame, columns: list[sa.Column]) -> Iterator[BytesIO]:
    """Yield a frame as CSV without a header, so many rows at a time that a large year is never held a second time.

    Raises SqfError when values are not of the types of the table's columns; what is written then has to be undone.
    """
    for start in range(0, len(frame), CHUNK_ROWS):
        target = BytesIO()
        csv.write_csv(_frame_to_rows(table, frame.iloc[start : start + CHUNK_ROWS], columns), target, _FOR_COPY)
        target.seek(0)
        yield target


def _frame_to_rows(table: sa.Table, frame: pd.DataFrame, columns: list[sa.Column]) -> pa.Table:
    """Return rows in the types of a table's columns."""
    arrays = []
    problems = []
    for column in columns:
        kind = _arrow_type(column)
        try:
            arrays.append(_to_arrow(frame[column.name], kind))
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            problems.append(f"{column.name} must be {kind}, found {_found(frame[column.name])}")
    if problems:
        raise SqfError(f"A frame does not fit table {table.fullname}: {'; '.join(problems)}. Nothing was changed.")
    return pa.table(arrays, names=[column.name for column in columns])


def csv_to_frame(payload: bytes, columns: list[sa.Column]) -> pd.DataFrame:
    """Return rows from CSV with a header, in the types of frames."""
    rows = csv.read_csv(BytesIO(payload), **_csv_options(columns))
    return pd.DataFrame({column.name: _to_pandas(rows[column.name], column) for column in columns})


def csv_to_batches(path: Path, columns: list[sa.Column]) -> Iterator[pa.RecordBatch]:
    """Yield rows from a CSV file with a header, some tens of thousands at a time, so that memory stays flat."""
    with csv.open_csv(path, csv.ReadOptions(block_size=_BLOCK_BYTES), **_csv_options(columns)) as reader:
        yield from reader


def empty_batch(columns: list[sa.Column]) -> pa.RecordBatch:
    """Return no rows, in the types of the columns."""
    arrays = [pa.array([], _arrow_type(column)) for column in columns]
    return pa.record_batch(arrays, names=[column.name for column in columns])


def _csv_options(columns: list[sa.Column]) -> dict[str, Any]:
    return {
        "convert_options": csv.ConvertOptions(
            column_types={column.name: _arrow_type(column) for column in columns},
            true_values=["t"],
            false_values=["f"],
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
        "parse_options": csv.ParseOptions(newlines_in_values=True),
    }


def _to_arrow(values: pd.Series, kind: pa.DataType) -> pa.Array:
    """Return a column as Arrow, every missing value as null."""
    if pa.types.is_date(kind):
        moments = pa.Array.from_pandas(pd.to_datetime(values), type=pa.timestamp("us"))
        dates = moments.cast(kind)
        if not dates.cast(moments.type).equals(moments):
            raise ValueError("expected dates, found times of day")
        return dates
    if pa.types.is_string(kind):
        if not _is_text(values):
            raise TypeError(f"expected text, found {values.dtype}")
        return pa.Array.from_pandas(values.astype("string"), type=kind)
    if pa.types.is_boolean(kind):
        return pa.Array.from_pandas(values.astype("boolean"), type=kind)
    if pa.types.is_integer(kind):
        return pa.Array.from_pandas(values.astype("Int64"), type=pa.int64()).cast(kind)
    if pa.types.is_floating(kind):
        numbers = pa.Array.from_pandas(values.astype("Float64"), type=kind)
        return pc.if_else(pc.is_nan(numbers), pa.scalar(None, kind), numbers)
    return pa.Array.from_pandas(values, type=kind)


def _is_text(values: pd.Series) -> bool:
    return bool(values.isna().all()) or pd.api.types.infer_dtype(values.astype(object), skipna=True) == "string"


def _to_pandas(values: pa.ChunkedArray, column: sa.Column) -> pd.Series:
    kind = _frame_type(column)
    if kind.startswith("datetime64"):
        return values.to_pandas().astype(kind)
    return values.to_pandas(types_mapper=_NULLABLE.get).astype(kind)


def _arrow_type(column: sa.Column) -> pa.DataType:
    return _TYPES[type(column.type)][0]


def _frame_type(column: sa.Column) -> str:
    return column.info.get("frame_type") or _TYPES[type(column.type)][1]


def _found(values: pd.Series) -> str:
    return f"{values.dtype} that does not convert without loss"
