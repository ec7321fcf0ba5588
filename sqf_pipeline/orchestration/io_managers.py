"""Where assets are kept, whole or not at all: Parquet frames, joblib models, PostgreSQL tables."""

import json
from abc import abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import pandas as pd

from sqf_pipeline.errors import SqfError
from sqf_pipeline.files import file_sha256, locked, read_frame, writable, written_whole
from sqf_pipeline.orchestration.partitions import TEST_YEARS

if TYPE_CHECKING:
    import sqlalchemy as sa

    from sqf_pipeline.orchestration.resources import Warehouse
    from sqf_pipeline.orchestration.stored_models import FittedModelsIOManager

LOCK_SECONDS = 1800.0
"""Longest wait for another writer of the same asset and partition; each holds its lock for seconds, or one fit."""

_STOPS = dg.AssetKey("stops")

TABLE = "sqf/table"  # metadata of an asset that names its table


class NotMadeYetError(SqfError):
    """An asset is wanted of which nothing is stored."""

    def __init__(self, asset: dg.AssetKey, partition: str, expected_in: Path) -> None:
        super().__init__(
            f"{asset.to_user_string()} of {partition} has not been made yet (expected in {expected_in}). Materialise "
            "it first, or use `sqf run --full`, which makes everything that is needed."
        )


@contextmanager
def one_writer(path: Path, what: str, *, seconds: float = LOCK_SECONDS) -> Iterator[None]:
    """Hold what is kept at `path` for one process at a time, where more than one rename makes it.

    The lock, a file beside it, stands for a file or a folder. Raises SqfError when another writer still holds it after
    `seconds`.
    """
    busy = f"Another run has been writing {what} for {seconds:,.0f} s. Wait until it ends, or end it, and run again."
    with ExitStack() as held:
        with writable(path):
            held.enter_context(locked(path.with_name(f".{path.name}.lock"), seconds=seconds, otherwise=SqfError(busy)))
        yield


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
        with writable(path), written_whole(path) as temporary:
            self.write(obj, temporary)
            size = temporary.stat().st_size
        context.add_output_metadata({"path": dg.MetadataValue.path(str(path.resolve())), "size_bytes": size})

    def load_input(self, context: dg.InputContext) -> object:
        """Read one partition, or several as a dictionary in the order of their keys."""

        def load(key: str) -> object:
            path = self.path(context.asset_key, key)
            if not path.exists():
                raise NotMadeYetError(context.asset_key, key, path)
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

    def write(self, obj: pd.DataFrame, path: Path) -> None:
        """Write a frame."""
        obj.to_parquet(path)

    def read(self, path: Path, columns: Collection[str] | None = None) -> pd.DataFrame:
        """Read a frame, or those of some columns that it has."""
        return read_frame(path, columns)


