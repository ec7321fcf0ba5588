"""Categories: a text becomes a known category, or is kept as it is and reported."""

import re
from collections.abc import Iterable
from functools import cache

from sqf_pipeline.cleaning.column_reading import Reading, Rows
from sqf_pipeline.cleaning.dates import read_date
from sqf_pipeline.cleaning.numerals import parse_number
from sqf_pipeline.registry.columns import Column, load_columns
from sqf_pipeline.registry.spellings import categories_by_spelling, unknown_codes

SHORTEST_BEGINNING = 8
"""Letters, with the spaces between words, that a spelling and a known one must have in common for one to be the other
cut or continued."""

_SAME_FIELD = (
    frozenset({"suspected_crime", "arrest_offense", "summons_offense"}),
    frozenset({"issuing_officer_rank", "supervising_officer_rank"}),
    frozenset({"suspect_eye_color", "suspect_hair_color"}),
)
"""Columns that hold things of one kind: a value of one in the other is a new one there, and not misplaced."""

_SAYS_NO_COLUMN = frozenset({"OTHER", "OTH"})
"""What any column may hold."""

_WORD = re.compile(r"[^\W_]+")


def words_of(spelling: str) -> tuple[str, ...]:
    """Return the words of a spelling, in which cases, spaces and punctuation make no difference."""
    return tuple(_WORD.findall(spelling.upper()))


def letters_of(spelling: str) -> str:
    """Return the letters and digits of a spelling, which tell whether two write the same."""
    return "".join(words_of(spelling)) or spelling


@cache
def categories_by_letters(name: str) -> dict[str, str]:
    """Return a dictionary from the letters of a known spelling to its category; '' means that it says unknown."""
    return {letters_of(spelling): category for spelling, category in categories_by_spelling(name).items()}


def complete_category(name: str, spelling: str) -> str | None:
    """Return the one category of a column that a spelling is the beginning of, or that it continues.

    Word by word: `MIDDLE EASTERN` is a cut `MIDDLE EASTERN / SOUTHWEST ASIAN`, `STATEN ISLAND SOUTH` continues
    `STATEN ISLAND`, and in `AMERICAN INDIAN/ALASKA NATIVE` one word is cut. None where fewer than
    `SHORTEST_BEGINNING` letters agree, or where two categories agree in as many.
    """
    words = words_of(spelling)
    agreeing: dict[str, int] = {}
    for known, category in categories_by_spelling(name).items():
        if category:
            agreeing[category] = max(agreeing.get(category, 0), _letters_in_common(words, words_of(known)))
    most = max(agreeing.values(), default=0)
    best = [category for category, letters in agreeing.items() if letters == most]
    return best[0] if most >= SHORTEST_BEGINNING and len(best) == 1 else None


def _letters_in_common(words: tuple[str, ...], known: tuple[str, ...]) -> int:
    """Return how many letters, with spaces, agree if each word of one begins the word of the other; else 0."""
    pairs = list(zip(words, known, strict=False))
    agree = all(one.startswith(other) or other.startswith(one) for one, other in pairs)
    return len(" ".join(min(pair, key=len) for pair in pairs)) if agree else 0


def is_misplaced(name: str, spelling: str) -> bool:
    """Return whether a spelling that a column does not know belongs to another: a number, a date, or a value of it.

    A code of one or two letters occurs in many columns; it is misplaced only where no such code is known.
    """
    if parse_number(spelling) is not None or read_date(spelling) is not None:
        return True
    letters = letters_of(spelling)
    if spelling in _SAYS_NO_COLUMN or letters not in _letters_of_others(name):
        return False
    return len(letters) > 2 or min(map(len, categories_by_letters(name))) > 2


@cache
def _letters_of_others(name: str) -> frozenset[str]:
    alike = next((columns for columns in _SAME_FIELD if name in columns), frozenset({name}))
    others = [entry for entry in load_columns() if entry.kind == "category" and entry.name not in alike]
    return frozenset(
        {"Y", "N", "YES", "NO", *(letters for entry in others for letters in categories_by_letters(entry.name))}
    )


def read_categories(rows_of: Rows, entry: Column, _: int) -> Reading:
    """Return the reading of a column of categories; an unknown spelling is kept and counted."""
    known = categories_by_letters(entry.name)
    if not known:
        return Reading({spelling: spelling for spelling in rows_of})
    known = dict.fromkeys(unknown_codes(), "") | known
    reading = Reading({spelling: known.get(letters_of(spelling)) for spelling in rows_of})
    strange = [spelling for spelling in rows_of if letters_of(spelling) not in known]
    completed = {spelling: category for spelling in strange if (category := complete_category(entry.name, spelling))}
    misplaced = [spelling for spelling in strange if spelling not in completed and is_misplaced(entry.name, spelling)]
    new = [spelling for spelling in strange if spelling not in completed and spelling not in misplaced]
    reading.meant |= completed | _one_form(rows_of, new)
    # one entry a column and rule, however many spellings: they are the key of the table data_quality
    reading.note(rows_of, "new_category", new, f"Not a known category; kept as it is: {_told(rows_of, new)}.")
    reading.note(
        rows_of, "completed", list(completed),
        "The beginning or continuation of exactly one known category, which is used: "
        f"{_told(rows_of, completed)}.",
    )  # fmt: skip
    respelled = [
        spelling for spelling in rows_of if spelling not in strange and reading.meant[spelling] not in {spelling, ""}
    ]
    reading.note(rows_of, "respelled", respelled, "Another spelling of a known category; replaced by the usual one.")
    unknown = [spelling for spelling, category in reading.meant.items() if category == ""]
    reading.reject(rows_of, "coded_unknown", unknown, "NYPD's code for unknown; set to missing.")
    reading.reject(rows_of, "misplaced", misplaced, "A number, or a value of another column; set to missing.")
    return reading


def _one_form(rows_of: Rows, spellings: list[str]) -> dict[str, str]:
    """Return for each spelling the most frequent one that has the same letters."""
    forms: dict[str, str] = {}
    for spelling in sorted(spellings, key=lambda spelling: (-rows_of[spelling], spelling)):
        forms.setdefault(letters_of(spelling), spelling)
    return {spelling: forms[letters_of(spelling)] for spelling in spellings}


def _told(rows_of: Rows, spellings: Iterable[str]) -> str:
    return ", ".join(f"{spelling[:60]!r} ({rows_of[spelling]:,})" for spelling in sorted(spellings))
