"""The forms in which NYPD has published stops: names, codes and what is made from several columns, from the tables."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Annotated, Literal

from pydantic import BeforeValidator

from sqf_pipeline.registry.csv_tables import Listed, Words, Yes, read_rows, records

LastYear = Annotated[int | None, BeforeValidator(lambda cell: cell or None)]
Use = Literal["kept", "made", "computed", "part", "left out"]

NEW_FORM, OLD_FORM = "NEW", "OLD"  # names of the forms, as the column `form` of a stop has them

_BROKEN_MARK = re.compile(r"ï(?:»¿|\.\.)")


def normalise_name(name: str) -> str:
    """Return a published name without case, spaces, underscores and byte order mark, for comparison.

    >>> normalise_name("Stop Frisk Time"), normalise_name("detail1_"), normalise_name("ï..year")
    ('STOPFRISKTIME', 'DETAIL1', 'YEAR')
    """
    return re.sub(r"[\W_]", "", _BROKEN_MARK.sub("", name, count=1)).upper()


@dataclass(frozen=True)
class Field:
    """What a form has of a column."""

    column: str  # our name; of a part or a column that is left out, a name of the form's own
    published_names: Listed  # every name it has had in files of the form; empty for one that is made from others
    use: Use
    """`kept`: read as it is; `made`: from others, see `made_from`; `computed` when stops are cleaned; `part`: only used
    for making others; `left out`: known, and not read."""
    required: Yes  # whether a file without it, or without what it is made from, is refused
    made_from: str
    """`any of` names of flags, or templates with `|` between them, of which the first is used whose fields are all
    filled; `{name}` stands for a text, `{name:05}` for a whole number of at least five digits."""
    reading: str  # `rounded` where a whole number may be published as a fraction
    known: str
    """When the value becomes known in files of this form; empty where that is what the registry says of the column."""
    note: str  # why it is left out, or what is odd about it


@dataclass(frozen=True)
class Form:
    """One form of the published files."""

    name: str  # as in the column `form`
    first_year: int
    last_year: LastYear
    """The years whose files have it; no last year for the form in use."""
    encodings: Words  # how its files may be written, the first before the others
    too_wide: str  # the sign that fills a field too narrow for its number; empty where there is none
    description: str  # the form in words
    fields: tuple[Field, ...]  # its columns in published order, then those that are made
    codes: Mapping[str, Mapping[str, str]]
    """By column: code to category; '' as a category says that the code means unknown, '' as a code is what an empty
    cell means."""

    @cached_property
    def by_column(self) -> dict[str, Field]:
        """Return the fields by our name, or by a name of the form's own."""
        return {field.column: field for field in self.fields}

    @cached_property
    def by_published_name(self) -> dict[str, str]:
        """Return a dictionary from every normalised published name to the field's name."""
        return {normalise_name(name): field.column for field in self.fields for name in field.published_names}

    @cached_property
    def columns(self) -> frozenset[str]:
        """Return the columns of the registry that a file of this form gives."""
        return frozenset(field.column for field in self.fields if field.use in {"kept", "made", "computed"})

    def sources(self, column: str) -> tuple[Field, ...]:
        """Return the published fields that a column is read or made from; none when the form does not have it."""
        field = self.by_column.get(column)
        if field is None:
            return ()
        if not field.made_from:
            return (field,)
        names = dict.fromkeys(re.findall(r"[a-z_0-9]+", re.sub(r"^any of |:[0-9]+", "", field.made_from)))
        return tuple(self.by_column[name] for name in names)

    def published_as(self, column: str) -> str:
        """Return the published names of a column, or of those that it is made from; '' where there are none."""
        return ", ".join(name for field in self.sources(column) for name in field.published_names)

    def requires(self, column: str) -> bool:
        """Return whether a file of this form without the column is refused."""
        field = self.by_column.get(column)
        return field is not None and field.required


@cache
def forms() -> dict[str, Form]:
    """Return the forms by name, the one in use first."""
    made = []
    for row in read_rows(__package__, "forms.csv"):
        codes: dict[str, dict[str, str]] = {}
        for code in read_rows(__package__, row["codes"]) if row["codes"] else []:
            codes.setdefault(code["column"], {})[code["code"]] = code["category"]
        fields = records(read_rows(__package__, row["table"]), Field)
        made.append({**row, "fields": fields, "codes": codes})
    return {form.name: form for form in records(made, Form)}


def form_of_year(year: int) -> Form:
    """Return the form that NYPD used for the file of a year; raises KeyError before the first."""
    for form in forms().values():
        if form.first_year <= year and (form.last_year is None or year <= form.last_year):
            return form
    raise KeyError(year)


@cache
def paper_forms() -> tuple[tuple[str, str], ...]:
    """Return the first day (YYYY-MM-DD) of each paper form and its name, in order."""
    return tuple((row["since"], row["paper_form"]) for row in read_rows(__package__, "paper_forms.csv"))


def forms_of_years(years: Iterable[int]) -> tuple[str, ...]:
    """Return the names of the forms in which the files of some years are, the one in use first.

    >>> forms_of_years([2020, 2014]), forms_of_years([2016])
    (('NEW', 'OLD'), ('OLD',))
    """
    wanted = set(years)
    return tuple(
        name
        for name, form in forms().items()
        if any(form.first_year <= year <= (form.last_year or year) for year in wanted)
    )


@cache
def form_breaks() -> tuple[tuple[str, str], ...]:
    """Return the days (YYYY-MM-DD) on which a form of the file or of the paper changed, and what changed, in order."""
    paper = [
        (row["since"], f"paper form {row['paper_form']}, {row['note']}")
        for row in read_rows(__package__, "paper_forms.csv")
    ]
    files = [(f"{form.first_year}-01-01", form.description) for form in forms().values()]
    first = min(day for day, _ in [*paper, *files])
    return tuple(sorted((day, told) for day, told in [*paper, *files] if day > first))
