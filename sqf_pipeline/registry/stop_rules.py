"""Rules over columns, as the tables of comparisons and of claims state them: `searched & ~arrested`."""

import ast
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd


@cache
def columns_of(rule: str) -> tuple[str, ...]:
    """Return the columns that a rule reads, sorted; none for an empty one."""
    tree = ast.walk(ast.parse(rule or "None", mode="eval"))
    return tuple(sorted({node.id for node in tree if isinstance(node, ast.Name)}))


def rule_holds(frame: "pd.DataFrame", rule: str) -> NDArray[np.bool_]:
    """Return where a rule holds, shape (rows,); an empty rule holds for all, and a missing value satisfies none.

    `frame` has stops, or rows of a result table. A rule is columns joined by `&`, `|`, `~`, `==` and `in`; `~frisked`
    does not hold where nobody knows of a frisk, but `~frisked.fillna(False)` does.
    """
    if not rule:
        return np.ones(len(frame), dtype=bool)
    return frame[list(columns_of(rule))].eval(rule, engine="python").fillna(False).to_numpy(dtype=bool)
