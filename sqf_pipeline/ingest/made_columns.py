"""Columns that a form publishes in several: the text of each made from those of the others, as its table says."""

import re

import numpy as np
import pandas as pd

from sqf_pipeline.cleaning.numerals import parse_flag, parse_whole_number
from sqf_pipeline.ingest.header import PublishedFileError
from sqf_pipeline.registry.forms.published_forms import Form
from sqf_pipeline.registry.spellings import normalise_text, null_spellings

_ANY_OF = "any of "
_FIELD = re.compile(r"\{([a-z_0-9]+)(?::(0[0-9]*))?\}")

MOST_UNNUMBERED = 0.01
"""Largest share of stops without what their number is made from; 2 of the 506,491 of 2006 are."""


def with_made_columns(texts: pd.DataFrame, form: Form) -> pd.DataFrame:
    """Return the columns of the registry that a form has, kept and made, from the texts of its fields.

    `texts` are as published, one column a field of the form; a field that is not there counts as empty. The form's
    table says what is made from what (`Field.made_from`).
    """
    kept = [name for name in texts.columns if form.by_column[name].use == "kept"]
    made = {
        field.column: _any_of(texts, field.made_from.removeprefix(_ANY_OF).split())
        if field.made_from.startswith(_ANY_OF)
        else _first_whole(texts, field.made_from.split("|"))
        for field in form.fields
        if field.use == "made"
    }
    return pd.concat([texts[kept], pd.DataFrame(made, index=texts.index, dtype=str)], axis="columns")


def _any_of(texts: pd.DataFrame, names: list[str]) -> pd.Series:
    """Return by row the text of the flag that says most: a yes, else what nobody can read, else a no, else nothing."""
    most = np.zeros(len(texts), dtype=np.int8)
    said = pd.Series("", index=texts.index, dtype=str)
    for name in names:
        if name in texts:
            says = texts[name].map({text: _says(text) for text in texts[name].unique()}).to_numpy(dtype=np.int8)
            said = said.mask(says > most, texts[name])
            most = np.maximum(most, says)
    return said


def _says(text: str) -> int:
    plain = normalise_text(text)
    if plain in null_spellings():
        return 0
    return {False: 1, None: 2, True: 3}[parse_flag(plain)]


def _first_whole(texts: pd.DataFrame, templates: list[str]) -> pd.Series:
    """Return by row the first template all of whose fields are filled; '' where there is none."""
    made = pd.Series("", index=texts.index, dtype=str)
    for template in templates:
        fields = _FIELD.findall(template)
        between = _FIELD.sub("\0", template).split("\0")
        whole = made == ""
        filled_in = pd.Series(between[0], index=texts.index, dtype=str)
        for (name, digits), after in zip(fields, between[1:], strict=True):
            cells = _cells(texts, name, digits)
            whole &= cells != ""
            filled_in = filled_in + cells + after
        made = made.mask(whole, filled_in)
    return made


def _cells(texts: pd.DataFrame, name: str, digits: str) -> pd.Series:
    if name not in texts:
        return pd.Series("", index=texts.index, dtype=str)
    return texts[name].map({text: _cell(text, digits) for text in texts[name].unique()}).astype(str)


def _cell(text: str, digits: str) -> str:
    """Return a text without spaces around it, a whole number in at least so many digits; '' for a missing value.

    What is no whole number stays as it is, so that the reader of what is made from it finds it unreadable.
    """
    if normalise_text(text) in null_spellings():
        return ""
    number = parse_whole_number(text) if digits else None
    return " ".join(text.split()) if number is None or number < 0 else f"{number:{digits}.0f}"


def number_the_unnumbered(described: str, stops: pd.DataFrame, form: Form) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return stops in which those without a number made from other columns have their place among them, and a note.

    Numbers made from precinct and serial number are above 100,000, so that 1, 2, ... never are another stop's. Raises
    PublishedFileError when more than `MOST_UNNUMBERED` of the stops have none.
    """
    if "stop_id" not in form.by_column or form.by_column["stop_id"].use != "made":
        return stops, ()
    without = stops["stop_id"] == ""
    rows = int(without.sum())
    if not rows:
        return stops, ()
    names = form.published_as("stop_id")
    if rows > max(MOST_UNNUMBERED * len(stops), 1):
        raise PublishedFileError(
            f"{described}: expected {names} in every row, which make the number of a stop, found {rows:,} of "
            f"{len(stops):,} rows without; at most {MOST_UNNUMBERED:.0%} may lack them. Fetch the file again."
        )
    numbered = stops["stop_id"].mask(without, without.cumsum().astype(str))
    note = (
        f"{described}: without {names}, {rows:,} of {len(stops):,} stops are numbered by their place among themselves."
    )
    return stops.assign(stop_id=numbered), (note,)
