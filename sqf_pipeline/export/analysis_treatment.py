"""The tables behind the page "Equal treatment?", made from the result tables and from stops and residents.

A weapon is never shown without firearm and knife beside it: they share a chart, a row each, and no choice takes one
of them away. Each note ends with what the figure cannot show.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import pandas as pd

from sqf_pipeline.disparity.acts_and_hits import entries
from sqf_pipeline.display import number, share
from sqf_pipeline.export.frame_tables import table_of
from sqf_pipeline.registry.residents import WARNING, census_group
from sqf_pipeline.registry.words import group_label
from sqf_pipeline.service.analysis_table import AnalysisTable, ChartSpec

FEWEST_RESIDENTS = 1000
"""Fewest residents for which a rate is shown: in Central Park live 129 people."""
HITS = {"weapon": "Any weapon", "firearm": "Firearm", "knife": "Knife", "contraband": "Contraband"}
STRATA = {
    "none": "Crude", "precinct_year": "Within precinct and year", "precinct_year_crime": "And suspected crime",
}  # fmt: skip
VERDICTS = {
    "lower_bar": "A lower bar for the group", "higher_bar": "A higher bar for the group", "undecided": "Undecided",
    "too_few": "Too few",
}  # fmt: skip
_MODELS = {f"{hit}-at_stop-boosting": HITS[hit] for hit in ("weapon", "firearm", "knife")}
_UNITS = {"encounter": "Persons of one encounter", "precinct": "Whole precincts"}
_HALVES = {0.5: "Half of the finds", 0.9: "Nine tenths of the finds"}
_CENSUS = {
    "hispanic": "Hispanic", "white": "White", "black": "Black", "asian_or_pacific": "Asian or Pacific Islander",
    "native": "American Indian or Alaska Native",
}  # fmt: skip
_EVERYBODY = "Everybody"
_table = partial(table_of, section="treatment")


def treatment_tables(stops: pd.DataFrame, results: Mapping[str, pd.DataFrame], year: int) -> list[AnalysisTable]:
    """Return every table of the page that stops of `year` and the result tables allow, in the order of the page."""
    makers: Mapping[str, Callable[[pd.DataFrame], list[AnalysisTable]]] = {
        "outcome_test_rates": hit_rates,
        "outcome_test_contrasts": hit_differences,
        "decision_and_hit_rates": decisions_and_hits,
        "risk_concentration": concentration,
        "precision_at_recall": precision_by_group,
        "residents": partial(residents_tables, stops[stops["year"] == year]),
    }
    found = {name: results.get(name) for name in makers}
    return [table for name, rows in found.items() if rows is not None and len(rows) for table in makers[name](rows)]


def _labelled(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows in the words of people, the longest window first, weapons and their kinds before other finds."""
    shown = rows[rows["hit"].isin(list(HITS))].copy()
    for kind, column in (("population", "population"), ("act", "act"), ("group", "race")):
        shown[column] = shown[column].map({entry.name: entry.label for entry in entries(kind)})
    shown["what"] = shown["hit"].map(HITS) + ": " + shown["race"]
    order = shown.assign(order=-shown["years"].str.len(), place=shown["hit"].map(list(HITS).index))
    return order.sort_values(["order", "years", "place"], kind="stable")


def _told(rows: pd.DataFrame, value: str, write: Callable[[Any], str]) -> str:
    """Return what frisks of all stops found on black persons in the longest window, each kind of weapon."""
    first = rows[(rows["years"] == rows["years"].iloc[0]) & (rows["population"] == rows["population"].iloc[0])]
    black = first[(first["race"] == "Black") & (first["act"] == first["act"].iloc[0])].drop_duplicates("hit")
    of = black.set_index("hit")[value]
    parts = [f"{write(of.get(hit))} {words}" for hit, words in (("firearm", "firearms"), ("knife", "knives"))]
    return f"{first['years'].iloc[0]}: {', '.join(parts)}, {write(of.get('weapon'))} any weapon"


