"""Whether stops given a probability of 30 % have the outcome three times in ten."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from sqf_pipeline.evaluation.bootstrap import effective_rows, wilson_interval
from sqf_pipeline.evaluation.metrics import CALIBRATION_BINS, Forecast, equal_mass_bin_index


def calibration_bins(forecast: Forecast, *, clusters: ArrayLike | None = None) -> pd.DataFrame:
    """Return predicted and observed shares, one row a bin of equal mass, least probable first.

    Rows of equal probability share a bin, so there may be fewer than `CALIBRATION_BINS`. `clusters` are the encounters
    of the stops (see `stop_clusters`); they widen the intervals for persons stopped together.

    Returns
    -------
    Frame of bin (from 1), lower and upper (least and greatest probability in the bin), rows, mean_probability,
    observed_share, low, high (Wilson's interval). The mean of |mean_probability - observed_share| weighted by rows is
    the expected calibration error.
    """
    index = equal_mass_bin_index(forecast.probability, CALIBRATION_BINS)
    groups = np.arange(forecast.rows) if clusters is None else np.asarray(clusters)
    rows = []
    for number in range(int(index.max()) + 1):
        inside = index == number
        chances, share = forecast.probability[inside], float(forecast.actual[inside].mean())
        rows.append(
            (
                number + 1,
                float(chances.min()),
                float(chances.max()),
                int(inside.sum()),
                float(chances.mean()),
                share,
                *wilson_interval(share, effective_rows(groups[inside])),
            )
        )
    names = ["bin", "lower", "upper", "rows", "mean_probability", "observed_share", "low", "high"]
    return pd.DataFrame(rows, columns=names)
