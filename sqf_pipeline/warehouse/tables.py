"""All tables of a schema, as `registry/declared_tables.py` declares them.

`info` of a column says what SQL has no word for: `optional` (a frame may leave the column out; it is then null),
`volatile` (differs between two runs that are otherwise the same, so it is left out of comparisons), `digits` (a text
that is a number, and is ordered as one) and `frame_type` (the type in frames).
`info` of a table names its partition column, which is the first of its key.
"""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from sqf_pipeline.registry.declared_tables import Row, declared_columns, declared_tables, recorded_at
from sqf_pipeline.registry.kinds import DTYPES, KINDS
from sqf_pipeline.warehouse.packed_predictions import PARTS, VIEW
from sqf_pipeline.warehouse.schema import apply_metadata, check_identifier

PARTITION = "partition"
_NOT_OF_SQLALCHEMY: dict[str, Any] = {"JSONB": JSONB, "TIMESTAMP": sa.TIMESTAMP(timezone=True)}
SQL_TYPES: dict[str, Any] = {
    kind: _NOT_OF_SQLALCHEMY.get(row["sql"]) or getattr(sa, row["sql"]) for kind, row in KINDS.items()
}


def build_metadata(schema: str) -> sa.MetaData:
    """Return the tables of a schema, with comments, keys, checks and indexes.

    Tables are found by `metadata.tables["schema.name"]`. Raises SqfError when `schema` is no plain name.
    """
    metadata = sa.MetaData(schema=check_identifier(schema, "schema"), naming_convention={"pk": "%(table_name)s_pkey"})
    tables = declared_tables()
    for name, row in tables.items():
        contents: list[Any] = [part for declared in declared_columns(name) for part in _column(name, declared)]
        contents += [*_column(name, recorded_at()), *_rules(name, row), *_references(schema, row, tables)]
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


def stored_metadata(schema: str) -> sa.MetaData:
    """Return the tables as the database holds them, where `predictions` is a view of two tables.

    One has a row a stop, with what all models of a test year predict as arrays; the other a row a model, with its place
    in them. That takes a ninth of a row a stop and model. Raises SqfError when `schema` is no plain name.
    """
    metadata, tables = build_metadata(schema), declared_tables()
    view = metadata.tables[f"{schema}.{VIEW}"]
    metadata.remove(view)
    rows = {row["column"]: row for row in (*declared_columns(VIEW), recorded_at())}
    own: dict[str, Any] = {"place": sa.Column("place", sa.SmallInteger, nullable=False, comment="Place in the arrays.")}
    for name in ("score", "probability", "actual"):
        own[name] = sa.Column(name, ARRAY(view.c[name].type), nullable=False, comment=view.c[name].comment)
    within = sa.CheckConstraint("0 <= ALL (probability) AND 1 >= ALL (probability)", f"{VIEW}_probability_range")
    for target, names in PARTS.items():
        columns = [part for name in names for part in ([own[name]] if name in own else _column(VIEW, rows[name]))]
        references = _references(schema, {"name": VIEW, "refers": target}, tables)
        key = sa.PrimaryKeyConstraint(*(name for name in names if name in view.primary_key))
        comment = f"A part of the view {VIEW}, which is to be read instead."
        sa.Table(f"{VIEW}_{target}", metadata, *columns, *references, key, comment=comment)
    metadata.tables[f"{schema}.{VIEW}_stops"].append_constraint(within)
    return metadata


def ensure_schema(engine: sa.Engine, schema: str) -> None:
    """Create the schema, its tables and its views, or bring them in line with what is declared.

    Running it again, or from several processes at once, changes nothing more. New nullable columns, changed checks, new
    indexes and changed views are applied; rows stay. Raises SqfError when a table differs in a way that cannot be
    changed without losing rows.
    """
    apply_metadata(engine, stored_metadata(schema))


def _column(table: str, row: Row) -> Iterator[sa.Column | sa.CheckConstraint]:
    """Yield a column and its check."""
    name = row["column"]
    yield sa.Column(
        name,
        SQL_TYPES[row["kind"]],
        nullable=row["null"] == "yes",
        server_default=sa.func.now() if name == "recorded_at" else None,
        comment=row["comment"],
        info={
            "frame_type": DTYPES[row["kind"]],
            "digits": row["kind"] == "identifier",
            **dict.fromkeys(row["marks"].split(), True),
        },
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
