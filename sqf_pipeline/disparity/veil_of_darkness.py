"""The veil of darkness: whether a group's share of stops falls when it cannot be seen, at one time of the clock.

Between the earliest and the latest dusk of a year the same minute is light in June and dark in December. If officers
choose whom to stop by what they see, the group's share falls in the dark: an odds ratio below 1. It says nothing of
stops that begin with a radio run (a description comes first), which are its placebo, nor of frisks and searches, nor
where the street is lit; and with the whites stopped here it can only show a strong effect.

References
----------
Grogger and Ridgeway (2006), Testing for racial profiling in traffic stops from behind a veil of darkness, JASA 101.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from sqf_pipeline.disparity.acts_and_hits import entry_named, group_codes, group_names, years_label
from sqf_pipeline.disparity.clustered_logistic import Z95, fit_logistic, indicators, spline
from sqf_pipeline.registry.declared_tables import result_frame

Verdict = Literal["fewer_in_the_dark", "more_in_the_dark", "no_difference_shown", "no_power", "placebo_differs"]

CONTRASTS = {
    "black against white": ("black", ("white",)),
    "black against white and hispanic": ("black", ("white", "hispanic")),
    "hispanic against white": ("hispanic", ("white",)),
}
POPULATION, PLACEBO = "self_initiated", "called"
FEWEST_STOPS = 200
"""Stops of the smaller side below which nothing is fitted: one by one, precincts separate the groups."""
LARGEST_DETECTABLE = 1.5
"""Odds ratio that must be found four times in five, lest the test is refused."""
POWER80 = Z95 + 0.8416212335729143
LATITUDE, LONGITUDE = 40.7128, -74.006
"""One point for the city: at its corners dusk differs by less than two minutes."""


def veil_of_darkness(stops: pd.DataFrame) -> pd.DataFrame:
    """Return the table `veil_of_darkness` of the stops as one window of years.

    Empty where the form does not say how a stop began.
    """
    chosen = [entry_named("population", name) for name in (POPULATION, PLACEBO)]
    if not all(entry.is_recorded(stops) for entry in chosen):
        return result_frame("veil_of_darkness", [])
    dusk = in_the_dusk_window(stops)
    rows = []
    for contrast in CONTRASTS:
        measured = {entry.name: veil_contrast(dusk[entry.holds(dusk)], contrast) for entry in chosen}
        placebo_differs = verdict_of(measured[PLACEBO]) in {"fewer_in_the_dark", "more_in_the_dark"}
        for population, figures in measured.items():
            placebo = population == PLACEBO
            verdict = verdict_of(figures)
            if placebo_differs and not placebo and verdict != "no_power":
                verdict = "placebo_differs"
            shown = figures.ratio if verdict != "no_power" else (None, None, None)
            key = (years_label(stops), population, contrast, placebo, figures.stops, figures.smaller_side)
            rows.append((*key, figures.dark_share, *shown, figures.least_detectable, verdict))
    return result_frame("veil_of_darkness", rows)


@dataclass(frozen=True)
class VeilFigures:
    """What a contrast comes to: odds ratio with its ends, and the least that would be found; None where not fitted."""

    stops: int
    smaller_side: int
    dark_share: float | None
    ratio: tuple[float | None, float | None, float | None] = (None, None, None)
    least_detectable: float | None = None


def verdict_of(figures: VeilFigures) -> Verdict:
    """Return what a contrast shows, its placebo apart."""
    _, low, high = figures.ratio
    if figures.least_detectable is None or figures.least_detectable > LARGEST_DETECTABLE or low is None or high is None:
        return "no_power"
    return "fewer_in_the_dark" if high < 1 else "more_in_the_dark" if low > 1 else "no_difference_shown"


def veil_contrast(dusk: pd.DataFrame, contrast: str) -> VeilFigures:
    """Return a contrast's figures from stops of `in_the_dusk_window`: group on dark, clock, precinct and year.

    Standard errors allow for stops of one date.
    """
    names = group_names()
    group, others = CONTRASTS[contrast]
    codes = group_codes(dusk)
    member = codes == names.index(group)
    kept = member | np.isin(codes, [names.index(name) for name in others])
    stops, dark, member = dusk[kept], dusk.loc[kept, "dark"].to_numpy(dtype=np.float64), member[kept]
    smaller = int(min(member.sum(), (~member).sum()))
    if smaller < FEWEST_STOPS or min(dark.sum(), (1 - dark).sum()) < FEWEST_STOPS:
        return VeilFigures(len(stops), smaller, float(dark.mean()) if len(stops) else None)
    clock = spline(stops["stop_time_seconds"].to_numpy(dtype=np.float64) / 3600)
    design = np.column_stack([np.ones(len(stops)), dark, clock, indicators(stops, ("precinct", "year"))])
    fit = fit_logistic(design, member, pd.factorize(stops["stop_date"], sort=True)[0].astype(np.intp))
    middle, low, high = (float(np.exp(end)) for end in fit.ends(1))
    least = float(np.exp(POWER80 * np.sqrt(fit.covariance[1, 1])))
    return VeilFigures(len(stops), smaller, float(dark.mean()), (middle, low, high), least)


def in_the_dusk_window(stops: pd.DataFrame) -> pd.DataFrame:
    """Return the stops between the earliest and the latest dusk of their dates, with a column `dark`.

    Dusk is civil (sun 6 degrees below the horizon), in New York's own time; stops between sunset and dusk, neither
    light nor dark, are left out, and so are those without a time.
    """
    sun = evening_sun(stops["stop_date"])
    seconds = stops["stop_time_seconds"].to_numpy(dtype=np.float64, na_value=np.nan)
    sunset, dusk = sun["sunset"].to_numpy(), sun["dusk"].to_numpy()
    light, dark = seconds < sunset, seconds >= dusk
    inside = (
        (light | dark) & (seconds >= np.nanmin(dusk, initial=np.inf)) & (seconds <= np.nanmax(dusk, initial=-np.inf))
    )
    return stops[inside].assign(dark=dark[inside])


def evening_sun(dates: pd.Series) -> pd.DataFrame:
    """Return sunset and civil dusk of each date in the city, as seconds after midnight by its clocks; nan where null.

    The formulas are those of the package astral (Meeus; good to a minute).
    """
    from zoneinfo import ZoneInfo

    from astral import Observer
    from astral.sun import dusk, sunset

    here, zone = Observer(LATITUDE, LONGITUDE), ZoneInfo("America/New_York")
    known = sorted(dates.dropna().unique())
    moments = [[of(here, pd.Timestamp(day).date(), tzinfo=zone) for of in (sunset, dusk)] for day in known]
    seconds = [[one.hour * 3600 + one.minute * 60 + one.second for one in pair] for pair in moments]
    table = pd.DataFrame(seconds, index=known, columns=["sunset", "dusk"], dtype=float)
    return table.reindex(dates.to_numpy()).set_axis(dates.index)
