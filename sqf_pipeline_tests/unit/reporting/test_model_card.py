"""The model card says what the tables say, plainly, and nothing of its own."""

import json
import re
from importlib import resources
from typing import Any

import pandas as pd
import pytest

from sqf_pipeline.evaluation.subgroups import COLUMNS, NOT_SHOWN
from sqf_pipeline.reporting.model_card import render_model_card

MODEL = "arrest-during-random_forest"
FLOOR = "arrest-at_stop-constant"


Inputs = dict[str, Any]


def replaced(inputs: Inputs, **others: Any) -> Inputs:
    return inputs | others


def metric(model: str, name: str, estimate: float | None, low: float | None, high: float | None) -> dict[str, object]:
    return {"test_year": 2020, "model": model, "metric": name, "estimate": estimate, "low": low, "high": high}


@pytest.fixture
def inputs() -> Inputs:
    shared = {
        "test_year": 2020, "outcome": "arrest", "resampling": "none", "calibration": "isotonic",
        "training_years": "2017,2018,2019", "training_rows": 36096, "training_positives": 10884,
        "training_sha256": "ab" * 32, "test_sha256": "cd" * 32,
        "package_versions": json.dumps({"pandas": "3.1.1", "scikit-learn": "1.9.1"}),
    }  # fmt: skip
    group = dict.fromkeys(COLUMNS, 0.25) | {
        "test_year": 2020, "model": MODEL, "attribute": "race", "group_name": "BLACK", "rows": 5367, "positives": 1981,
    }  # fmt: skip
    hidden = dict.fromkeys(COLUMNS) | {
        "test_year": 2020, "model": MODEL, "attribute": "race", "group_name": NOT_SHOWN, "rows": 17, "positives": 7,
    }  # fmt: skip
    return dict(  # noqa: C408
        test_year=2020,
        source="local",
        models=pd.DataFrame(
            [
                shared | {"model": MODEL, "feature_set": "during", "estimator": "random_forest",
                          "held_out_log_loss": 0.31},
                shared | {"model": FLOOR, "feature_set": "at_stop", "estimator": "constant",
                          "held_out_log_loss": 0.61},
            ]
        ),
        metric_intervals=pd.DataFrame(
            [
                metric(MODEL, "roc_auc", 0.93125, 0.921, 0.941),
                metric(MODEL, "average_precision", 0.9, 0.88, 0.92),
                metric(MODEL, "brier_skill", 0.55, 0.53, 0.57),
                metric(MODEL, "calibration_intercept", -0.125, -0.2, -0.05),
                metric(MODEL, "recall_at_precision_0.15", 0.987, 0.98, 0.99),
                metric(FLOOR, "roc_auc", 0.5, 0.5, 0.5),
                metric(FLOOR, "calibration_slope", None, None, None),
                metric(FLOOR, "brier_skill", -0.01, -0.02, 0.01),
            ]
        ).assign(level=0.95),
        threshold_metrics=pd.DataFrame(
            [
                {"test_year": 2020, "model": MODEL, "aim": "best_f1", "threshold": 0.4321, "tn": 5000, "fp": 987,
                 "fn": 557, "tp": 3000, "precision": 0.7524, "recall": 0.8434, "f1": 0.795, "balanced_accuracy": 0.84,
                 "flagged_share": 0.4178, "precision_low": 0.74, "precision_high": 0.765, "recall_low": 0.83,
                 "recall_high": 0.857},
                {"test_year": 2020, "model": MODEL, "aim": "precision_0.99", "threshold": float("inf"), "tn": 5987,
                 "fp": 0, "fn": 3557, "tp": 0, "precision": None, "recall": 0.0, "f1": 0.0, "flagged_share": 0.0,
                 "precision_low": None, "precision_high": None, "recall_low": 0.0, "recall_high": 0.0},
            ]
        ),
        calibration_bins=pd.DataFrame(
            [{"test_year": 2020, "model": MODEL, "bin": 1, "lower": 0.01, "upper": 0.05, "rows": 954,
              "mean_probability": 0.031, "observed_share": 0.042, "low": 0.03, "high": 0.055}]
        ),
        subgroup_metrics=pd.DataFrame([group, hidden]),
        feature_importances=pd.DataFrame(
            [
                {"test_year": 2020, "model": MODEL, "kind": "permutation", "feature": "searched", "importance": 0.2059,
                 "low": 0.19, "high": 0.22, "rank": 1},
                {"test_year": 2020, "model": MODEL, "kind": "impurity", "feature": "searched", "importance": 0.27,
                 "low": None, "high": None, "rank": 4},
            ]
        ),
        drift=pd.DataFrame(
            [
                {"test_year": 2020, "column_name": "sector", "measure": "new_categories", "status": "warn",
                 "detail": "1 not in training: A|B <script>alert(1)</script>"},
                {"test_year": 2020, "column_name": "frisked", "measure": "missing_share", "status": "ok", "detail": ""},
            ]
        ),
        study_2021_comparison=pd.DataFrame(
            [{"test_year": 2020, "outcome": "summons", "figure": "random_forest_accuracy", "published": 0.9724,
              "measured_again": 0.9724, "ours": None, "note": "Names nobody."}]
        ),
        source_files=pd.DataFrame(
            [{"year": 2020, "rows": 9544, "file_name": "sqf-2020.xlsx", "sha256": "ef" * 32}]
        ),
        data_quality=pd.DataFrame(
            [{"year": 2020, "column_name": "suspect_age", "rule": "implausible", "rows": 61, "description": ""}]
        ),
    )  # fmt: skip


