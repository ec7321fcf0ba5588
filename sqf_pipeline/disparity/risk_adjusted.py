"""Risk-adjusted regression: whether groups are acted on alike when the risk that something is found is alike.

A regression on everything recorded adjusts for what should not matter and hides a disparity in it; one on nothing
calls a difference in risk a disparity. Here acts are regressed on group and foreseen risk alone, with and without
precinct and year: the precinct is where much of a disparity sits, and whether to adjust for it is a question of policy,
so both stand in the table. Risk is learnt among those acted on, for nobody else was looked at.

References
----------
Jung, Corbett-Davies, Gaebler, Shroff and Goel (2018), Mitigating included- and omitted-variable bias in estimates of
disparate impact, arXiv:1809.05651.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sqf_pipeline.disparity.acts_and_hits import (
    FEWEST_ACTS,
    REFERENCE,
    WEAPON_KINDS,
    entry_named,
    group_codes,
    group_names,
    years_label,
)
from sqf_pipeline.disparity.clustered_logistic import Floats, average_difference, fit_logistic, indicators, spline
from sqf_pipeline.disparity.foreseen_risk import RISK_FLOOR, Encoded, encode_for_risk, foreseen_risk
from sqf_pipeline.evaluation.bootstrap import stop_clusters
from sqf_pipeline.modelling.calibration import log_odds
from sqf_pipeline.modelling.side_by_side import side_by_side
from sqf_pipeline.registry.declared_tables import result_frame

Mask = NDArray[np.bool_]

PLACE = ("precinct", "year")
RECORDED = ("suspected_crime", "initiated_by", "suspect_sex", "location_in_out", *PLACE)
RISK_ACT = "frisk"
"""Act whose finds the risk is learnt from."""
OTHER_ACT = "search_not_incident"
HITS = ("weapon", *WEAPON_KINDS)
NO_HIT = "none"
"""Name of the hit where no risk stands in the model."""
REPEATS = 3
FEWEST_FOUND = 50
"""Finds below which no risk is learnt from them."""


@dataclass(frozen=True)
class ComparedStops:
    """Stops of the compared groups, whose act is known, beside all stops that risk is learnt from."""

    stops: pd.DataFrame  # all stops of the window
    codes: NDArray[np.int64]  # group of each, -1 for none
    compared: Mask  # which of them are of a compared group and say whether they were frisked
    groups: tuple[int, ...]  # numbers of the groups with enough stops of either kind, the reference last
    repeats: int  # how often the encounters are dealt to folds anew for the first of `risks`
    processes: int = 1  # how many risks are learnt at a time

    @cached_property
    def clusters(self) -> NDArray[np.intp]:
        """Return the encounter of each stop of the window."""
        return stop_clusters(self.stops)

    @cached_property
    def encoded(self) -> Encoded:
        """Return what is known at the stops, as numbers."""
        return encode_for_risk(self.stops)

    @cached_property
    def frisked(self) -> Mask:
        """Return who was frisked, of all stops."""
        return entry_named("act", RISK_ACT).holds(self.stops)

    @cached_property
    def members(self) -> Floats:
        """Return a column of ones and one for each group but the reference, of the compared stops."""
        own = self.codes[self.compared]
        return np.column_stack([np.ones(len(own)), *(own == number for number in self.groups[:-1])]).astype(np.float64)

    def parts(self, names: tuple[str, ...]) -> Floats:
        """Return indicator columns of the compared stops."""
        return indicators(self.stops[self.compared], names)

    @cached_property
    def risks(self) -> dict[str, dict[str, Floats]]:
        """Return the foreseen risk of every stop by way and hit: what all tables of risk rest on.

        Ways: `risk`, learnt among the frisked; the same without race; and of all stops.
        """
        everybody = np.ones(len(self.stops), dtype=bool)
        ways: dict[str, tuple[Mask, dict[str, Any]]] = {
            "risk": (self.frisked, {"repeats": self.repeats}),
            "risk_without_race_place": (self.frisked, {"without": ("suspect_race",)}),
            "risk_of_all_stops_place": (everybody, {}),
        }
        hits = enough_finds(self.stops, self.frisked)
        fits = (
            partial(foreseen_risk, self.encoded, self.clusters, known, self.found(hit), **options)
            for known, options in ways.values()
            for hit in hits
        )
        found = side_by_side(fits, self.processes)
        return {way: {hit: next(found) for hit in hits} for way in ways}

    def found(self, hit: str) -> Mask:
        """Return where a hit was found, of all stops."""
        return entry_named("hit", hit).holds(self.stops)


def compared_stops(stops: pd.DataFrame, *, repeats: int = REPEATS, processes: int = 1) -> ComparedStops | None:
    """Return the stops to compare, groups with fewer than `FEWEST_ACTS` frisked or not frisked left out.

    None where the form does not record frisks, or only one group, or not the reference, has enough.
    """
    act = entry_named("act", RISK_ACT)
    if not act.is_recorded(stops):
        return None
    codes, frisked = group_codes(stops), act.holds(stops)
    known = stops["frisked"].notna().to_numpy(dtype=bool)
    names = group_names()
    both = (frisked, ~frisked & known)
    kept = [
        number
        for number in range(len(names))
        if min(int((rows & (codes == number)).sum()) for rows in both) >= FEWEST_ACTS
    ]
    reference = names.index(REFERENCE)
    if reference not in kept or len(kept) < 2:
        return None
    ordered = (*(number for number in kept if number != reference), reference)
    return ComparedStops(stops, codes, known & np.isin(codes, ordered), ordered, repeats, processes)


def enough_finds(stops: pd.DataFrame, frisked: Mask) -> tuple[str, ...]:
    """Return the hits to foresee: all of `HITS`, or none, so that no weapon stands without firearm and knife."""
    named = [entry_named("hit", hit) for hit in HITS]
    if not all(hit.is_recorded(stops) for hit in named):
        return ()
    finds = [int((hit.holds(stops) & frisked).sum()) for hit in named]
    return HITS if min(finds) >= FEWEST_FOUND and max(finds) <= int(frisked.sum()) - FEWEST_FOUND else ()


def risk_adjusted(chosen: ComparedStops | None) -> pd.DataFrame:
    """Return the table `risk_adjusted` of `compared_stops` of one window.

    Models: `group` alone; with `place` (precinct and year); `risk`; `risk_place`, the one to read; the same with risk
    learnt without race, and with risk of all stops, whose labels hold the act itself (a weapon is found where one
    looks): the other end of the range, never to stand alone; and `everything_recorded` without a risk. Empty where a
    form does not record frisks and finds, or too few were frisked or found with a weapon, a firearm or a knife.
    """
    rows: list[tuple[Any, ...]] = []
    if chosen is None:
        return result_frame("risk_adjusted", rows)
    place, acted = chosen.parts(PLACE), chosen.frisked[chosen.compared]
    plain: dict[str, list[Floats]] = {"group": [], "place": [place], "everything_recorded": [chosen.parts(RECORDED)]}
    for model, beside in plain.items():
        rows += _rows(chosen, (RISK_ACT, NO_HIT, model), acted, beside)
    other = entry_named("act", OTHER_ACT)
    for hit in chosen.risks["risk"]:
        for model, risk, columns in _risk_models(chosen, hit, place):
            rows += _rows(chosen, (RISK_ACT, hit, model), acted, columns, risk=risk)
            if model == "risk_place" and other.is_recorded(chosen.stops):
                searched = other.holds(chosen.stops)[chosen.compared]
                rows += _rows(chosen, (OTHER_ACT, hit, model), searched, columns, risk=risk)
    return result_frame("risk_adjusted", rows)


def _risk_models(chosen: ComparedStops, hit: str, place: Floats) -> Iterator[tuple[str, Floats, list[Floats]]]:
    """Yield the models with a risk: name, risk of every stop, columns beside the groups."""
    for way, risks in chosen.risks.items():
        curve = spline(log_odds(risks[hit][chosen.compared], RISK_FLOOR))
        if way == "risk":
            yield way, risks[hit], [curve]
        yield "risk_place" if way == "risk" else way, risks[hit], [curve, place]


def _rows(
    chosen: ComparedStops,
    named: tuple[str, str, str],
    acted: Mask,
    columns: list[Floats],
    *,
    risk: Floats | None = None,
) -> list[tuple[Any, ...]]:
    """Return a fitted model's rows, one for each group but the reference; `named` is act, hit and model."""
    names = group_names()
    design = np.column_stack([chosen.members, *columns])
    fit = fit_logistic(design, acted, chosen.clusters[chosen.compared])
    own = list(range(1, len(chosen.groups)))
    rows = []
    for column, number in zip(own, chosen.groups, strict=False):
        middle, low, high = (float(np.exp(end)) for end in fit.ends(column))
        frisked = chosen.frisked & (chosen.codes == number)
        foreseen, observed = None, None
        if risk is not None:
            foreseen, observed = float(risk[frisked].mean()), float(chosen.found(named[1])[frisked].mean())
        stops = int((chosen.codes[chosen.compared] == number).sum())
        key = (years_label(chosen.stops), "all", *named, names[number], REFERENCE, stops)
        differences = average_difference(fit, design, column, own)
        rows.append((*key, middle, low, high, *differences, foreseen, observed))
    return rows
