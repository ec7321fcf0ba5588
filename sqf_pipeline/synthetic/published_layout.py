"""Drawn stops as the text of a published file: the columns, spellings, formats and nulls of each year."""

from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from sqf_pipeline.registry.csv_tables import read_rows
from sqf_pipeline.synthetic import conditional_chain as chain
from sqf_pipeline.synthetic.conditional_chain import NULL, Columns, Texts, carry, load_aggregates, of_year, pick
from sqf_pipeline.synthetic.invented_places import Sites, choose_sites, street_names

TEXT_YEAR = 2021
"""From this year on every cell is text, as in the file of 2021: codes keep their zeros and heights their `.10`."""

_BANDS = {"suspect_age": "age_band", "suspect_weight_pounds": "weight_band",
          "observed_duration_minutes": "observed_band", "stop_duration_minutes": "duration_band"}  # fmt: skip
_MARKS = ("background_", "action_", "force_", "search_basis_", "id_card_", "shield_", "verbal_")
_WEAPONS = {"firearm_found": "F", "knife_found": "K", "other_weapon_found": "O"}
_CODES = ("precinct", "issuing_officer_command", "supervising_officer_command")
_REASONS = {"ARREST": 6, "SUSPECT FLED": 3, "SUBJECT FLED": 3, "PERSON ARRESTED": 2, "OFFICER SAFETY": 1, "EXIGENT": 1}
_TEN_INCHES = {"4": 1.0, "5": 1117 / 1165, "6": 1 / 405}
"""Share of the heights `.1` and `.10` that mean ten inches, by feet: the text cells of 2021 tell them apart."""


@cache
def read_table(name: str, year: int) -> list[dict[str, str]]:
    """Return the rows of a CSV table of this folder that hold in a year; a row without `last_year` holds on."""
    rows = read_rows(__package__, name)
    return [row for row in rows if int(row["first_year"]) <= year <= int(row["last_year"] or year)]


def render(drawn: Columns, stops: pd.DataFrame, sites: Sites, year: int, rng: np.random.Generator) -> Columns:
    """Return every column of the registry that a file can have, as published text, before any fault.

    `drawn` are the drawn variables as text; they come back under their names beside the columns. `stops` are settled
    before anything is drawn, one row each: `stop_id`, `home` (precinct that made the stop), `precinct` (the same, or
    `NULL`), `day` (calendar date), `follows` (continues the incident before it).
    """
    columns, rows = dict(drawn), len(stops)
    follows = stops["follows"].to_numpy()
    for name in drawn:
        if name.startswith(_MARKS):
            columns[name] = where(drawn[name] == "Y", "Y")
    for name, letter in _WEAPONS.items():
        columns[name] = where([letter in kinds for kinds in drawn["weapon_kinds"]], "Y")
    for name, band in _BANDS.items():
        # Persons of one encounter share its durations, not their age and weight.
        same = follows & np.append(False, drawn[band][1:] == drawn[band][:-1]) & name.endswith("minutes")
        columns[name] = exact_values(drawn[band], load_aggregates()["exact"][name], carry(rng.random(rows), same))
    columns["arrest_offense"] = where(
        drawn["arrest_offense"] == "SAME", drawn["suspected_crime"], drawn["arrest_offense"]
    )
    columns["suspect_height_inches"] = _heights(drawn["suspect_height_inches"], year, rng.random(rows))
    columns["jurisdiction_description"] = drawn["jurisdiction"]
    columns["record_status"] = np.full(rows, "APP", dtype=object)
    columns["premises_name"] = np.full(rows, NULL, dtype=object)
    columns |= _calendar(drawn, stops, year, carry(rng.random(rows), follows))
    columns |= _places(stops, sites, year, rng)
    issuing, supervising = commands(drawn, stops["home"], year, carry(rng.random((rows, 2)), follows))
    columns |= {"issuing_officer_command": issuing, "supervising_officer_command": supervising}
    columns |= _free_texts(drawn, year, carry(rng.random(rows), follows), rng)
    _spell(columns, year, rng)
    return columns


def where(condition: Any, texts: Any, otherwise: Any = NULL) -> Texts:
    """Return the texts where a condition holds, and others elsewhere, as objects."""
    return np.where(condition, texts, otherwise).astype(object)


def _spell(columns: Columns, year: int, rng: np.random.Generator) -> None:
    """Write each column with the spellings, widths and nulls of the year, in place."""
    spellings = {(row["column"], row["drawn"]): row["published"] for row in read_table("spellings.csv", year)}
    for name in {name for name, _ in spellings}:
        columns[name] = np.array([spellings.get((name, text), text) for text in columns[name]], dtype=object)
    for name, letters in ((row["column"], int(row["letters"])) for row in read_table("widths.csv", year)):
        columns[name] = np.array([text[:letters].rstrip(" ,") for text in columns[name]], dtype=object)
    for name in _CODES if year >= TEXT_YEAR else ():
        columns[name] = np.array([text.zfill(3) for text in columns[name]], dtype=object)
    for name, texts in columns.items():
        nothing = texts == NULL
        if nothing.any():
            forms = of_year("nulls", year).get(name, {"(null)": 1})
            columns[name] = where(nothing, pick(forms, rng.random(len(texts))), texts)


