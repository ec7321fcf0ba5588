"""Durations that are a time of day: what stands in the range of minutes but means the hour and minute of the stop."""

import numpy as np
import pandas as pd

from sqf_pipeline.nypd.quality_log import IMPLAUSIBLE, QualityLog

DURATIONS = ("observed_duration_minutes", "stop_duration_minutes")
LOWEST = 100
"""As hours and minutes, a number below this is within the first hour of the day, and more likely a duration."""
NEAR_MINUTES = 20
"""How near to the time of the stop a number must be, read as hours and minutes: of the 77 observed durations of 240
minutes and more of 2017 to 2020, 70 are; durations at random would be in 3 % of cases."""


def null_clock_times(stops: pd.DataFrame, log: QualityLog) -> None:
    """Make durations null, in place, that read as HHMM are within `NEAR_MINUTES` of the stop's own time of day.

    Parameters
    ----------
    stops
        Typed stops with `stop_time_seconds` and the durations in minutes, within their ranges.
    log
        Gets the counts, and the fates of the cells.
    """
    time_of_stop = stops["stop_time_seconds"].to_numpy(dtype=float, na_value=np.nan) / 60
    for name in DURATIONS:
        minutes = stops[name].to_numpy(dtype=float, na_value=np.nan)
        clock = minutes // 100 * 60 + minutes % 100
        apart = np.abs(clock - time_of_stop)
        near = np.fmin(apart, 1_440 - apart) <= NEAR_MINUTES
        found = near & (minutes >= LOWEST) & (minutes % 100 < 60)
        if found.any():
            stops[name] = stops[name].mask(found)
            log.fates[name][found] = IMPLAUSIBLE
        log.add(
            name, "clock_time", int(found.sum()),
            f"The time of the stop as hours and minutes (within {NEAR_MINUTES} minutes), not a duration; missing now.",
        )  # fmt: skip
