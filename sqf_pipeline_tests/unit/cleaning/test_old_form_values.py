"""What the old form writes in its own way: codes, dates, times, flags, heights, stars; and garbage in their place."""

from itertools import product

import pandas as pd
import pytest

from sqf_pipeline.cleaning.clean_stops import CleanedStops, clean_stops
from sqf_pipeline.registry.columns import column
from sqf_pipeline.registry.forms.published_forms import forms, normalise_name
from sqf_pipeline.year_checks.loss_limits import loss_findings
from sqf_pipeline_tests.unit.ingest.published import raw_stops
from sqf_pipeline_tests.unit.ingest.published_old_form import FLAGS, raw_old_stops

OLD = forms()["OLD"]


def cleaned(*changes: dict[str, str], year: int = 2014) -> CleanedStops:
    return clean_stops(raw_old_stops(*changes, year=year), year)


def values(name: str, *changes: dict[str, str], year: int = 2014) -> list:
    found = cleaned(*changes, year=year).stops[name]
    return [None if missing else value for value, missing in zip(found.tolist(), found.isna(), strict=True)]


def rows_of(found: CleanedStops, name: str, rule: str) -> int:
    quality = found.quality
    return int(quality.loc[(quality["column_name"] == name) & (quality["rule"] == rule), "rows"].sum())


@pytest.mark.parametrize("year", [2004, 2014])
def test_every_day_of_a_year_means_one_day_however_it_is_written(year: int):
    days = pd.date_range(f"{year}-01-01", f"{year}-12-31")
    styles = (
        lambda day: f"{day:%m%d%Y}", lambda day: f"{day.month}{day:%d%Y}", lambda day: f"{day.month:>2}{day:%d%Y}",
        lambda day: f"{day.month}{day:%d%Y}.0", lambda day: f"{day:%Y-%m-%d}",
    )  # fmt: skip
    for style in styles:
        assert values("stop_date", *({"datestop": style(day)} for day in days[::9]), year=year) == list(days[::9])
    mixed = [styles[place % 5](day) for place, day in enumerate(days)]
    assert values("stop_date", *({"datestop": text} for text in mixed), year=year) == list(days)


def test_a_day_that_is_none_is_lost_and_counted():
    """Of five digits it is what a spreadsheet counts days by, and then of another year."""
    texts = (
        "13012014", "2302014", "02302014", "0012014", "1002014", "12014", "112014", "101201", "99999999", "JAN 2014",
    )  # fmt: skip
    found = cleaned(*({"datestop": text} for text in texts), {})
    assert found.stops["stop_date"].isna().tolist() == [*[True] * len(texts), False]
    assert rows_of(found, "stop_date", "unreadable") + rows_of(found, "stop_date", "outside_year") == len(texts)


def test_the_last_day_of_1900_is_no_date_and_no_loss():
    texts = ("12311900", "1900-12-31", "12311900.0")
    found = cleaned(*({"datestop": text} for text in texts), {})
    assert found.stops["stop_date"].isna().tolist() == [True, True, True, False]
    loss = found.loss.set_index("column_name").loc["stop_date", ["empty", "unreadable", "implausible"]]
    assert loss.tolist() == [3, 0, 0]


def test_every_minute_of_a_day_is_read_with_or_without_zeros():
    clocks = [(hour, minute) for hour in range(24) for minute in range(60)]
    styles = ("{}", "{:04}", "{:>4}")
    written = [styles[place % 3].format(hour * 100 + minute) for place, (hour, minute) in enumerate(clocks)]
    found = values("stop_time_seconds", *({"timestop": text} for text in written))
    assert found == [hour * 3600 + minute * 60 for hour, minute in clocks]


def test_a_time_that_is_none_is_unreadable():
    found = cleaned(*({"timestop": text} for text in ("2400", "2755", "2830", "1060", "99999", "-5", "noon", "1904")))
    assert found.stops["stop_time_seconds"].isna().tolist() == [True] * 7 + [False]
    assert rows_of(found, "stop_time_seconds", "unreadable") == 7


def test_every_height_is_its_feet_and_inches():
    heights = [(feet, inches) for feet in range(3, 8) for inches in range(12)]
    changes = [
        {"ht_feet": str(feet), "ht_inch": text.format(inches)} for feet, inches in heights for text in ("{}", "{:>2}")
    ]
    found = cleaned(*changes)
    known = [feet * 12 + inches if feet * 12 + inches <= 90 else None for feet, inches in heights for _ in range(2)]
    assert values("suspect_height_inches", *changes) == known
    assert rows_of(found, "suspect_height_inches", "ambiguous_height") == 0