def _calendar(drawn: Columns, stops: pd.DataFrame, year: int, uniforms: chain.Uniforms) -> Columns:
    """Return date and time as the year writes them, and `clock`, the time as HHMM, for the faults."""
    minutes = pick(load_aggregates()["minutes"], uniforms)
    times = [(int(hour), minute.zfill(2)) for hour, minute in zip(drawn["hour"], minutes, strict=True)]
    if year == 2017:
        written = [f"{(hour + 11) % 12 + 1}:{minute}:00 {'AM' if hour < 12 else 'PM'}" for hour, minute in times]
    else:
        written = [f"{hour:0{1 if year < 2020 else 2}d}:{minute}:00" for hour, minute in times]
    days = pd.DatetimeIndex(stops["day"])
    american = [f"{day.month}/{day.day}/{day.year}" for day in days] if year in {2018, 2019} else None
    columns = {
        "clock": [f"{hour:02d}{minute}" for hour, minute in times],
        "stop_id": stops["stop_id"],
        "stop_date": american or days.strftime("%Y-%m-%d"),
        "stop_time_seconds": written,
        "year": [str(year)] * len(stops),
        "month": days.month_name(),
        "weekday": days.day_name(),
    }
    return {name: np.array(texts, dtype=object) for name, texts in columns.items()}


def exact_values(bands: Texts, tables: dict[str, dict[str, int]], uniforms: chain.Uniforms) -> Texts:
    """Return one value for each drawn band, by the counts of the exact values in it, or in any (`*`)."""
    values = bands.copy()
    for band in set(bands.tolist()) - {NULL}:
        # A band so rare that no exact number is published: quarters of an hour from an hour on.
        table = tables.get(band) or tables.get("*") or {str(int(band) + 14 + 15 * step): 1 for step in range(8)}
        values[bands == band] = pick(table, uniforms[bands == band])
    return values


def _heights(texts: Texts, year: int, uniforms: chain.Uniforms) -> Texts:
    """Return feet.inches: two decimals in 2017, the shortest number until 2020, text that keeps the zero later."""
    if year == 2017:
        return np.array([text if text == NULL else f"{float(text):.2f}" for text in texts], dtype=object)
    if year < TEXT_YEAR:
        return texts
    ten = np.array([text[1:] == ".1" for text in texts]) & (uniforms < [_TEN_INCHES.get(t[0], 0.0) for t in texts])
    return where(ten, texts + "0", texts)


def commands(drawn: Columns, home: pd.Series, year: int, uniforms: chain.Uniforms) -> tuple[Texts, Texts]:
    """Return the commands of both officers: the precinct itself, or one of a kind, by patrol borough."""
    tables = load_aggregates(year)["commands"]
    issuing = home.to_numpy(dtype=object, copy=True)
    for kind, by_borough in tables.items():
        for borough in set(drawn["patrol_borough"].tolist()):
            rows = (drawn["command_kind"] == kind) & (drawn["patrol_borough"] == borough)
            issuing[rows] = pick(by_borough.get(borough, by_borough["*"]), uniforms[rows, 0])
    own = drawn["supervised_by_own_command"] == "Y"
    return issuing, where(own, issuing, pick(tables["precinct"]["*"], uniforms[:, 1]))


def _places(stops: pd.DataFrame, sites: Sites, year: int, rng: np.random.Generator) -> Columns:
    """Return the columns of the place; all but address and street are missing together."""
    site = carry(choose_sites(rng.random(len(stops))), stops["follows"].to_numpy())
    at = (np.array([sites.precincts.index(precinct) for precinct in stops["home"]]), site)
    facts = [load_aggregates()["places"][precinct] for precinct in stops["home"]]
    no_zip = rng.random(len(stops)) * 1000 < of_year("null_shares", year)["zip_code"]
    feet = [[f"{one}.00" if year == 2017 else str(one) for one in axis] for axis in sites.feet[at].T.tolist()]
    columns = {
        "precinct": stops["home"],
        "sector": pick(of_year("sectors", year), sites.sector_rank[at]),
        "x_feet": feet[0],
        "y_feet": feet[1],
        "patrol_borough": [row[0] for row in facts],
        "borough": [row[1] for row in facts],
        "zip_code": where(no_zip, NULL, [row[2] or NULL for row in facts]),
    }
    columns = {name: where(stops["precinct"] == NULL, NULL, texts) for name, texts in columns.items()}
    names = np.array(street_names(abbreviated=year >= 2020), dtype=object)
    street, crossing, house = names[sites.street[at]], names[sites.crossing[at]], sites.house[at].astype(str)
    address = where(sites.crossing[at] >= 0, street + " && " + crossing, house.astype(object) + " " + street)
    return columns | {"full_address": address, "street_name": street}


def _free_texts(drawn: Columns, year: int, shared: chain.Uniforms, rng: np.random.Generator) -> Columns:
    """Return free texts from a few common words."""
    codes, texts = pick(of_year("demeanor_codes", year), shared), {}
    for name, words in load_aggregates()["words"].items():
        missing, chosen = rng.random((2, len(codes)))
        texts[name] = where(missing * 1000 < of_year("null_shares", year)[name], NULL, pick(words, chosen))
    if year in {2018, 2019}:  # nothing is described where no code was given
        texts["demeanor"] = where(np.isin(codes.astype(str), ["", "N/A"]), NULL, texts["demeanor"])
    if year == 2017:
        texts["demeanor"] = where(codes == "CM", drawn["suspected_crime"], texts["demeanor"])
    reasons = where(drawn["officer_explained_stop"] == "Y", NULL, pick(_REASONS, rng.random(len(codes))))
    return texts | {"demeanor_code": codes, "officer_not_explained_reason": reasons}
