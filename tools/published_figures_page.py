"""Write docs/published_figures.md from the table `published_figures` of a run on the published files.

    python tools/published_figures_page.py 2020 "2014, 2015 and 2017 to 2020" > docs/published_figures.md

Arguments: the test year of the run, and the years whose files were loaded, in words. The database is that of the
settings (SQF_HOME, SQF_DATABASE_URL).
"""

import sys
from contextlib import closing
from typing import Any

import pandas as pd

from sqf_pipeline.display import ABSENT, markdown_table, mixed, number
from sqf_pipeline.orchestration.resources import Warehouse
from sqf_pipeline.settings import Settings

_INTRODUCTION = """\
# What others published about these files

Made from the table `published_figures` of a run on the published files of {years}; change the claims
(`sqf_pipeline/published_figures/published_claims.csv`), not this page. A figure is reproduced when ours rounds to it.
It differs when it does not, and the reason is given. It is not decidable here when a file is missing; where a protocol
can be repeated on the years at hand, ours is given all the same, with its years. Nothing of ours is typed in.

| status | claims |
|---|---|
{counted}

A claim is added by a row in that file and, where no count, share or row of a result table answers it, a small function
in `claim_figures.py`."""


def published_figures_document(rows: pd.DataFrame, years: str) -> str:
    """Return the document as Markdown.

    Parameters
    ----------
    rows
        Rows of `published_figures` of one test year, with its columns.
    years
        The years whose files were loaded, in words.
    """
    counts = rows["status"].value_counts()
    statuses = ("reproduced", "differs", "not decidable here")
    counted = "\n".join(f"| {status} | {int(counts.get(status, 0))} |" for status in statuses)
    parts = [_INTRODUCTION.format(years=years, counted=counted)]
    for publication, claims in rows.groupby("publication", sort=False):
        cells = [
            (
                str(row.definition),
                _or_dash(row.years),
                mixed(row.published),
                _ours(row),
                str(row.status),
                _or_dash(row.reason),
            )
            for row in claims.itertuples()
        ]
        head = ("What is counted", "Years", "Published", "Ours", "Status", "Why")
        parts.append(f"## {publication}\n\n{markdown_table(head, cells)}")
    return "\n\n".join(parts) + "\n"


def _ours(row: Any) -> str:
    """Return our figure, with the years it is of where they are not the claim's."""
    if pd.isna(row.ours):
        return ABSENT
    told = mixed(row.ours) if float(row.ours).is_integer() else number(row.ours, 3)
    return told if row.our_years == row.years else f"{told} (on {row.our_years})"


def _or_dash(text: object) -> str:
    return ABSENT if pd.isna(text) or not str(text) else str(text)


if __name__ == "__main__":
    with closing(Warehouse.from_settings(Settings())) as warehouse:
        judged = warehouse.read(warehouse.table("published_figures"), {"test_year": int(sys.argv[1])})
    sys.stdout.write(published_figures_document(judged, sys.argv[2]))
