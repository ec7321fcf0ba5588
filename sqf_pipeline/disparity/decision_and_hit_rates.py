"""Decision rate and hit rate together: who is acted on more often and found with less was held to a lower bar.

Neither rate alone says so: more acts may follow from higher risks, fewer hits from how risks are spread. Both
together do, whatever the risks, as long as the two groups' risks differ in one direction throughout (a monotone
likelihood ratio), and as long as what the officer sees and what is recorded as a hit are the same for both groups.

References
----------
Gaebler and Goel (2025), A simple, statistically robust test of discrimination, PNAS 122.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from sqf_pipeline.disparity.acts_and_hits import FEWEST_ACTS, REFERENCE, years_label
from sqf_pipeline.disparity.clustered_resampling import (
    Floats,
    Resampling,
    Unit,
    compare,
    estimate_and_ends,
    make_resampling,
)
from sqf_pipeline.disparity.outcome_test import Comparison, Mask, comparisons, recorded_hits
from sqf_pipeline.evaluation.bootstrap import RESAMPLES
from sqf_pipeline.registry.declared_tables import result_frame

if TYPE_CHECKING:
    import pandas as pd

Verdict = Literal["lower_bar", "higher_bar", "undecided", "too_few"]
_Ends = tuple[float | None, float | None]


@dataclass(frozen=True)
class Drawn:
    """Differences in acts, and in hits by hit, each of shape (1 + resamples,), of one way of resampling."""

    acts: Floats
    hits: dict[str, Floats]


def decision_and_hit_rates(stops: "pd.DataFrame", *, resamples: int = RESAMPLES) -> "pd.DataFrame":
    """Return the table `decision_and_hit_rates` of the stops as one window of years.

    Differences are Mantel-Haenszel's, in shares, of acts among stops and of hits among acts. The verdict stands on
    both rows of a comparison, and is one only when both intervals exclude 0 whether encounters or precincts are
    resampled; `too_few` when a group has fewer than `FEWEST_ACTS` acts to compare, or too few resamples are defined.
    """
    years, hits = years_label(stops), recorded_hits(stops)
    resamplings = {unit: make_resampling(stops, unit, resamples=resamples) for unit in get_args(Unit)}
    rows: list[tuple[Any, ...]] = []
    for one in comparisons(stops):
        drawn = {unit: _draw(resampling, one, hits) for unit, resampling in resamplings.items()}
        for hit in hits:
            key = (years, one.population, one.act, hit, one.strata, one.group, REFERENCE)
            rows.extend((*key, unit, *figures) for unit, figures in _figures(drawn, hit))
    return result_frame("decision_and_hit_rates", rows)


def _draw(resampling: Resampling, one: Comparison, hits: dict[str, Mask]) -> Drawn | None:
    """Return the drawn differences of a comparison; None where either side has too few acts to compare."""
    among_acts = compare(resampling, one.cells, *one.acted)
    if among_acts.smaller < FEWEST_ACTS:
        return None
    ((acts, _),) = compare(resampling, one.cells, *one.stops).contrasts([one.acted[0] | one.acted[1]])
    found = among_acts.contrasts(hits.values())
    return Drawn(acts, {hit: difference for hit, (difference, _) in zip(hits, found, strict=True)})


def _figures(drawn: dict[Unit, Drawn | None], hit: str) -> list[tuple[Unit, tuple[Any, ...]]]:
    """Return, by way of resampling, the figures of a hit from `act_difference` to `verdict`."""
    measured: dict[Unit, tuple[Any, ...]] = {}
    ends: list[tuple[_Ends, _Ends]] = []
    for unit, one in drawn.items():
        if one is None:
            measured[unit] = (None,) * 7
            ends.append(((None, None), (None, None)))
            continue
        acts, found = estimate_and_ends(one.acts), estimate_and_ends(one.hits[hit])
        signs = (one.acts[1:] > 0) & (one.hits[hit][1:] < 0)
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
