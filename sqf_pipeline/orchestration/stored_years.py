"""What is kept of earlier runs: the former version of a year, and the year before.

They are read from the store, not as inputs of an asset: a year does not depend on the one before it, and is
only compared with it when it is stored.
"""

from collections.abc import Collection
from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    import pandas as pd

    from sqf_pipeline.orchestration.io_managers import ParquetIOManager
    from sqf_pipeline.year_checks.year_review import YearBefore


def kept_frame(
    frames: "ParquetIOManager", asset: str, year: int, columns: Collection[str] | None = None
) -> "pd.DataFrame | None":
    """Return a year of an asset as it was last stored, whole or some of its columns; None when it is not there."""
    path = frames.path(dg.AssetKey(asset), str(year))
    return frames.read(path, columns) if path.exists() else None


def kept_year(frames: "ParquetIOManager", year: int) -> "YearBefore | None":
    """Return what is kept of a year for the next one to be compared with; None when it is not loaded."""
    from sqf_pipeline.registry.columns import load_columns
    from sqf_pipeline.year_checks.year_review import YearBefore

    compared = {"form", *(entry.name for entry in load_columns() if entry.kind == "category")}
    stops = kept_frame(frames, "stops", year, compared)  # whole, a large year before would double the memory
    if stops is None:
        return None
    files = kept_frame(frames, "source_files", year)
    coverage = None if files is None else str(files["coverage"].iloc[0])
    return YearBefore(stops, kept_frame(frames, "column_loss", year), coverage)
