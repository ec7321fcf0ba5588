"""Damage as the published files have it: shifted rows, junk numbers, stray codes, wrong dates, double rows.

What belongs here: changing single cells of rendered text, about as often as in the published file of the year.
What does not: what is regular in a year's layout (`sample_layout`).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sqf_pipeline.nypd.sample_chain import load_aggregates, model_year
from sqf_pipeline.nypd.sample_layout import Columns

Rows = NDArray[np.int64]

_JUNK: dict[str, dict[str, tuple[str, ...]]] = {
    "*": {
        "suspect_age": ("0", "0", "0", "0", "1", "2", "5", "6", "99", "120"),
        "suspect_weight_pounds": (
            "0",
            "0",
            "0",
            "0",
            "1",
            "1",
            "2",
            "6",
            "6",
            "7",
            "8",
            "9",
            "8",
            "10",
            "10",
            "11",
            "11",
            "17",
            "18",
            "20",
            "400",
        ),
        "observed_duration_minutes": ("1700", "945", "1019", "1825", "1926", "2035", "2110", "2110", "2103", "1058"),
        "stop_duration_minutes": ("999", "500", "645"),
        "suspect_height_inches": ("2.2", "4.3", "8.8", "8.9"),
    },
    "2017": {
        "observed_duration_minutes": ("1550", "1340", "1755", "2005", "2030", "2130", "2200", "2340") * 5
        + ("10048", "17604", "99999"),
        "suspect_height_inches": ("2.20", "5.13", "5.41", "6.16", "9.90", "60.11"),
        "suspect_weight_pounds": ("5.7", "6.1", "999"),
        "suspect_eye_color": ("BR",) * 13 + ("MUL", "MAR", "MED"),
        "suspect_hair_color": ("BK",) * 6 + ("BR",) * 5 + ("BA", "XX"),
        "suspect_build": ("T",) * 6 + ("M",) * 4 + ("H",) * 2,
        "stop_time_seconds": ("",) * 5,
        "initiated_by": ("",),
        "search_basis_admission": ("N",),
    },
    "2018": {
        "suspect_weight_pounds": ("999",),
        "observed_duration_minutes": ("1609", "1200", "1420", "1728", "2000", "2140", "2230", "2320", "2321") * 4
        + ("24804", "99999"),
        "stop_time_seconds": ("#N/A",) * 2,
    },
    "2019": {"issuing_officer_rank": ("(null)",) * 2},
    "2020": {"street_name": (" ",)},
}
"""Stray cells of a whole published year, by year of the layout and column; `*` holds in every year."""


class _Picker:
    """Hands out rows at random, none twice, as many as a count of the published year comes to."""

    def __init__(self, rows: int, published_rows: int, rng: np.random.Generator, *, at_least_one: bool) -> None:
        self._order = np.argsort(rng.random(rows), kind="stable")
        self._share = rows / published_rows
        self._rng = rng
        self._at_least = int(at_least_one)

    def take(self, published: int, among: NDArray[np.bool_] | None = None) -> Rows:
        """Return about `published` rows, scaled to these rows; at least one in the first block of a file."""
        wanted = max(self._at_least, int(published * self._share + self._rng.random()))
        usable = np.ones(len(self._order), dtype=bool) if among is None else among[self._order]
        chosen = self._order[usable][:wanted]
        self._order = self._order[~np.isin(self._order, chosen)]
        return chosen


def damage(columns: Columns, year: int, follows: NDArray[np.bool_], rng: np.random.Generator, *, first: bool) -> None:
    """Change cells in place as the published file of the year has them.

    Parameters
    ----------
    columns
        Published text of a block of stops, by our names.
    year
        Calendar year.
    follows
        Whether a stop continues the incident of the one before it; only such a stop becomes its double.
    rng
        Random numbers.
    first
        Whether this is the first block of the file: then every kind of damage occurs at least once.
    """
    layout = model_year(year)
    picker = _Picker(len(follows), load_aggregates()["rows"][layout], rng, at_least_one=first)
    if layout == "2017":
        _damage_2017(columns, picker)
    if layout == "2020":
        wrong_date = picker.take(1)
        columns["stop_date"][wrong_date] = f"{year - 2}-01-03"
        degrees = picker.take(4)
        columns["x_feet"][degrees], columns["y_feet"][degrees] = "-73", "40"
    for junk in (_JUNK["*"], _JUNK[layout]):
        for name, values in junk.items():
            rows = picker.take(len(values))
            columns[name][rows] = [values[place % len(values)] for place in range(len(rows))]
    for row in np.sort(picker.take(24, among=follows)):
        for name, texts in columns.items():
            if name != "stop_id" and row:
                texts[row] = texts[row - 1]


def _damage_2017(columns: Columns, picker: _Picker) -> None:
    placed = (columns["borough"] != "(null)") & (columns["x_feet"] != "#NULL!")
    # A comma in the description of the person pushed its cells, then those of the place, to the right.
    for rows, shift in ((picker.take(14, placed), _shift_place), (picker.take(8, placed), _shift_place_further)):
        shift(columns, rows)
        if shift is _shift_place:
            _shift_person(columns, rows[: max(1, len(rows) // 2)])
            _shift_outcome(columns, rows[:1])
    _shift_nameless(columns, picker.take(7, placed))
    unapproved = picker.take(13, placed)
    columns["record_status"][unapproved] = "1"
    columns["initiated_by"][unapproved] = "(null)"
    columns["activity_log_reviewed"][unapproved] = ""
    columns["weapon_found"][unapproved] = "("
    columns["suspected_crime"][unapproved] = "MISDEMEANOR"
    _each(columns["stop_id"], unapproved, lambda text: f"{text[:7]}00{text[9:]}")
    zipped = picker.take(30, placed)
    columns["zip_code"][zipped] = [load_aggregates()["places"][str(int(p))][2] for p in columns["precinct"][zipped]]


def _each(texts: NDArray[np.object_], rows: Rows, change: Callable[[str], str]) -> None:
    for row in rows:
        texts[row] = change(texts[row])


def _feet(text: str) -> str:
    """Return a coordinate as the shifted cells have it: seven digits without decimals."""
    return f"{int(float(text)):07d}"


def _shift_place(columns: Columns, rows: Rows) -> None:
    """Shift the place by one cell: its X stands in the Y column, the patrol borough in that of the borough."""
    for row in rows:
        cells = {name: columns[name][row] for name in ("precinct", "sector", "full_address", "x_feet", "y_feet")}
        patrol = columns["patrol_borough"][row]
        moved = {
            "precinct": "#NULL!",
            "sector": f"{int(cells['precinct']):03d}",
            "apartment": cells["sector"],
            "premises_name": cells["full_address"][:6],
            "x_feet": "#NULL!",
            "y_feet": cells["x_feet"],
            "zip_code": _feet(cells["y_feet"])[:6],
            "patrol_borough": "(nul",
            "borough": patrol,
        }
        for name, text in moved.items():
            columns[name][row] = text


def _shift_place_further(columns: Columns, rows: Rows) -> None:
    """Shift the place by several cells the other way: its Y stands in the column of the borough."""
    for row in rows:
        moved = {
            "precinct": "#NULL!",
            "sector": columns["patrol_borough"][row],
            "apartment": columns["borough"][row][:6],
            "premises_name": columns["sector"][row],
            "zip_code": columns["street_name"][row][:6],
            "patrol_borough": _feet(columns["x_feet"][row])[:4],
            "borough": _feet(columns["y_feet"][row]),
            "x_feet": "#NULL!",
            "y_feet": "#NULL!",
        }
        for name, text in moved.items():
            columns[name][row] = text


def _shift_nameless(columns: Columns, rows: Rows) -> None:
    """Shift the place so that no borough is left, and the Y, cut, stands in the column of the patrol borough."""
    for row in rows:
        moved = {
            "precinct": "#NULL!",
            "sector": columns["borough"][row][:6],
            "zip_code": _feet(columns["x_feet"][row])[:6],
            "patrol_borough": _feet(columns["y_feet"][row])[:4],
            "borough": "(null)",
            "x_feet": "#NULL!",
            "y_feet": "#NULL!",
        }
        for name, text in moved.items():
            columns[name][row] = text


def _shift_person(columns: Columns, rows: Rows) -> None:
    """Shift the description of the person by one cell: the sex stands in the column of the race."""
    for row in rows:
        height = columns["suspect_height_inches"][row]
        moved = {
            "suspect_other_description": columns["suspect_hair_color"][row],
            "suspect_hair_color": columns["suspect_eye_color"][row],
            "suspect_eye_color": columns["suspect_build"][row],
            "suspect_build": _digits(columns["suspect_weight_pounds"][row], "160"),
            "suspect_weight_pounds": "5.7" if height == "#NULL!" else f"{height[0]}.{height[2:].rstrip('0') or '0'}",
            "suspect_height_inches": "#NULL!",
            "suspect_race": "MALE",
            "suspect_sex": _digits(columns["suspect_age"][row], "(null)"),
            "suspect_age": "(null)",
        }
        for name, text in moved.items():
            columns[name][row] = text


def _digits(text: str, otherwise: str) -> str:
    return text if text.isdigit() else otherwise


def _shift_outcome(columns: Columns, rows: Rows) -> None:
    """Shift the cells from the outcome to the demeanor by one: the code of a spoken word stands for the frisk."""
    moved = {
        "officer_explained_stop": "N",
        "officer_not_explained_reason": "OFFICE",
        "other_person_stopped": "",
        "arrested": "N",
        "arrest_offense": "(null)",
        "summons_issued": "(",
        "summons_offense": "(null)",
        "officer_in_uniform": "(",
        "id_card_identifies_officer": "N",
        "shield_identifies_officer": "(null)",
        "verbal_identifies_officer": "S",
        "frisked": "V",
        "searched": "(",
        "other_contraband_found": "N",
        "weapon_found": "(",
        "force_weapon_impact": "Y",
        "search_basis_admission": "N",
        "demeanor_code": "(n",
        "demeanor": "DE",
    }
    for name, text in moved.items():
        columns[name][rows] = text


__all__ = ["damage"]
