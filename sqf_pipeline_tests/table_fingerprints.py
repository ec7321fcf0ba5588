"""Digests of tables, by which two runs are compared."""

import hashlib
from collections.abc import Mapping
from io import BytesIO

import sqlalchemy as sa

from sqf_pipeline.warehouse.writer import copy_out


def table_fingerprint(engine: sa.Engine, table: sa.Table, partition: Mapping[str, object] | None = None) -> str:
    """Return the SHA-256 digest of a table's rows in the order of its key, without times of writing and fetching."""
    columns = [column for column in table.columns if not column.info.get("volatile")]
    rows = BytesIO()
    copy_out(engine, table, columns, partition or {}, rows)
    return hashlib.sha256(rows.getvalue()).hexdigest()
