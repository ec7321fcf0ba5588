"""Spellings and the categories they stand for, and every way in which nothing is spelled.

What belongs here: reading `vocabulary.csv` and looking spellings up. What does not: the spellings (they are in
the table; a row there is all that a new spelling takes).
"""

import csv
from functools import cache
from importlib import resources

ANY_COLUMN = "*"
"""In the table, the column of a spelling of nothing that holds everywhere."""


@cache
def _rows() -> tuple[tuple[str, str, str], ...]:
    text = resources.files(__package__).joinpath("vocabulary.csv").read_text(encoding="utf-8")
    return tuple((row["column"], row["spelling"], row["category"]) for row in csv.DictReader(text.splitlines()))


@cache
def null_spellings() -> frozenset[str]:
    """Return every spelling of nothing, in capitals without spaces around it."""
    return frozenset(spelling for name, spelling, _ in _rows() if name == ANY_COLUMN)


@cache
def categories_by_spelling(name: str) -> dict[str, str]:
    """Return a dictionary from spelling to category for the column `name`; '' means that it says unknown."""
    return {spelling: category for owner, spelling, category in _rows() if owner == name}


@cache
def known_categories(name: str) -> tuple[str, ...]:
    """Return the categories of the column `name`, sorted; empty for a column without a vocabulary."""
    return tuple(sorted({category for category in categories_by_spelling(name).values() if category}))


def normalise_text(text: str) -> str:
    """Return a text in capitals, with single spaces and none around it."""
    return " ".join(text.upper().split())


__all__ = ["categories_by_spelling", "known_categories", "normalise_text", "null_spellings"]