def test_every_mark_is_set_by_y_or_1_and_by_nothing_else():
    written = ["Y", "N", "1", " ", "", "0", "1.0", "y"]
    stops = cleaned(*(dict.fromkeys(FLAGS, text) for text in written)).stops
    marks = [name for flag in FLAGS if (name := OLD.by_published_name[normalise_name(flag)]) in stops]
    assert len(marks) == 42, "of 48, four kinds of firearm and two ways to draw one are made into one each"
    expected = [text in {"Y", "1", "1.0", "y"} for text in written]
    for name in [*marks, "firearm_found", "force_firearm_drawn"]:
        assert stops[name].tolist() == expected, name


WEAPONS = ("pistol", "riflshot", "asltweap", "machgun", "knifcuti", "othrweap")


def test_a_weapon_is_any_of_six_and_a_firearm_any_of_four():
    written = list(product(["Y", "N", "1", " "], repeat=6))
    stops = cleaned(*(dict(zip(WEAPONS, marks, strict=True)) for marks in written)).stops
    yes = [[mark in {"Y", "1"} for mark in marks] for marks in written]
    assert stops["weapon_found"].tolist() == [any(marks) for marks in yes]
    assert stops["firearm_found"].tolist() == [any(marks[:4]) for marks in yes]


def test_an_officer_out_of_uniform_is_marked_by_a_letter_of_its_own_or_by_y():
    letters = {"officrid": "I", "offverb": "V", "offshld": "S"}
    stops = cleaned(
        letters, dict.fromkeys(letters, "Y"), dict.fromkeys(letters, " "), dict.fromkeys(letters, "N")
    ).stops
    for name in letters:
        assert stops[OLD.by_published_name[name.upper()]].tolist() == [True, True, False, False], name


def test_a_uniform_that_is_neither_yes_nor_no_is_unknown():
    assert values("officer_in_uniform", {"offunif": "M"}, {}) == [None, True]


def test_every_code_means_its_category_with_any_padding():
    changes: list[dict[str, str]] = [{}]
    expected: list[tuple[str, str, str | None]] = []
    for name in sorted(set(OLD.codes) - {"weapon_found", "stop_date"}):
        source = OLD.sources(name)[-1].published_names[0]
        for code, category in OLD.codes[name].items():
            spellings = [code, f" {code} ", code.lower(), *([f"{code:0>3}", f"{code}.0"] if code.isdigit() else [])]
            for text in spellings if code else []:
                changes.append({source: text, **({"city": " "} if name == "borough" else {})})
                expected.append((name, text, (category or None) if column(name).kind == "category" else None))
    assert len({name for name, *_ in expected}) == len(OLD.codes) - 2
    stops = cleaned(*changes).stops.iloc[1:]
    found = [(name, text, stops[name].iloc[row]) for row, (name, text, _) in enumerate(expected)]
    assert [(name, text, None if pd.isna(value) else value) for name, text, value in found] == expected


def test_one_code_in_two_columns_and_two_codes_that_are_easily_swapped():
    stop = cleaned({"haircolr": "BL", "eyecolor": "BL"}).stops.iloc[0]
    assert (stop["suspect_hair_color"], stop["suspect_eye_color"]) == ("BLN", "BLU")
    assert values("suspect_race", {"race": "P"}, {"race": "Q"}) == ["BLACK HISPANIC", "WHITE HISPANIC"]


def test_a_code_that_nobody_knows_gets_no_known_category():
    texts = ("114", "0", "-1", "20.5", "MALE", "3052014", "Q?")
    found = cleaned(*({"detailCM": text} for text in texts), {})
    *unknown, known = found.stops["suspected_crime"]
    assert not {*unknown} & {*OLD.codes["suspected_crime"].values()}
    assert known in OLD.codes["suspected_crime"].values()
    assert rows_of(found, "suspected_crime", "misplaced") == len(texts)


def test_an_empty_place_means_patrol_in_the_old_form_and_nothing_in_the_new():
    found = cleaned({"trhsloc": " "}, {"trhsloc": "H"}, {"trhsloc": "T"}, year=2008)
    assert found.stops["jurisdiction"].tolist() == ["P", "H", "T"]
    assert found.stops["jurisdiction_description"].tolist() == ["PSB", "HOUSING", "TRANSIT"]
    assert found.loss.set_index("column_name").loc["jurisdiction", "empty"] == 1
    assert clean_stops(raw_stops({"jurisdiction": " "}), 2018).stops["jurisdiction"].isna().all()


def test_stars_are_a_number_too_wide_for_its_field():
    found = cleaned(*(dict.fromkeys(("age", "perstop", "weight", "addrnum"), "*" * wide) for wide in (1, 2, 3)), {})
    for name in ("suspect_age", "stop_duration_minutes", "suspect_weight_pounds"):
        assert rows_of(found, name, "too_wide") == 3
        assert found.stops[name].isna().tolist() == [True, True, True, False]
        assert found.loss.set_index("column_name").loc[name, ["empty", "unreadable"]].tolist() == [0, 3]
    assert found.stops["full_address"].tolist() == ["MADE UP STREET"] * 3 + ["1 MADE UP STREET"]


