"""The header of a published table: which of its columns are which of ours."""

import difflib
from collections import Counter

from sqf_pipeline.errors import SqfError
from sqf_pipeline.registry.columns import load_columns, names_by_published, normalise_name


class PublishedFileError(SqfError):
    """A yearly file that cannot be read as one; the message says what was expected, found, and what to do."""


def known_names(header: list[str]) -> int:
    """Return how many cells of a row are names that a column has been published under."""
    return sum(normalise_name(name) in names_by_published() for name in header)


def refuse_repeated(described: str, header: list[str]) -> None:
    """Raise PublishedFileError when a name stands twice in a header."""
    repeated = [name for name, times in Counter(header).items() if times > 1 and name.strip()]
    if repeated:
        raise PublishedFileError(f"{described}: the column {repeated[0]!r} appears twice in the header. Remove one.")


def recognise_columns(described: str, header: list[str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return our name to published name in published order, and the names that are not known."""
    known = names_by_published()
    names: dict[str, str] = {}
    unknown = []
    for published in header:
        ours = known.get(normalise_name(published))
        if ours is None:
            unknown.append(published)
        elif ours in names:
            raise PublishedFileError(
                f"{described}: two columns, {names[ours]!r} and {published!r}, are both names of {ours}. "
                "Remove one of them."
            )
        else:
            names[ours] = published
    return names, tuple(unknown)


def missing_columns(described: str, names: dict[str, str], unknown: tuple[str, ...]) -> tuple[str, ...]:
    """Return absent optional columns; raise for absent required ones, naming the likeliest candidates."""
    absent = [entry for entry in load_columns() if entry.published_names and entry.name not in names]
    required = [entry for entry in absent if entry.required]
    if required:
        lines = []
        for entry in required:
            likely = difflib.get_close_matches(entry.published_names[0], unknown, n=2, cutoff=0.5)
            hint = f" (perhaps now called {' or '.join(repr(name) for name in likely)})" if likely else ""
            lines.append(f"{' or '.join(entry.published_names)} for {entry.name}{hint}")
        raise PublishedFileError(
            f"{described}: {len(required)} required column(s) missing: {'; '.join(lines)}. "
            "If NYPD renamed a column, add its new name to published_names in registry/columns.csv."
        )
    return tuple(entry.name for entry in absent)
