"""A frame as the table that a chart, a page and a download are made of."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from sqf_pipeline.display import plain_value, table_columns
from sqf_pipeline.service.analysis_table import AnalysisTable


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
    made = table_columns(columns, frame.columns)
    cells = [[plain_value(value) for value in frame[column.name].astype("object")] for column in made]
    return AnalysisTable(columns=made, rows=tuple(zip(*cells, strict=True)), **words)
