"""How many people live in each precinct, by the census's groups: what stops are counted for 1,000 residents of.

`residents_2020_by_precinct.csv` is the census of 2020 (Public Law 94-171, tables P1 and P2, by block), summed up to
precincts by J. Keefe (census-by-precincts, MIT licence). Hispanic people are of any race; the other groups are not
Hispanic; `asian_or_pacific` takes Asian people and Pacific Islanders together.
"""

import csv
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqf_pipeline.errors import SqfError
from sqf_pipeline.registry.csv_tables import read_rows

if TYPE_CHECKING:
    import pandas as pd

CENSUS_FILE = "residents_2020_by_precinct.csv"
GROUPS = ("hispanic", "white", "black", "asian_or_pacific", "native", "other_or_several")
"""The census's groups; together they are all residents."""
WARNING = (
    "Residents are not the people who walk there: where many come to work, shop or change trains, and few live, a rate "
    "says nothing about those who live there."
)
_HEADER = ("precinct", "residents", *GROUPS)
_NEW_PRECINCTS = {"116"}  # opened in December 2024, so in no table of 2020


@cache
def census_group() -> dict[str, str]:
    """Return the census's group of each recorded race that has one; the others have no residents to be divided by."""
    return {row["suspect_race"]: row["census_group"] for row in read_rows(__package__, "census_groups.csv")}


def load_residents(path: Path | None = None) -> "pd.DataFrame":
    """Return residents by precinct and group, one row each: precinct, race, residents, counted_in.

    Raises SqfError when the file cannot be read, or its columns, precincts or numbers are not those of such a table.
    Every fault found is named. `path` is a CSV file of the columns of the census table, for other years or other
    denominators; None is that table.
    """
    import pandas as pd

    census = Path(__file__).with_name(CENSUS_FILE)
    known = {line[0] for line in _lines(census)[1:]} | _NEW_PRECINCTS
    path = path or census
    lines, name = _lines(path), path.name
    if faults := _faults(lines, known):
        told = "; ".join(faults[:5]) + (f"; and {len(faults) - 5} more" if len(faults) > 5 else "")
        raise SqfError(
            f"The table of residents {name} cannot be used: {told}. Expected the columns {','.join(_HEADER)}, a row a "
            "precinct, whole numbers. Correct the file, or unset SQF_RESIDENTS to use the census of 2020."
        )
    frame = pd.DataFrame(lines[1:], columns=lines[0]).astype("int64").sort_values("precinct")
    long = frame[["precinct", *GROUPS]].melt(id_vars="precinct", var_name="race", value_name="residents")
    return long.astype({"race": "string"}).assign(counted_in=pd.array([name] * len(long), dtype="string"))


def _lines(path: Path) -> list[list[str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = "it is not text in UTF-8" if isinstance(error, UnicodeDecodeError) else error.strerror
        raise SqfError(f"The table of residents {path} cannot be read: {why}. See SQF_RESIDENTS.") from None
    return [[cell.strip() for cell in line] for line in csv.reader(text.splitlines()) if any(map(str.strip, line))]


def _faults(lines: list[list[str]], known: set[str]) -> list[str]:
    """Return what is wrong with a table, in words; nothing when it can be used."""
    if len(lines) < 2:
        return ["it has no rows"]
    header = lines[0]
    if sorted(header) != sorted(_HEADER):
        return [f"its columns are {','.join(header)}"]
    faults = []
    seen: set[str] = set()
    for place, line in enumerate(lines[1:], 1):
        row = dict(zip(header, line, strict=False))
        wrong = [name for name in _HEADER if not re.fullmatch("[0-9]{1,9}", row.get(name, ""))]
        if len(line) != len(header) or wrong:
            faults.append(f"row {place} has no whole number from 0 in {', '.join(wrong) or 'a column of its own'}")
            continue
        precinct, residents, *parts = (int(row[name]) for name in _HEADER)
        if str(precinct) not in known:
            faults.append(f"row {place}: {precinct} is no precinct of New York")
        if str(precinct) in seen:
            faults.append(f"row {place}: precinct {precinct} stands twice")
        seen.add(str(precinct))
        if sum(parts) != residents:
            faults.append(f"row {place}: the groups are {sum(parts):,} people together, residents {residents:,}")
    return faults