def test_stars_of_the_new_form_stay_what_they_were():
    found = clean_stops(raw_stops({"suspect_age": "**", "full_address": "*** PARK"}), 2018)
    assert rows_of(found, "suspect_age", "unreadable") == 1
    assert found.stops["full_address"].tolist() == ["*** PARK"]


def test_ninety_nine_is_no_age():
    found = cleaned(*({"age": text} for text in ("99", "099", " 99", "999", "99.0", "98")))
    assert found.stops["suspect_age"].isna().tolist() == [True] * 5 + [False]
    assert rows_of(found, "suspect_age", "coded_unknown") == 5
    assert clean_stops(raw_stops({"suspect_age": "99"}), 2018).stops["suspect_age"].tolist() == [99]


def test_fractions_of_a_minute_are_rounded_a_half_up_and_counted():
    minutes = {"0.01": 0, "0.50": 1, ".00": 0, "  5": 5, "1.49": 1, "2.0": 2}
    found = cleaned(*({"perobs": text} for text in minutes))
    assert found.stops["observed_duration_minutes"].tolist() == list(minutes.values())
    assert rows_of(found, "observed_duration_minutes", "rounded") == 3  # 0.01, 0.50 and 1.49


def test_an_address_is_the_house_or_the_crossing():
    crossing = {"addrnum": " ", "stname": " "}
    changes = [
        {},
        crossing,
        crossing | {"crossst": " "},
        crossing | {"stinter": " ", "crossst": " "},
        {"addrnum": "N/A"},
    ]
    assert values("full_address", *changes) == [
        "1 MADE UP STREET", "MADE UP STREET && INVENTED AVENUE", "MADE UP STREET", None, "MADE UP STREET",
    ]  # fmt: skip
    assert values("street_name", *changes) == ["MADE UP STREET"] * 3 + [None, "MADE UP STREET"]


def test_words_for_nothing_in_free_text_are_nothing():
    found = cleaned(*({"othfeatr": text, "crimsusp": text} for text in ("N/A", "NA", "n/a", " "))).stops
    assert found[["suspect_other_description", "suspected_crime_text"]].isna().all(axis=None)


# Garbage of the whole kind: what the new form refuses, the old refuses too.


def red(*changes: dict[str, str]) -> list[str]:
    found = cleaned(*changes)
    return [one.text for one in loss_findings(found.loss, None, OLD) if one.severity == "red"]


@pytest.mark.parametrize("name", ["arstmade", "sumissue"])
@pytest.mark.parametrize("word", ["maybe", "Z", "17"])
def test_a_year_with_no_readable_outcome_is_red(name: str, word: str):
    assert len(red(*[{name: word}] * 40)) == 1


@pytest.mark.parametrize("word", [" ", "NA", "N/A"])
def test_a_year_of_empty_outcomes_is_red(word: str):
    (told,) = red(*[{"arstmade": word}] * 40)
    assert "every one of 40 cells is empty" in told


@pytest.mark.parametrize(
    ("name", "text", "ours"),
    [
        *((name, "perhaps", "weapon_found") for name in WEAPONS),
        ("ht_feet", "tall", "suspect_height_inches"), ("ht_inch", "**", "suspect_height_inches"),
        ("age", "old", "suspect_age"), ("age", "**", "suspect_age"), ("perobs", "a while", "observed_duration_minutes"),
        ("datestop", "yesterday", "stop_date"), ("timestop", "2575", "stop_time_seconds"), ("pct", "xx", "precinct"),
        ("sex", "17", "suspect_sex"), ("race", "17", "suspect_race"), ("radio", "17", "initiated_by"),
        ("detailCM", "3052014", "suspected_crime"), ("xcoord", "-73", "x_feet"),
    ],
)  # fmt: skip
def test_a_column_of_garbage_is_red(name: str, text: str, ours: str):
    told = red(*[{name: text}] * 3, *[{}] * 37)
    assert [text for text in told if text.startswith(f"{ours}:")]


def test_all_weapon_boxes_empty_in_every_row_is_no_year_without_weapons():
    (told,) = red(*[dict.fromkeys(WEAPONS, " ")] * 40)
    assert told.startswith("weapon_found: every one of 40 cells is empty")


def test_good_stops_are_not_told_of():
    assert loss_findings(cleaned(*[{}] * 40).loss, None, OLD) == []


def test_slips_of_the_list_of_crimes_are_read_as_what_officers_meant():
    """The officers' own words name trespass and weapons where 17, 21 and 72 stand; 86 stays what the list says."""
    found = values(
        "suspected_crime", *({"detailCM": code} for code in ("17", "31", "21", "20", "72", "86", "90", "111"))
    )
    assert found == ["CRIMINAL TRESPASS"] * 2 + ["CPW"] * 3 + ["OTHER", "RAPE", "ASSAULT"]
