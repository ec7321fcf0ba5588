"""All tables of a schema, made from `tables.csv`, `table_columns.csv` and, for the stops, the registry of columns.

`info` of a column says what SQL has no word for: `optional` (a frame may leave the column out; it is then null),
`volatile` (differs between two runs that are otherwise the same, so it is left out of comparisons), `digits` (a text
that is a number, and is ordered as one) and `frame_type` (the type in frames, where the SQL type does not decide it).
`info` of a table names its partition column, which is the first of its key.
"""

import csv
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from sqf_pipeline.evaluation.metrics import METRICS
from sqf_pipeline.registry.columns import Column, load_columns
from sqf_pipeline.registry.forms.published_forms import forms
from sqf_pipeline.registry.outcomes import OUTCOMES
from sqf_pipeline.warehouse.schema import apply_metadata, check_identifier

PARTITION = "partition"
# SQL type by kind of column: those of the registry, and three that only tables have.
SQL_TYPES: dict[str, Any] = {
    "identifier": sa.Text,
    "year": sa.SmallInteger,
    "date": sa.Date,
    "time": sa.Integer,
    "integer": sa.Integer,
    "number": sa.Double,
    "height": sa.Double,
    "month": sa.SmallInteger,
    "weekday": sa.SmallInteger,
    "category": sa.Text,
    "code": sa.Integer,
    "flag": sa.Boolean,
    "mark": sa.Boolean,
    "text": sa.Text,
    "count": sa.BigInteger,
    "json": JSONB,
    "moment": sa.TIMESTAMP(timezone=True),
}
_INFO: dict[str, dict[str, object]] = {
    "month": {"frame_type": "Int8"},
    "weekday": {"frame_type": "Int8"},
    "identifier": {"digits": True},
}
KNOWN_WORDS = {
    "at_stop": "known at the stop",
    "value_at_stop": "known at the stop; whether it is missing is not, for the outcome decides what is filled in",
    "completed": "written or completed when the outcome is known",
    "during": "known during the encounter",
    "outcome_made": "recorded only because of an outcome, so it can never predict one",
    "outcome": "an outcome of the stop",
    "record": "made by record keeping",
}
Row = dict[str, str]


def build_metadata(schema: str) -> sa.MetaData:
    """Return the tables of a schema, with comments, keys, checks and indexes.

    Tables are found by `metadata.tables["schema.name"]`. Raises SqfError when `schema` is no plain name.
    """
    metadata = sa.MetaData(schema=check_identifier(schema, "schema"), naming_convention={"pk": "%(table_name)s_pkey"})
    tables, columns = _declared()
    for name, row in tables.items():
        contents: list[Any] = [part for declared in declared_columns(name) for part in _column(name, declared)]
        contents += [*_column(name, columns["*"][0]), *_rules(name, row), *_references(schema, row, tables)]
        indexes = [sa.Index(f"{name}_{short}_idx", *of.split(", ")) for short, of in _pairs(row["indexes"])]
        key = row["key"].split()
        sa.Table(
            name,
            metadata,
            *contents,
            sa.PrimaryKeyConstraint(*key),
            *indexes,
            comment=row["comment"],
            info={PARTITION: key[0]},
        )
    return metadata


def ensure_schema(engine: sa.Engine, schema: str) -> None:
    """Create the schema, its tables and its views, or bring them in line with what is declared.

    Running it again, or from several processes at once, changes nothing more. New nullable columns, changed checks,
    new indexes and changed views are applied; rows stay.

    Raises
    ------
    SqfError
        When a table differs in a way that cannot be changed without losing rows.
    """
    apply_metadata(engine, build_metadata(schema))


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


@cache
def _declared() -> tuple[dict[str, Row], dict[str, list[Row]]]:
    """Return the tables, and the columns of each; `*` are shared ones, the first of them at the end of every table."""
    folder = resources.files(__package__)
    tables = {row["name"]: row for row in csv.DictReader(folder.joinpath("tables.csv").read_text("utf-8").splitlines())}
    columns: dict[str, list[Row]] = defaultdict(list)
    for row in csv.DictReader(folder.joinpath("table_columns.csv").read_text("utf-8").splitlines()):
        shared = {one["column"]: one for one in columns["*"]}
        columns[row["table"]].append(row if row["kind"] else shared[row["column"]])
    return tables, dict(columns)