def test_every_kind_of_figure_is_read_from_its_table(inputs: Inputs) -> None:
    markdown, page = render_model_card(**inputs)
    for expected in (
        "0.931 (0.921 to 0.941)",  # a measure with its interval
        "\u22120.125 (\u22120.200 to \u22120.050)",  # a negative one with a true minus sign
        "0.987 (0.980 to 0.990)",  # the recall read off the curve
        "| 0.432 | 3,000 | 987 | 557 | 5,000 | 75.2 % (74.0 % to 76.5 %)",
        "| precision 0.99 | out of reach |",
        "| 1 | 1.0 % to 5.0 % | 954 | 3.1 % | 4.2 % (3.0 % to 5.5 %) |",
        "| race | Black | 5,367 | 25.0 % (25.0 % to 25.0 %) |",
        "| race | Groups not shown | 17 | \u2013 |",
        "| 1 | searched | 0.2059 (0.1900 to 0.2200) | 4 |",
        "1 checks of 2020 against the training years are within bounds, 1\nwarn and 0 fail",
        "| summons | random forest accuracy | 0.9724 | 0.9724 | \u2013 | Names nobody. |",
        "`" + "ef" * 32 + "`",
        "| implausible | suspect age | 61 |",
        "| scikit-learn | 1.9.1 |",
        "Of 2 models of arrest, 1 predict better",
    ):
        assert expected in markdown, expected
    assert "0.931 (0.921 to 0.941)" in page


def test_a_changed_table_changes_the_card(inputs: Inputs) -> None:
    changed = inputs["metric_intervals"].copy()
    changed.loc[0, "estimate"] = 0.7777
    markdown, _ = render_model_card(**replaced(inputs, metric_intervals=changed))
    assert "0.778 (0.921 to 0.941)" in markdown
    assert "0.931" not in markdown


def test_the_template_holds_no_figure_of_its_own() -> None:
    text = resources.files("sqf_pipeline.reporting").joinpath("templates", "model_card.md.j2").read_text("utf-8")
    prose = re.sub(r"\{[{%].*?[%}]\}", "", text, flags=re.DOTALL)
    years_and_words = {"2017", "2021", "256", "5", "10", "1", "0"}  # SHA-256, 5 feet 10, slope 1, intercept 0
    assert set(re.findall(r"\d+(?:\.\d+)?", prose)) <= years_and_words


def test_the_card_forbids_decisions_about_persons_and_says_what_the_label_is(inputs: Inputs) -> None:
    markdown, _ = render_model_card(**inputs)
    assert "For research and audit, not for decisions about persons." in markdown
    assert "an officer's decision" in markdown
    assert "Synthetic" not in markdown


def test_a_sample_says_so_first(inputs: Inputs) -> None:
    markdown, _ = render_model_card(**replaced(inputs, source="sample"))
    assert markdown.index("Synthetic sample.") < markdown.index("What was found")


