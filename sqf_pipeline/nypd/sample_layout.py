"""Drawn stops as the text of a published file: the spellings, formats and nulls of each year.

What belongs here: how a value is written in the file of a year. What does not: drawing values (`sample_chain`),
damage to single cells (`sample_quirks`), and writing files (`sample`).
"""

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sqf_pipeline.nypd.sample_chain import NULL, Drawn, carry, load_aggregates, model_year, pick, pick_text
from sqf_pipeline.nypd.sample_places import STREETS, Sites, choose_sites

Texts = NDArray[np.object_]
Columns = dict[str, Texts]

_INITIATED = {
    "RADIO RUN": "Based on Radio Run",
    "SELF INITIATED": "Based on Self Initiated",
    "COMPLAINANT OR WITNESS ON SCENE": "Based on C/W on Scene",
}
_RACES = {
    "2017": {"ASIAN / PACIFIC ISLANDER": "ASIAN/PAC.ISL", "AMERICAN INDIAN / ALASKAN NATIVE": "AMER IND"},
    "2018": {"AMERICAN INDIAN / ALASKAN NATIVE": "AMERICAN INDIAN/ALASKAN NATIVE"},
    "2019": {"AMERICAN INDIAN / ALASKAN NATIVE": "AMERICAN INDIAN/ALASKAN N"},
    "2020": {
        "AMERICAN INDIAN / ALASKAN NATIVE": "AMERICAN INDIAN/ALASKAN N",
        "MIDDLE EASTERN / SOUTHWEST ASIAN": "MIDDLE EASTERN/SOUTHWEST",
    },
}
_CRIMES = {"AUTO STRIPPING": "AUTO STRIPPIG"}
_SUMMONS_OFFENSES = {
    "ADMIN": "ADMIN CODE VIOL.(UNCLASSIFIED)",
    "DISOR": "DISORDERLY CONDUCT",
    "KNIFE": "KNIFE, UNLAWFUL POSSESSION",
    "MARIJ": "MARIJUANA POSSESSION",
    "PARK": "PARK RULES & REG. VIOLATION",
    "TRANS": "TRANSIT RULES/REG., NYC",
    "TRESP": "TRESPASS, CRIMINAL 4",
}
_JURISDICTIONS = {"P": "PSB", "H": "Housing", "T": "Transit", "A": "Trespass Affifavit Program"}
_REASONS = {"ARREST": 6, "SUSPECT FLED": 3, "SUBJECT FLED": 3, "PERSON ARRESTED": 2, "OFFICER SAFETY": 1, "EXIGENT": 1}
_WIDTHS = {
    "2017": {"officer_not_explained_reason": 6, "summons_offense": 6, "suspect_other_description": 6, "apartment": 6},
    "2018": {},
    "2019": {
        "officer_not_explained_reason": 6, "summons_offense": 6, "apartment": 6, "jurisdiction_description": 25,
        "arrest_offense": 32, "street_name": 30,
    },
    "2020": {
        "officer_not_explained_reason": 6, "summons_offense": 6, "apartment": 6, "jurisdiction_description": 6,
        "suspect_other_description": 29, "street_name": 25,
    },
}  # fmt: skip
_ABBREVIATIONS = {"STREET": "ST", "AVENUE": "AVE", "ROAD": "RD", "PLACE": "PL", "BOULEVARD": "BLVD"}
_MARKS = {"id_card_identifies_officer": "I", "shield_identifies_officer": "S", "verbal_identifies_officer": "V"}
_WEAPONS = {"firearm_found": "F", "knife_found": "K", "other_weapon_found": "O"}
_UNREPORTED_WEAPONS = 0.005
"""Share of stops without `weapon_found` that have a weapon's own flag all the same."""

_PLAIN = (
    "issuing_officer_rank", "supervising_officer_rank", "location_in_out", "jurisdiction", "officer_explained_stop",
    "other_person_stopped", "arrested", "summons_issued", "officer_in_uniform", "frisked", "searched", "weapon_found",
    "consent_asked", "consent_given", "other_contraband_found", "suspect_sex", "suspect_build", "suspect_eye_color",
    "suspect_hair_color", "activity_log_reviewed",
)  # fmt: skip
_BANDS = {
    "suspect_age": "age_band",
    "suspect_weight_pounds": "weight_band",
    "observed_duration_minutes": "observed_band",
    "stop_duration_minutes": "duration_band",
}
NUMBERS = (
    "stop_id", "year", "issuing_officer_command", "supervising_officer_command", "observed_duration_minutes",
    "stop_duration_minutes", "suspect_age", "suspect_height_inches", "suspect_weight_pounds", "precinct", "x_feet",
    "y_feet", "zip_code", "apartment",
)  # fmt: skip
"""Columns whose cells are numbers in a workbook, wherever they hold one."""


