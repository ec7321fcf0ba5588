"""Categories: one category however it is spelled, and nothing lost in silence."""

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqf_pipeline.cleaning.categories import (
    SHORTEST_BEGINNING,
    categories_by_letters,
    complete_category,
    letters_of,
    read_categories,
)
from sqf_pipeline.cleaning.clean_stops import clean_stops
from sqf_pipeline.registry.columns import column, load_columns
from sqf_pipeline.registry.spellings import categories_by_spelling, known_categories, normalise_text, null_spellings
from sqf_pipeline_tests.unit.ingest.published import raw_stops

CATEGORIES = [(entry.name, category) for entry in load_columns() for category in known_categories(entry.name)]
CATEGORIES = [(name, category) for name, category in CATEGORIES if column(name).kind == "category"]


def read(name: str, *texts: str):
    return read_categories(Counter(texts), column(name), 2018)


def rules(name: str, *texts: str) -> dict[str, int]:
    return {rule: rows for rule, rows, _ in read(name, *texts).findings if rows}


def test_no_two_categories_of_a_column_have_the_same_letters():
    for entry in load_columns():
        for spelling, category in categories_by_spelling(entry.name).items():
            assert categories_by_letters(entry.name)[letters_of(spelling)] == category, (entry.name, spelling)


@given(st.sampled_from(CATEGORIES), st.randoms(use_true_random=False))
def test_case_spaces_and_punctuation_make_no_difference(of: tuple[str, str], chance: random.Random):
    name, category = of
    text = "".join(
        chance.choice([f"{sign}", f" {sign}", f"{sign} ", f" {sign} ", " "]) if not sign.isalnum() else sign
        for sign in category
    )
    text = "".join(chance.choice([letter.upper(), letter.lower()]) for letter in text)
    spelling = normalise_text(f" {text} ")
    assert read(name, spelling).meant == {spelling: category}


@given(st.sampled_from(CATEGORIES), st.integers(8, 40))
def test_a_cut_category_is_completed_or_kept_but_never_another(of: tuple[str, str], letters: int):
    name, category = of
    cut = category[:letters].rstrip(" ,/")
    meant = read(name, cut).meant[cut]
    others = [other for other in known_categories(name) if other != category and other.startswith(cut[:8])]
    assert meant == category or (meant is not None and (others or len(cut) < SHORTEST_BEGINNING))


@pytest.mark.parametrize(
    ("name", "text", "category"),
    [
        ("suspect_race", "MIDDLE EASTERN", "MIDDLE EASTERN / SOUTHWEST ASIAN"),
        ("suspect_race", "AMERICAN INDIAN/ALASKA NATIVE", "AMERICAN INDIAN / ALASKAN NATIVE"),
        ("suspect_race", "ASIAN / PACIFIC ISL", "ASIAN / PACIFIC ISLANDER"),
        ("borough", "STATEN ISLAND SOUTH", "STATEN ISLAND"),
        ("suspected_crime", "GRAND LARCENY AUT", "GRAND LARCENY AUTO"),
    ],
)
def test_a_spelling_that_begins_or_continues_one_category_is_completed_and_counted(name: str, text: str, category: str):
    assert read(name, text).meant == {text: category}
    assert rules(name, text, text) == {"completed": 2}


@pytest.mark.parametrize(
    ("name", "text"),
    [("suspected_crime", "CRIMINAL"), ("suspected_crime", "GRAND LARC"), ("suspect_race", "ASIAN"),
     ("suspect_race", "BLACK AFRICAN")],
)  # fmt: skip
def test_what_could_be_two_categories_or_is_too_short_is_not_completed(name: str, text: str):
    assert complete_category(name, text) is None


@given(st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ /", min_size=3, max_size=30))
def test_a_word_that_nobody_knows_is_kept_or_belongs_to_another_column(text: str):
    text = " ".join(text.split())
    if text in null_spellings() or not letters_of(text).isalpha():
        return
    others = {letters_of(spelling) for entry in load_columns() for spelling in categories_by_spelling(entry.name)}
    meant = read("suspect_race", text).meant[text]
    assert meant or letters_of(text) in others | {"Y", "N", "YES", "NO"}


def test_a_new_category_is_kept_however_rare_and_told_by_name():
    cleaned = clean_stops(raw_stops({"suspect_race": "Martian"}, {"suspect_race": "MARTIAN"}, {}), 2018)
    assert cleaned.stops["suspect_race"].tolist() == ["MARTIAN", "MARTIAN", "WHITE"]
    told = cleaned.quality[cleaned.quality["column_name"] == "suspect_race"]
    assert told["rule"].tolist() == ["new_category"]
    assert "'MARTIAN' (2)" in told["description"].iloc[0]


@pytest.mark.parametrize(
    ("name", "text"),
    [("suspect_race", "MALE"), ("suspect_race", "M"), ("suspect_race", "Y"), ("suspect_race", "160"),
     ("suspect_build", "160"), ("suspect_build", "BRO"), ("sector", "1"), ("sector", "023"),
     ("suspect_sex", "39"), ("suspect_sex", "1.0"), ("suspect_race", "2018-03-05"),
     ("issuing_officer_rank", "MANHATTAN")],
)  # fmt: skip
def test_a_number_or_a_value_of_another_column_is_misplaced(name: str, text: str):
    cleaned = clean_stops(raw_stops({name: text}, {}), 2018)
    assert cleaned.stops[name].isna().tolist() == [True, False]
    loss = cleaned.loss.set_index("column_name").loc[name]
    assert (loss["unreadable"], loss["kept"]) == (1, 1)
    assert set(cleaned.quality.loc[cleaned.quality["column_name"] == name, "rule"]) - {"respelled"} == {"misplaced"}


@pytest.mark.parametrize(
    ("name", "text"),
    [("suspect_race", "OTHER"), ("sector", "T"), ("issuing_officer_rank", "PO"), ("suspect_eye_color", "BLN"),
     ("summons_offense", "ASSAULT"), ("suspect_sex", "NONBINARY"), ("suspect_sex", "X")],
)  # fmt: skip
def test_what_a_column_may_well_come_to_hold_is_kept(name: str, text: str):
    assert read(name, text).meant == {text: text}
    assert rules(name, text) == {"new_category": 1}


@pytest.mark.parametrize(
    "name", ["suspect_race", "suspect_sex", "suspect_build", "suspect_eye_color", "suspect_hair_color"]
)
def test_nypds_codes_for_unknown_are_missing(name: str):
    cleaned = clean_stops(raw_stops({name: "UNK"}), 2018)
    assert cleaned.stops[name].isna().all()
    loss = cleaned.loss.set_index("column_name").loc[name]
    assert (loss["empty"], loss["unreadable"]) == (1, 0)
