"""What is kept of a year beside its assets' inputs: its former version, the year before, and what it was cleaned to.

They are read from the store, not as inputs of an asset: a year does not depend on the one before it, and is
only compared with it when it is stored.
"""

from collections.abc import Collection
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, cast

import dagster as dg

from sqf_pipeline.files import file_sha256, is_left, writable, written_whole
from sqf_pipeline.orchestration.io_managers import ParquetIOManager, one_writer
from sqf_pipeline.settings import Settings

if TYPE_CHECKING:
    import pandas as pd

    from sqf_pipeline.cleaning.clean_stops import CleanedStops
    from sqf_pipeline.year_checks.year_review import YearBefore


def year_alone(settings: Settings, step: str, year: str) -> AbstractContextManager[None]:
    """Hold a step of a year for this process; waits for another that does, SqfError after half an hour.

    Without it, two processes that make the same year of different files could leave the rows of one beside the digest
    of the other.
    """
    return one_writer(settings.folder("storage") / "writers" / step / year, f"{step} of {year}")


def kept_frame(
    frames: ParquetIOManager, asset: str, year: int, columns: Collection[str] | None = None
) -> "pd.DataFrame | None":
    """Return a year of an asset as it was last stored, whole or some of its columns; None when it is not there."""
    path = frames.path(dg.AssetKey(asset), str(year))
    return frames.read(path, columns) if path.exists() else None


def kept_year(frames: ParquetIOManager, year: int) -> "YearBefore | None":
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


def hand_over_cleaned(frames: ParquetIOManager, year: int, code: str, cleaned: "CleanedStops") -> None:
    """Put by what the raw stops just stored were cleaned to by a version of the code, for the step that stores it."""
    import joblib

    path = _handed_over(frames, year, code)
    _forget(frames, year)
    if path is not None:
        with writable(path), written_whole(path) as temporary:
            joblib.dump(cleaned, temporary)


def take_cleaned(frames: ParquetIOManager, year: int, code: str) -> "CleanedStops | None":
    """Return what was handed over of the raw stops that are stored, and forget it; None where it is of others."""
    import joblib

    path = _handed_over(frames, year, code)
    try:
        cleaned = joblib.load(path) if path is not None else None
    except FileNotFoundError:
        cleaned = None
    _forget(frames, year)
    return cast("CleanedStops | None", cleaned)


def _forget(frames: ParquetIOManager, year: int) -> None:
    """Remove what was handed over of a year, and of any year what nobody took within an hour."""
    for left in frames.directory.glob("cleaned/*.joblib"):
        if left.name.startswith(f"{year}-") or is_left(left):
            left.unlink(missing_ok=True)


def _handed_over(frames: ParquetIOManager, year: int, code: str) -> Path | None:
    """Return a file named by the bytes of the raw stops and by the code; None where no raw stops are stored."""
    raw = frames.path(dg.AssetKey("raw_stops"), str(year))
    return frames.directory / "cleaned" / f"{year}-{file_sha256(raw)}-{code}.joblib" if raw.exists() else None
