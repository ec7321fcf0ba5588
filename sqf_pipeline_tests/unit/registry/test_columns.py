"""The registry of columns."""

from typing import get_args

import pytest

from sqf_pipeline.registry.columns import Column, Known, column, load_columns
from sqf_pipeline.registry.csv_tables import read_rows, records
from sqf_pipeline.registry.forms.published_forms import NEW_FORM, Form, forms, normalise_name
from sqf_pipeline.registry.kinds import DTYPES
from sqf_pipeline.registry.spellings import categories_by_spelling, known_categories, normalise_text, null_spellings

NEVER = {"outcome_made", "outcome", "record"}


def test_every_row_of_the_registry_is_whole():
    entries = load_columns()
    assert len({entry.name for entry in entries}) == len(entries)
    for entry in entries:
        assert entry.kind in DTYPES
        assert entry.known in get_args(Known)
        assert entry.description.endswith(".")
        assert entry.minimum is None or entry.maximum is None or entry.minimum < entry.maximum


@pytest.mark.parametrize("form", forms().values(), ids=lambda form: form.name)
def test_a_published_name_belongs_to_one_column(form: Form):
    names = [normalise_name(name) for field in form.fields for name in field.published_names]
    assert len(names) == len(set(names)) == len(form.by_published_name)


def test_case_spaces_and_underscores_do_not_matter():
    known = forms()[NEW_FORM].by_published_name
    assert known[normalise_name("Stop Frisk Time")] == known[normalise_name("STOP_FRISK_TIME")] == "stop_time_seconds"


def test_outcomes_and_what_they_make_are_no_features():
    assert not [entry.name for entry in load_columns() if entry.feature and entry.known in NEVER]
    assert column("search_basis_incidental_to_arrest").known == "outcome_made"


def test_when_a_description_becomes_known_is_as_measured():
    by_known = {known: {entry.name for entry in load_columns() if entry.known == known} for known in get_args(Known)}
    assert by_known["value_at_stop"] == {"suspect_age", "suspect_sex", "suspect_race"}
    assert by_known["completed"] == {
        "suspect_height_inches", "suspect_weight_pounds", "suspect_build", "suspect_eye_color", "suspect_hair_color",
        "supervising_officer_rank", "supervising_officer_command", "id_card_identifies_officer",
        "shield_identifies_officer", "verbal_identifies_officer",
    }  # fmt: skip
    assert {"background_violent_crime", "background_carries_weapon"} <= by_known["during"]


def test_the_vocabulary_speaks_of_columns_that_exist_and_in_normal_spelling():
    for entry in load_columns():
        for spelling, category in categories_by_spelling(entry.name).items():
            assert entry.kind == "category" or (entry.kind == "mark" and category == "Y")
            assert normalise_text(spelling) == spelling
            assert category not in null_spellings() or category == ""


@pytest.mark.parametrize("name", ["suspect_race", "borough", "suspect_sex"])
def test_a_category_is_its_own_spelling(name: str):
    assert all(categories_by_spelling(name)[category] == category for category in known_categories(name))


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("kind", "colour"),
        ("kind", ""),
        ("known", "later"),
        ("comparable", "nearly"),
        ("minimum", "low"),
        ("feature", "x"),
    ],
)
def test_a_cell_that_says_nothing_known_is_refused_by_name(cell, value):
    (row,) = [row for row in read_rows("sqf_pipeline.registry", "columns.csv") if row["name"] == "suspect_age"]
    row |= {"published_names": (), "required": True}
    assert records([row], Column)[0].feature
    with pytest.raises(ValueError, match=rf"0\.{cell}\n"):
        records([row | {cell: value}], Column)
