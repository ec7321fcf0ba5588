"""Faults as the published files have them, from a table: shifted rows, junk numbers, clock times, double rows."""

import numpy as np
from numpy.typing import NDArray

from sqf_pipeline.synthetic.conditional_chain import Columns, of_year
from sqf_pipeline.synthetic.published_layout import read_table

_RECORDED = ("x_feet", "suspect_age", "suspect_weight_pounds", "suspect_height_inches", "xcoord")
_NUMBERS = {"stop_id", "ser_num"}


def add_faults(
    columns: Columns, year: int, follows: NDArray[np.bool_], rng: np.random.Generator, *, first: bool
) -> None:
    """Change cells in place as the published file of the year has them, by `faults.csv`.

    A fault strikes only stops whose place, person and time are recorded, and no stop is struck twice. A cell may
    quote the other cells of its stop as `{column}`; of several spellings, joined by `|`, each stop takes the next.
    `columns` are the published text of a block of stops, by our names. Only a stop that follows, that is, continues the
    incident of the one before it, becomes its double. In the first block of a file every fault occurs at least once.
    """
    table = read_table("faults.csv", year)
    share = len(follows) / of_year("rows", year)
    order = np.argsort(rng.random(len(follows)), kind="stable").tolist()

    def wanted(published: int) -> int:
        return max(int(first), int(published * share + rng.random()))

    # A double equals the stop before it in all but the number.
    double = sum(int(entry["stops"]) for entry in table if entry["column"] == "*")
    doubles = sorted([row for row in order if follows[row]][: wanted(double) if double else 0])
    for name, texts in columns.items():
        for row in doubles if name not in _NUMBERS else ():
            texts[row] = texts[row - 1]
    spared = {row - step for row in doubles for step in (0, 1)}
    free = [row for row in order if row not in spared and _is_recorded(columns, row)]
    struck: dict[str, dict[int, dict[str, str]]] = {}
    for entry in (entry for entry in table if entry["column"] != "*"):
        if entry["fault"] not in struck:
            rows = [free.pop() for _ in range(min(wanted(int(entry["stops"])), len(free)))]
            struck[entry["fault"]] = {row: _cells(columns, row, year) for row in rows}
        spellings = entry["cell"].split("|")
        for number, (row, before) in enumerate(struck[entry["fault"]].items()):
            columns[entry["column"]][row] = spellings[number % len(spellings)].format(**before)


def _is_recorded(columns: Columns, row: int) -> bool:
    """Return whether place, person and time are recorded, the time from one o'clock so that HHMM is over 100."""
    known = (columns[name][row][:1].isdigit() for name in _RECORDED if name in columns)
    return columns["clock"][row] >= "0100" and all(known)


def _cells(columns: Columns, row: int, year: int) -> dict[str, str]:
    """Return a stop's cells, and what a fault makes of them: its time as a number, coordinates in seven digits.

    The clock is read up to 14 minutes before the time that the stop was given.
    """
    cells = {name: texts[row] for name, texts in columns.items()}
    digits = {f"{axis}_digits": f"{int(float(cells.get(f'{axis}_feet', 0))):07d}" for axis in "xy"}
    minutes = max(60, int(cells["clock"][:2]) * 60 + int(cells["clock"][2:]) - 7 * (row % 3))
    clock = f"{minutes // 60}{minutes % 60:02d}"
    return cells | digits | {"clock": clock, "two_years_before": str(year - 2)}
