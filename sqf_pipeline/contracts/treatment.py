"""Contracts of the tables on equal treatment: ordered intervals, no weapon alone, no verdict without its gate."""

from collections.abc import Sequence

import pandas as pd
import pandera.pandas as pa

from sqf_pipeline.registry.declared_tables import declared_tables

WEAPON_KINDS = frozenset({"firearm", "knife"})
"""What stands beside every weapon: differences between groups change their sign with the kind of weapon."""


def treatment_contract(table: str, test_year: int) -> pa.DataFrameSchema:
    """Return the contract of a table on equal treatment, as the run of a test year makes it."""
    key = declared_tables()[table]["key"].split()
    checks = [
        pa.Check(_intervals_ordered, name="intervals_are_ordered"),
        pa.Check(lambda rows: not rows.duplicated(key).any(), name="no_row_stands_twice"),
    ]
    if "hit" in key:
        beside = [name for name in key if name != "hit"]
        checks.append(pa.Check(lambda rows: no_weapon_alone(rows, beside), name="no_weapon_without_firearm_and_knife"))
    if table in GATES:
        checks.append(pa.Check(GATES[table], name="no_verdict_without_its_gate"))
    return pa.DataFrameSchema(
        {
            "test_year": pa.Column("Int16", nullable=False, checks=[pa.Check.eq(test_year)]),
            **{name: pa.Column(nullable=False) for name in key if name != "test_year"},
            "source": pa.Column("string", nullable=False),
        },
        strict=False,
        coerce=True,
        checks=checks,
        name=table,
    )


def _intervals_ordered(rows: pd.DataFrame) -> bool:
    lows = [str(name) for name in rows.columns if str(name) == "low" or str(name).endswith("_low")]
    return all(bool((rows[low] <= rows[f"{low.removesuffix('low')}high"]).fillna(value=True).all()) for low in lows)


def no_weapon_alone(rows: pd.DataFrame, beside: Sequence[str]) -> bool:
    """Return whether firearm and knife stand wherever a hit is a weapon, for the same of everything in `beside`."""
    found = (set(hits) for _, hits in rows.groupby(list(beside), dropna=False)["hit"])
    return all(hits >= WEAPON_KINDS for hits in found if any(str(hit).startswith("weapon") for hit in hits))


def decided_by_both(rows: pd.DataFrame) -> bool:
    """Return whether each verdict has both intervals off 0, to its side, under both ways of resampling."""
    key = ["years", "population", "act", "hit", "strata", "race"]
    lower = (rows["act_low"] > 0) & (rows["hit_high"] < 0)
    higher = (rows["act_high"] < 0) & (rows["hit_low"] > 0)
    off = {"lower_bar": lower.fillna(value=False), "higher_bar": higher.fillna(value=False)}
    for verdict, holds in off.items():
        both = rows.assign(holds=holds).groupby(key)["holds"].transform("sum") == 2
        if not both[rows["verdict"] == verdict].all():
            return False
    return True


def shown_with_power(rows: pd.DataFrame) -> bool:
    """Return whether an odds ratio stands only with power, and a difference only where its interval leaves out 1."""
    off = {"fewer_in_the_dark": rows["high"] < 1, "more_in_the_dark": rows["low"] > 1}
    silent = rows["odds_ratio"].isna() | (rows["verdict"] != "no_power")
    return bool(silent.all()) and all(
        bool(holds.fillna(value=False)[rows["verdict"] == verdict].all()) for verdict, holds in off.items()
    )


def identified(rows: pd.DataFrame) -> bool:
    """Return whether a threshold stands only with a verdict, and a verdict only with chains that agree on it."""
    silent = rows["verdict"].isin(["not_identified", "not_run"])
    sure = ((rows["r_hat"] < 1.02) & (rows["effective_draws"] >= 400)).fillna(value=False)
    return bool(rows.loc[silent, "threshold"].isna().all()) and bool(sure[~silent].all())


GATES = {"decision_and_hit_rates": decided_by_both, "veil_of_darkness": shown_with_power, "threshold_test": identified}
