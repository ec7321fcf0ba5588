"""Tables of stops and of the files they came from."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from sqf_pipeline.registry.columns import Column, load_columns
from sqf_pipeline.warehouse.column_kinds import (
    DIGITS,
    OPTIONAL,
    PARTITION,
    VOLATILE,
    at_least_zero,
    between,
    count,
    coverage_column,
    digits_of,
    one_of,
    recorded_at,
    reference,
    sha256_of,
    source_column,
    source_known,
    text,
    year_column,
    year_range,
)
from sqf_pipeline.year_checks.completeness import COVERAGES

SQL_TYPES: dict[str, type[sa.types.TypeEngine]] = {
    "identifier": sa.Text,
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
}
_INFO: dict[str, dict[str, object]] = {
    "month": {"frame_type": "Int8"},
    "weekday": {"frame_type": "Int8"},
    "identifier": {**DIGITS},
}
KNOWN_WORDS = {
    "at_stop": "known at the stop",
    "value_at_stop": "known at the stop; whether it is missing is not, for the outcome decides what is filled in",
    "completed": "written or completed when the outcome is known",
    "during": "known during the encounter",
    "outcome_made": "exists because of an outcome, so it can never foretell one",
    "outcome": "an outcome of the stop",
    "record": "made by record keeping",
}
# What people ask by; the year is the first part of the key.
INDEXED = ("stop_date", "precinct", "borough", "suspect_race")


def source_files_table(metadata: sa.MetaData) -> sa.Table:
    """Return the table of published files, one row a year."""
    name = "source_files"
    return sa.Table(
        name,
        metadata,
        year_column("year", "Calendar year of the stops in the file."),
        text("file_name", "Name of the file, without its folder; of several, each after a comma."),
        text("sha256", "SHA-256 digest of the file, hexadecimal."),
        count("bytes", "Size of the file in bytes."),
        count("rows", "Stops in the file."),
        count("columns", "Columns of the file that the registry knows."),
        source_column(),
        text("url", "Address from which the file was downloaded; null for a local or synthetic file.", nullable=True),
        text("etag", "Content tag that the server gave (HTTP ETag).", nullable=True),
        text("last_modified", "Time of change that the server gave (HTTP Last-Modified).", nullable=True),
        sa.Column(
            "fetched_at",
            sa.TIMESTAMP(timezone=True),
            comment="When the file was downloaded, found or made.",
            info=VOLATILE,
        ),
        text("columns_missing", "Our names of columns that the file lacks, separated by commas.", nullable=True),
        text("columns_unknown", "Published names that the registry does not know, separated by commas.", nullable=True),
        coverage_column("The year's stops"),
        text("months", "Months with stops, in words.", nullable=True, info=OPTIONAL),
        count("rows_of_other_years", "Rows of earlier years that were left out.", nullable=True, info=OPTIONAL),
        sa.Column(
            "parts",
            JSONB,
            comment="Of a year in several files, each one's name, digest, size and rows; null for one file. The digest "
            "of the year is then that of its parts' digests.",
            info=OPTIONAL,
        ),
        recorded_at(),
        sa.PrimaryKeyConstraint("year"),
        year_range(name, "year"),
        sha256_of(name, "sha256"),
        *at_least_zero(name, ["bytes", "rows", "columns"]),
        source_known(name),
        one_of(name, "coverage", COVERAGES),
        comment="The published file of each year: where every stop comes from.",
        info={PARTITION: "year"},
    )


def stops_table(metadata: sa.MetaData) -> sa.Table:
    """Return the table of stops: one column for each of the registry, with its unit, meaning and range."""
    name = "stops"
    registry = load_columns()
    checks = [between(name, entry.name, entry.minimum, entry.maximum) for entry in registry if _has_range(entry)]
    not_empty = [
        sa.CheckConstraint(f"{entry.name} <> ''", name=f"{name}_{entry.name}_filled")
        for entry in registry
        if entry.kind in {"category", "text"}
    ]
    files = f"{metadata.schema}.source_files.year"
    return sa.Table(
        name,
        metadata,
        *(_stop_column(entry) for entry in registry),
        recorded_at(),
        sa.PrimaryKeyConstraint("year", "stop_id"),
        reference(name, ["year"], "source_files", [files], remove=False),
        *checks,
        *not_empty,
        digits_of(name, "stop_id"),
        sa.CheckConstraint("extract(year FROM stop_date) = year", name=f"{name}_stop_date_in_year"),
        *(sa.Index(f"{name}_{column}_idx", column) for column in INDEXED),
        comment="Stops by the New York City police: one row a person stopped, typed, in units; null is unknown.",
        info={PARTITION: "year"},
    )


def data_quality_table(metadata: sa.MetaData) -> sa.Table:
    """Return the table of what cleaning changed, one row a year, column and rule."""
    name = "data_quality"
    return sa.Table(
        name,
        metadata,
        year_column("year", "Calendar year of the file."),
        text("column_name", "Column of `stops` that the rule concerns."),
        text("rule", "Name of the rule."),
        count("rows", "Stops that the rule touched."),
        text("description", "What the rule found and did, in words."),
        recorded_at(),
        sa.PrimaryKeyConstraint("year", "column_name", "rule"),
        reference(name, ["year"], "source_files", [f"{metadata.schema}.source_files.year"], remove=False),
        *at_least_zero(name, ["rows"]),
        comment="What cleaning changed in the stops of a year, by column and rule; counts, never values.",
        info={PARTITION: "year"},
    )


def column_loss_table(metadata: sa.MetaData) -> sa.Table:
    """Return the table of what became of the cells of each column, one row a year and column of its file."""
    name = "column_loss"
    counts = ["cells", "empty", "unreadable", "implausible", "kept"]
    return sa.Table(
        name,
        metadata,
        year_column("year", "Calendar year of the file."),
        text("column_name", "Column of `stops`."),
        count("cells", "Cells of the column, one a stop."),
        count("empty", "Cells in which nothing stands, in any of its spellings."),
        count("unreadable", "Cells whose text means nothing that is known; null in `stops`."),
        count("implausible", "Cells whose value cannot be so; null in `stops`."),
        count("kept", "Cells whose value is in `stops`."),
        recorded_at(),
        sa.PrimaryKeyConstraint("year", "column_name"),
        reference(name, ["year"], "source_files", [f"{metadata.schema}.source_files.year"], remove=False),
        *at_least_zero(name, counts),
        sa.CheckConstraint("cells = empty + unreadable + implausible + kept", name=f"{name}_whole_is_its_parts"),
        comment="What became of the cells of a year's file, by column: what is lost is refused above a limit.",
        info={PARTITION: "year"},
    )


def revisions_table(metadata: sa.MetaData) -> sa.Table:
    """Return the table of what changed when a year's file came anew with other bytes, one row a change and column."""
    name = "revisions"
    return sa.Table(
        name,
        metadata,
        year_column("year", "Calendar year of the stops."),
        text("former_sha256", "SHA-256 digest of the file from which the year was loaded before."),
        text("sha256", "SHA-256 digest of the file that took its place."),
        sa.Column(
            "former_fetched_at",
            sa.TIMESTAMP(timezone=True),
            comment="When the former file was downloaded, found or made.",
            info=VOLATILE,
        ),
        text("compared_by", "stop_id, or content when the stops were numbered anew."),
        text("change", "rows, rows_added, rows_gone, rows_changed, outcome, or cells."),
        text("column_name", "Column that an outcome or changed cells concern; empty for rows."),
        count("before", "Stops before: all, or those with the outcome.", nullable=True),
        count("after", "Stops after.", nullable=True),
        count("changed", "Stops that were added, are gone, or have another value.", nullable=True),
        recorded_at(),
        sa.PrimaryKeyConstraint("year", "former_sha256", "sha256", "change", "column_name"),
        year_range(name, "year"),
        sha256_of(name, "former_sha256"),
        sha256_of(name, "sha256"),
        one_of(name, "compared_by", ("stop_id", "content")),
        *at_least_zero(name, ["before", "after", "changed"]),
        comment="What changed each time a year was loaded from a file with other bytes than before.",
        info={PARTITION: "year"},
    )


def _stop_column(entry: Column) -> sa.Column:
    kind = sa.SmallInteger if entry.name == "year" else SQL_TYPES[entry.kind]
    parts = [entry.description.rstrip(".")]
    if entry.unit:
        parts.append(f"Unit: {entry.unit}")
    parts.append(KNOWN_WORDS[entry.known].capitalize())
    parts.append(f"Published as {', '.join(entry.published_names)}" if entry.published_names else "Computed")
    return sa.Column(
        entry.name,
        kind,
        nullable=entry.name not in {"year", "stop_id"},
        comment=". ".join(parts) + ".",
        info=_INFO.get(entry.kind, {}),
    )


def _has_range(entry: Column) -> bool:
    return entry.minimum is not None or entry.maximum is not None