@dataclass(frozen=True)
class Context:
    """What is settled before anything else is drawn: one entry a stop.

    Attributes
    ----------
    identifiers
        Published number of the stop, text.
    home
        Precinct that made the stop, text.
    precinct
        Precinct of the place as recorded: the same, or `NULL`.
    days
        Calendar date.
    follows
        Whether the stop continues the incident of the one before it.
    """

    identifiers: Texts
    home: Texts
    precinct: Texts
    days: NDArray[np.object_]
    follows: NDArray[np.bool_]


def header(year: int) -> list[str]:
    """Return the published column names of a year's file in order."""
    return list(load_aggregates()["headers"][model_year(year)])


def spell_nothing(year: int, name: str, rng: np.random.Generator, rows: int) -> Texts:
    """Return how nothing is spelled in a column of a year, (rows,) texts."""
    spellings = load_aggregates()["nulls"][model_year(year)].get(name) or {"(null)": 1}
    return pick_text(spellings, rng.random(rows))


def render(drawn: Drawn, context: Context, sites: Sites, year: int, rng: np.random.Generator) -> Columns:
    """Return every column of the registry that a file can have, as published text, before any damage."""
    rows = len(context.follows)
    columns: Columns = {name: drawn.texts(name) for name in _PLAIN}
    columns |= _calendar(drawn, context, year, rng)
    columns |= _marks(drawn, rng)
    columns |= _categories(drawn, year)
    columns |= {name: _exact(drawn, name, band, rng) for name, band in _BANDS.items()}
    columns |= _places(context, sites, year, rng)
    columns |= _officers(drawn, context, rng)
    columns["suspect_height_inches"] = _heights(drawn.texts("suspect_height_inches"), year)
    columns |= _free_texts(drawn, columns, year, rng)
    columns["record_status"] = np.full(rows, "APP", dtype=object)
    columns["activity_log_reviewed"] = np.where(columns["activity_log_reviewed"] == "N", "N", "Y").astype(object)
    for name, width in _WIDTHS[model_year(year)].items():
        columns[name] = _mapped(columns[name], lambda text, width=width: text[:width].rstrip(" ,"))
    for name, texts in columns.items():
        nothing = texts == NULL
        if nothing.any():
            columns[name] = np.where(nothing, spell_nothing(year, name, rng, rows), texts)
    return columns


def _mapped(texts: Texts, change: Any) -> Texts:
    """Return the texts changed, each different one once; `NULL` stays."""
    changed = {text: text if text == NULL else change(text) for text in set(texts.tolist())}
    return np.array([changed[text] for text in texts], dtype=object)


def _calendar(drawn: Drawn, context: Context, year: int, rng: np.random.Generator) -> Columns:
    minutes = pick_text(load_aggregates()["minutes"], carry(rng.random(len(context.follows)), context.follows))
    clock = [(int(hour), int(minute)) for hour, minute in zip(drawn.texts("hour"), minutes, strict=True)]
    days = context.days.tolist()
    if year == 2017:
        dates = [day.isoformat() for day in days]
        times = [f"{(hour + 11) % 12 + 1}:{minute:02d}:00 {'AM' if hour < 12 else 'PM'}" for hour, minute in clock]
    elif year < 2020:
        dates = [f"{day.month}/{day.day}/{day.year}" for day in days]
        times = [f"{hour}:{minute:02d}:00" for hour, minute in clock]
    else:
        dates = [day.isoformat() for day in days]
        times = [f"{hour:02d}:{minute:02d}:00" for hour, minute in clock]
    return {
        "stop_id": context.identifiers,
        "stop_date": np.array(dates, dtype=object),
        "stop_time_seconds": np.array(times, dtype=object),
        "year": np.full(len(days), str(year), dtype=object),
        "month": np.array([_MONTHS[day.month - 1] for day in days], dtype=object),
        "weekday": np.array([_WEEKDAYS[day.weekday()] for day in days], dtype=object),
    }


