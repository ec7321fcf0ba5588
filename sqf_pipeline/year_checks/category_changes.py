"""Categories that were frequent the year before and are gone: spelled differently, or two cut to one spelling."""

import pandas as pd

from sqf_pipeline.registry.columns import load_columns
from sqf_pipeline.registry.forms.published_forms import forms
from sqf_pipeline.year_checks.findings import Finding

FREQUENT_SHARE = 0.05
FEWEST_EXPECTED = 20
"""In a file in which fewer stops of a category are to be expected, its absence says nothing: stops come in encounters,
and of 300 synthetic stops none was in a sector that had 6 % of the year before."""


def category_findings(stops: pd.DataFrame, before: pd.DataFrame) -> list[Finding]:
    """Return a finding for each column with a category that held over 5 % of the year before and is gone.

    Red for a column that models may use; a warning for the others, whose codes NYPD changes (`demeanor_code`). `stops`
    and `before` are clean stops of the year and of the year before, with the columns of categories.
    """
    found = []
    published = {name for form in forms().values() for name in form.columns}
    for entry in load_columns():
        if entry.kind != "category" or entry.name not in published & set(before) or stops[entry.name].isna().all():
            continue
        now = stops[entry.name].value_counts()
        shares = before[entry.name].value_counts(normalize=True)
        gone = {
            str(name): share
            for name, share in shares[shares > FREQUENT_SHARE].items()
            if name not in now.index and share * now.sum() >= FEWEST_EXPECTED
        }
        if gone:
            fresh = [str(name) for name in now.index if name not in shares.index][:5]
            told = ", ".join(f"{name!r} ({share:.0%} of the year before)" for name, share in gone.items())
            new = f" New: {', '.join(map(repr, fresh))}." if fresh else ""
            text = f"{entry.name}: no stop has {told} any more."
            if entry.feature:
                text += (
                    f"{new} If a category is now spelled differently, add the spelling to registry/spellings.csv; if "
                    "two categories were cut to one spelling, get the file again."
                )
            found.append(Finding("categories", "red" if entry.feature else "warn", text))
    return found
