"""A claim is decided by the files alone, and what cannot be decided says which file is missing."""

import ast
import csv
import re
from dataclasses import replace
from importlib import resources

import pandas as pd
import pytest

from sqf_pipeline.published_figures import claims
from sqf_pipeline.published_figures.claim_figures import FIGURES
from sqf_pipeline.published_figures.claims import Claim, Evidence, judge_claims, load_claims
from sqf_pipeline.registry.stop_rules import rule_holds

CLAIM = Claim("frisks", "A report", "page 1", (2014,), "stops with a frisk", 3.0, 0, "count", "frisked", "", "Why.")


def stops(frisked: int, rows: int = 5) -> pd.DataFrame:
    return pd.DataFrame({"frisked": pd.array([place < frisked for place in range(rows - 1)] + [pd.NA], "boolean")})


def judged(monkeypatch, claim: Claim, **evidence):
    monkeypatch.setattr(claims, "load_claims", lambda: (claim,))
    return judge_claims(Evidence(**{"stops": {2014: stops(3)}, "test_year": 2020} | evidence)).iloc[0]


def test_the_same_figure_is_reproduced_and_another_differs_with_its_reason(monkeypatch):
    same = judged(monkeypatch, CLAIM)
    assert (same["status"], same["ours"], same["our_years"]) == ("reproduced", 3.0, "2014")
    other = judged(monkeypatch, replace(CLAIM, published=4.0))
    assert (other["status"], other["reason"]) == ("differs", "Why.")


@pytest.mark.parametrize(("published", "status"), [(75.0, "reproduced"), (75.04, "reproduced"), (75.06, "differs")])
def test_a_share_is_the_same_when_it_rounds_to_the_same(monkeypatch, published, status):
    """Three of the four stops in which it is known; nobody knows of the fifth."""
    claim = replace(CLAIM, figure="share", argument="frisked / frisked.notna()", published=published, digits=1)
    assert judged(monkeypatch, claim)["status"] == status


def test_a_missing_file_is_named_and_an_excerpt_decides_nothing(monkeypatch):
    claim = replace(CLAIM, years=(2011, 2012, 2014))
    row = judged(monkeypatch, claim)
    assert (row["status"], row["reason"]) == ("not decidable here", "Missing: the files of 2011-2012.")
    assert pd.isna(row["ours"])
    row = judged(monkeypatch, CLAIM, excerpts=frozenset({2014}))
    assert (row["status"], row["reason"]) == ("not decidable here", "Only excerpts are loaded of 2014.")


def test_a_protocol_is_repeated_on_the_years_at_hand_and_still_not_called_decided(monkeypatch):
    row = judged(monkeypatch, replace(CLAIM, years=(2009,), our_years="2014", published=3.0))
    assert (row["ours"], row["our_years"], row["status"]) == (3.0, "2014", "not decidable here")
    assert row["reason"] == "Missing: the file of 2009. Why."


def test_synthetic_stops_are_compared_with_nothing_that_was_published(monkeypatch):
    row = judged(monkeypatch, CLAIM, synthetic=True)
    assert row["status"] == "not decidable here"
    assert pd.isna(row["ours"])
    assert "synthetic" in row["reason"]


def test_a_result_table_answers_by_one_row_alone(monkeypatch):
    table = pd.DataFrame({"model": ["a", "b"], "roc_auc": [0.8, 0.9]})
    claim = replace(CLAIM, figure="table", argument="model_metrics: model == 'b': roc_auc", published=0.9)
    assert judged(monkeypatch, claim, tables={"model_metrics": table})["ours"] == 0.9
    twice = pd.concat([table, table])
    assert pd.isna(judged(monkeypatch, claim, tables={"model_metrics": twice})["ours"])
    assert pd.isna(judged(monkeypatch, claim)["ours"])


def test_a_null_satisfies_no_rule():
    assert rule_holds(stops(3), "frisked").sum() == 3
    assert rule_holds(stops(3), "~frisked").sum() == 1
    assert rule_holds(stops(3), "~frisked.fillna(False)").sum() == 2


def test_there_are_claims_of_every_kind_and_none_states_our_figure():
    found = load_claims()
    assert len(found) >= 25
    assert {claim.figure for claim in found if claim.figure} <= set(FIGURES)
    assert all(claim.reason or claim.figure for claim in found)
    text = resources.files("sqf_pipeline.published_figures").joinpath("published_claims.csv").read_text("utf-8")
    assert "ours" not in text.splitlines()[0].split(",")
    for claim in found:  # a typed-in figure would be a number as argument
        with pytest.raises((ValueError, SyntaxError)):
            float(ast.literal_eval(claim.argument or "nothing"))


@pytest.mark.parametrize("row", ["a,b", "figure that nobody wrote"])
def test_an_unknown_figure_or_a_name_that_stands_twice_is_refused(monkeypatch, row):
    text = resources.files("sqf_pipeline.published_figures").joinpath("published_claims.csv").read_text("utf-8")
    header, first, *_ = text.splitlines()
    bad = [header, first, first if row == "a,b" else re.sub(",count,", ",nothing,", first)]
    monkeypatch.setattr(claims, "read_rows", lambda *_: list(csv.DictReader(bad)))
    with pytest.raises(ValueError, match="unknown figures"):
        load_claims()