_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def calendar_weights(year: int) -> tuple[list[dt.date], NDArray[np.float64]]:
    """Return the days of a year and how likely a stop is on each: share of the month times that of the weekday."""
    table = load_aggregates()
    months, weekdays = table["months"][model_year(year)], table["weekdays"][model_year(year)]
    days = [
        dt.date(year, 1, 1) + dt.timedelta(days=n) for n in range((dt.date(year + 1, 1, 1) - dt.date(year, 1, 1)).days)
    ]
    lengths = np.bincount([day.month for day in days], minlength=13)
    weights = [months[_MONTHS[d.month - 1]] / lengths[d.month] * weekdays[_WEEKDAYS[d.weekday()]] for d in days]
    return days, np.array(weights)


def _marks(drawn: Drawn, rng: np.random.Generator) -> Columns:
    """Return reason-style flags: a letter, or nothing for no."""
    prefixes = ("background_", "action_", "force_", "search_basis_")
    columns = {
        name: np.where(drawn.texts(name) == "Y", _MARKS.get(name, "Y"), NULL).astype(object)
        for name in drawn.classes
        if name.startswith(prefixes) or name in _MARKS
    }
    unreported = ~drawn.is_yes("weapon_found") & (rng.random(len(drawn.follows)) < _UNREPORTED_WEAPONS)
    kinds = np.where(unreported, "K", drawn.texts("weapon_kinds"))
    for name, letter in _WEAPONS.items():
        columns[name] = np.array(["Y" if letter in kind else NULL for kind in kinds], dtype=object)
    return columns


def _categories(drawn: Drawn, year: int) -> Columns:
    crimes = _mapped(drawn.texts("suspected_crime"), lambda text: _CRIMES.get(text, text))
    offenses = _mapped(drawn.texts("arrest_offense"), lambda text: _CRIMES.get(text, text))
    races = _RACES[model_year(year)]
    descriptions = _JURISDICTIONS | ({"A": "Other"} if year == 2017 else {})
    return {
        "initiated_by": _mapped(drawn.texts("initiated_by"), _INITIATED.__getitem__),
        "suspected_crime": crimes,
        "arrest_offense": np.where(offenses == "SAME", crimes, offenses),
        "summons_offense": _mapped(drawn.texts("summons_offense"), lambda text: _SUMMONS_OFFENSES.get(text, text)),
        "suspect_race": _mapped(drawn.texts("suspect_race"), lambda text: races.get(text, text)),
        "jurisdiction_description": _mapped(drawn.texts("jurisdiction"), descriptions.__getitem__),
    }


def _exact(drawn: Drawn, name: str, band: str, rng: np.random.Generator) -> Texts:
    """Return whole numbers within the drawn bands, by the counts of the exact numbers."""
    levels = drawn.texts(band)
    uniforms = rng.random(len(levels))
    # Persons of one encounter share its durations, not their age and weight.
    if name.endswith("minutes"):
        uniforms = carry(uniforms, drawn.follows & np.append(False, levels[1:] == levels[:-1]))
    values = levels.copy()
    tables = load_aggregates()["exact"][name]
    for level in drawn.classes[band]:
        rows = levels == level
        if level in tables:
            values[rows] = pick_text(tables[level], uniforms[rows])
        elif level != NULL:
            # A band so rare that no exact number is published: quarters of an hour from an hour on.
            values[rows] = [str(int(level) + 14 + 15 * int(u * 8)) for u in uniforms[rows]]
    return values


def _heights(texts: Texts, year: int) -> Texts:
    """Return feet.inches: two decimals in 2017, the shortest number later."""
    return _mapped(texts, lambda text: f"{float(text):.2f}") if year == 2017 else texts


def _officers(drawn: Drawn, context: Context, rng: np.random.Generator) -> Columns:
    tables = load_aggregates()["commands"]
    kinds = drawn.texts("command_kind")
    boroughs = drawn.texts("patrol_borough")
    rows = len(kinds)
    issuing = context.home.copy()
    uniforms = carry(rng.random(rows), drawn.follows)
    for kind, by_borough in tables.items():
        for borough in (*by_borough, NULL):
            chosen = (kinds == kind) & (boroughs == borough)
            issuing[chosen] = pick_text(by_borough.get(borough, by_borough["*"]), uniforms[chosen])
        left = (kinds == kind) & ~np.isin(boroughs.astype(str), [*by_borough, NULL])
        issuing[left] = pick_text(by_borough["*"], uniforms[left])
    others = pick_text(tables["precinct"]["*"], carry(rng.random(rows), drawn.follows))
    return {
        "issuing_officer_command": issuing,
        "supervising_officer_command": np.where(drawn.is_yes("supervised_by_own_command"), issuing, others),
    }


