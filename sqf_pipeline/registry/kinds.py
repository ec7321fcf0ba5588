"""Kinds of columns, and what each is in frames, Arrow, PostgreSQL and other formats: `kinds.csv`."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sqf_pipeline.registry.csv_tables import read_rows

if TYPE_CHECKING:
    import pyarrow as pa

KINDS: Mapping[str, Mapping[str, str]] = {row["kind"]: row for row in read_rows(__package__, "kinds.csv")}
"""The row of every kind: those of the registry's columns, and three that only tables have."""

DTYPES: Mapping[str, str] = {kind: row["frame"] for kind, row in KINDS.items()}
"""Type of a clean column, or of a column of a table's frame, by its kind; a missing value is null in each."""


def arrow_type(kind: str) -> "pa.DataType":
    """Return the Arrow type of a kind, in which tables are copied and packaged; raises KeyError for no kind."""
    import pyarrow as pa

    name = KINDS[kind]["arrow"]
    return pa.timestamp("us", "UTC") if name == "timestamp[us, UTC]" else pa.type_for_alias(name)
