"""The veil of darkness on invented stops: dusk, a planted effect, the placebo, and refusals."""

import numpy as np
import pandas as pd
import pytest

from sqf_pipeline.disparity import veil_of_darkness as veil
from sqf_pipeline_tests.modelling_support import expit
from sqf_pipeline_tests.unit.disparity.simulated_stops import stops_of


def evening_stops(seed, rows, effect, *, hispanic=0.0, only="SELF INITIATED"):
    """Return stops in which the odds of being black are times `effect` in the dark where the population is `only`."""
    rng = np.random.default_rng(seed)
    stops = stops_of(np.arange(rows), np.full(rows, "WHITE"), np.zeros(rows, dtype=bool), {}, rng,
                     precinct=rng.integers(0, 4, rows))  # fmt: skip
    stops["stop_time_seconds"] = pd.array(rng.integers(16 * 3600, 22 * 3600, rows), dtype="Int32")
    dark = (stops["stop_time_seconds"] >= veil.evening_sun(stops["stop_date"])["dusk"]).to_numpy(dtype=bool)
    clock = stops["stop_time_seconds"].to_numpy(dtype=float) / 3600 - 19
    odds = 0.3 + 0.2 * clock + np.log(effect) * dark * (stops["initiated_by"] == only).to_numpy(dtype=bool)
    race = np.where(
        rng.random(rows) < expit(odds), "BLACK", np.where(rng.random(rows) < hispanic, "WHITE HISPANIC", "WHITE")
    )
    return stops.assign(suspect_race=pd.array(race, dtype="string"))


def row(table, population="self_initiated", contrast="black against white"):
    return table[(table["population"] == population) & (table["contrast"] == contrast)].iloc[0]


@pytest.mark.parametrize(
    ("day", "sunset", "dusk"),
    [("2020-06-20", "20:30", "21:03"), ("2020-12-07", "16:28", "16:59"), ("2020-03-20", "19:09", "19:36")],
)
def test_sunset_and_civil_dusk_are_the_almanacs(day, sunset, dusk):
    """The United States Naval Observatory's tables for New York, to two minutes."""
    found = veil.evening_sun(pd.Series(pd.to_datetime([day])))
    for name, clock in (("sunset", sunset), ("dusk", dusk)):
        hours, minutes = map(int, clock.split(":"))
        assert found[name].iloc[0] == pytest.approx(hours * 3600 + minutes * 60, abs=120)


def test_stops_between_sunset_and_dusk_are_neither():
    stops = evening_stops(1, 4_000, 1.0)
    inside = veil.in_the_dusk_window(stops)
    sun = veil.evening_sun(inside["stop_date"])
    seconds = inside["stop_time_seconds"].to_numpy(dtype=float)
    assert not ((seconds >= sun["sunset"]) & (seconds < sun["dusk"])).any()
    assert (inside["dark"].to_numpy() == (seconds >= sun["dusk"])).all()
    lost = stops.assign(stop_time_seconds=pd.array([None] * len(stops), dtype="Int32"))
    assert not len(veil.in_the_dusk_window(lost))


def test_a_planted_effect_is_found_and_its_placebo_is_null():
    table = veil.veil_of_darkness(evening_stops(2, 16_000, 0.5))
    found, placebo = row(table), row(table, "called")
    assert found["verdict"] == "fewer_in_the_dark"
    assert found["low"] < 0.5 < found["high"]
    assert found["least_detectable"] < 1.5
    assert placebo["verdict"] == "no_difference_shown"
    assert placebo["placebo"]


def test_the_least_detectable_ratio_is_found_four_times_in_five():
    first = row(veil.veil_of_darkness(evening_stops(3, 6_000, 1.0)))
    found = 0
    for seed in range(40):
        stops = evening_stops(100 + seed, 6_000, 1 / first["least_detectable"])
        dusk = veil.in_the_dusk_window(stops[stops["initiated_by"] == "SELF INITIATED"])
        found += veil.veil_contrast(dusk, "black against white").ratio[2] < 1
    assert 24 <= found <= 39  # 32 expected


def test_a_placebo_that_differs_takes_the_verdict():
    table = veil.veil_of_darkness(evening_stops(4, 16_000, 0.4, only="RADIO RUN"))
    assert row(table, "called")["verdict"] == "fewer_in_the_dark"
    assert row(table)["verdict"] == "placebo_differs"


def test_too_few_stops_are_refused_without_a_figure():
    table = veil.veil_of_darkness(evening_stops(5, 900, 0.5))
    refused = row(table)
    assert refused["verdict"] == "no_power"
    assert refused[["odds_ratio", "low", "high"]].isna().all()
    assert set(row(table, contrast="hispanic against white")[["verdict"]]) == {"no_power"}
    nobody = evening_stops(5, 50, 1.0)
    assert not len(veil.veil_of_darkness(nobody.assign(initiated_by=pd.array([None] * 50, dtype="string"))))
