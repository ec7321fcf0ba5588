"""Decision rate and hit rate together: who is acted on more often and found with less was held to a lower bar.

Neither rate alone says so: more acts may follow from higher risks, fewer hits from how risks are spread. Both
together do, whatever the risks, as long as the two groups' risks differ in one direction throughout (a monotone
likelihood ratio), and as long as what the officer sees and what is recorded as a hit are the same for both groups.

References
----------
Gaebler and Goel (2025), A simple, statistically robust test of discrimination, PNAS 122.
"""

from typing import Any, Literal, get_args

import pandas as pd

from sqf_pipeline.disparity.acts_and_hits import REFERENCE
from sqf_pipeline.disparity.clustered_resampling import Unit
from sqf_pipeline.disparity.resampled_window import Drawn, Window
from sqf_pipeline.evaluation.bootstrap import estimate_and_ends
from sqf_pipeline.registry.declared_tables import result_frame

Verdict = Literal["lower_bar", "higher_bar", "undecided", "too_few"]
_Ends = tuple[float | None, float | None]


def decision_and_hit_rates(window: Window) -> pd.DataFrame:
    """Return the table `decision_and_hit_rates` of one window of years.

    Differences are Mantel-Haenszel's, in shares, of acts among stops and of hits among acts. The verdict stands on
    both rows of a comparison, and is one only when both intervals exclude 0 whether encounters or precincts are
    resampled; `too_few` when a group has fewer than `FEWEST_ACTS` acts to compare, or too few resamples are defined.
    """
    drawn = {unit: window.drawn(unit) for unit in get_args(Unit)}
    rows: list[tuple[Any, ...]] = []
    for place, one in enumerate(window.comparisons):
        for hit in window.hits:
            key = (window.years, one.population, one.act, hit, one.strata, one.group, REFERENCE)
            figures = _figures({unit: found[place] for unit, found in drawn.items()}, hit)
            rows.extend((*key, unit, *measured) for unit, measured in figures)
    return result_frame("decision_and_hit_rates", rows)


def _figures(drawn: dict[Unit, Drawn], hit: str) -> list[tuple[Unit, tuple[Any, ...]]]:
    """Return, by way of resampling, the figures of a hit from `act_difference` to `verdict`."""
    measured: dict[Unit, tuple[Any, ...]] = {}
    ends: list[tuple[_Ends, _Ends]] = []
    for unit, one in drawn.items():
        if one.acts is None or one.hits is None:
            measured[unit] = (None,) * 7
            ends.append(((None, None), (None, None)))
            continue
        difference, _ = one.hits[hit]
        acts, found = estimate_and_ends(one.acts), estimate_and_ends(difference)
        signs = (one.acts[1:] > 0) & (difference[1:] < 0)
        measured[unit] = (*acts, *found, float(signs.mean()))
        ends.append((acts[1:], found[1:]))
    verdict = verdict_of(ends)
    return [(unit, (*figures, verdict)) for unit, figures in measured.items()]


def verdict_of(ends: list[tuple[_Ends, _Ends]]) -> Verdict:
    """Return the verdict on (ends of the acts' difference, ends of the hits' difference), one pair a resampling.

    >>> verdict_of([((0.01, 0.05), (-0.04, -0.01)), ((0.02, 0.04), (-0.03, -0.01))])
    'lower_bar'
    >>> verdict_of([((0.01, 0.05), (-0.04, -0.01)), ((0.02, 0.04), (-0.03, 0.01))])
    'undecided'
    """
    lower, higher = True, True
    for (act_low, act_high), (hit_low, hit_high) in ends:
        if act_low is None or act_high is None or hit_low is None or hit_high is None:
            return "too_few"
        lower &= act_low > 0 and hit_high < 0
        higher &= act_high < 0 and hit_low > 0
    return "lower_bar" if lower else "higher_bar" if higher else "undecided"
