"""What cleaning found and changed, counted: the rules of a year, and what became of every cell of a column."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

KEPT, EMPTY, UNREADABLE, IMPLAUSIBLE = range(4)
"""What became of a cell. Empty: a missing value, or NYPD's code for unknown."""

FATE_OF_RULE = {
    "coded_unknown": EMPTY,
    "implausible": IMPLAUSIBLE,
    "outside_year": IMPLAUSIBLE,
}
"""What becomes of a cell that a rule made null; after every other rule its meaning is lost: unreadable."""

Fates = NDArray[np.int8]


@dataclass
class QualityLog:
    """Counts of what the rules found, for the tables `data_quality` and `column_loss`."""

    year: int  # year of the file
    entries: list[tuple[str, str, int, str]] = field(default_factory=list)
    """Column, rule, rows and description of every rule that found anything."""
    fates: dict[str, Fates] = field(default_factory=dict)
    """By column of the file, in its rows' order, what became of each cell."""

    def add(self, column_name: str, rule: str, rows: int, description: str) -> None:
        """Add `rows` found by `rule` in a column; a rule that found nothing leaves no entry, and no rule has two."""
        known = next((one for one in self.entries if one[:2] == (column_name, rule)), None)
        if known:
            self.entries[self.entries.index(known)] = (column_name, rule, known[2] + int(rows), known[3])
        elif rows:
            self.entries.append((column_name, rule, int(rows), description))

    def quality_frame(self) -> pd.DataFrame:
        """Return one row a column and rule: year, column_name, rule, rows, description."""
        frame = pd.DataFrame(self.entries, columns=["column_name", "rule", "rows", "description"])
        frame.insert(0, "year", self.year)
        return frame.astype(
            {"year": "Int16", "column_name": "string", "rule": "string", "rows": "Int64", "description": "string"}
        )

    def loss_frame(self) -> pd.DataFrame:
        """Return one row a column of the file: year, column_name, cells, empty, unreadable, implausible, kept."""
        counted = [
            (name, len(fates), *(int((fates == fate).sum()) for fate in (EMPTY, UNREADABLE, IMPLAUSIBLE, KEPT)))
            for name, fates in self.fates.items()
        ]
        counts = ["cells", "empty", "unreadable", "implausible", "kept"]
        frame = pd.DataFrame(counted, columns=["column_name", *counts])
        frame.insert(0, "year", self.year)
        return frame.astype({"year": "Int16", "column_name": "string", **dict.fromkeys(counts, "Int64")})