def test_text_of_tables_cannot_become_markup(inputs: Inputs) -> None:
    markdown, page = render_model_card(**inputs)
    assert "A\\|B" in markdown
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_the_page_is_whole_and_its_tables_are_named(inputs: Inputs) -> None:
    _, page = render_model_card(**inputs)
    assert page.startswith("<!doctype html>")
    assert '<html lang="en">' in page
    assert page.count('role="region"') == page.count("<table>") == page.count("</table>\n</div>") > 10
    assert "<th>" not in page


def test_the_same_inputs_give_the_same_card(inputs: Inputs) -> None:
    assert render_model_card(**inputs) == render_model_card(**inputs)


def test_what_was_not_measured_is_said(inputs: Inputs) -> None:
    empty = replaced(inputs, study_2021_comparison=inputs["study_2021_comparison"].head(0))
    markdown, _ = render_model_card(**empty)
    assert "Not computed for this year and source." in markdown


def test_a_year_without_models_is_refused(inputs: Inputs) -> None:
    with pytest.raises(ValueError, match="none of test year 2020"):
        render_model_card(**replaced(inputs, models=inputs["models"].head(0)))


def test_what_is_called_best_was_chosen_on_the_last_training_year(inputs: Inputs) -> None:
    lucky = inputs["models"].iloc[[0]].assign(model="arrest-during-lucky", held_out_log_loss=0.4)
    luck = pd.DataFrame([metric("arrest-during-lucky", "roc_auc", 0.99, 0.98, 1.0)]).assign(level=0.95)
    told = replaced(
        inputs,
        models=pd.concat([inputs["models"], lucky], ignore_index=True),
        metric_intervals=pd.concat([inputs["metric_intervals"], luck], ignore_index=True),
    )
    markdown, _ = render_model_card(**told)
    (found,) = [line for line in markdown.splitlines() if line.startswith("| arrest | during the encounter |")]
    assert "| 0.931 (0.921 to 0.941) | 0.900 (0.880 to 0.920) | 37.3 % |" in found  # 3,557 of 9,544 stops
    assert "0.990" not in found
    (sentence,) = [line for line in markdown.splitlines() if line.startswith("What follows a stop")]
    assert "0.50 for arrests" in sentence
    assert "0.93 for arrests" in sentence
    assert "0.99" not in sentence
    assert markdown.index(sentence) < markdown.index(found) < markdown.index("What the models are for")
    (row,) = [line for line in markdown.splitlines() if line.startswith("| arrest | during |")]
    assert MODEL in row


def test_gaps_and_verdicts_on_all_pairs_stand_in_the_card(inputs: Inputs) -> None:
    told = replaced(
        inputs,
        gap_marks=pd.DataFrame(
            [
                {"test_year": 2020, "outcome": "arrest", "tier": "at_stop", "columns": 12, "roc_auc": 0.4917,
                 "low": 0.477, "high": 0.506, "highest": 0.53, "status": "ok"},
                {"test_year": 2020, "outcome": "arrest", "tier": "during", "columns": 24, "roc_auc": 0.584,
                 "low": 0.572, "high": 0.596, "highest": None, "status": "told"},
            ]
        ),
        metric_differences=pd.DataFrame(
            [{"test_year": 2020, "model": MODEL, "reference_model": FLOOR, "metric": "roc_auc", "difference": 0.01,
              "low": 0.001, "high": 0.02, "p_value": 0.04, "verdict": "better", "comparisons": 30,
              "adjusted_p_value": 0.9, "adjusted_verdict": "undecided"}]
        ),
    )  # fmt: skip
    markdown, _ = render_model_card(**told)
    assert "| arrest | at stop | 12 | 0.492 (0.477 to 0.506) | below 0.53 |" in markdown
    assert "| arrest | during | 24 | 0.584 (0.572 to 0.596) | \u2013 |" in markdown
    assert "0.0100 (0.0010 to 0.0200) | undecided |" in markdown
    assert "Holm" in markdown


