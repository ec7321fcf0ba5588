"""Spellings and what they mean: categories, missing values, yes and no, units; from `spellings.csv`.

The first column of the table names a column of the registry, or begins with a star: `*` is a missing value and
`*unknown` NYPD's code for unknown, both in every column; `*flag` yes and no; `*unit` a unit written behind a number.
"""

import re
import unicodedata
from functools import cache

from sqf_pipeline.registry.csv_tables import read_rows

_UNSEEN = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u200e\u200f"
_LOOKALIKES = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201b\u2032`\u00b4\u02b9\u02bc", "'"),
        **dict.fromkeys("\u201c\u201d\u201f\u2033", '"'),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
    }
    | dict.fromkeys(_UNSEEN)
)
_WRAPPED = re.compile(r"""=?"([^"]*)"|'([^']*)'|'([^']+)""")


@cache
def _rows() -> tuple[tuple[str, str, str], ...]:
    return tuple((row["column"], row["spelling"], row["category"]) for row in read_rows(__package__, "spellings.csv"))


@cache
def null_spellings() -> frozenset[str]:
    """Return every way in which a missing value is written, in capitals without spaces around it."""
    return frozenset(spelling for owner, spelling, _ in _rows() if owner == "*")


@cache
def unknown_codes() -> frozenset[str]:
    """Return NYPD's codes for unknown, which may stand in any column but free text."""
    return frozenset(spelling for owner, spelling, _ in _rows() if owner == "*unknown")


@cache
def categories_by_spelling(name: str) -> dict[str, str]:
    """Return a dictionary from spelling to category for the column `name`; '' means that it says unknown."""
    return {spelling: category for owner, spelling, category in _rows() if owner == name}


@cache
def known_categories(name: str) -> tuple[str, ...]:
    """Return the categories of the column `name`, sorted; empty for a column without a vocabulary."""
    return tuple(sorted({category for category in categories_by_spelling(name).values() if category}))


@cache
def unit_words(unit: str) -> tuple[str, ...]:
    """Return the words for a unit of the registry, longest first."""
    words = (spelling for owner, spelling, named in _rows() if owner == "*unit" and named == unit)
    return tuple(sorted(words, key=len, reverse=True))


def normalise_text(text: str) -> str:
    """Return a text in capitals and plain characters, with single spaces and none around it.

    Non-breaking and zero-width spaces, typographic quotes and dashes, full-width digits, and the quotes by which a
    spreadsheet marks a number as text (`="020"`, `'020`) are not part of the text.
    """
    # Nearly every cell is plain already; a year has millions of different ones.
    plain = text.replace("`", "'") if text.isascii() else unicodedata.normalize("NFKC", text.translate(_LOOKALIKES))
    plain = " ".join(plain.upper().split())
    wrapped = _WRAPPED.fullmatch(plain) if "'" in plain or '"' in plain else None
    return " ".join(next(part for part in wrapped.groups() if part is not None).split()) if wrapped else plain