def hit_rates(rates: pd.DataFrame) -> list[AnalysisTable]:
    """Return how often acts find something by group, from the columns of `outcome_test_rates`."""
    rows = _labelled(rates).rename(columns={"low": "rate_low", "high": "rate_high"})
    columns = [
        ("years", "Years"), ("population", "Stops"), ("act", "Act"), ("what", "Found: on whom"),
        ("acts", "Acts", "count"), ("rate", "Found something", "percent"),
        ("design_effect", "Design effect", "decimal"),
    ]  # fmt: skip
    return [
        _table(
            rows, columns, name="hit_rates", title=f"Found by frisks of black persons, {_told(rows, 'rate', share)}",
            question="How often does a frisk or a search find something, and on whom?",
            note="Fewer finds on a group can mean that it was searched on less suspicion. It cannot show that: groups "
            "whose risks are spread differently differ in finds under one and the same bar.",
            chart=ChartSpec(kind="interval", x="what", y=("rate",), size="acts", select=("years", "population", "act")),
        )
    ]  # fmt: skip


def hit_differences(contrasts: pd.DataFrame) -> list[AnalysisTable]:
    """Return how finds differ from those on white persons, from the columns of `outcome_test_contrasts`."""
    ends = {"low": "difference_low", "high": "difference_high"}
    rows = _labelled(contrasts).rename(columns=ends).assign(strata=lambda found: found["strata"].map(STRATA))
    told = _told(rows[rows["strata"] == STRATA["precinct_year"]], "difference", _points)
    return [
        _table(
            rows,
            [
                ("years", "Years"), ("population", "Stops"), ("act", "Act"), ("strata", "Compared"),
                ("what", "Found: on whom"), ("difference", "Difference from white", "percent"),
                ("ratio", "Ratio to white", "decimal"), ("share_compared", "Acts compared", "percent"),
            ],
            name="hit_differences", title=f"Finds on black persons against white, within precinct and year, {told}",
            question="Is less found on one group than on another in the same precinct and year?",
            note="In percentage points. A difference that turns with the kind of weapon or with the precinct is no "
            "single answer, and what an officer saw beyond these columns cannot be compared.",
            chart=ChartSpec(
                kind="interval", x="what", y=("difference", "ratio"),
                select=("years", "population", "act", "strata"),
            ),
        )
    ]  # fmt: skip


def _points(value: Any) -> str:
    return f"{number(None if pd.isna(value) else 100 * float(value), 1)} points"


def decisions_and_hits(decisions: pd.DataFrame) -> list[AnalysisTable]:
    """Return acts and finds together with their verdict, from the columns of `decision_and_hit_rates`."""
    ends = {f"{what}_{end}": f"{what}_difference_{end}" for what in ("act", "hit") for end in ("low", "high")}
    inside = decisions[decisions["strata"] == "precinct_year"]
    shown = _labelled(inside).rename(columns=ends)
    judged = shown[shown["resampled"] == "encounter"]
    held = int(judged["verdict"].isin(["lower_bar", "higher_bar"]).sum())
    rows = shown.assign(verdict=shown["verdict"].map(VERDICTS), resampled=shown["resampled"].map(_UNITS))
    return [
        _table(
            rows,
            [
                ("years", "Years"), ("population", "Stops"), ("act", "Act"), ("resampled", "Resampled"),
                ("what", "Found: on whom"), ("act_difference", "Acted on: difference from white", "percent"),
                ("hit_difference", "Found: difference from white", "percent"),
                ("share_more_acts_fewer_hits", "Resamples with more acts, fewer finds", "percent"),
                ("verdict", "Verdict"),
            ],
            name="decisions_and_hits", title=f"{held} of {len(judged)} comparisons have a verdict",
            question="Is a group acted on more often, and is less found on it?",
            note="In percentage points, within precinct and year. A verdict stands only where both intervals leave out "
            "0, with encounters and with whole precincts resampled. It cannot show what happens where groups' risks "
            "cross, nor whom officers did not stop.",
            chart=ChartSpec(
                kind="interval", x="what", y=("act_difference", "hit_difference"),
                select=("years", "population", "act", "resampled"),
            ),
        )
    ]  # fmt: skip


