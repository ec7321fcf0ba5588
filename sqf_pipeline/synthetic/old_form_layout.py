"""Drawn stops as the text of a file of the old form (UF-250, 2003 to 2016): each year with its quirks, from a table."""

import re
from collections.abc import Callable, Collection

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sqf_pipeline.synthetic import conditional_chain as chain
from sqf_pipeline.synthetic.conditional_chain import NULL, Columns, carry, load_aggregates, of_year, pick
from sqf_pipeline.synthetic.invented_places import Sites, choose_sites, street_names
from sqf_pipeline.synthetic.published_layout import commands, exact_values, read_table, where

NOTHING = " "  # how the old form writes nothing: one space, in every column

_WEAPONS = {"pistol": "P", "riflshot": "R", "asltweap": "A", "knifcuti": "K", "machgun": "M", "othrweap": "O"}
_SIGNS = {"offshld": "S", "offverb": "V", "officrid": "I"}
_BOXES = ("cs_", "ac_", "rf_", "sb_", "pf_")
_AT_LEAST_ONE = {"cs_": ("", "cs_other"), "rf_": ("frisked", "rf_othsw"), "sb_": ("searched", "sb_other"),
                 "pf_": ("force", "pf_other")}  # fmt: skip
"""Boxes of which one at least is ticked where a flag says so (always, for the reasons of the stop), else this one."""
_WHERE_YES = {"arstoffn": "arstmade", "sumoffen": "sumissue"}
_RULES: dict[str, Callable[[str, str, str], str]] = {
    "spell": lambda text, value, written: written if text == value else text,
    "blank": lambda _, __, ___: NOTHING,
    "pad": lambda text, width, _: text if text == NOTHING else text.rjust(int(width)),
    "zeros": lambda text, width, _: text if text == NOTHING else text.zfill(int(width)),
    "cut": lambda text, width, _: text[: int(width)].rstrip() or NOTHING,
    "stars": lambda text, width, _: text if len(text) <= int(width) else "*" * int(width),
    "unpad": lambda text, _, __: text if text == NOTHING else text.lstrip("0") or "0",
    "iso": lambda text, _, __: text if text == NOTHING else f"{text[4:]}-{text[:2]}-{text[2:4]}",
    "decimals": lambda text, _, __: text if text == NOTHING else f"{float(text):.2f}".removeprefix("0"),
}
"""What `old_form_layout.csv` can ask for, as text, value and written -> text; see `write_old_cells`."""


def render_old_form(drawn: Columns, stops: pd.DataFrame, sites: Sites, year: int, rng: np.random.Generator) -> Columns:
    """Return every column of the old form but its constants, as plain text, before any fault or quirk of a year.

    The columns have the published names in small letters; the parameters are those of `published_layout.render`.
    """
    exact, rows = load_aggregates(year)["exact"], len(stops)
    follows, days = stops["follows"].to_numpy(), pd.DatetimeIndex(stops["day"])
    columns = dict(drawn)
    kinds = {name: np.array([letter in kinds for kinds in drawn["weapon_kinds"]]) for name, letter in _WEAPONS.items()}
    columns |= {name: where(found, "Y", "N") for name, found in kinds.items()}
    columns |= {name: where(drawn[name] == "Y", letter, NOTHING) for name, letter in _SIGNS.items()}
    columns |= {name: where(drawn[name] == "Y", "Y", "N") for name in drawn if name.startswith(_BOXES)}
    write_old_cells(columns, year, days, rng, ("thin",))
    for prefix, (flag, other) in _AT_LEAST_ONE.items():
        ticked = np.any([columns[name] == "Y" for name in columns if name.startswith(prefix)], axis=0)
        wanted = drawn[flag] == "Y" if flag else True
        columns[other] = where(wanted & ~ticked, "Y", columns[other])
    for name in ("age", "weight", "perobs", "perstop"):
        # Persons of one encounter share its durations, not their age and weight.
        bands = drawn[f"{name}_band"]
        same = follows & np.append(False, bands[1:] == bands[:-1]) & name.startswith("per")
        columns[name] = exact_values(bands, exact[name], carry(rng.random(rows), same))
    inches = drawn["height"].astype(np.int64)
    columns["ht_feet"], columns["ht_inch"] = (part.astype(str).astype(object) for part in divmod(inches, 12))
    columns |= _time(drawn, days, year, carry(rng.random(rows), follows))
    columns |= _place(stops, sites, year, rng)
    columns["repcmd"], columns["revcmd"] = commands(drawn, stops["home"], year, carry(rng.random((rows, 2)), follows))
    for name, table in load_aggregates(year)["texts"].items():
        missing, chosen = rng.random((2, rows))
        texts = exact_values(drawn[table["by"]], table["counts"], chosen)
        said = drawn[_WHERE_YES[name]] == "Y" if name in _WHERE_YES else True
        columns[name] = where(said & (missing * 1000 >= of_year("missing", year).get(name, 0)), texts, NOTHING)
    columns |= {"year": np.full(rows, str(year), dtype=object), "ser_num": stops["stop_id"].to_numpy(dtype=object)}
    columns["wepfound"] = where(drawn["weapon"] == "Y", "Y", "N")
    for name, texts in columns.items():
        nothing = texts == NULL
        columns[name] = where(nothing, NOTHING, texts) if nothing.any() else texts
    for entry in read_table("old_form_layout.csv", year):
        for name in entry["column"].split("|") if entry["rule"] == "constant" else ():
            columns[name] = np.full(rows, entry["value"], dtype=object)
    return columns


