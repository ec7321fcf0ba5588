"""Verdicts on many pairs of models at once: of twenty pairs that do not differ, one would look different by chance.

References
----------
Holm (1979), A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6.
"""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from sqf_pipeline.evaluation.bootstrap import LEVEL


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Return Holm's adjusted p-values, float64 of the same shape; a missing one stays missing and is not counted.

    >>> holm([0.01, 0.04, 0.03]).round(3).tolist()
    [0.03, 0.06, 0.06]
    """
    given = np.asarray(p_values, dtype=np.float64)
    adjusted = np.full(given.shape, np.nan)
    known = np.flatnonzero(~np.isnan(given))
    order = known[np.argsort(given[known], kind="stable")]
    steps = given[order] * (len(order) - np.arange(len(order)))
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0) if len(order) else steps
    return adjusted


def with_holm(differences: pd.DataFrame) -> pd.DataFrame:
    """Return rows of `paired_differences` of many pairs with comparisons, adjusted_p_value and adjusted_verdict.

    One family is all pairs that are compared by one metric: `comparisons` is their number. The adjusted verdict is
    `verdict` where the adjusted p-value is at most 1 - `LEVEL`, the chance that any verdict of a metric is wrong, were
    no pair to differ; else `undecided`.
    """
    table = differences.copy()
    families = table.groupby("metric", sort=False)["p_value"]
    adjusted = families.transform(lambda values: holm(values.to_numpy(dtype=np.float64, na_value=np.nan)))
    table["comparisons"] = families.transform("count").astype("Int64")
    table["adjusted_p_value"] = pd.array(adjusted, dtype="Float64")
    holds = (table["adjusted_p_value"] <= 1 - LEVEL).fillna(value=False)
    table["adjusted_verdict"] = table["verdict"].where(table["verdict"].isna() | holds, "undecided").astype("string")
    return table