def _of_weapons(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the weapon models under the words for their finds; none unless all three are there."""
    shown = rows[rows["model"].isin(list(_MODELS))]
    return shown.assign(what=shown["model"].map(_MODELS)) if shown["model"].nunique() == len(_MODELS) else shown.head(0)


def concentration(measured: pd.DataFrame) -> list[AnalysisTable]:
    """Return how few stops hold most weapons of each kind, from the columns of `risk_concentration`."""
    rows = _of_weapons(measured)
    if rows.empty:
        return []
    rows = rows.rename(columns={"low": "stops_share_low", "high": "stops_share_high"})
    half = rows[rows["weapons_share"] == 0.5].set_index("what")["stops_share"]
    told = ", ".join(f"{what.lower()} {share(half.get(what))}" for what in _MODELS.values())
    return [
        _table(
            rows.assign(weapons_share=rows["weapons_share"].map(_HALVES)),
            [
                ("weapons_share", "Riskiest stops that hold"), ("what", "Found"),
                ("stops_share", "Share of stops", "percent"),
                ("stops_below_1_percent", "Stops below 1 % risk", "percent"),
                ("weapons_there", "Finds among these", "count"),
            ],
            name="weapon_concentration", title=f"Half of the finds are in so many of the stops: {told}",
            question="How few stops would find most of what is found?",
            note="By models that know what was known at the stop. It cannot show weapons that nobody looked for: the "
            "label is what was found, and who was frisked decides that.",
            chart=ChartSpec(kind="interval", x="what", y=("stops_share",), select=("weapons_share",)),
        )
    ]  # fmt: skip


def precision_by_group(measured: pd.DataFrame) -> list[AnalysisTable]:
    """Return what one threshold for everybody finds in each group, from the columns of `precision_at_recall`."""
    rows = _of_weapons(measured)
    rows = rows[(rows["attribute"] != "all") & rows["precision"].notna()]
    if rows.empty:
        return []
    by, names = rows["attribute"].astype(str), rows["group_name"].astype(str)
    groups = [group_label(attribute, name) for attribute, name in zip(by, names, strict=True)]
    rows = rows.assign(what=rows["what"].str.cat(groups, sep=": "), attribute=by.str.capitalize())
    return [
        _table(
            rows.sort_values("attribute", ascending=False, kind="stable"),
            [
                ("attribute", "By"), ("what", "Found: in which group"), ("stops", "Stops", "count"),
                ("positives", "Finds", "count"), ("flagged", "Flagged", "count"),
                ("precision", "Flagged with a find", "percent"), ("group_recall", "Finds flagged", "percent"),
            ],
            name="weapon_precision", title="One threshold that flags six in ten finds of all, in each group",
            question="Would one threshold for everybody serve every group alike?",
            note="Alike precision with unlike recall is no equal treatment. It cannot show what a model would do to "
            "who is stopped: it knows only people who were.",
            chart=ChartSpec(
                kind="interval", x="what", y=("precision", "group_recall"), size="stops", select=("attribute",)
            ),
        )
    ]  # fmt: skip


def residents_tables(stops: pd.DataFrame, residents: pd.DataFrame) -> list[AnalysisTable]:
    """Return stops, frisks, force and arrests for 1,000 residents by group, and on a map by precinct and group.

    `stops` are those of one year with the registry's columns, `residents` has those of the table of that name.
    """
    counted = _counted(stops)
    by_race = _rates(counted.groupby("race", sort=False), residents.groupby("race")["residents"].sum())
    by_race["race"] = by_race["race"].map(_CENSUS)
    living = residents.groupby(["precinct", "race"])["residents"].sum()
    everybody = residents.groupby("precinct")["residents"].sum()
    middle = stops.groupby("precinct")[["longitude", "latitude"]].mean().astype("float64").round(4)
    placed = pd.concat(
        [
            _rates(counted.groupby("precinct"), everybody).assign(race=_EVERYBODY),
            _rates(counted.dropna(subset=["race"]).groupby(["precinct", "race"]), living).assign(
                race=lambda rows: rows["race"].map(_CENSUS)
            ),
        ],
        ignore_index=True,
    )
    placed = placed[placed["race"].notna()].join(middle, on="precinct").dropna(subset=["longitude", "latitude"])
    year = int(stops["year"].iloc[0]) if len(stops) else ""
    unmapped = int(counted["race"].isna().sum())
    small = int((placed["residents"] < FEWEST_RESIDENTS).sum())
    measures = tuple(f"{name}_per_1000" for name in _COUNTS)
    rates = [(f"{name}_per_1000", f"{name.capitalize()} for 1,000 residents", "decimal") for name in _COUNTS]
    counts = [(name, name.capitalize(), "count") for name in (*_COUNTS, "residents")]
    return [
        _table(
            by_race, [("race", "Group of the census"), *rates, *counts], name="residents_by_race",
            title=_most(by_race, year), question="How many stops are there for 1,000 residents of each group?",
            note=f"Counts of a whole year, so without an interval. {WARNING} {unmapped:,} stops of people whose "
            "recorded race the census does not count apart are left out. Hispanic people are of any race.",
            chart=ChartSpec(kind="bar", x="race", y=measures),
        ),
        _table(
            placed,
            [
                ("race", "Residents"), ("precinct", "Precinct", "plain"), ("longitude", "Longitude", "plain"),
                ("latitude", "Latitude", "plain"), *rates, *counts,
            ],
            name="residents_map", title=f"Stops of {year} for 1,000 residents, precinct by precinct",
            question="Where are residents stopped most often?",
            note=f"A dot is a precinct, at the middle of its stops; its area is the number of stops. It is grey where "
            f"fewer than {FEWEST_RESIDENTS:,} residents of the group leave the rate out ({small:,} dots). {WARNING}",
            chart=ChartSpec(kind="map", x="longitude", size="stops", y=measures, select=("race",)),
        ),
    ]  # fmt: skip


_COUNTS = ("stops", "frisks", "force", "arrests")


def _counted(stops: pd.DataFrame) -> pd.DataFrame:
    """Return a row a stop: precinct, the census's group, and what is counted, as 0 or 1."""
    marks = [name for name in stops.columns if name.startswith("force_") and name != "force_verbal_instruction"]
    flags = {"frisks": stops["frisked"], "force": stops[marks].any(axis=1), "arrests": stops["arrested"]}
    return pd.DataFrame(
        {
            "precinct": stops["precinct"],
            "race": stops["suspect_race"].map(census_group()),
            "stops": 1,
            **{name: flag.fillna(value=False).astype("int64") for name, flag in flags.items()},
        }
    )


def _rates(groups: Any, living: pd.Series) -> pd.DataFrame:
    """Return counts and rates by group; a rate of few residents is missing, and a group without a stop has none."""
    counts = groups[list(_COUNTS)].sum().reindex(living.index, fill_value=0)
    enough = living.where(living >= FEWEST_RESIDENTS)
    rates = {f"{name}_per_1000": 1000.0 * counts[name] / enough for name in _COUNTS}
    return counts.assign(residents=living, **rates).reset_index()


def _most(by_race: pd.DataFrame, year: Any) -> str:
    known = by_race.dropna(subset=["stops_per_1000", "race"]).sort_values("stops_per_1000", kind="stable")
    if known.empty:
        return "Stops for 1,000 residents by group"
    least, most = known.iloc[0], known.iloc[-1]
    return (
        f"Stops of {year} for 1,000 residents: from {number(least['stops_per_1000'], 1)} ({least['race']}) to "
        f"{number(most['stops_per_1000'], 1)} ({most['race']})"
    )
