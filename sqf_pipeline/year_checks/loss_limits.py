"""How much of a column may be lost before a year is refused, or warned of."""

from typing import Any

import pandas as pd

from sqf_pipeline.registry.columns import Column, columns_by_name
from sqf_pipeline.registry.forms.published_forms import NEW_FORM, Form, forms
from sqf_pipeline.year_checks.findings import Finding

LIMITS = {"an outcome": 0.005, "a required column": 0.02, "an optional column": 0.10}
"""Largest share of a column's filled cells that may be unreadable or implausible; 2017 to 2020 lose 0.009 % of an
outcome and 0.9 % of a required column (observed durations of 2017) at most."""

WARNED_FRACTION = 0.1  # above this fraction of its limit a column's loss is reported

SPARSE_CELLS, SPARSE_SHARE = 5, 0.005
"""An optional column is refused, or reported, only for as many lost cells, and refused only for as large a share of the
stops: 22 of the 26 names of premises of 2017 are in rows that were shifted sideways."""

MORE_EMPTY, MORE_EMPTY_CELLS = 2.0, 10
"""A required column is reported when its share of empty cells is more than so many times that of the year before, and
at least so many cells more; one empty cell in place of none is chance."""


def loss_findings(loss: pd.DataFrame, before: pd.DataFrame | None = None, form: Form | None = None) -> list[Finding]:
    """Return what is too much in a year's loss: red above a column's limit, a warning above a tenth of it.

    `loss` is `CleanedStops.loss` of the year: column_name, cells, empty, unreadable, implausible, kept; `before` that
    of the year before, None when it is not loaded, and then gaps are not compared. The form of the year, that in use
    if None, says what is required.
    """
    earlier = {} if before is None else {str(row.column_name): row for row in before.itertuples()}
    form = form or forms()[NEW_FORM]
    found = []
    for row in loss.itertuples():
        entry = columns_by_name()[str(row.column_name)]
        found += [*_lost(entry, form, row), *_empty(entry, form, row, earlier.get(entry.name))]
    return found


def _lost(entry: Column, form: Form, row: Any) -> list[Finding]:
    lost, filled = int(row.unreadable) + int(row.implausible), int(row.cells) - int(row.empty)
    share, required = lost / filled if filled else 0.0, form.requires(entry.name)
    kind = "an outcome" if entry.known == "outcome" else "a required column" if required else "an optional column"
    limit = LIMITS[kind]
    if required:
        is_red, is_odd = share > limit, share > WARNED_FRACTION * limit
    else:
        is_odd = share > WARNED_FRACTION * limit and lost >= SPARSE_CELLS
        is_red = is_odd and share > limit and lost > SPARSE_SHARE * int(row.cells)
    if not is_odd:
        return []
    told = (
        f"{entry.name}: {lost:,} of {filled:,} filled cells could not be used "
        f"({share:.2%}; {int(row.unreadable):,} unreadable, {int(row.implausible):,} implausible)"
    )
    told += f"; the limit for {kind} is {limit:.1%}"
    if is_red:
        told += (
            f", so the year is refused. Look at how the file writes {form.published_as(entry.name)}; if a spelling has "
            f"a meaning, add it to registry/{'forms/old_codes.csv' if form.codes else 'spellings.csv'}"
        )
    return [Finding("loss", "red" if is_red else "warn", f"{told}.")]


def _empty(entry: Column, form: Form, row: Any, before: Any) -> list[Finding]:
    cells, empty = int(row.cells), int(row.empty)
    if not form.requires(entry.name) or entry.kind == "mark":  # an empty mark says no
        return []
    if empty == cells:
        told = f"{entry.name}: every one of {cells:,} cells is empty, as if the required column were missing."
        return [Finding("empty", "red", f"{told} Get the file again.")]
    if before is None or not int(before.cells) or "" in form.codes.get(entry.name, {}):  # an empty cell has a meaning
        return []
    share, share_before = empty / cells, int(before.empty) / int(before.cells)
    if share <= MORE_EMPTY * share_before or empty - share_before * cells < MORE_EMPTY_CELLS:
        return []
    told = f"{entry.name}: {empty:,} of {cells:,} cells are empty ({share:.2%}), {share_before:.2%} the year before"
    return [Finding("empty", "warn", f"{told}.")]
