"""Frames as a Tableau extract (`.hyper`)."""

import json
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from sqf_pipeline.errors import SqfError
from sqf_pipeline.files import written_whole


def write_hyper(tables: Mapping[str, pd.DataFrame], path: Path) -> Path:
    """Write frames as tables of one extract, whole or not at all, and return its path; a file there is replaced.

    Nullable integers, booleans, text, floats and times keep their types and their missing values; plain NaN becomes
    null. Raises SqfError when there is nothing to write, the name does not end in `.hyper`, or pantab is not installed.
    """
    try:
        import pantab
    except ImportError as error:
        raise SqfError(
            "A Tableau extract needs pantab, which is not installed. Install it with: "
            "pip install 'sqf-pipeline[tableau]'"
        ) from error
    if path.suffix != ".hyper":
        raise SqfError(f"A Tableau extract's name ends in .hyper, found {path.name}. Choose such a name.")
    if not tables:
        raise SqfError("There is no table to write to the extract. Run the pipeline first (`sqf run`).")
    with written_whole(path) as fresh:
        pantab.frames_to_hyper({name: _plain(frame) for name, frame in tables.items()}, fresh)
    return path


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame in types that an extract has: categories as text, times without a zone in UTC, JSON as text."""
    columns = {}
    for name, values in frame.items():
        if isinstance(values.dtype, pd.CategoricalDtype):
            columns[name] = values.astype("string")
        elif isinstance(values.dtype, pd.DatetimeTZDtype):
            columns[name] = values.dt.tz_convert("UTC").dt.tz_localize(None)
        elif isinstance(values.dtype, pd.Float64Dtype):
            columns[name] = values.astype("float64")
        elif values.dtype == object and values.isna().all():  # of no type that an extract knows
            columns[name] = values.astype("string")
        elif values.map(lambda value: isinstance(value, dict | list)).any():  # JSON in the database
            columns[name] = values.map(lambda value: None if value is None else json.dumps(value)).astype("string")
        else:
            columns[name] = values
    return pd.DataFrame(columns).reset_index(drop=True)
