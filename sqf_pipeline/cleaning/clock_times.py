"""Durations that are a time of day: what stands in the range of minutes but means the hour and minute of the stop."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sqf_pipeline.cleaning.quality_log import IMPLAUSIBLE, QualityLog

LOWEST = 100
"""As hours and minutes, a number below this is within the first hour of the day, and more likely a duration."""
NEAR_MINUTES = 20
"""How near to the time of the stop a number must be, read as a time of day. Of the 77 observed durations of 240 minutes
and more of 2017 to 2020, 70 are; durations that have nothing to do with the time would be in 3 % of cases."""

_IN_FULL = f"The time of the stop as hours and minutes (within {NEAR_MINUTES} minutes), not a duration; set to missing."
_CUT = (
    f"The time of the stop as hours and minutes (within {NEAR_MINUTES} minutes), its last digit cut off by a field of "
    "three, not a duration; set to missing."
)

Minutes = NDArray[np.float64]


def null_clock_times(stops: pd.DataFrame, log: QualityLog) -> None:
    """Make durations null, in place, that are the stop's own time of day: in full, or cut to the field's three digits.

    Durations are in minutes, within their ranges. The log gets the counts, and the fates of the cells.
    """
    time = stops["stop_time_seconds"].to_numpy(dtype=float, na_value=np.nan) / 60
    for name, rule, is_time, said in (
        ("observed_duration_minutes", "clock_time", _is_clock, _IN_FULL),
        ("stop_duration_minutes", "clock_time", _is_clock, _IN_FULL),
        ("stop_duration_minutes", "time_cut_short", _is_cut_clock, _CUT),
    ):
        found = is_time(stops[name].to_numpy(dtype=float, na_value=np.nan), time)
        log.add(name, rule, int(found.sum()), said)
        if found.any():
            stops[name] = stops[name].mask(found)
            log.fates[name][found] = IMPLAUSIBLE


def _is_clock(numbers: Minutes, time: Minutes) -> NDArray[np.bool_]:
    """Return whether numbers, read as HHMM, are near times of day in minutes."""
    clock = numbers // 100 * 60 + numbers % 100
    return (numbers >= LOWEST) & (numbers % 100 < 60) & (_apart(clock, time) <= NEAR_MINUTES)


def _is_cut_clock(numbers: Minutes, time: Minutes) -> NDArray[np.bool_]:
    """Return whether numbers of three digits, read as HHM, leave ten minutes that are near times of day in minutes."""
    middle = numbers // 10 * 60 + numbers % 10 * 10 + 5
    possible = (numbers >= LOWEST) & (numbers < 240) & (numbers % 10 < 6)
    return possible & (_apart(middle, time) <= NEAR_MINUTES + 5)


def _apart(clock: Minutes, time: Minutes) -> Minutes:
    apart = np.abs(clock - time)
    return np.fmin(apart, 24 * 60 - apart)
