"""Make the table of aggregates from which synthetic years of the old form are drawn.

    SQF_DATA_DIR=... python tools/make_old_form_aggregates.py [target.json]

It reads the published files of 2014 and 2015, the one-per-cent sample of 2009, and the header of 2006's excerpt
(which is of two precincts, so that nothing else is learnt from it). The rules are those of
`make_synthetic_aggregates`: counts and effects that rest on at least ten stops each, and no row, address or
coordinate.
"""

import os
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from fit_conditionals import SMALLEST_CELL
from make_synthetic_aggregates import (
    TARGET,
    by_year,
    commands,
    companions,
    counts,
    fit_variables,
    incidents,
    within,
    write_table,
)  # fmt: skip
from old_form_variables import TEXTS, VARIABLES, latent_old_year

from sqf_pipeline.synthetic.conditional_chain import LAST_OLD_YEAR, load_aggregates
from sqf_pipeline.year_checks.expected_totals import official_totals

FILES = {2009: "excerpts/sqf-2009-one-percent.csv", 2014: "sqf-2014-csv.zip", 2015: "sqf-2015.csv"}
EXCERPT_OF_2006 = "excerpts/sqf-2006-first-1999-rows.csv"
SMALLEST_TEXT = 25
"""Fewest stops in which a free text must stand to count as a common one."""


def texts(latent: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Return the common free texts: column -> the variable it goes with -> level of that, or `*` for any -> counts."""
    result = {}
    for name, (by, pattern) in TEXTS.items():
        fitting = latent[latent[f"_{name}"].map(lambda text, p=pattern: bool(re.fullmatch(p, text)))]
        every = counts(fitting[f"_{name}"], SMALLEST_TEXT)
        common = fitting[fitting[f"_{name}"].isin(list(every))]
        levels = {str(level): counts(rows[f"_{name}"]) for level, rows in common.groupby(by)}
        result[name] = {"by": by, "counts": {"*": every, **{lv: table for lv, table in levels.items() if table and lv}}}
    return result


def missing(latent: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Return the thousandths of stops in which a column says nothing, by year."""
    columns = {"premname": "_premname", "othfeatr": "_othfeatr", "xcoord": "_x"}
    return {
        str(year): {name: round(1000 * float((rows[column] == "").mean())) for name, column in columns.items()}
        for year, rows in latent.groupby("year")
    }


def headers(folder: Path) -> dict[str, list[str]]:
    """Return the published headers, by the first year that has them; the excerpt of 2009 has a row number more."""

    def header(frame: pd.DataFrame) -> list[str]:
        return [name for name in frame.columns if not name.startswith("Unnamed")]

    read = {year: header(pd.read_csv(folder / name, nrows=0)) for year, name in FILES.items()}
    of_2006 = header(pd.read_csv(folder / EXCERPT_OF_2006, nrows=0))
    small = [name.lower() for name in read[2014]]
    return {"2003": read[2009], "2006": of_2006, "2007": read[2009], "2011": small, "2013": read[2014]}


def main() -> None:
    """Read the published files, fit, and write the table."""
    folder = Path(os.environ["SQF_DATA_DIR"])
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET.with_name("old_form_aggregates.json")
    parts = []
    for year, name in FILES.items():
        frame = pd.read_csv(folder / name, dtype=str, keep_default_na=False)
        part = latent_old_year(frame.rename(columns=str.lower), year)
        part["_follows"] = companions(part)
        near = part["_follows"] | part["_follows"].shift(-1, fill_value=False)
        # Of the stops in a sample nobody knows whether they had companions.
        part["grouped"] = np.where(near, "Y", "" if year == min(FILES) else "N")
        parts.append(part)
    latent = pd.concat(parts, ignore_index=True)
    places = load_aggregates()["places"]
    latent["patrol_borough"] = latent["precinct"].map({precinct: facts[0] for precinct, facts in places.items()})
    variables, levels = fit_variables(latent, VARIABLES)
    whole = latent[latent["year"] != str(min(FILES))]
    totals = {str(year): total.stops for year, total in official_totals().items() if year <= LAST_OLD_YEAR}
    table = {
        "about": "Aggregate figures of NYPD's published stop files of 2014 and 2015 and of a sample of 2009; no "
        f"figure rests on fewer than {SMALLEST_CELL} stops. Counts are rounded to fives; effects are hundredths of a "
        "logit, missing thousandths. A year is drawn like the last measured one that is not after it, else like the "
        "first. Made by tools/make_old_form_aggregates.py.",
        "rows": totals,
        "headers": headers(folder),
        "incidents": {str(year): incidents(rows["_follows"]) for year, rows in whole.groupby("year")},
        "precincts": by_year(latent, "precinct"),
        "months": by_year(latent, "_month"),
        "weekdays": by_year(latent, "_weekday"),
        "sectors": by_year(latent, "sector"),
        "beats": by_year(latent, "beat"),
        "posts": by_year(latent, "post"),
        "missing": missing(latent),
        "minutes": counts(latent["_minute"]),
        "commands": commands(latent),
        "exact": {
            "age": within(latent, "age_band", "_age"),
            "weight": within(latent, "weight_band", "_weight"),
            "perobs": within(latent, "perobs_band", "_perobs"),
            "perstop": within(latent, "perstop_band", "_perstop"),
        },
        "texts": texts(latent),
    }
    write_table(table, variables, levels, target)


if __name__ == "__main__":
    main()
