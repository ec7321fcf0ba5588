"""Outcomes are data: one row of `outcomes.csv` each, and nothing else lists them."""

import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import sqf_pipeline
from sqf_pipeline.modelling.estimators import KINDS
from sqf_pipeline.modelling.feature_sets import FeatureSetError, chosen_fields, feature_set, feature_sets
from sqf_pipeline.registry.columns import columns_by_name, load_columns
from sqf_pipeline.registry.outcomes import OUTCOME_ENTRIES, STUDY_OUTCOMES, families, happened

PACKAGE = Path(sqf_pipeline.__file__).parent
ROW = "handcuffs,force_handcuffs,frisked,,,at_stop|during,boosting,rare,0.30,cuffs,handcuffs,handcuffings,Cuffs,No\n"
ASKS = """
from sqf_pipeline.evaluation.gap_marks import measure_gap_marks
from sqf_pipeline.evaluation.result_rows import outcome_counts
from sqf_pipeline.modelling.experiments import tier_experiments
from sqf_pipeline.modelling.feature_sets import feature_set
from sqf_pipeline.warehouse.tables import build_metadata
from sqf_pipeline.warehouse.views import views_script
from sqf_pipeline_tests.modelling_support import invented_stops
print([one.name for one in tier_experiments() if one.outcome == "handcuffs"])
print({"force_handcuffs", "frisked"} & set(feature_set("during").columns_for("handcuffs")))
print(views_script().count("handcuffings::double"), outcome_counts(invented_stops(50, 1, 2020))["outcome"].nunique())
checks = build_metadata("sqf").tables["sqf.models"].constraints
print(any("'handcuffs'" in str(one.sqltext) for one in checks if one.name == "models_outcome_known"))
gaps = measure_gap_marks(invented_stops(60, 1, 2019), invented_stops(60, 1, 2020))
print((gaps["outcome"] == "handcuffs").sum())
"""


@pytest.fixture
def marked() -> pd.DataFrame:
    columns = {
        "weapon_found": [True, False, False, None, None, True], "firearm_found": [None, True, None, None, False, False],
        "knife_found": [None, None, False, None, False, True],
        "other_weapon_found": [None, None, None, None, True, True],
    }  # fmt: skip
    return pd.DataFrame(columns, dtype="boolean")


def test_a_weapon_is_recorded_or_marked_and_unknown_without_a_record(marked: pd.DataFrame) -> None:
    assert happened(marked, "weapon").tolist() == [True, True, False, pd.NA, True, True]
    assert happened(marked, "firearm").tolist() == marked["firearm_found"].tolist()


def test_every_row_names_columns_tiers_and_kinds_that_there_are() -> None:
    for entry in OUTCOME_ENTRIES.values():
        assert entry.barred | ({entry.rival} - {""}) <= set(columns_by_name())
        assert set(entry.tiers) <= set(feature_sets())
        assert set(entry.estimators) <= set(KINDS)
        assert 0 < entry.stated_precision < 1


def test_what_an_outcome_makes_is_listed_with_it() -> None:
    made = {entry.name for entry in load_columns() if entry.known == "outcome_made"}
    assert made == {name for outcome in STUDY_OUTCOMES for name in OUTCOME_ENTRIES[outcome].own}


@pytest.mark.parametrize("outcome", OUTCOME_ENTRIES)
def test_no_set_shows_an_outcome_its_own_columns(outcome: str) -> None:
    barred = OUTCOME_ENTRIES[outcome].barred
    for features in feature_sets().values():
        if not features.fields:
            assert not barred & set(features.columns_for(outcome)), features.name
    for name in barred:
        with pytest.raises(FeatureSetError):
            chosen_fields("twelve", "during", outcome, ["suspect_age", name])


def test_a_weapon_at_hand_is_still_an_input_of_arrests() -> None:
    assert {"weapon_found", "firearm_found"} <= set(feature_set("during").columns_for("arrest"))


def test_weapons_are_shown_together() -> None:
    assert families(["arrest", "knife", "elsewhere", "weapon", "firearm"]) == {
        "arrest": ["arrest"], "weapons": ["knife", "weapon", "firearm"], "elsewhere": ["elsewhere"],
    }  # fmt: skip


@pytest.mark.slow
def test_a_new_outcome_is_a_row_and_no_code(tmp_path: Path) -> None:
    shutil.copytree(PACKAGE, tmp_path / PACKAGE.name, ignore=shutil.ignore_patterns("__pycache__", "static"))
    tests = tmp_path / "sqf_pipeline_tests"
    tests.mkdir()
    for name in ("__init__.py", "modelling_support.py"):
        shutil.copy(PACKAGE.parent / "sqf_pipeline_tests" / name, tests / name)
    with (tmp_path / PACKAGE.name / "registry" / "outcomes.csv").open("a", encoding="utf-8") as file:
        file.write(ROW)
    done = subprocess.run([sys.executable, "-c", ASKS], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.splitlines() == [
        "['handcuffs-at_stop-boosting', 'handcuffs-during-boosting']", "set()", "8 6", "True", "2",
    ]  # fmt: skip