def _places(context: Context, sites: Sites, year: int, rng: np.random.Generator) -> Columns:
    table = load_aggregates()
    rows = len(context.follows)
    lookup = {precinct: place for place, precinct in enumerate(sites.precincts)}
    where = np.array([lookup[precinct] for precinct in context.home], dtype=np.int64)
    site = carry(choose_sites(rng.random(rows)), context.follows)
    streets = _streets(year)
    addresses = [
        f"{streets[first]} && {streets[second]}" if second >= 0 else f"{house} {streets[first]}"
        for first, second, house in zip(
            sites.street[where, site].tolist(), sites.crossing[where, site].tolist(),
            sites.house[where, site].tolist(), strict=True,
        )
    ]  # fmt: skip
    known = context.precinct != NULL
    form = "{}.00" if year == 2017 else "{}"
    facts = [table["places"][precinct] for precinct in context.home]
    letters = table["texts"]["sector"][model_year(year)]
    # In 2017 a sector is missing where the whole place is, which is drawn with the precinct.
    letters = {text: count for text, count in letters.items() if year > 2017 or text.isalpha()}
    sectors = pick_text(letters, sites.sector_rank[where, site])
    has_zip = rng.random(rows) < (1 - _null_share(year, "zip_code"))
    borough = [row[1][:9] if year == 2017 else row[1] for row in facts]
    columns = {
        "precinct": context.home,
        "sector": sectors,
        "x_feet": np.array([form.format(feet) for feet in sites.x[where, site].tolist()], dtype=object),
        "y_feet": np.array([form.format(feet) for feet in sites.y[where, site].tolist()], dtype=object),
        "patrol_borough": np.array([row[0] for row in facts], dtype=object),
        "borough": np.array(borough, dtype=object),
        "zip_code": np.where(has_zip, [row[2] or NULL for row in facts], NULL).astype(object),
    }
    columns = {name: np.where(known, texts, NULL).astype(object) for name, texts in columns.items()}
    columns["full_address"] = np.array(addresses, dtype=object)
    columns["street_name"] = np.array([streets[n] for n in sites.street[where, site].tolist()], dtype=object)
    columns["premises_name"] = np.full(rows, NULL, dtype=object)
    return columns


def _streets(year: int) -> list[str]:
    """Return the street names as a year writes them: words in full before 2020, abbreviated from then on."""
    if year < 2020:
        return list(STREETS)
    words = [street.rsplit(" ", 1) for street in STREETS]
    return [f"{name} {_ABBREVIATIONS[kind]}" for name, kind in words]


def _null_share(year: int, name: str) -> float:
    table = load_aggregates()
    return sum(table["nulls"][model_year(year)].get(name, {}).values()) / table["rows"][model_year(year)]


def _free_texts(drawn: Drawn, columns: Columns, year: int, rng: np.random.Generator) -> Columns:
    """Return free texts from a few common words."""
    table = load_aggregates()
    rows = len(drawn.follows)

    def worded(name: str, missing: NDArray[np.bool_]) -> Texts:
        words = pick_text(table["words"][name], rng.random(rows))
        return np.where(missing, NULL, words).astype(object)

    codes = pick_text(table["texts"]["demeanor_code"][model_year(year)], carry(rng.random(rows), drawn.follows))
    uncoded = np.isin(codes.astype(str), ["", "N/A"])
    missing = uncoded if year in {2018, 2019} else rng.random(rows) < _null_share(year, "demeanor")
    demeanor = worded("demeanor", missing)
    if year == 2017:
        demeanor = np.where(codes == "CM", columns["suspected_crime"], demeanor)
    reasons = pick_text(_REASONS, rng.random(rows))
    return {
        "demeanor_code": codes,
        "demeanor": demeanor,
        "officer_not_explained_reason": np.where(drawn.is_yes("officer_explained_stop"), NULL, reasons).astype(object),
        "suspect_other_description": worded(
            "suspect_other_description", rng.random(rows) < _null_share(year, "suspect_other_description")
        ),
        "apartment": worded("apartment", rng.random(rows) < _null_share(year, "apartment")),
    }


__all__ = ["NUMBERS", "Columns", "Context", "Texts", "calendar_weights", "header", "pick", "render", "spell_nothing"]
