"""A frame as the table that a chart, a page and a download are made of, in the words of `analysis_tables.csv`."""

from collections.abc import Iterable
from functools import cache
from typing import Any

import pandas as pd

from sqf_pipeline.display import plain_value, table_columns
from sqf_pipeline.registry.csv_tables import read_rows
from sqf_pipeline.registry.words import field_label
from sqf_pipeline.service.analysis_table import AnalysisTable, ChartSpec

_COMPUTED = "*"
"""In the tables: the columns that the caller names."""


@cache
def _words_of() -> dict[str, dict[str, str]]:
    return {row["name"]: row for row in read_rows(__package__, "analysis_tables.csv")}


@cache
def _columns_of() -> dict[str, list[dict[str, str]]]:
    columns: dict[str, list[dict[str, str]]] = {}
    for row in read_rows(__package__, "analysis_columns.csv"):
        columns.setdefault(row["table"], []).append(row)
    return columns


def table_of(
    name: str,
    frame: pd.DataFrame,
    more: Iterable[tuple[str, ...]] = (),
    *,
    breaks: tuple[tuple[float, str], ...] = (),
    **facts: Any,
) -> AnalysisTable:
    """Return the columns of a frame that `analysis_columns.csv` names as a table, with its words and its chart.

    `name` is that of the table in `analysis_tables.csv` too. Columns `<name>_low` and `<name>_high` follow theirs as an
    interval. `more` are name, label and format of the columns that stand where the tables say `*`, `breaks` those of
    `ChartSpec`, `facts` what stands in braces in title and note.
    """
    words, more = _words_of()[name], list(more)
    columns: list[tuple[str, ...]] = []
    for row in _columns_of()[name]:
        label = row["label"] or field_label(row["column"])
        columns += more if row["column"] == _COMPUTED else [(row["column"], label, row["format"])]
    made = table_columns(columns, frame.columns)
    cells = [[plain_value(value) for value in frame[column.name].astype("object")] for column in made]
    chart: dict[str, Any] = {axis: words[axis] for axis in ("kind", "x", "group", "size")}
    chart["select"] = words["select"].split()
    chart["y"] = [
        drawn for axis in words["y"].split() for drawn in ([one[0] for one in more] if axis == _COMPUTED else [axis])
    ]
    return AnalysisTable(
        columns=made,
        rows=tuple(zip(*cells, strict=True)),
        chart=ChartSpec.model_validate(chart | {"breaks": breaks}),
        **{text: words[text].format(**facts) for text in ("name", "section", "title", "question", "note")},
    )
