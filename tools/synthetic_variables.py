"""What synthetic years are made of: variables in drawing order, their parents, and how they are read.

What belongs here: the structure (which variable depends on which) and reading it off the published text. What does
not: fitting (`fit_conditionals`) and writing the table (`make_synthetic_aggregates`).
"""

import pandas as pd
from drawn_variable import AGES, DURATIONS, NULL, OBSERVED, WEIGHTS, Variable, band, chain, is_null

from sqf_pipeline.cleaning.numerals import parse_number
from sqf_pipeline.cleaning.times_of_day import parse_time
from sqf_pipeline.registry.spellings import categories_by_spelling, normalise_text, null_spellings

BACKGROUND = ("background_violent_crime", "background_carries_weapon")
ACTIONS = (
    "action_fits_description", "action_near_scene", "action_concealed_weapon", "action_casing", "action_lookout",
    "action_drug_transaction", "action_crime_pattern", "action_other",
)  # fmt: skip
IDENTIFIED = ("shield_identifies_officer", "verbal_identifies_officer", "id_card_identifies_officer")
FORCE = (
    "force_verbal_instruction", "force_handcuffs", "force_firearm_drawn", "force_other", "force_cew",
    "force_weapon_impact", "force_oc_spray",
)  # fmt: skip
BASES = (
    "search_basis_hard_object", "search_basis_outline", "search_basis_consent", "search_basis_admission",
    "search_basis_other",
)  # fmt: skip
WEAPONS = ("firearm_found", "knife_found", "other_weapon_found")
FLAGS = (
    "officer_explained_stop", "other_person_stopped", "arrested", "summons_issued", "officer_in_uniform", "frisked",
    "searched", "consent_asked", "consent_given", "other_contraband_found", "weapon_found", "activity_log_reviewed",
)  # fmt: skip
MARKS = (
    *BACKGROUND, *ACTIONS, *IDENTIFIED, *FORCE, *BASES, *WEAPONS, "force_restraint",
    "search_basis_incidental_to_arrest",
)  # fmt: skip

CONTEXT = (
    "year", "initiated_by", "suspected_crime", "patrol_borough", "hour_band", "issuing_officer_rank",
    "officer_in_uniform", "jurisdiction", "location_in_out", "observed_band",
)  # fmt: skip
PERSON = ("suspect_sex", "suspect_race", "age_band", "other_person_stopped", "command_kind")
AT_STOP = (*CONTEXT, *BACKGROUND, *ACTIONS, *PERSON)
# How closely a person is described depends on how long the encounter went on, so that it foretells the outcome.
LOOKS = ("suspect_eye_color", "suspect_hair_color", "suspect_build", "weight_band")
_ON_CRIME = (
    "action_fits_description*suspected_crime", "action_near_scene*suspected_crime",
    "action_concealed_weapon*suspected_crime", "action_fits_description*initiated_by",
    "initiated_by*suspected_crime", "suspected_crime*year", "initiated_by*year",
)  # fmt: skip
_DURING = (
    "officer_explained_stop", "frisked", "searched", "other_contraband_found", "weapon_found", "weapon_kinds",
    *FORCE[:5], *BASES,
)  # fmt: skip


