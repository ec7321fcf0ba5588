"""Rows whose cells stand in the wrong columns, and what of them is certain.

In 2017 a comma in a free text (the description of the person, the reason for not explaining) pushed the cells
behind it sideways, and fixed-width columns then cut them: 29 rows have a patrol borough, a coordinate or
nothing where the borough should be, 7 have a sex where the race should be, and one has its outcome block moved.
A value is moved only when its form fits one column alone; everything else in the block becomes empty.
"""

import re
from dataclasses import dataclass

import pandas as pd

from sqf_pipeline.registry.columns import column
from sqf_pipeline.registry.spellings import known_categories, null_spellings

BOROUGH_OF_PATROL_BOROUGH = {
    "PBMN": "MANHATTAN",
    "PBMS": "MANHATTAN",
    "PBBX": "BRONX",
    "PBBN": "BROOKLYN",
    "PBBS": "BROOKLYN",
    "PBQN": "QUEENS",
    "PBQS": "QUEENS",
    "PBSI": "STATEN ISLAND",
}
"""NYPD's eight patrol boroughs and the borough each lies in."""

LOCATION_BLOCK = (
    "precinct", "sector", "apartment", "premises_name", "x_feet", "y_feet", "zip_code", "patrol_borough", "borough",
)  # fmt: skip
PERSON_BLOCK = (
    "suspect_age", "suspect_sex", "suspect_race", "suspect_height_inches", "suspect_weight_pounds",
    "suspect_build", "suspect_eye_color", "suspect_hair_color", "suspect_other_description",
)  # fmt: skip
OUTCOME_BLOCK_ENDS = ("other_person_stopped", "demeanor_code")


@dataclass(frozen=True)
class Repair:
    """Rows of one block that were found shifted."""

    rule: str  # name of the rule in the table `data_quality`
    column_name: str  # the column in which the shift is seen
    rows: int  # how many rows were found
    description: str  # what was seen and what was done


def repair_shifted_rows(raw: pd.DataFrame) -> tuple[pd.DataFrame, list[Repair]]:
    """Return text as published with shifted rows put right where that is certain, and what was found.

    The frame is a copy where anything was found; every block in which rows were found has one `Repair`.
    """
    repairs: list[Repair] = []
    for find, mend, rule, name, description in _BLOCKS:
        found = find(raw) if name in raw else pd.Series(data=False, index=raw.index)
        if found.any():
            raw = raw.astype(str) if not repairs else raw
            for row in raw.index[found]:
                mend(raw, row)
            repairs.append(Repair(rule, name, int(found.sum()), description))
    return raw, repairs


def _find_location(raw: pd.DataFrame) -> pd.Series:
    borough = raw["borough"].str.strip().str.upper()
    moved = borough.isin(BOROUGH_OF_PATROL_BOROUGH.keys()) | borough.str.fullmatch(r"\d{5,}")
    if "patrol_borough" in raw:
        moved |= raw["patrol_borough"].str.strip().str.fullmatch(r"\d+")
    return moved


def _find_person(raw: pd.DataFrame) -> pd.Series:
    race = raw["suspect_race"].str.strip().str.upper()
    return race.isin(known_categories("suspect_sex")) & raw["suspect_build"].str.strip().str.fullmatch(r"\d+")


def _find_outcome(raw: pd.DataFrame) -> pd.Series:
    # V is the code of verbal_identifies_officer; in the frisk column it shows that the block has moved by one.
    return raw["frisked"].str.strip().str.upper() == "V"


def _only(values: list[str]) -> str:
    """Return the value if there is exactly one that differs from the rest, else ''."""
    return values[0] if len(set(values)) == 1 else ""


def _mend_location(raw: pd.DataFrame, row: int) -> None:
    present = [name for name in LOCATION_BLOCK if name in raw]
    values = [str(raw.at[row, name]).strip().upper() for name in present]
    patrol = _only([value for value in values if value in BOROUGH_OF_PATROL_BOROUGH])
    mended = {
        "precinct": _only([value for value in values if re.fullmatch(r"\d{3}", value) and _within("precinct", value)]),
        # A cut coordinate has lost its last digits, so that it falls outside the city and stays empty.
        "x_feet": _only([value for value in values if _within("x_feet", value)]),
        "y_feet": _only([value for value in values if _within("y_feet", value)]),
        "patrol_borough": patrol,
        "borough": BOROUGH_OF_PATROL_BOROUGH.get(patrol) or _only(_boroughs(values)),
    }
    for name in present:
        raw.at[row, name] = mended.get(name, "")


def _boroughs(values: list[str]) -> list[str]:
    """Return the boroughs that values name, also where the name was cut to six letters."""
    names = known_categories("borough")
    return [name for value in values for name in names if len(value) >= 5 and name.startswith(value)]


def _within(name: str, value: str) -> bool:
    entry = column(name)
    if not re.fullmatch(r"\d+(\.\d+)?", value) or entry.minimum is None or entry.maximum is None:
        return False
    return entry.minimum <= float(value) <= entry.maximum


def _mend_person(raw: pd.DataFrame, row: int) -> None:
    values = {name: str(raw.at[row, name]).strip() for name in PERSON_BLOCK}
    raw.at[row, "suspect_age"] = values["suspect_sex"] if values["suspect_sex"].isdigit() else ""
    # A column of numbers could not hold the race, so that it is lost.
    raw.at[row, "suspect_race"] = ""
    for name, found_in in {
        "suspect_sex": "suspect_race",
        "suspect_height_inches": "suspect_weight_pounds",
        "suspect_weight_pounds": "suspect_build",
        "suspect_build": "suspect_eye_color",
        "suspect_eye_color": "suspect_hair_color",
        "suspect_hair_color": "suspect_other_description",
    }.items():
        raw.at[row, name] = values[found_in]
    raw.at[row, "suspect_other_description"] = ""


def _mend_outcome(raw: pd.DataFrame, row: int) -> None:
    first, last = (raw.columns.get_loc(name) for name in OUTCOME_BLOCK_ENDS)
    moved = {
        "other_person_stopped": raw.at[row, "arrested"],
        "officer_in_uniform": raw.at[row, "id_card_identifies_officer"],
        "shield_identifies_officer": raw.at[row, "verbal_identifies_officer"],
        "verbal_identifies_officer": raw.at[row, "frisked"],
    }
    for name in raw.columns[first : last + 1]:
        value = moved.get(name, "")
        raw.at[row, name] = value if _fits(name, value) else ""


def _fits(name: str, value: str) -> bool:
    own_codes = {"shield_identifies_officer": "S", "verbal_identifies_officer": "V"}
    return value in {"Y", "N", own_codes.get(name, "Y")} and value not in null_spellings()


_BLOCKS = (
    (
        _find_outcome, _mend_outcome, "shifted_outcome_block", "frisked",
        "Cells from the outcome to the demeanor are one column too far right; the columns about the officer "
        "were moved back, outcomes and flags set to missing.",
    ),
    (
        _find_person, _mend_person, "shifted_person_block", "suspect_race",
        "Cells that describe the person are one column too far right; they were moved back, the race is lost.",
    ),
    (
        _find_location, _mend_location, "shifted_location_block", "borough",
        "Cells of the place are in the wrong columns; precinct, coordinates and boroughs were moved back where "
        "their form is certain, the rest is set to missing.",
    ),
)  # fmt: skip
