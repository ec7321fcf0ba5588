"""A frame as the table that a chart, a page and a download are made of."""

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from sqf_pipeline.service.analysis_table import AnalysisTable, Cell, TableColumn


def table_of(frame: pd.DataFrame, columns: Sequence[tuple[str, ...]], **words: Any) -> AnalysisTable:
    """Return some columns of a frame as a table.

    Parameters
    ----------
    frame
        One row a row of the table.
    columns
        Name and label of each column, and its format where it is not text. Columns `<name>_low` and `<name>_high` of
        the frame follow theirs as its interval.
    words
        The other fields of the table: `name`, `section`, `title`, `question`, `note`, `chart`.
    """
    made = []
    for name, label, *kind in columns:
        shown: Any = kind[0] if kind else "text"
        made.append(TableColumn(name=name, label=label, format=shown))
        if {f"{name}_low", f"{name}_high"} <= set(frame.columns):
            made += [
                TableColumn(name=f"{name}_{end}", label=f"{label}, 95 % {end}", format=shown) for end in ("low", "high")
            ]
    cells = [[_cell(value) for value in frame[column.name].astype("object")] for column in made]
    return AnalysisTable(columns=tuple(made), rows=tuple(zip(*cells, strict=True)), **words)


def _cell(value: Any) -> Cell:
    """Return a value as JSON can hold it; what is missing or infinite is None."""
    plain = value.item() if hasattr(value, "item") else value
    if plain is None or plain is pd.NA or (isinstance(plain, float) and not math.isfinite(plain)):
        return None
    return plain if isinstance(plain, bool | int | float) else str(plain)
