"""Where assets are kept: Parquet frames, joblib models, PostgreSQL tables.

What belongs here: turning an asset and its partition into a place, and writing there so that a reader or a killed
process never meets half of it. What does not: what is written (the assets), how rows reach PostgreSQL (the
warehouse), or any check of content (the gate has passed before anything comes here).
"""

import os
import time
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import dagster as dg

from sqf_pipeline.errors import SqfError
from sqf_pipeline.orchestration.partitions import TEST_YEARS

if TYPE_CHECKING:
    import pandas as pd
    import sqlalchemy as sa

    from sqf_pipeline.orchestration.resources import Warehouse

SCRAP_SECONDS = 3600

TABLE = "sqf/table"
"""Metadata of an asset that names its table."""

MODELS = "sqf/models"
NOT_MODELS = "sqf/not_models"
"""Metadata of an asset that shares a table: names of the models whose rows it reads, and of those whose rows belong to
another asset and stay when it writes. Rows of neither are of models that nobody fits any more: they go."""


@contextmanager
def written_atomically(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; at the end it is flushed to disk and takes the name `path`.

    When the block raises, the temporary file is removed and `path` keeps what it held.
    """
    temporary = path.with_name(f".{path.name}.{uuid4().hex}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_scraps(path)
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
    except OSError as error:
        raise SqfError(
            f"Cannot write {path}: {error.strerror or error}. Make room or give write permission there, or set "
            "SQF_HOME to another folder."
        ) from error
    finally:
        if temporary.exists():
            temporary.unlink()


def _remove_scraps(path: Path) -> None:
    """Remove what writers that were killed have left; one that still writes has touched its file just now."""
    for scrap in path.parent.glob(f".{path.name}.*.partial"):
        if time.time() - scrap.stat().st_mtime > SCRAP_SECONDS:
            scrap.unlink(missing_ok=True)


def _one_or_by_key(keys: list[str], load: Callable[[str], Any]) -> Any:
    loaded = {key: load(key) for key in sorted(keys)}
    return loaded if len(loaded) > 1 else next(iter(loaded.values()))


class _FileIOManager(dg.IOManager):
    """One file per asset and partition: `<directory>/<asset>/<partition><suffix>`."""

    suffix = ""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def path(self, asset_key: dg.AssetKey, partition_key: str) -> Path:
        """Return the file of one partition of an asset."""
        return self.directory.joinpath(*asset_key.path, f"{partition_key}{self.suffix}")

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        """Write one partition."""
        path = self.path(context.asset_key, context.partition_key)
        with written_atomically(path) as temporary:
            self.write(obj, temporary)
        context.add_output_metadata(
            {"path": dg.MetadataValue.path(str(path.resolve())), "size_bytes": path.stat().st_size}
        )

    def load_input(self, context: dg.InputContext) -> object:
        """Read one partition, or several as a dictionary in the order of their keys."""

        def load(key: str) -> object:
            path = self.path(context.asset_key, key)
            if not path.exists():
                raise SqfError(
                    f"{context.asset_key.to_user_string()} of {key} has not been made yet (expected in {path}). "
                    "Materialise it first, or use `sqf run`, which makes everything that is needed."
                )
            return self.read(path)

        return _one_or_by_key(list(context.asset_partition_keys), load)

    @abstractmethod
    def write(self, obj: Any, path: Path) -> None:
        """Write an object to a path that does not exist."""

    @abstractmethod
    def read(self, path: Path) -> object:
        """Read what `write` wrote."""


class ParquetIOManager(_FileIOManager):
    """Frames as Parquet files; every column comes back in the type it left in."""

    suffix = ".parquet"

    def write(self, obj: "pd.DataFrame", path: Path) -> None:
        """Write a frame."""
        obj.to_parquet(path)

    def read(self, path: Path) -> "pd.DataFrame":
        """Read a frame."""
        import pyarrow.parquet as pq

        table = pq.read_table(path)
        frame = table.to_pandas()
        # Parquet has no seconds resolution and gives milliseconds back
        for column in (table.schema.pandas_metadata or {}).get("columns", []):
            if column["pandas_type"] == "datetime":
                frame[column["name"]] = frame[column["name"]].astype(column["numpy_type"])
        return frame


class ModelIOManager(_FileIOManager):
    """Fitted scikit-learn objects as joblib files."""

    suffix = ".joblib"

    def write(self, obj: object, path: Path) -> None:
        """Write a fitted object, uncompressed: a forest is then written in 0.1 s rather than 1 s."""
        import joblib

        joblib.dump(obj, path)

    def read(self, path: Path) -> object:
        """Read a fitted object."""
        import joblib

        return joblib.load(path)


class TableIOManager(dg.IOManager):
    """Result frames as tables: a partition of an asset is the rows of its year in the table of its name."""

    def __init__(self, warehouse: "Warehouse") -> None:
        self.warehouse = warehouse

    def table(self, context: dg.OutputContext) -> "sa.Table":
        """Return the declared table of an asset, which has its name unless its metadata name another."""
        return self.warehouse.table(context.definition_metadata.get(TABLE, context.asset_key.path[-1]))

    def handle_output(self, context: dg.OutputContext, obj: "pd.DataFrame") -> None:
        """Replace the rows of one year, in one transaction."""
        from sqf_pipeline.warehouse.writer import replace_partition

        table = self.table(context)
        partition = {_year_column(context): int(context.partition_key)}
        rows = replace_partition(
            self.warehouse.engine, table, obj, partition, only=_condition(table, context.definition_metadata)
        )
        metadata: dict[str, Any] = {
            "dagster/table_name": f"{table.schema}.{table.name}",
            "dagster/partition_row_count": rows,
        }
        if "dagster/column_schema" not in context.output_metadata:
            metadata["dagster/column_schema"] = _column_schema(table)
        context.add_output_metadata(metadata)

    def load_input(self, context: dg.InputContext) -> object:
        """Read the rows of one year, or of several as a dictionary in the order of the years."""
        upstream = context.upstream_output
        if upstream is None:
            raise ValueError(f"{context.asset_key} is not loaded as an asset of this pipeline")
        table, column = self.table(upstream), _year_column(upstream)
        metadata = upstream.definition_metadata

        def load(key: str) -> "pd.DataFrame":
            rows = self.warehouse.read(table, {column: int(key)})
            if MODELS in metadata:
                rows = rows[rows["model"].isin(list(metadata[MODELS]))]
            return rows.reset_index(drop=True)

        return _one_or_by_key(list(context.asset_partition_keys), load)


class FrameAndTableIOManager(dg.IOManager):
    """Frames kept both ways: a table for people, a Parquet file of the same rows for the next asset.

    The table is replaced between writing the file and giving it its name, so that neither stands without the
    other unless the machine stops within that instant; the next run then heals it.
    """

    def __init__(self, frames: ParquetIOManager, tables: TableIOManager) -> None:
        self.frames = frames
        self.tables = tables

    def handle_output(self, context: dg.OutputContext, obj: "pd.DataFrame") -> None:
        """Write one partition both ways."""
        path = self.frames.path(context.asset_key, context.partition_key)
        with written_atomically(path) as temporary:
            self.frames.write(obj, temporary)
            self.tables.handle_output(context, obj)
        context.add_output_metadata({"path": dg.MetadataValue.path(str(path.resolve()))})

    def load_input(self, context: dg.InputContext) -> object:
        """Read from the Parquet file, which keeps the types."""
        return self.frames.load_input(context)


def _column_schema(table: "sa.Table") -> dg.TableSchema:
    """Return the columns of a table as the UI shows them, with the comments that the database has too."""
    return dg.TableSchema(
        [
            dg.TableColumn(
                column.name,
                str(column.type).lower(),
                column.comment,
                dg.TableColumnConstraints(nullable=bool(column.nullable)),
            )
            for column in table.columns
        ]
    )


def _condition(table: "sa.Table", metadata: Mapping[str, Any]) -> "sa.ColumnElement[bool] | None":
    """Return which rows of a table belong to an asset; None for all of them."""
    if NOT_MODELS in metadata:
        return table.c.model.not_in(list(metadata[NOT_MODELS]))
    return None


def _year_column(context: dg.OutputContext) -> str:
    return "test_year" if context.asset_partitions_def == TEST_YEARS else "year"


__all__ = [
    "MODELS", "NOT_MODELS", "TABLE",
    "FrameAndTableIOManager", "ModelIOManager", "ParquetIOManager", "TableIOManager", "written_atomically",
]  # fmt: skip