VARIABLES: tuple[Variable, ...] = (
    Variable("initiated_by", ("year", "patrol_borough")),
    Variable("hour", ("year", "initiated_by", "patrol_borough")),
    Variable("suspected_crime", ("year", "initiated_by", "patrol_borough", "hour_band")),
    Variable("jurisdiction", ("year", "suspected_crime", "precinct", "hour_band")),
    Variable("location_in_out", ("year", "jurisdiction", "suspected_crime", "initiated_by", "patrol_borough")),
    Variable("issuing_officer_rank", ("year", "initiated_by", "suspected_crime", "jurisdiction", "patrol_borough")),
    Variable(
        "officer_in_uniform",
        ("year", "issuing_officer_rank", "initiated_by", "suspected_crime", "jurisdiction", "hour_band", "precinct"),
    ),
    *chain(IDENTIFIED, ("year", "issuing_officer_rank", "patrol_borough"), when={"officer_in_uniform": ["N"]}),
    Variable(
        "command_kind", ("year", "jurisdiction", "issuing_officer_rank", "officer_in_uniform", "patrol_borough")
    ),
    Variable("supervising_officer_rank", ("year", "issuing_officer_rank", "command_kind")),
    Variable("supervised_by_own_command", ("year", "issuing_officer_rank", "command_kind")),
    Variable("activity_log_reviewed", ("year",), when={"year": ["2017", "2018"]}),
    Variable("observed_band", ("year", "initiated_by", "suspected_crime", "officer_in_uniform")),
    Variable("other_person_stopped", ("year", "grouped", "suspected_crime", "initiated_by")),
    *chain((*BACKGROUND, *ACTIONS), CONTEXT),
    Variable("suspect_sex", ("year", "initiated_by", "suspected_crime", "patrol_borough")),
    Variable("suspect_race", ("year", "precinct", "suspected_crime", "suspect_sex", "initiated_by")),
    Variable(
        "age_band",
        ("year", "suspected_crime", "suspect_sex", "suspect_race", "initiated_by", "hour_band", "other_person_stopped"),
    ),
    Variable("suspect_height_inches", ("year", "suspect_sex", "age_band", "suspect_race")),
    Variable("weight_band", ("year", "suspect_sex", "age_band", "suspect_height_inches")),
    Variable("suspect_build", ("year", "weight_band", "age_band", "suspect_sex")),
    Variable("suspect_eye_color", ("year", "suspect_race", "suspect_sex", "age_band", "suspect_build")),
    Variable(
        "suspect_hair_color",
        ("year", "suspect_race", "suspect_sex", "age_band", "suspect_eye_color", "suspect_build"),
    ),
    Variable("officer_explained_stop", AT_STOP),
    Variable("frisked", (*AT_STOP, *LOOKS, *_ON_CRIME, "officer_explained_stop", "precinct")),
    Variable(
        "searched",
        (*AT_STOP, *LOOKS, *_ON_CRIME, "officer_explained_stop", "frisked", "precinct", "frisked*suspected_crime"),
    ),
    Variable("other_contraband_found", (*AT_STOP, "frisked", "searched", "frisked*searched")),
    Variable("weapon_found", (*AT_STOP, "frisked", "searched", "other_contraband_found", "frisked*searched")),
    Variable(
        "weapon_kinds",
        ("year", "suspected_crime", "initiated_by", "searched", "frisked", "action_concealed_weapon", "patrol_borough"),
        when={"weapon_found": ["Y"]},
        otherwise="",
    ),
    Variable("force_restraint", ("year", *AT_STOP[1:], "frisked", "searched"), when={"year": ["2017", "2018"]}),
    *chain(FORCE, (*AT_STOP, "frisked", "searched", "weapon_found", "other_contraband_found", "weapon_kinds")),
    *chain(
        BASES,
        (*AT_STOP, "frisked", "searched", "weapon_found", "other_contraband_found", "weapon_kinds", *FORCE[:4]),
    ),
    *chain(
        ("consent_asked", "consent_given"),
        ("year", "initiated_by", "suspected_crime", "patrol_borough", "frisked", "searched", "search_basis_consent"),
        when={"year": ["2019", "2020"]},
    ),
    Variable("duration_band", (*AT_STOP, *_DURING)),
    Variable(
        "arrested",
        (*AT_STOP, *LOOKS, *_ON_CRIME, *_DURING, "duration_band", "precinct", "searched*suspected_crime",
         "searched*weapon_found", "searched*initiated_by", "force_handcuffs*searched", "weapon_found*suspected_crime",
         "searched*duration_band", "searched*action_fits_description", "searched*frisked",
         "searched*other_contraband_found", *(f"searched*{basis}" for basis in BASES)),
        stretch=1.15,
    ),
    Variable(
        "search_basis_incidental_to_arrest",
        (*AT_STOP, *_DURING, "duration_band", "arrested", "arrested*searched", "arrested*year"),
    ),
    Variable("arrest_offense", ("year", "suspected_crime", "weapon_found", "other_contraband_found", "weapon_kinds"),
             when={"arrested": ["Y"]}),
    Variable(
        "summons_issued",
        (*AT_STOP, *LOOKS, *_DURING, "duration_band", "arrested", "arrested*searched",
         "arrested*other_contraband_found", "other_contraband_found*suspected_crime",
         "weapon_found*suspected_crime", "precinct"),
        stretch=1.15,
    ),
    Variable(
        "summons_offense", ("year", "suspected_crime", "weapon_found", "other_contraband_found"),
        when={"summons_issued": ["Y"]},
    ),
)  # fmt: skip
"""Every variable in drawing order."""

WORDS: dict[str, tuple[int, int, str]] = {
    "demeanor": (150, 24, r"[A-Z]+"),
    "suspect_other_description": (60, 12, r"[A-Z]{3,7}( [A-Z]{3,7})?"),
    "apartment": (20, 10, r"[A-Z]{4,8}|\d"),
}
"""Free texts: fewest stops that say a word, how many words, and their form."""


def _category(name: str, text: str) -> str:
    """Return the category of a spelling; a code for unknown stands for itself, what no one knows is ''."""
    spelling = normalise_text(text)
    if spelling in null_spellings():
        return NULL
    return categories_by_spelling(name).get(spelling, "") or (
        spelling if spelling in categories_by_spelling(name) else ""
    )


def _height(text: str) -> str:
    """Return feet.inches as the shortest number, so that 5 ft 10 in and 5 ft 1 in are the same."""
    if is_null(text):
        return NULL
    try:
        return f"{float(text):g}"
    except ValueError:
        return ""


def _number(text: str) -> str:
    value = parse_number(text.strip()) if not is_null(text) else None
    return "" if value is None else f"{value:.0f}"