def write_old_cells(
    columns: Columns, year: int, days: pd.DatetimeIndex, rng: np.random.Generator, kinds: Collection[str] = _RULES
) -> None:
    """Write the cells in place as the year's file has them, by `old_form_layout.csv`.

    A row of the table names columns by a pattern, years, months, a rule, and in some a share of the stops in per
    cent. `thin` leaves that many of a hundred ticks (the boxes that the paper form of June 2016 lacks); `constant` and
    `alias`, another name of a column, are no matter of single cells and are read elsewhere.
    """
    for entry in read_table("old_form_layout.csv", year):
        kind, value, share = entry["rule"], entry["value"], entry["share"]
        if kind not in kinds:
            continue
        rows: NDArray[np.bool_] = np.asarray(days.month >= int(entry["first_month"]))
        rows &= np.asarray(days.month <= int(entry["last_month"]))
        if share or kind == "thin":
            rows &= rng.random(len(days)) * 100 < (int(share) if share else 100 - int(value))
        for name in [name for name in columns if re.fullmatch(entry["column"], name)] if rows.any() else ():
            part = columns[name][rows].tolist()
            change, written = _RULES["spell" if kind == "thin" else kind], entry["written"]
            if kind == "thin":
                value, written = "Y", "N"
            cells = {text: change(text, value, written) for text in set(part)}
            columns[name][rows] = [cells[text] for text in part]


def old_names(year: int) -> dict[str, str]:
    """Return the published header of a year, in order, each name with our name of the column: in small letters."""
    table = read_table("old_form_layout.csv", year)
    aliases = {entry["value"]: entry["column"] for entry in table if entry["rule"] == "alias"}
    return {name: aliases.get(name, name.lower()) for name in of_year("headers", year)}


def _time(drawn: Columns, days: pd.DatetimeIndex, year: int, uniforms: chain.Uniforms) -> Columns:
    """Return date (MMDDYYYY) and time (HHMM), and `clock`, the time again, for the faults."""
    minutes = pick(load_aggregates(year)["minutes"], uniforms)
    clock = [f"{hour:0>2}{minute:0>2}" for hour, minute in zip(drawn["hour"], minutes, strict=True)]
    calendar = {day: day.strftime("%m%d%Y") for day in days.unique()}
    times = np.array(clock, dtype=object)
    return {
        "datestop": np.array([calendar[day] for day in days], dtype=object),
        "timestop": times,
        "clock": times.copy(),
    }


def _place(stops: pd.DataFrame, sites: Sites, year: int, rng: np.random.Generator) -> Columns:
    """Return the columns of the place: a house and its street, or a crossing alone; both coordinates or none."""
    site = carry(choose_sites(rng.random(len(stops))), stops["follows"].to_numpy())
    at = (np.array([sites.precincts.index(precinct) for precinct in stops["home"]]), site)
    unknown = rng.random(len(stops)) * 1000 < of_year("missing", year)["xcoord"]
    names = np.array(street_names(abbreviated=False), dtype=object)
    street, crossing = names[sites.street[at]], sites.crossing[at]
    house = crossing < 0
    cross_street = names[np.where(house, (sites.street[at] + 1) % len(names), crossing)]
    x, y = (where(unknown, NOTHING, axis.astype(str)) for axis in sites.feet[at].T)
    columns = {
        "xcoord": x, "ycoord": y, "stinter": street, "crossst": cross_street,
        "addrnum": where(house, sites.house[at].astype(str), NOTHING), "stname": where(house, street, NOTHING),
        "city": np.array([load_aggregates()["places"][p][1] for p in stops["home"]], dtype=object),
    }  # fmt: skip
    columns |= {name: stops["home"].to_numpy(dtype=object, copy=True) for name in ("pct", "addrpct")}
    areas = {"sector": "sectors", "beat": "beats", "post": "posts"}
    return columns | {name: pick(of_year(key, year), sites.sector_rank[at]) for name, key in areas.items()}
