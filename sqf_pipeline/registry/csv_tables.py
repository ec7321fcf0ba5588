"""Tables of facts: CSV files that lie beside the modules that read them, as text or as records that are checked."""

import csv
from collections.abc import Iterable, Mapping
from importlib import resources
from typing import Annotated, Any, TypeVar

from pydantic import BeforeValidator, TypeAdapter

Record = TypeVar("Record")

Number = Annotated[float | None, BeforeValidator(lambda cell: cell or None)]
"""A field of a record: a number, None where the cell is empty."""
Yes = Annotated[bool, BeforeValidator(lambda cell: cell or False)]  # `yes` or `no`; an empty cell is no
Listed = Annotated[tuple[str, ...], BeforeValidator(lambda cell: tuple(part for part in cell.split("|") if part))]
"""Texts with `|` between them."""
Words = Annotated[tuple[str, ...], BeforeValidator(lambda cell: tuple(cell.split()))]  # words with spaces between them


def read_rows(package: str, name: str) -> list[dict[str, str]]:
    """Return the rows of the table `name` in the folder of `package`, in order, every cell as text."""
    text = resources.files(package).joinpath(name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def records(rows: Iterable[Mapping[str, Any]], kind: type[Record]) -> tuple[Record, ...]:
    """Return rows as records of a dataclass, whose fields say what a cell may be; other columns are left out.

    Raises pydantic.ValidationError, a ValueError: it names the row, the column, what was expected and what was found.
    """
    return tuple(TypeAdapter(tuple[kind, ...]).validate_python(tuple(rows)))  # type: ignore[valid-type]