def _command_kind(command: str, precinct: str) -> str:
    if not command.isdigit():
        return ""
    if command == precinct:
        return "own"
    return "precinct" if int(command) <= 123 else "borough" if int(command) < 800 else "eight_hundred"


def _is_clock_time(durations: pd.Series, seconds: pd.Series) -> pd.Series:
    """Return whether a duration from 100 on is the stop's own time of day, as HHMM and within 20 minutes."""
    numbers = pd.to_numeric(durations, errors="coerce")
    apart = (numbers // 100 * 60 + numbers % 100 - seconds.astype(float) / 60).abs()
    return (numbers >= 100) & (numbers < 2400) & ((apart <= 20) | (apart >= 1420))


def latent_year(frame: pd.DataFrame, year: int) -> pd.DataFrame:
    """Return every variable of a year as text; '' marks what is left out of every fit."""
    out: dict[str, pd.Series] = {"year": pd.Series(str(year), index=frame.index)}

    def mapped(name: str, read: object, *extra: object) -> pd.Series:
        unique = {text: read(text, *extra) for text in frame[name].unique()}  # type: ignore[operator]
        return frame[name].map(unique)

    for name in (
        "initiated_by", "suspected_crime", "jurisdiction", "location_in_out", "issuing_officer_rank",
        "supervising_officer_rank", "suspect_sex", "suspect_race", "suspect_build", "suspect_eye_color",
        "suspect_hair_color", "arrest_offense",
    ):  # fmt: skip
        out[name] = mapped(name, lambda text, name=name: _category(name, text))
    out["initiated_by"] = out["initiated_by"].replace(NULL, "")
    out["summons_offense"] = mapped("summons_offense", lambda t: NULL if is_null(t) else t.replace(",", "")[:5].strip())
    out["arrest_offense"] = out["arrest_offense"].where(out["arrest_offense"] != out["suspected_crime"], "SAME")
    for name in FLAGS:
        out[name] = (
            mapped(name, lambda t: t if t in {"Y", "N"} else NULL if is_null(t) else "")
            if name in frame
            else pd.Series(NULL, index=frame.index)
        )
    for name in set(FLAGS) - {"consent_asked", "consent_given", "activity_log_reviewed"}:
        out[name] = out[name].replace(NULL, "")
    for name in MARKS:
        out[name] = mapped(name, lambda t: "Y" if t in {"Y", "I", "S", "V"} else "N")
    kinds = [out[name].map({"Y": letter, "N": ""}) for name, letter in zip(WEAPONS, "FKO", strict=True)]
    out["weapon_kinds"] = (kinds[0] + kinds[1] + kinds[2]).where(out["weapon_found"] == "Y", "")
    out["precinct"] = mapped("precinct", lambda t: NULL if is_null(t) else str(int(float(t))))
    out["_command"] = frame["issuing_officer_command"]
    out["command_kind"] = pd.Series(
        [_command_kind(c, p) for c, p in zip(out["_command"], out["precinct"], strict=True)], index=frame.index
    )
    same = frame["supervising_officer_command"] == frame["issuing_officer_command"]
    out["supervised_by_own_command"] = same.map({True: "Y", False: "N"})
    seconds = mapped("stop_time_seconds", parse_time)
    out["hour"] = seconds.map(lambda s: "" if pd.isna(s) else str(int(s) // 3600))
    out["_minute"] = seconds.map(lambda s: "" if pd.isna(s) else str(int(s) // 60 % 60))
    out["age_band"] = mapped("suspect_age", band, AGES, 10, 80)
    out["weight_band"] = mapped("suspect_weight_pounds", band, WEIGHTS, 80, 350)
    out["observed_band"] = mapped("observed_duration_minutes", band, OBSERVED, 0, 300)
    out["duration_band"] = mapped("stop_duration_minutes", band, DURATIONS, 0, 240)
    # A time of day that was written as a duration is a fault, which is added by its own rate, not a duration.
    for banded, name in (("observed_band", "observed_duration_minutes"), ("duration_band", "stop_duration_minutes")):
        out[banded] = out[banded].mask(_is_clock_time(frame[name], seconds), "")
    out["suspect_height_inches"] = mapped("suspect_height_inches", _height)
    out["_age"], out["_weight"] = frame["suspect_age"], frame["suspect_weight_pounds"]
    out["_observed"], out["_duration"] = frame["observed_duration_minutes"], frame["stop_duration_minutes"]
    out["_x"], out["_y"] = mapped("x_feet", _number), mapped("y_feet", _number)
    out["_zip"], out["_borough"] = frame["zip_code"], mapped("borough", lambda t: _category("borough", t))
    out["patrol_borough"] = mapped("patrol_borough", lambda t: NULL if is_null(t) else t)
    out["_date"], out["_time"] = frame["stop_date"], frame["stop_time_seconds"]
    out["_month"], out["_weekday"] = frame["month"], frame["weekday"]
    return pd.DataFrame(out)
