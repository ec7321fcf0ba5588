"""What a data package is made of: tables with their declared columns, files once written, and facts about the whole."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import pyarrow as pa

from sqf_pipeline.export.table_fields import Declared

STOPS, SOURCE_FILES, CHANGES = "stops", "source_files", "data_quality"


@dataclass(frozen=True)
class PackagedTable:
    """A table of a data package."""

    name: str
    comment: str
    key: tuple[str, ...]  # names of the columns of its key, the year or test year first
    refers: Mapping[str, tuple[str, ...]]
    """Table to the columns by which rows refer to its rows; they have the same names there."""
    columns: tuple[Declared, ...]  # its declared columns, in order; see `registry.declared_tables`
    by_year: bool  # whether it has a row for each stop, and so files by year
    years: tuple[int, ...]  # years or test years with rows, in order
    read: Callable[[int], Iterator[pa.RecordBatch]]  # year to its rows in the order of the key
    empty: pa.RecordBatch  # no rows, in the types of the columns

    def paths(self, year: int | None) -> tuple[str, str]:
        """Return the names of the Parquet and CSV file, of a year or of all."""
        if year is None:
            return f"tables/{self.name}.parquet", f"csv/{self.name}.csv"
        return f"{self.name}/{self.key[0]}={year}.parquet", f"csv/{self.name}-{year}.csv.gz"

    def resource(self, year: int | None) -> str:
        """Return the name by which the rows of a year are called; a year matters where files are by year."""
        return f"{self.name}-{year}" if self.by_year else self.name

    def title(self, facts: "PackageFacts") -> str:
        """Return a title that says whether the rows are synthetic."""
        return f"{self.name}, SYNTHETIC" if facts.synthetic else self.name

    def rows(self) -> list[dict[str, Any]]:
        """Return all rows as dictionaries; for small tables."""
        return [row for year in self.years for batch in self.read(year) for row in batch.to_pylist()]


@dataclass(frozen=True)
class WrittenFile:
    """A data file: its path in the package, table, year where files are by year, rows, bytes and digest."""

    path: str
    table: str
    year: int | None
    rows: int
    size: int
    sha256: str


@cache
def packaged_json(name: str) -> dict[str, Any]:
    """Return a JSON file of this folder; it is shared: do not change it."""
    return json.loads(resources.files(__package__).joinpath(name).read_text(encoding="utf-8"))


def statement() -> dict[str, Any]:
    """Return what is said about every data package: collection, biases, intended and forbidden use, licence."""
    return packaged_json("data_statement.json")


@dataclass(frozen=True)
class PackageFacts:
    """What a package says of itself: whether stops are synthetic, the project's version, and its date if it has one."""

    synthetic: bool
    version: str
    published: str | None = None

    @property
    def name(self) -> str:
        """Return the name of the package."""
        return "nypd-stops-synthetic" if self.synthetic else "nypd-stops"

    @property
    def title(self) -> str:
        """Return the title of the package."""
        return f"{'SYNTHETIC: ' if self.synthetic else ''}{statement()['title']}"

    @property
    def description(self) -> str:
        """Return what the package holds; of synthetic stops that first."""
        said = statement()
        return f"{said['synthetic']} {said['description']}" if self.synthetic else str(said["description"])

    def descriptor(self) -> dict[str, Any]:
        """Return the properties of the whole package, as Frictionless calls them."""
        said = statement()
        dated = {"created": f"{self.published}T00:00:00Z"} if self.published else {}
        return {
            "name": self.name,
            "title": self.title,
            "description": self.description,
            "version": self.version,
            **dated,
            "homepage": said["homepage"],
            "keywords": said["keywords"] + (["synthetic"] if self.synthetic else []),
            "licenses": said["licences"],
            "sources": [] if self.synthetic else [said["source"]],
            "contributors": [{"title": said["maintainers"], "roles": ["maintainer"]}],
        }
