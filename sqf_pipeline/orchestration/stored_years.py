"""What is kept of earlier runs: the former version of a year, and the year before.

They are read from the store, not as inputs of an asset: a year does not depend on the one before it, and is
only compared with it when it is stored.
"""

from typing import TYPE_CHECKING, cast

import dagster as dg

if TYPE_CHECKING:
    import pandas as pd

    from sqf_pipeline.orchestration.io_managers import ParquetIOManager
    from sqf_pipeline.year_checks.year_review import YearBefore


def kept_frame(frames: "ParquetIOManager", asset: str, year: int) -> "pd.DataFrame | None":
    """Return a year of an asset as it was last stored; None when it is not there."""
    path = frames.path(dg.AssetKey(asset), str(year))
    return cast("pd.DataFrame", frames.read(path)) if path.exists() else None


def kept_year(frames: "ParquetIOManager", year: int) -> "YearBefore | None":
    """Return what is kept of a year for the next one to be compared with; None when it is not loaded."""
    from sqf_pipeline.year_checks.year_review import YearBefore

    stops = kept_frame(frames, "stops", year)
    if stops is None:
        return None
    files = kept_frame(frames, "source_files", year)
    coverage = None if files is None else str(files["coverage"].iloc[0])
    return YearBefore(stops, kept_frame(frames, "column_loss", year), coverage)
