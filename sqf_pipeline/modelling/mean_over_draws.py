"""The mean of a model's scores over every way to fill the gaps of a stop; numpy alone, for the service too."""

import numpy as np
from numpy.typing import NDArray


def mean_over_draws(
    scores: NDArray[np.float64], place: NDArray[np.intp], weight: NDArray[np.float64], stops: int
) -> NDArray[np.float64]:
    """Return the mean score of each stop, float64 of shape (stops,).

    Parameters
    ----------
    scores
        Score of each way to fill a stop, shape (rows,).
    place, weight
        Stop that each row is of, from 0 to `stops` - 1, each at least once; and its weight: a stop's sum to 1.

    Notes
    -----
    The mean is taken of differences from a stop's first score, so that ways that score alike give exactly that score.
    A mean that differed from it in the last digit would rank stops with gaps below, or above, all others.

    >>> scores, stop_of_row, weight = np.array([0.2, 0.4, 0.9]), np.array([0, 0, 1]), np.array([0.5, 0.5, 1.0])
    >>> mean_over_draws(scores, stop_of_row, weight, 2).round(3).tolist()
    [0.3, 0.9]
    """
    first = np.unique(place, return_index=True)[1]
    base = scores[first]
    return base + np.bincount(place, weight * (scores - base[place]), minlength=stops)