def _spread(row: Row) -> Iterator[Row]:
    """Yield a column, and the ends of its confidence interval where it has one."""
    name, number = row["column"], {**row, "kind": "number" if row["kind"] == "interval" else row["kind"]}
    if row["rule"] == "one of outcomes":
        number["rule"] = f"one of {'|'.join(OUTCOMES)}"
    yield {**number, "comment": row["comment"] or f"{METRICS[name].title}. {METRICS[name].description}"}
    if row["kind"] == "interval":
        for end, word in (("low", "Lower"), ("high", "Upper")):
            comment = f"{word} end of the 95 % interval of {name}."
            yield {**number, "column": f"{name}_{end}", "comment": comment}


def _column(table: str, row: Row) -> Iterator[sa.Column | sa.CheckConstraint]:
    """Yield a column and its check."""
    name = row["column"]
    yield sa.Column(
        name,
        SQL_TYPES[row["kind"]],
        nullable=row["null"] == "yes",
        server_default=sa.func.now() if name == "recorded_at" else None,
        comment=row["comment"],
        info={**_INFO.get(row["kind"], {}), **dict.fromkeys(row["marks"].split(), True)},
    )
    if row["rule"]:
        yield _check(table, name, row["rule"])


def _check(table: str, column: str, rule: str) -> sa.CheckConstraint:
    """Return the check of a column: `low..high` (ends included), `one of a|b`, `digits`, `sha256` or `filled`."""
    if rule == "digits":
        return sa.CheckConstraint(f"{column} ~ '^[1-9][0-9]*$'", name=f"{table}_{column}_digits")
    if rule == "sha256":
        return sa.CheckConstraint(f"{column} ~ '^[0-9a-f]{{64}}$'", name=f"{table}_{column}_digest")
    if rule == "filled":
        return sa.CheckConstraint(f"{column} <> ''", name=f"{table}_{column}_filled")
    if rule.startswith("one of "):
        known = ", ".join(f"'{value}'" for value in rule.removeprefix("one of ").split("|"))
        return sa.CheckConstraint(f"{column} IN ({known})", name=f"{table}_{column}_known")
    low, high = rule.split("..")
    parts = [f"{column} {sign} {end}" for sign, end in ((">=", low), ("<=", high)) if end]
    return sa.CheckConstraint(" AND ".join(parts), name=f"{table}_{column}_range")


def _stop_row(entry: Column) -> Row:
    """Return the column of `stops` of a column of the registry, with its unit, meaning and range."""
    parts = [entry.description.rstrip(".")]
    if entry.unit:
        parts.append(f"Unit: {entry.unit}")
    parts.append(KNOWN_WORDS[entry.known].capitalize())
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


def _rules(table: str, row: Row) -> Iterator[sa.CheckConstraint]:
    """Yield the checks between columns of a table."""
    for name, rule in _pairs(row["rules"]):
        yield sa.CheckConstraint(rule, name=f"{table}_{name}")


def _references(schema: str, row: Row, tables: dict[str, Row]) -> Iterator[sa.ForeignKeyConstraint]:
    """Yield the foreign keys of a table, checked when the transaction ends, so that either side can be replaced.

    `info["remove"]` says what the writer does with rows whose target is gone after a replacement of the target's
    partition: results are removed, and the writer says so; for stops the replacement is refused.
    """
    for target in row["refers"].split():
        key = tables[target]["key"].split()
        yield sa.ForeignKeyConstraint(
            key,
            [f"{schema}.{target}.{column}" for column in key],
            name=f"{row['name']}_{target}_fkey",
            deferrable=True,
            initially="DEFERRED",
            info={"remove": target != "source_files"},
        )


def _pairs(text: str) -> list[tuple[str, str]]:
    """Return the parts `name: what; name: what` of a cell."""
    return [(name, what) for name, _, what in (part.partition(": ") for part in text.split("; ") if part)]
