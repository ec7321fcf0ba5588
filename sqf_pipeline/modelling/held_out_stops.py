"""Which training stops are set aside to choose on: those of the last year, or the end of the only one."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

EARLY_SHARE = 2 / 3
"""Of the dated stops of a single training year, the share that models are fitted on while they are chosen."""


def is_early(stops: pd.DataFrame) -> NDArray[np.bool_]:
    """Return by row whether a training stop is not set aside.

    `stops` have a `year`, and for a single year `stop_date`: then whole days at its end are set aside, as a later year
    would be. Without dates nothing is.
    """
    years = stops["year"].to_numpy(dtype=np.int64)
    early: NDArray[np.bool_] = years < years.max(initial=0)
    if early.any() or "stop_date" not in stops:
        return early if early.any() else ~early
    days = stops["stop_date"]
    return ~(days > days.quantile(EARLY_SHARE, interpolation="lower")).to_numpy(dtype=bool, na_value=False)
