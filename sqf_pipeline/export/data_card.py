"""The data-set card: where the rows come from, what cleaning changed, and how they may be used and read."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqf_pipeline.display import filled_template
from sqf_pipeline.export.packaged_tables import (
    CHANGES,
    SOURCE_FILES,
    STOPS,
    PackagedTable,
    PackageFacts,
    WrittenFile,
    statement,
)
from sqf_pipeline.registry.kinds import KINDS


def data_card(
    tables: Sequence[PackagedTable], files: Sequence[WrittenFile], facts: PackageFacts, recode: str | None
) -> str:
    """Return the card as Markdown; every count in it is read from the tables of the package."""
    by_name = {table.name: table for table in tables}
    stops = by_name[STOPS]
    return filled_template(
        __package__,
        "data_card.md.j2",
        facts=facts,
        said=statement(),
        recode=recode,
        stops=stops,
        tables=[table for table in tables if table.name != STOPS],
        files=files,
        published=by_name[SOURCE_FILES].rows() if SOURCE_FILES in by_name else [],
        changes=_changes(by_name[CHANGES]) if CHANGES in by_name else [],
        comparable=_comparable(stops),
        first_year=stops.years[0],
        last_year=stops.years[-1],
        col_types="".join(KINDS[column["kind"]]["readr"] for column in stops.columns),
    )


def _comparable(stops: PackagedTable) -> dict[str, list[str]]:
    """Return the columns by how they compare over the forms, in words; those of which nothing is said are left out."""
    words = {
        "same": "The same on both forms", "close": "Close, see the warnings", "different": "Not comparable",
        "one form only": "On one form only",
    }  # fmt: skip
    classes = {
        words[told]: [column["column"] for column in stops.columns if column.get("comparable") == told]
        for told in words
    }
    return {word: names for word, names in classes.items() if names}


def _changes(table: PackagedTable) -> list[dict[str, Any]]:
    """Return what cleaning changed over all years, by column and rule: cells, and the last year's description."""
    rows: dict[tuple[str, str], int] = defaultdict(int)
    described: dict[tuple[str, str], str] = {}
    for row in table.rows():
        rule = row["column_name"], row["rule"]
        rows[rule] += row["rows"]
        described[rule] = row["description"]
    return [
        {"column": name, "rule": rule, "rows": rows[name, rule], "description": described[name, rule]}
        for name, rule in sorted(rows)
    ]
