"""Invented tables on equal treatment, for the tests of the export, the pages and the card."""

from itertools import product

import numpy as np
import pandas as pd

from sqf_pipeline.registry.residents import load_residents

WINDOWS = ("2017-2020", "2017", "2020")
KINDS = ("weapon", "firearm", "knife")
GROUPS = ("black", "hispanic", "asian", "white")


def treatment_results(test_year: int = 2020) -> dict[str, pd.DataFrame]:
    """Return every table on equal treatment by name; each figure is another, so that none can stand for another."""
    made = {
        "outcome_test_rates": _rates(),
        "outcome_test_contrasts": _contrasts(),
        "decision_and_hit_rates": _decisions(),
        "risk_adjusted": _risk_adjusted(),
        "threshold_test": _thresholds(),
        "veil_of_darkness": _veil(),
        "risk_concentration": _concentration(),
        "precision_at_recall": _precision(),
    }
    found = {name: rows.assign(test_year=test_year, source="local") for name, rows in made.items()}
    return found | {"residents": load_residents().assign(year=test_year, source="local")}


def _numbered(keys: dict[str, tuple[object, ...]], least: float, most: float) -> pd.DataFrame:
    rows = pd.DataFrame(list(product(*keys.values())), columns=list(keys))
    return rows.assign(value=np.linspace(least, most, len(rows)))


def _rates() -> pd.DataFrame:
    keys = {"years": WINDOWS, "population": ("all", "cpw"), "act": ("frisk", "search"), "hit": (*KINDS, "contraband")}
    rows = _numbered({**keys, "race": GROUPS}, 0.01, 0.4)
    rate = rows.pop("value")
    return rows.assign(
        acts=1000, hits=(rate * 1000).round().astype(int), rate=rate, low=rate - 0.005, high=rate + 0.005,
        design_effect=1.2,
    )  # fmt: skip


def _contrasts() -> pd.DataFrame:
    keys = {"years": WINDOWS, "population": ("all",), "act": ("frisk",), "hit": KINDS}
    strata = ("none", "precinct_year", "precinct_year_crime")
    rows = _numbered({**keys, "strata": strata, "race": GROUPS[:3]}, -0.05, 0.05)
    value = rows.pop("value")
    return rows.assign(
        reference="white", difference=value, low=value - 0.01, high=value + 0.01, ratio=1 + value, ratio_low=0.8,
        ratio_high=1.2, share_compared=0.9,
    )  # fmt: skip


def _decisions() -> pd.DataFrame:
    keys = {"years": WINDOWS, "population": ("all",), "act": ("frisk",), "hit": KINDS, "strata": ("precinct_year",)}
    rows = _numbered({**keys, "race": GROUPS[:3], "resampled": ("encounter", "precinct")}, -0.08, -0.01)
    hits = rows.pop("value")
    decided = (rows["race"] == "black") & (rows["hit"] == "knife")
    half = np.where(decided, 0.001, 0.1)
    return rows.assign(
        reference="white", act_difference=0.07, act_low=0.07 - half / 2, act_high=0.07 + half / 2, hit_difference=hits,
        hit_low=hits - half, hit_high=hits + half, share_more_acts_fewer_hits=0.9,
        verdict=np.where(decided, "lower_bar", "undecided"),
    )  # fmt: skip


def _risk_adjusted() -> pd.DataFrame:
    keys = {"years": WINDOWS[:1], "population": ("all",), "act": ("frisk",), "model": ("risk", "risk_place")}
    rows = _numbered({**keys, "hit": (*KINDS, "none"), "race": GROUPS[:3]}, 0.9, 1.9)
    value = rows.pop("value")
    return rows.assign(
        reference="white", stops=1000, odds_ratio=value, odds_ratio_low=value - 0.1, odds_ratio_high=value + 0.1,
        difference=0.05, difference_low=0.04, difference_high=0.06, risk_foreseen=0.1, risk_observed=0.1,
    )  # fmt: skip


def _thresholds() -> pd.DataFrame:
    keys = {"years": WINDOWS[:1], "population": ("all",), "act": ("frisk",), "hit": KINDS, "prior": ("learned",)}
    rows = _numbered({**keys, "race": GROUPS[:3]}, 0.01, 0.1).drop(columns="value")
    nothing = dict.fromkeys(("threshold", "low", "high", "difference", "difference_low", "difference_high"), np.nan)
    return rows.assign(
        reference="white", **nothing, r_hat=1.3, effective_draws=20.0, verdict="not_identified", reason="R-hat is 1.3."
    )


def _veil() -> pd.DataFrame:
    row = {
        "years": WINDOWS[0], "population": "self_initiated", "contrast": "black against white", "placebo": False,
        "stops": 1000, "smaller_side": 300, "dark_share": 0.5, "odds_ratio": 0.9, "low": 0.7, "high": 1.2,
        "least_detectable": 1.4, "verdict": "no_difference_shown",
    }  # fmt: skip
    refused = {"odds_ratio": None, "low": None, "high": None, "least_detectable": 1.9, "verdict": "no_power"}
    return pd.DataFrame([row, row | refused | {"contrast": "hispanic against white"}])


def _concentration() -> pd.DataFrame:
    rows = _numbered(
        {"model": tuple(f"{kind}-at_stop-boosting" for kind in KINDS), "weapons_share": (0.5, 0.9)}, 0.1, 0.8
    )
    value = rows.pop("value")
    return rows.assign(
        stops_share=value, low=value - 0.01, high=value + 0.01, stops_below_1_percent=0.2, weapons_there=3
    )


def _precision() -> pd.DataFrame:
    groups = (("all", "all"), ("race", "BLACK"), ("race", "WHITE"), ("borough", "BRONX"), ("borough", "QUEENS"))
    rows = _numbered({"model": tuple(f"{kind}-at_stop-boosting" for kind in KINDS), "group": groups}, 0.1, 0.6)
    value, group = rows.pop("value"), rows.pop("group")
    return rows.assign(
        recall=0.6, attribute=group.str[0], group_name=group.str[1], stops=500, positives=50, flagged=100,
        precision=value, precision_low=value - 0.05, precision_high=value + 0.05, group_recall=value,
        group_recall_low=value - 0.05, group_recall_high=value + 0.05,
    )  # fmt: skip
