"""Columns that many tables share, made the same way everywhere.

`info` of a column tells the writer what SQL has no word for: `optional` (a frame may leave the column out; it is then
null), `volatile` (differs between two runs that are otherwise the same, so it is left out of comparisons), `digits` (a
text that is a number, and is ordered as one) and `frame_type` (the type in frames, where the SQL type does not tell
it). `info` of a table names its partition column.
"""

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

FIRST_YEAR, LAST_YEAR = 2003, 2100
SOURCES = ("local", "nypd", "sample")
PARTITION = "partition"
OPTIONAL = {"optional": True}
VOLATILE = {"optional": True, "volatile": True}
DIGITS = {"digits": True}


def text(name: str, comment: str, **options: Any) -> sa.Column:
    """Return a column of text, not null unless said otherwise."""
    return sa.Column(name, sa.Text, comment=comment, **{"nullable": False, **options})


def count(name: str, comment: str, **options: Any) -> sa.Column:
    """Return a column of a count, not null unless said otherwise."""
    return sa.Column(name, sa.BigInteger, comment=comment, **{"nullable": False, **options})


def number(name: str, comment: str, **options: Any) -> sa.Column:
    """Return a column of a measured number; null where it cannot be computed."""
    return sa.Column(name, sa.Double, comment=comment, **{"nullable": True, **options})


def interval(name: str, comment: str, **options: Any) -> list[sa.Column]:
    """Return a number and the ends of its confidence interval, as name, name_low and name_high."""
    return [
        number(name, comment, **options),
        number(f"{name}_low", f"Lower end of the 95 % interval of {name}.", **options),
        number(f"{name}_high", f"Upper end of the 95 % interval of {name}.", **options),
    ]


def stop_id_column(comment: str) -> sa.Column:
    """Return the column of a stop's number: digits as text, read back in the order of the numbers."""
    return sa.Column("stop_id", sa.Text, nullable=False, comment=comment, info=DIGITS)


def digits_of(table: str, column: str) -> sa.CheckConstraint:
    """Return the check that a text is a whole number from 1 on, without leading zeros."""
    return sa.CheckConstraint(f"{column} ~ '^[1-9][0-9]*$'", name=f"{table}_{column}_digits")


def year_column(name: str, comment: str) -> sa.Column:
    """Return a column of a calendar year."""
    return sa.Column(name, sa.SmallInteger, nullable=False, comment=comment)


def source_column() -> sa.Column:
    """Return the column that says where the stops came from."""
    return text("source", "Where the stops came from: a local file, NYPD's site, or the synthetic sample.")


def coverage_column(what: str) -> sa.Column:
    """Return the column that says whether stops are those of whole years."""
    return text(
        "coverage",
        f"{what}: whole, partial (months are missing), excerpt (a selection, as in teaching), or partial excerpt; null "
        "when made by a version that did not ask.",
        nullable=True,
        info=OPTIONAL,
    )


def recorded_at() -> sa.Column:
    """Return the column that says when a row was written."""
    return sa.Column(
        "recorded_at",
        sa.TIMESTAMP(timezone=True),
        nullable=False,
        server_default=sa.func.now(),
        comment="When the row was written; the one column in which two runs on the same stops differ.",
        info=VOLATILE,
    )


def between(table: str, column: str, low: float | None, high: float | None) -> sa.CheckConstraint:
    """Return the check that a column lies in a range, both ends included; null passes."""
    parts = []
    if low is not None:
        parts.append(f"{column} >= {low:.15g}")
    if high is not None:
        parts.append(f"{column} <= {high:.15g}")
    return sa.CheckConstraint(" AND ".join(parts), name=f"{table}_{column}_range")


def shares(table: str, columns: Iterable[str]) -> list[sa.CheckConstraint]:
    """Return the checks that columns are shares, from 0 to 1."""
    return [between(table, column, 0, 1) for column in columns]


def at_least_zero(table: str, columns: Iterable[str]) -> list[sa.CheckConstraint]:
    """Return the checks that columns are not negative."""
    return [between(table, column, 0, None) for column in columns]


def year_range(table: str, column: str) -> sa.CheckConstraint:
    """Return the check that a year is one of which stops are published."""
    return between(table, column, FIRST_YEAR, LAST_YEAR)


def one_of(table: str, column: str, values: Iterable[str]) -> sa.CheckConstraint:
    """Return the check that a text is one of a few."""
    listed = ", ".join(f"'{value}'" for value in values)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=f"{table}_{column}_known")


def sha256_of(table: str, column: str) -> sa.CheckConstraint:
    """Return the check that a text is a SHA-256 digest in hexadecimal."""
    return sa.CheckConstraint(f"{column} ~ '^[0-9a-f]{{64}}$'", name=f"{table}_{column}_digest")


def source_known(table: str) -> sa.CheckConstraint:
    """Return the check of the column `source`."""
    return one_of(table, "source", SOURCES)


def reference(
    table: str, columns: list[str], target: str, target_columns: list[str], *, remove: bool
) -> sa.ForeignKeyConstraint:
    """Return a foreign key that is checked when the transaction ends, so that either side can be replaced.

    Parameters
    ----------
    remove
        What the writer does with rows whose target is gone after a replacement of the target's partition:
        remove them and say so, or refuse the replacement.
    """
    return sa.ForeignKeyConstraint(
        columns,
        target_columns,
        name=f"{table}_{target}_fkey",
        deferrable=True,
        initially="DEFERRED",
        info={"remove": remove},
    )
