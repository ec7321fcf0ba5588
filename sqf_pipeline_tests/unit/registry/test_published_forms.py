"""The tables of the forms: whole, of one mind with the registry of columns, and read as they say."""

import csv
from collections import Counter
from importlib import resources

import pytest

from sqf_pipeline.cleaning.numerals import parse_flag
from sqf_pipeline.registry.columns import column, columns_by_name, load_columns, shared_columns
from sqf_pipeline.registry.forms.published_forms import Form, form_of_year, forms, normalise_name, paper_forms
from sqf_pipeline.registry.spellings import known_categories

OLD, NEW = forms()["OLD"], forms()["NEW"]
each_form = pytest.mark.parametrize("form", forms().values(), ids=lambda form: form.name)


@each_form
def test_a_form_speaks_of_columns_that_exist(form: Form):
    assert not form.columns - set(columns_by_name())
    assert len({field.column for field in form.fields}) == len(form.fields)
    for field in form.fields:
        assert bool(field.published_names) == (field.use in {"kept", "part", "left out"}), field
        assert bool(field.made_from) == (field.use == "made"), field
        assert field.use != "left out" or (field.note and not field.required), field
        assert not (field.use == "part" and field.column in columns_by_name()), field
        assert all(form.sources(field.column)), field
    made = {source.column for field in form.fields if field.use == "made" for source in form.sources(field.column)}
    assert {field.column for field in form.fields if field.use == "part"} <= made


@each_form
def test_every_column_of_the_registry_is_in_a_form_or_computed(form: Form):
    everywhere = frozenset().union(*(one.columns for one in forms().values()))
    assert set(columns_by_name()) - everywhere == {"longitude", "latitude", "form", "paper_form"}
    for entry in load_columns():
        had = {one.name for one in forms().values() if entry.name in one.columns}
        if entry.comparable in {"same", "close", "different"}:
            assert had in ({"OLD", "NEW"}, set()), entry.name
        assert (entry.comparable == "same") == (entry.usage_warning == ""), entry.name
        assert entry.usage_warning.endswith(".") or not entry.usage_warning


@each_form
def test_codes_give_what_their_column_can_hold(form: Form):
    for name, codes in form.codes.items():
        assert name in form.columns
        for category in codes.values():
            if column(name).kind == "flag" and category:
                assert parse_flag(category) is not None
        if column(name).kind == "category" and (known := known_categories(name)):
            # what the new form never says: its vocabulary stays as it is
            assert set(codes.values()) - set(known) - {""} <= {"OTHER", "NOT RADIO RUN", "Q", "T", "U"}


def test_no_code_stands_twice():
    text = resources.files("sqf_pipeline.registry.forms").joinpath("old_codes.csv").read_text(encoding="utf-8")
    counted = Counter((row["column"], row["code"]) for row in csv.DictReader(text.splitlines()))
    assert set(counted.values()) == {1}
    assert sorted(int(code) for code in OLD.codes["suspected_crime"]) == list(range(1, 114))


def test_the_years_and_days_of_forms():
    assert {form_of_year(year).name for year in range(2003, 2017)} == {"OLD"}
    assert {form_of_year(year).name for year in (2017, 2020, 2031)} == {"NEW"}
    with pytest.raises(KeyError):
        form_of_year(2002)
    assert [since for since, _ in paper_forms()] == ["2003-01-01", "2015-07-01", "2016-06-28"]


@pytest.mark.parametrize("name", ["pf_hands", "PF_HANDS", " Pf Hands ", "\ufeffpf_hands", "ï»¿pf_hands", "ï..pf_hands"])
def test_case_spaces_and_a_broken_byte_order_mark_do_not_matter(name: str):
    assert OLD.by_published_name[normalise_name(name)] == "force_hands"


def test_names_of_2006_and_mixed_case_are_the_same_columns():
    pairs = {
        "rescod": "rescode", "premtyp": "premtype", "prenam": "premname", "adrnum": "addrnum", "strname": "stname",
        "strintr": "stinter", "adrpct": "addrpct", "dettyp_c": "dettypCM", "details_": "detailcm",
    }  # fmt: skip
    for former, usual in pairs.items():
        assert OLD.by_published_name[normalise_name(former)] == OLD.by_published_name[normalise_name(usual)]


def test_what_tells_the_outcome_or_is_of_one_form_is_not_shared():
    both, old = shared_columns(["OLD", "NEW"]), shared_columns(["OLD"])
    assert {"month", "longitude", "form", "weapon_found", "suspected_crime"} <= set(both) <= set(old)
    assert not {"search_basis_other", "force_other", "sector", "issuing_officer_rank", "stop_id"} & set(both)
    assert not {"force_verbal_instruction", "force_restraint", "force_hands", "action_other"} & set(both)
    assert "search_basis_other" not in old, "an arrest follows 70 to 76 % of them"
    assert {"sector", "circumstance_report", "force_other"} <= set(old)
    assert "search_basis_other" in shared_columns(["NEW"])
    assert shared_columns(["NEW", "OLD", "NEW"]) == both
    with pytest.raises(KeyError):
        shared_columns(["OLDER"])


def test_no_column_of_the_old_form_alone_joins_the_feature_sets():
    assert not [name for name in OLD.columns - NEW.columns if column(name).feature]
    assert {column(name).known for name in OLD.columns if name.startswith("frisk_basis_")} == {"during"}
    assert column("arrest_offense_text").known == column("summons_offense_text").known == "outcome_made"
