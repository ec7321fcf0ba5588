"""Windows whose years have different forms: the columns their models may use, and what is left out."""

import csv
from importlib import resources

import pytest

from sqf_pipeline.modelling.experiments import (
    imbalance_experiments,
    plain_experiments,
    served_experiments,
    tier_experiments,
    within_forms,
)
from sqf_pipeline.modelling.feature_sets import (
    KNOWN_BY_TIER,
    FeatureSetError,
    feature_set,
    feature_sets,
    is_usable,
)
from sqf_pipeline.registry.forms.published_forms import form_breaks, forms_of_years

BOTH = ("NEW", "OLD")


def rows_of(folder: str, table: str) -> list[dict[str, str]]:
    text = resources.files(folder).joinpath(table).read_text("utf-8")
    return list(csv.DictReader(text.splitlines()))


@pytest.mark.parametrize("tier", ["at_stop", "during"])
def test_a_model_across_forms_uses_what_means_the_same_or_nearly_in_both_and_all_of_it(tier):
    later = {row["column"] for row in rows_of("sqf_pipeline.registry.forms", "old_form.csv") if row["known"]}
    expected = {
        row["name"]
        for row in rows_of("sqf_pipeline.registry", "columns.csv")
        if row["feature"] == "yes"
        and row["known"] in KNOWN_BY_TIER[tier]
        and row["comparable"] in {"same", "close"}
        and row["name"] not in later
    }
    assert set(feature_set(tier, BOTH).columns) == expected
    assert {"suspect_age", "precinct", "suspected_crime"} <= expected
    assert expected.isdisjoint(
        {"issuing_officer_rank", "action_other", "search_basis_other", "action_concealed_weapon"}
    )


@pytest.mark.parametrize("tier", ["at_stop", "during"])
def test_what_is_known_only_later_in_the_old_form_is_in_no_set_of_old_years(tier):
    """In the old form `sb_other` holds arrests, and the `rf_` boxes are ticked for the frisked alone."""
    for forms in (BOTH, ("OLD",)):
        columns = set(feature_set(tier, forms).columns)
        assert "search_basis_other" not in columns
        assert not [name for name in columns if name.startswith("frisk_basis_")]


@pytest.mark.parametrize("name", sorted(feature_sets()))
def test_years_of_the_form_in_use_have_the_sets_as_they_are(name):
    assert feature_set(name) == feature_set(name, ("NEW",)) == feature_sets()[name]


def test_the_studys_columns_are_all_there_or_the_set_is_refused():
    assert not is_usable("study_2021", BOTH)
    assert is_usable("study_2021_twelve", BOTH)
    with pytest.raises(FeatureSetError, match=r"issuing_officer_rank .* not in all of them"):
        feature_set("study_2021_binned", ("OLD",))


def test_experiments_stay_where_their_columns_are_and_one_sentence_says_why_others_do_not():
    possible, told = within_forms([*plain_experiments(), *imbalance_experiments()], BOTH)
    assert possible == []
    assert told.count("issuing_officer_rank") == 1
    every = [*tier_experiments(), *served_experiments(dict.fromkeys(
        ((outcome, tier) for outcome in ("arrest", "summons") for tier in ("during", "at_stop")), ("precinct",)
    ))]  # fmt: skip
    possible, _ = within_forms(every, BOTH)
    assert [one.name for one in possible] == [one.name for one in every if one.feature_set != "study_2021"]
    possible, told = within_forms(every, ("NEW",))
    assert (possible, told) == (every, "")


@pytest.mark.parametrize(
    ("years", "forms"), [([2003, 2016], ("OLD",)), ([2016, 2017], BOTH), ([2014, 2020], BOTH), ([2031], ("NEW",))]
)
def test_forms_of_years(years, forms):
    assert forms_of_years(years) == forms


def test_there_are_three_breaks():
    assert [day for day, _ in form_breaks()] == ["2015-07-01", "2016-06-28", "2017-01-01"]
