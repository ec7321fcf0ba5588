"""Models on the published files of 2017 to 2020, beside those of e2e/orchestration/test_real_run.py."""

import os
from copy import copy

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from sqf_pipeline.evaluation import gap_marks
from sqf_pipeline.evaluation.gap_marks import measure_gap_marks
from sqf_pipeline.modelling.encoder import encoded_frame, make_encoder
from sqf_pipeline.modelling.estimators import SLOW_BOOSTING
from sqf_pipeline.modelling.experiments import Experiment
from sqf_pipeline.modelling.feature_sets import feature_set
from sqf_pipeline.modelling.fitting import FittedModel, fit_experiment
from sqf_pipeline.modelling.thresholds import precision_recall_steps
from sqf_pipeline.registry.columns import load_columns
from sqf_pipeline.registry.outcomes import happened
from sqf_pipeline_tests.leaking_split import leaking_and_honest_auc

pytestmark = pytest.mark.slow  # forests on the published files

CORES = os.cpu_count()


@pytest.fixture(scope="module")
def stops(real_year) -> dict[int, pd.DataFrame]:
    return {year: real_year(year)[1].stops for year in (2017, 2018, 2019, 2020)}


@pytest.fixture(scope="module")
def training(stops: dict[int, pd.DataFrame]) -> pd.DataFrame:
    return pd.concat([stops[year] for year in (2017, 2018, 2019)], ignore_index=True)


def scored(model: FittedModel, test: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what happened, scores and probabilities."""
    score = model.raw_score(test)
    return test[model.target].to_numpy(dtype=bool), score, model.calibrator.apply(score)


def test_summonses_with_the_studys_columns(stops: dict[int, pd.DataFrame], training: pd.DataFrame) -> None:
    actual, score, probability = scored(
        fit_experiment(Experiment("summons", "study_2021", "boosting"), training), stops[2020]
    )
    assert average_precision_score(actual, score) >= 0.145
    assert roc_auc_score(actual, score) >= 0.815
    assert 1 - brier_score_loss(actual, probability) / (actual.mean() * (1 - actual.mean())) >= 0.05
    _, precision, recall = precision_recall_steps(score, actual)
    assert recall[precision >= 0.15].max() >= 0.40


def test_gaps_at_the_stop_tell_nothing_until_a_leak_is_put_back(
    stops: dict[int, pd.DataFrame], training: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gap_marks, "RESAMPLES", 20)
    honest = measure_gap_marks(training, stops[2020]).set_index(["outcome", "tier"])
    assert honest.loc[("arrest", "at_stop"), "roc_auc"] == pytest.approx(0.49, abs=0.02)
    assert (honest.xs("at_stop", level="tier")["status"] == "ok").all()
    assert honest.loc[("arrest", "during"), "roc_auc"] > 0.57
    leaking = copy(feature_set("at_stop"))
    completed = [entry.name for entry in load_columns() if entry.known == "completed"]
    object.__setattr__(leaking, "columns", (*leaking.columns, *completed))
    monkeypatch.setattr(gap_marks, "REPORTED_TIERS", ())
    monkeypatch.setattr(
        gap_marks, "feature_set", lambda tier, *forms: leaking if tier == "at_stop" else feature_set(tier, *forms)
    )
    table = measure_gap_marks(training, stops[2020]).set_index(["outcome", "tier"])
    assert table.loc[("arrest", "at_stop"), "status"] == "fail"


def test_an_arrest_is_foreseen_at_the_stop_without_its_gaps(
    stops: dict[int, pd.DataFrame], training: pd.DataFrame
) -> None:
    """About 0.67; it was 0.71 while gaps were seen. Gaps that are dealt out anew change no score."""
    model = fit_experiment(Experiment("arrest", "at_stop", "boosting", settings=SLOW_BOOSTING), training)
    test = stops[2020]
    actual, score, _ = scored(model, test)
    assert 0.655 < roc_auc_score(actual, score) < 0.69
    order = np.random.default_rng(1).permutation(len(test))
    other = test.copy()
    for entry in load_columns():
        if entry.known == "completed":
            values = test[entry.name].fillna(test[entry.name].dropna().iloc[0])
            other[entry.name] = values.mask(test[entry.name].isna().to_numpy()[order])
    np.testing.assert_array_equal(model.raw_score(other), score)


def test_what_resampling_before_the_split_would_have_reported(training: pd.DataFrame) -> None:
    known = training[training["year"] == 2019]
    encoder = make_encoder(feature_set("at_stop").columns_for("summons"), codes="drop")
    features = encoded_frame(encoder.fit(known), known).to_numpy()
    positive = known["summons_issued"].to_numpy(dtype=bool)
    leaking, honest = leaking_and_honest_auc(features, positive, trees=10, n_jobs=CORES)
    assert leaking > 0.995
    assert honest < 0.72


@pytest.mark.parametrize(
    ("outcome", "marks", "positives", "auc"),
    [
        ("weapon", ["weapon_found", "firearm_found", "knife_found", "other_weapon_found"], 1_225, (0.745, 0.792)),
        ("firearm", ["firearm_found"], 519, (0.885, 0.912)),
        ("knife", ["knife_found"], 564, (0.615, 0.690)),
    ],
)
def test_weapons_at_the_stop(real_year, training, *, outcome, marks, positives, auc):
    raw, cleaned = real_year(2020)
    assert (raw.frame[marks] == "Y").any(axis=1).sum() == positives
    model = fit_experiment(Experiment(outcome, "at_stop", "boosting"), training)
    actual = happened(cleaned.stops, outcome).to_numpy(dtype=bool)
    assert actual.sum() == positives
    assert auc[0] <= roc_auc_score(actual, model.raw_score(cleaned.stops)) <= auc[1]
