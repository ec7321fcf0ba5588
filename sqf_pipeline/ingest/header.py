"""The header of a published table: its form, and which of its columns are which of ours."""

import difflib
from collections import Counter
from collections.abc import Iterable

import pandas as pd

from sqf_pipeline.errors import SqfError
from sqf_pipeline.registry.forms.published_forms import Field, Form, forms, normalise_name


class PublishedFileError(SqfError):
    """A yearly file that cannot be read as one; the message says what was expected, found, and what to do."""


def known_names(header: Iterable[str]) -> int:
    """Return how many cells of a row are names that columns have been published under in one form."""
    return _known(form_of_header(header), header)


def form_of_header(header: Iterable[str]) -> Form:
    """Return the form that knows most of the names of a header; of two that know as many, the one in use."""
    return max(forms().values(), key=lambda form: _known(form, header))


def _known(form: Form, header: Iterable[str]) -> int:
    return sum(normalise_name(name) in form.by_published_name for name in header)


def refuse_repeated(described: str, header: list[str]) -> None:
    """Raise PublishedFileError when a name stands twice in a header."""
    repeated = [name for name, times in Counter(header).items() if times > 1 and name.strip()]
    if repeated:
        raise PublishedFileError(f"{described}: the column {repeated[0]!r} appears twice in the header. Remove one.")


def recognise_columns(described: str, form: Form, header: list[str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the form's fields to published names in published order, and the names that are not known."""
    names: dict[str, str] = {}
    unknown = []
    for published in header:
        field = form.by_published_name.get(normalise_name(published))
        if field is None:
            unknown.append(published)
        elif field in names:
            raise PublishedFileError(
                f"{described}: two columns, {names[field]!r} and {published!r}, are both names of {field}. "
                "Remove one of them."
            )
        else:
            names[field] = published
    return names, tuple(unknown)


def refuse_second_header(described: str, form: Form, cells: pd.Series) -> None:
    """Raise PublishedFileError when a column of few values holds a column's name: two files were joined into one."""
    again = [text for text in cells.unique() if normalise_name(text) in form.by_published_name]
    if again:
        rows = int(cells.isin(again).to_numpy().argmax())
        raise PublishedFileError(
            f"{described}: expected one header, at the top, found another after {rows:,} rows "
            f"(with {again[0].strip()!r}). Files seem to be joined into one: give each as a file of its own, or remove "
            "that row."
        )


def missing_columns(described: str, form: Form, names: dict[str, str], unknown: tuple[str, ...]) -> tuple[str, ...]:
    """Return absent optional columns; raise for absent required ones, naming the likeliest candidates."""
    absent = [
        field
        for field in form.fields
        if field.published_names and field.use != "left out" and field.column not in names
    ]
    required = [field for field in absent if field.required]
    if required:
        lines = []
        for field in required:
            likely = difflib.get_close_matches(field.published_names[0], unknown, n=2, cutoff=0.5)
            hint = f" (perhaps now called {' or '.join(repr(name) for name in likely)})" if likely else ""
            lines.append(f"{' or '.join(field.published_names)} for {_wanted_for(form, field)}{hint}")
        raise PublishedFileError(
            f"{described}: {len(required)} required column(s) missing: {'; '.join(lines)}. "
            f"If NYPD renamed a column, add its new name to registry/forms/{form.name.lower()}_form.csv."
        )
    return tuple(field.column for field in absent)


def _wanted_for(form: Form, field: Field) -> str:
    if field.use == "kept":
        return field.column
    return ", ".join(other.column for other in form.fields if other.made_from and field in form.sources(other.column))
