"""The tables that results stand in: `tables.csv`, `table_columns.csv` and, for the stops, the registry of columns."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

from sqf_pipeline.registry.columns import KNOWN_WORDS, Column, load_columns
from sqf_pipeline.registry.csv_tables import read_rows
from sqf_pipeline.registry.forms.published_forms import forms
from sqf_pipeline.registry.kinds import DTYPES
from sqf_pipeline.registry.metric_definitions import load_metrics
from sqf_pipeline.registry.outcomes import OUTCOMES

if TYPE_CHECKING:
    import pandas as pd

Row = dict[str, str]

_OF_THE_RUN = frozenset({"test_year", "source", "recorded_at"})


def declared_tables() -> dict[str, Row]:
    """Return the row of `tables.csv` of every table, by name."""
    return _declared()[0]


def declared_columns(table: str) -> list[Row]:
    """Return the columns of a table but `recorded_at`: rows of column, kind, null, rule, marks, comment, and more.

    Those of the stops are made from the registry, of which they carry `unit`, `comparable` and `usage_warning`. An
    `interval` has become a number and the two ends of its confidence interval; a metric has its description.
    """
    if table == "stops":
        return [_stop_row(entry) for entry in load_columns()]
    return [part for row in _declared()[1][table] for part in _spread(row)]


def recorded_at() -> Row:
    """Return the column that stands at the end of every table."""
    return _declared()[1]["*"][0]


def result_frame(table: str, rows: Iterable[Any]) -> "pd.DataFrame":
    """Return rows as a frame in the columns and types of a table but what the run adds (`test_year` and `source`).

    Rows are tuples in the order of the columns, or dictionaries by their names, of which a name that is lacking is
    null, as nan and None are. Raises ValueError when a tuple has not as many values as the table has columns.
    """
    import pandas as pd

    types = {row["column"]: DTYPES[row["kind"]] for row in declared_columns(table) if row["column"] not in _OF_THE_RUN}
    return pd.DataFrame(list(rows), columns=list(types)).astype(types)


@cache
def _declared() -> tuple[dict[str, Row], dict[str, list[Row]]]:
    """Return the tables, and the columns of each; `*` are shared ones, the first of them at the end of every table."""
    columns: dict[str, list[Row]] = defaultdict(list)
    for row in read_rows(__package__, "table_columns.csv"):
        shared = {one["column"]: one for one in columns["*"]}
        columns[row["table"]].append(row if row["kind"] else shared[row["column"]])
    return {row["name"]: row for row in read_rows(__package__, "tables.csv")}, dict(columns)


def _spread(row: Row) -> Iterator[Row]:
    """Yield a column, and the ends of its confidence interval where it has one."""
    name, number = row["column"], {**row, "kind": "number" if row["kind"] == "interval" else row["kind"]}
    if row["rule"] == "one of outcomes":
        number["rule"] = f"one of {'|'.join(OUTCOMES)}"
    yield {**number, "comment": row["comment"] or "{0.title}. {0.description}".format(load_metrics()[name])}
    if row["kind"] == "interval":
        for end, word in (("low", "Lower"), ("high", "Upper")):
            comment = f"{word} end of the 95 % interval of {name}."
            yield {**number, "column": f"{name}_{end}", "comment": comment}


def _stop_row(entry: Column) -> Row:
    """Return the column of `stops` of a column of the registry, with its unit, meaning and range."""
    parts = [entry.description.rstrip(".")]
    if entry.unit:
        parts.append(f"Unit: {entry.unit}")
    parts.append(f"Known: {KNOWN_WORDS[entry.known]}")
    published = [
        f"{'Made from' if form.by_column[entry.name].made_from else 'Published as'} {names} ({form.name} form)"
        for form in forms().values()
        if (names := form.published_as(entry.name))
    ]
    parts += published or ["Computed"]
    parts.append(f"Over the two forms: {entry.comparable}")
    if entry.usage_warning:
        parts.append(f"Heed: {entry.usage_warning.rstrip('.')}")
    ends = ["" if end is None else f"{end:.15g}" for end in (entry.minimum, entry.maximum)]
    by_kind = {"identifier": "digits", "category": "filled", "text": "filled"}
    return {
        "column": entry.name,
        "kind": entry.kind,
        "unit": entry.unit,
        "null": "" if entry.name in {"year", "stop_id"} else "yes",
        "rule": by_kind.get(entry.kind) or ("..".join(ends) if any(ends) else ""),
        "marks": "",
        "comment": ". ".join(parts) + ".",
        "comparable": entry.comparable,
        "usage_warning": entry.usage_warning,
    }
