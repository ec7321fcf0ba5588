"""Which columns may stand in a feature set, and which are refused."""

import pytest

from sqf_pipeline.errors import SqfError
from sqf_pipeline.modelling.feature_sets import (
    STUDY_COLUMNS,
    FeatureSet,
    FeatureSetError,
    chosen_fields,
    feature_set,
    feature_sets,
)
from sqf_pipeline.registry.columns import column, load_columns
from sqf_pipeline.registry.outcomes import STUDY_TARGETS

OUTCOME_MADE = [entry.name for entry in load_columns() if entry.known == "outcome_made"]


def set_of(*columns: str, tier: str = "during") -> FeatureSet:
    return FeatureSet(name="mine", tier=tier, columns=columns, description="For a test.")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", OUTCOME_MADE)
@pytest.mark.parametrize("tier", ["study", "during", "at_stop"])
def test_a_column_made_by_an_outcome_cannot_enter_any_set(name: str, tier: str) -> None:
    with pytest.raises(FeatureSetError, match="because of the outcome"):
        set_of("suspect_age", name, tier=tier)


def test_there_are_columns_made_by_an_outcome() -> None:
    assert "search_basis_incidental_to_arrest" in OUTCOME_MADE


@pytest.mark.parametrize("name", OUTCOME_MADE)
def test_chosen_fields_are_held_to_the_same_rule(name: str) -> None:
    with pytest.raises(FeatureSetError):
        chosen_fields("twelve", "during", "arrest", ["suspect_age", name])


@pytest.mark.parametrize("name", ["arrested", "summons_issued"])
def test_an_outcome_is_no_column_of_a_set(name: str) -> None:
    with pytest.raises(FeatureSetError, match="an outcome"):
        set_of(name)


def test_the_rival_outcome_is_refused_outside_the_study() -> None:
    with pytest.raises(FeatureSetError, match="rival outcome"):
        FeatureSet(name="mine", tier="during", columns=("suspect_age",), description="", rival_outcome=True)


def test_the_target_itself_is_refused_even_in_the_study() -> None:
    with pytest.raises(FeatureSetError, match="an outcome"):
        chosen_fields("twelve", "study", "arrest", ["suspect_age", "arrested"])


@pytest.mark.parametrize("name", ["year", "demeanor", "stop_date"])
def test_what_the_registry_marks_as_no_feature_is_refused(name: str) -> None:
    with pytest.raises(FeatureSetError, match="no feature"):
        set_of(name)


def test_a_search_is_not_known_at_the_stop() -> None:
    with pytest.raises(FeatureSetError, match="during the encounter"):
        set_of("searched", tier="at_stop")


@pytest.mark.parametrize("name", [entry.name for entry in load_columns() if entry.known == "completed"])
def test_what_is_completed_with_the_outcome_is_not_known_at_the_stop(name: str) -> None:
    with pytest.raises(FeatureSetError, match="completed, after the outcome"):
        set_of(name, tier="at_stop")
    assert name in feature_set("during").columns


def test_a_misspelled_column_is_told_with_names_like_it() -> None:
    with pytest.raises(SqfError, match="suspect_age"):
        set_of("suspect_aged")


def test_an_unknown_set_is_told_with_those_that_there_are() -> None:
    with pytest.raises(SqfError, match="at_stop"):
        feature_set("everything")


def test_tiers_hold_what_the_registry_says() -> None:
    during, at_stop = feature_set("during").columns, feature_set("at_stop").columns
    assert set(at_stop) < set(during)
    assert {column(name).known for name in at_stop} == {"at_stop", "value_at_stop"}
    assert {column(name).known for name in during} == {"at_stop", "value_at_stop", "completed", "during"}
    assert "year" not in during


def test_the_study_has_its_columns_and_the_rival_outcome() -> None:
    rivals = {"arrest": "summons_issued", "summons": "arrested"}
    assert set(rivals) == set(STUDY_TARGETS)
    for outcome, rival in rivals.items():
        columns = feature_set("study_2021").columns_for(outcome)
        assert set(columns) == {*STUDY_COLUMNS, rival}
        assert list(columns) == sorted(columns)
        assert STUDY_TARGETS[outcome] not in columns


def test_the_served_study_set_has_twelve_fields_an_outcome() -> None:
    served = feature_set("study_2021_twelve")
    assert {len(served.columns_for(outcome)) for outcome in STUDY_TARGETS} == {12}


def test_bins_are_of_columns_in_the_set() -> None:
    for entry in feature_sets().values():
        assert set(entry.bins) <= set(entry.columns)