class StopsReferenceIOManager(_FileIOManager):
    """Stops of some years, kept as a reference: the years and the digests of their files, which hold the frames."""

    suffix = ".json"

    def __init__(self, frames: ParquetIOManager) -> None:
        super().__init__(frames.directory)
        self.frames = frames

    def write(self, obj: pd.DataFrame, path: Path) -> None:
        """Write which stops a frame is of, in its order."""
        path.write_text(json.dumps({str(year): self._digest(str(year)) for year in obj["year"].unique()}), "utf-8")

    def read(self, path: Path) -> pd.DataFrame:
        """Read the stops; raises SqfError when a year was stored anew since, so that nobody mixes the two."""
        years: dict[str, str] = json.loads(path.read_text("utf-8"))
        changed = [year for year, digest in years.items() if self._digest(year) != digest]
        if changed:
            raise SqfError(
                f"The stops of {', '.join(changed)} were stored anew after {path.parent.name} of {path.stem} was made "
                f"of them. Materialise {path.parent.name} of {path.stem} again, or run `sqf run`."
            )
        frames = [self.frames.read(self.frames.path(_STOPS, year)) for year in years]
        return pd.concat(frames, ignore_index=True)

    def _digest(self, year: str) -> str:
        path = self.frames.path(_STOPS, year)
        return file_sha256(path) if path.exists() else "no file"


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
    """Result frames as tables: a partition of an asset is the rows of its year in the table of its name.

    Rows about models that the asset is made from, and that stand in the table but not in the frame, stay: a plain
    run measures some of the fitted models. Rows of models that are no longer fitted go.
    """

    def __init__(self, warehouse: "Warehouse", fitted: "FittedModelsIOManager | None" = None) -> None:
        self.warehouse = warehouse
        self.fitted = fitted

    def table(self, context: dg.OutputContext) -> "sa.Table":
        """Return the declared table of an asset, which has its name unless its metadata name another."""
        return self.warehouse.table(context.definition_metadata.get(TABLE, context.asset_key.path[-1]))

    def handle_output(self, context: dg.OutputContext, obj: pd.DataFrame) -> None:
        """Replace the rows of one year, in one transaction."""
        from sqf_pipeline.warehouse.writer import replace_partition

        table = self.table(context)
        partition = {_year_column(context): int(context.partition_key)}
        kept = self._fitted_models(context) - set(obj["model"]) if "model" in table.c else set()
        only = table.c.model.not_in(sorted(kept)) if kept else None
        rows = replace_partition(self.warehouse.engine, table, obj, partition, only=only)
        name = f"{table.schema}.{table.name}"
        metadata: dict[str, Any] = {"dagster/table_name": name, "dagster/partition_row_count": rows}
        if "dagster/column_schema" not in context.output_metadata:  # with the comments that the database has too
            metadata["dagster/column_schema"] = dg.TableSchema(
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
        context.add_output_metadata(metadata)

    def load_input(self, context: dg.InputContext) -> object:
        """Read the rows of one year, or of several as a dictionary in the order of the years."""
        from sqf_pipeline.warehouse.writer import read_table

        upstream = context.upstream_output
        if upstream is None:
            raise ValueError(f"{context.asset_key} is not loaded as an asset of this pipeline")
        table, column = self.table(upstream), _year_column(upstream)
        engine = self.warehouse.engine
        return _one_or_by_key(
            list(context.asset_partition_keys), lambda key: read_table(engine, table, {column: int(key)})
        )

    def _fitted_models(self, context: dg.OutputContext) -> set[str]:
        """Return the names of all stored models that an asset is made from."""
        if self.fitted is None:
            return set()
        stored = (self.fitted.stored(each.asset_key, context.partition_key) for each in context.asset_spec.deps)
        return {name for models in stored if models is not None for name in models.names}


class FrameAndTableIOManager(dg.IOManager):
    """Frames kept both ways: a table for people, a Parquet file of the same rows for the next asset.

    The table is replaced between writing the file and giving it its name, so that neither stands without the
    other unless the machine stops within that instant; the next run then heals it. Two writers take turns.
    """

    def __init__(self, frames: ParquetIOManager, tables: TableIOManager) -> None:
        self.frames = frames
        self.tables = tables

    def handle_output(self, context: dg.OutputContext, obj: pd.DataFrame) -> None:
        """Write one partition both ways."""
        path = self.frames.path(context.asset_key, context.partition_key)
        what = f"{context.asset_key.to_user_string()} of {context.partition_key}"
        with one_writer(path, what), writable(path), written_whole(path) as temporary:
            self.frames.write(obj, temporary)
            self.tables.handle_output(context, obj)
        context.add_output_metadata({"path": dg.MetadataValue.path(str(path.resolve()))})

    def load_input(self, context: dg.InputContext) -> object:
        """Read from the Parquet file, which keeps the types."""
        return self.frames.load_input(context)


def _year_column(context: dg.OutputContext) -> str:
    return "test_year" if context.asset_partitions_def == TEST_YEARS else "year"


class ReportIOManager(dg.IOManager):
    """Files of an asset in `<directory>/<partition>/<asset>/`, by name; each is whole or as it was.

    Writers and readers of one folder take turns, so that no card is read with half of another.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def _folder(self, asset_key: dg.AssetKey, partition_key: str) -> Path:
        return self.directory.joinpath(partition_key, *asset_key.path)

    def handle_output(self, context: dg.OutputContext, obj: Mapping[str, bytes]) -> None:
        """Write the files."""
        folder = self._folder(context.asset_key, context.partition_key)
        with self._turn(folder):
            for name, content in obj.items():
                with writable(folder / name), written_whole(folder / name) as temporary:
                    temporary.write_bytes(content)
        context.add_output_metadata({"files": dg.MetadataValue.path(str(folder.resolve()))})

    def load_input(self, context: dg.InputContext) -> dict[str, bytes]:
        """Return every file of the asset and year by name."""
        folder = self._folder(context.asset_key, context.partition_key)
        if not folder.is_dir():
            raise NotMadeYetError(context.asset_key, context.partition_key, folder)
        with self._turn(folder):
            return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if not path.name.startswith(".")}

    @staticmethod
    def _turn(folder: Path) -> AbstractContextManager[None]:
        return one_writer(folder, f"{folder.name} of {folder.parent.name}")