def weapon_inputs(inputs: Inputs) -> Inputs:
    """Return inputs with the three models of weapons and their tables."""
    names = {outcome: f"{outcome}-at_stop-boosting" for outcome in ("knife", "weapon", "firearm")}
    row = inputs["models"].iloc[0].to_dict()
    models = [row | {"model": name, "outcome": outcome, "feature_set": "at_stop"} for outcome, name in names.items()]
    areas = {"weapon": 0.761, "firearm": 0.899, "knife": 0.655}
    groups = [("all", "all", 9544), ("race", "BLACK", 5367), ("race", NOT_SHOWN, 17)]
    return replaced(
        inputs,
        models=pd.concat([inputs["models"], pd.DataFrame(models)], ignore_index=True),
        metric_intervals=pd.concat(
            [inputs["metric_intervals"],
             pd.DataFrame([metric(names[one], "roc_auc", area, area - 0.01, area + 0.01)
                           for one, area in areas.items()])]
        ).assign(level=0.95),
        risk_concentration=pd.DataFrame(
            [{"test_year": 2020, "model": name, "weapons_share": share, "stops_share": share / 3, "low": share / 4,
              "high": share / 2, "stops_below_1_percent": 0.602, "weapons_there": 27}
             for name in names.values() for share in (0.5, 0.9)]
        ),
        precision_at_recall=pd.DataFrame(
            [dict.fromkeys(("precision_low", "precision_high", "group_recall_low", "group_recall_high"), 0.25)
             | {"test_year": 2020, "model": name, "recall": 0.6, "attribute": attribute, "group_name": group,
                "stops": stops, "positives": 40, "flagged": 90, "precision": 0.311, "group_recall": 0.61}
             for name in names.values() for attribute, group, stops in groups]
        ),
        outcome_counts=pd.DataFrame(
            [{"test_year": 2020, "outcome": "weapon", "year": 2020, "stops": 9544, "unknown": 0, "positives": 1225,
              "recorded": 1152, "marked_only": 73}]
        ),
    )  # fmt: skip


def test_no_weapon_stands_in_the_card_without_firearm_and_knife(inputs: Inputs) -> None:
    markdown, page = render_model_card(**weapon_inputs(inputs))
    lines = markdown.splitlines()
    expected = "| weapon | 0.761 (0.751 to 0.771) | \u2013 | 16.7 % (12.5 % to 25.0 %) | 30.0 % (22.5 % to 45.0 %) "
    (place,) = [place for place, line in enumerate(lines) if line.startswith(expected)]
    assert lines[place].endswith("| 60.2 %, 27 with one | `weapon-at_stop-boosting` |")
    by_group = [line for line in lines if line.startswith("| race | Black | ") and "31.1 %" in line]
    assert [line.split("|")[3].strip() for line in by_group] == ["weapon", "firearm", "knife"]
    assert "| 31.1 % (25.0 % to 25.0 %) | 61.0 % (25.0 % to 25.0 %) |" in by_group[0]
    assert "| weapon | 2020 | 9,544 | 1,225 | 1,152 | 73 | 0 |" in lines
    # wherever a line is about weapons, firearms and knives follow in the same table
    for place, line in enumerate(lines):
        if re.match(r"\|.*\bweapon(-at_stop|\b +\| at)", line):
            assert "firearm" in lines[place + 1], line
            assert "knife" in lines[place + 2], line
    headings = [line for line in lines if line.startswith("### ")]
    assert "### Weapons: ranking" in headings
    assert not [line for line in headings if "Firearm" in line or "Knife" in line]
    assert "Of 3 models" not in page  # none of them has a Brier skill here
    (sentence,) = [line for line in lines if line.startswith("What follows a stop")]
    assert "weapon" not in sentence


def test_the_card_tells_what_the_served_model_was_chosen_from_and_nothing_where_nothing_was(inputs: Inputs) -> None:
    assert "was chosen among these" not in render_model_card(**inputs)[0]
    tried = [
        {"estimator": "boosting", "columns": ["searched", "frisked"], "settings": {}, "log_loss": 0.31234,
         "average_precision": 0.8},
        {"estimator": "tuned_forest", "columns": ["searched"], "settings": {}, "log_loss": 0.4,
         "average_precision": 0.7},
    ]  # fmt: skip
    grid = [tried[0], tried[0] | {"log_loss": 0.5}]  # settings alone: not several models for one place
    for told in (json.dumps(tried), tried):
        models = inputs["models"].assign(tried=[told, json.dumps(grid)])
        card = render_model_card(**replaced(inputs, models=models))[0]
        assert f"| `{MODEL}` | boosting | 2 | 0.3123 | 0.800 |" in card
        assert f"| `{MODEL}` | tuned forest | 1 | 0.4000 | 0.700 |" in card
        assert f"| `{FLOOR}` | boosting" not in card
