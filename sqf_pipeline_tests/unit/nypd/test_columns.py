"""The registry of columns."""

import pytest

from sqf_pipeline.nypd.cleaning import DTYPES
from sqf_pipeline.nypd.columns import column, load_columns, names_by_published, normalise_name
from sqf_pipeline.nypd.vocabulary import categories_by_spelling, known_categories, normalise_text, null_spellings


def test_every_row_of_the_registry_is_whole():
    entries = load_columns()
    assert len({entry.name for entry in entries}) == len(entries)
    for entry in entries:
        assert entry.kind in DTYPES
        assert entry.known in {"at_stop", "during", "outcome_made", "outcome", "record"}
        assert entry.description.endswith(".")
        assert entry.minimum is None or entry.maximum is None or entry.minimum < entry.maximum


def test_a_published_name_belongs_to_one_column():
    names = [normalise_name(name) for entry in load_columns() for name in entry.published_names]
    assert len(names) == len(set(names)) == len(names_by_published())


def test_case_spaces_and_underscores_do_not_matter():
    known = names_by_published()
    assert known[normalise_name("Stop Frisk Time")] == known[normalise_name("STOP_FRISK_TIME")] == "stop_time_seconds"


def test_outcomes_and_what_they_make_are_no_features():
    assert not [entry.name for entry in load_columns() if entry.feature and entry.known not in {"at_stop", "during"}]
    assert column("search_basis_incidental_to_arrest").known == "outcome_made"


def test_the_vocabulary_speaks_of_columns_that_exist_and_in_normal_spelling():
    for entry in load_columns():
        for spelling, category in categories_by_spelling(entry.name).items():
            assert entry.kind == "category" or (entry.kind == "mark" and category == "Y")
            assert normalise_text(spelling) == spelling
            assert category not in null_spellings() or category == ""


@pytest.mark.parametrize("name", ["suspect_race", "borough", "suspect_sex"])
def test_a_category_is_its_own_spelling(name: str):
    assert all(categories_by_spelling(name)[category] == category for category in known_categories(name))
