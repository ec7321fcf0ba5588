"""Every rule of the contracts rejects what it is there to reject."""

import pandas as pd
import pytest

from sqf_pipeline.cleaning.clean_stops import clean_stops
from sqf_pipeline.contracts.stop_contracts import (
    raw_stops_contract,
    stops_contract,
)
from sqf_pipeline.registry.columns import load_columns
from sqf_pipeline.registry.forms.published_forms import forms
from sqf_pipeline_tests.unit.contracts.failed_rules import failed_rules
from sqf_pipeline_tests.unit.ingest.published import raw_stops
from sqf_pipeline_tests.unit.ingest.published_old_form import raw_old_stops


@pytest.fixture(scope="module")
def good() -> pd.DataFrame:
    return clean_stops(raw_stops({}, {}, {}), 2018).stops


@pytest.fixture
def clean(good: pd.DataFrame) -> pd.DataFrame:
    """Return good stops that a test may spoil."""
    return good.copy()


def test_good_stops_pass(clean: pd.DataFrame):
    raw_stops_contract().validate(raw_stops({}, {}), lazy=True)
    stops_contract(years=(2018,), expected_rows=3).validate(clean, lazy=True)


def test_raw_rules():
    contract = raw_stops_contract()
    assert any(
        check == "id_is_unique_within_its_year" for _, check in failed_rules(contract, raw_stops({}, {"stop_id": "1"}))
    )
    for text in ("one", "0", "1.5", "2.02E+17", "-3"):
        failed = failed_rules(contract, raw_stops({"stop_id": text}))
        assert any(check == "id_is_a_whole_number" for _, check in failed), text
    same = [{"stop_id": "20200000000000000001"}, {"stop_id": "20,200,000,000,000,000,001.0"}]
    assert any(check == "id_is_unique_within_its_year" for _, check in failed_rules(contract, raw_stops(*same)))
    apart = [{"stop_id": "20200000000000000001"}, {"stop_id": "20200000000000000002"}]
    contract.validate(raw_stops(*apart), lazy=True)
    for dtype in ("int64", "category"):  # numbers are not what a file says, in whatever way they are held
        numbers = raw_stops().assign(suspect_age=pd.Series([25]).astype(dtype))
        assert any(check == "is_text" for _, check in failed_rules(contract, numbers))
    assert failed_rules(contract, raw_stops().drop(columns="arrested"))
    assert failed_rules(contract, raw_stops().assign(shoe_size="9"))
    assert any(check == "has_rows" for _, check in failed_rules(contract, raw_stops().iloc[:0]))


def test_raw_rules_of_the_old_form():
    contract = raw_stops_contract(forms()["OLD"])
    contract.validate(raw_old_stops({}, {}), lazy=True)
    same = raw_old_stops({"ser_num": "7"}, {"ser_num": "  7"})
    assert any(check == "id_is_unique_within_its_year" for _, check in failed_rules(contract, same))
    contract.validate(raw_old_stops({"ser_num": "7"}, {"ser_num": "7", "pct": "15"}), lazy=True)
    for text in ("one", "1.5", "-3"):
        failed = failed_rules(contract, raw_old_stops({"ser_num": text}))
        assert any(check == "id_is_a_whole_number" for _, check in failed), text
    assert failed_rules(contract, raw_old_stops().drop(columns="arrested"))
    assert failed_rules(contract, raw_old_stops().assign(issuing_officer_rank="POM")), "a column of the new form"
    assert failed_rules(contract, raw_old_stops().assign(form="NEW"))
    assert failed_rules(raw_stops_contract(), raw_old_stops())
    assert any(check == "has_rows" for _, check in failed_rules(contract, raw_old_stops().iloc[:0]))


def test_every_range_rejects(clean: pd.DataFrame):
    ranged = [entry for entry in load_columns() if entry.minimum is not None]
    for entry in ranged:
        clean.loc[0, entry.name] = entry.minimum - 1
    failed = {column for column, check in failed_rules(stops_contract(), clean) if "in_range" in check}
    assert failed == {entry.name for entry in ranged}


def test_every_category_rejects_a_second_spelling(clean: pd.DataFrame):
    categories = [entry.name for entry in load_columns() if entry.kind == "category"]
    clean.loc[0, categories] = " lower case "
    failed = {column for column, check in failed_rules(stops_contract(), clean) if check == "one_spelling"}
    assert failed == set(categories)


def test_key_rows_years_columns_and_place(clean: pd.DataFrame):
    assert any(
        check == "key_is_unique"
        for _, check in failed_rules(stops_contract(), pd.concat([clean, clean], ignore_index=True))
    )
    assert any("as_many_rows" in check for _, check in failed_rules(stops_contract(expected_rows=4), clean))
    assert any(
        "exactly_the_years" in check for _, check in failed_rules(stops_contract(years=(2017, 2018, 2019)), clean)
    )
    assert any("exactly_the_years" in check for _, check in failed_rules(stops_contract(years=(2020,)), clean))
    assert failed_rules(stops_contract(), clean.drop(columns="borough"))
    assert failed_rules(stops_contract(), clean.assign(shoe_size=9))
    assert failed_rules(stops_contract(), clean.astype({"suspect_age": "string"}).assign(suspect_age="old"))
    clean.loc[0, "longitude"] = pd.NA
    assert any(check == "degrees_where_there_are_feet" for _, check in failed_rules(stops_contract(), clean))


@pytest.mark.parametrize("text", ["007", "1.0", "1e3", "", "seven"])
def test_an_id_has_one_form(text: str, clean: pd.DataFrame):
    clean.loc[0, "stop_id"] = text
    assert ("stop_id", "digits_without_leading_zeros") in failed_rules(stops_contract(), clean)


@pytest.mark.parametrize("name", ["year", "stop_id"])
def test_the_key_is_never_null(name: str, clean: pd.DataFrame):
    clean.loc[0, name] = pd.NA
    assert any(column == name and check == "not_nullable" for column, check in failed_rules(stops_contract(), clean))
