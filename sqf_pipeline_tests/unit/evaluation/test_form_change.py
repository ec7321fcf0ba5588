"""A change of form is a finding of its own, and columns that it made different are not compared."""

import pandas as pd

from sqf_pipeline.evaluation.drift import measure_drift
from sqf_pipeline.registry.columns import columns_by_name
from sqf_pipeline_tests.integration.warehouse import frames


def of_form(year: int, form: str, paper: str) -> pd.DataFrame:
    stops = frames.stops(120, year, seed=year)
    return stops.assign(form=pd.array([form] * 120, dtype="string"), paper_form=pd.array([paper] * 120, dtype="string"))


def test_both_changes_are_told_and_only_comparable_columns_are_compared():
    training = pd.concat([of_form(2014, "OLD", "UF-250"), of_form(2015, "OLD", "UF-250 OR PILOT")], ignore_index=True)
    found = measure_drift(of_form(2017, "NEW", "STOP REPORT"), training)
    breaks = found[found["measure"] == "form_change"].set_index("column_name")
    assert set(breaks.index) == {"form", "paper_form"}
    assert set(breaks["status"]) == {"warn"}
    assert breaks.loc["form", "value"] == 1
    assert "NEW (120); in training OLD (240)" in breaks.loc["form", "detail"]
    compared = set(found.loc[found["measure"] != "form_change", "column_name"])
    assert {columns_by_name()[name].comparable for name in compared} == {"same", "close"}
    assert "suspect_age" in compared


def test_years_of_one_form_have_no_such_finding():
    training = of_form(2018, "NEW", "STOP REPORT")
    found = measure_drift(of_form(2019, "NEW", "STOP REPORT"), training)
    assert "form_change" not in set(found["measure"])
    assert "issuing_officer_rank" in set(found["column_name"])
    assert "action_furtive" not in set(found["column_name"])
