"""Fitted models of the pipeline, exported and asked: on invented stops, and on the real ones."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from sqf_pipeline.evaluation.model_evaluation import compare, evaluate, evaluate_groups, impurity_rows, permutation_rows
from sqf_pipeline.evaluation.prepared_test_year import prepare_test_year
from sqf_pipeline.export.bundle_writer import ExportContext, export_bundle
from sqf_pipeline.export.model_entries import stops_of_frame
from sqf_pipeline.export.pipelines import load_pipelines
from sqf_pipeline.modelling.experiments import served_experiments
from sqf_pipeline.modelling.fitting import fit_experiment
from sqf_pipeline.registry.outcomes import STUDY_FIELDS
from sqf_pipeline.service.app import create_app
from sqf_pipeline.service.bundle import open_bundle
from sqf_pipeline_tests.modelling_support import invented_stops, invented_years

pytestmark = pytest.mark.slow  # models of published stops, asked for every stop of a year

CHOSEN = {
    "during": (
        "searched", "frisked", "weapon_found", "force_handcuffs", "stop_duration_minutes", "suspected_crime",
        "suspect_age", "other_contraband_found", "precinct", "x_feet", "y_feet", "borough",
    ),
    "at_stop": (
        "suspected_crime", "suspect_age", "stop_time_seconds", "precinct", "x_feet", "y_feet", "borough",
        "initiated_by", "suspect_sex", "weekday", "observed_duration_minutes", "action_fits_description",
    ),
}  # fmt: skip
ROUTES = {"arrest": "/api/generate_arrest_prediction", "summons": "/api/generate_summon_prediction"}


@pytest.fixture(scope="module")
def published(real_year, tmp_path_factory):
    """Return the models, fitted small, with the test stops and the folder of their export."""
    earlier, last, test = (real_year(year)[1].stops for year in (2018, 2019, 2020))
    training = pd.concat([earlier, last], ignore_index=True).iloc[::4]
    chosen = {(outcome, tier): names for outcome in ("arrest", "summons") for tier, names in CHOSEN.items()}
    models = [
        fit_experiment(replace(experiment, settings={"n_estimators": 15, "min_samples_leaf": 5}), training, n_jobs=1)
        for experiment in served_experiments(chosen)
    ]
    prepared = prepare_test_year(test, resamples=20)
    evaluations = [evaluate(model, prepared) for model in models]
    names = ("metric_intervals", "threshold_metrics", "calibration_bins")
    results = {name: pd.concat([entry.tables[name] for entry in evaluations], ignore_index=True) for name in names}
    groups = [evaluate_groups(entry, prepared, resamples=5) for entry in evaluations]
    results["subgroup_metrics"] = pd.concat(groups, ignore_index=True)
    forests = [model for model in models if model.estimator != "boosting"]
    results["feature_importances"] = pd.concat([impurity_rows(model) for model in forests])
    context = ExportContext(
        test_year=2020, training_years=(2018, 2019), source="local", data_sha256={}, training_stops=training,
        test_stops=test, results=results,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("exports")
    export_bundle(folder, models, context)
    return models, test, folder


def test_the_api_answers_real_test_stops_as_the_models_do(published):
    models, test, folder = published
    assert len(test) == 9544
    test = test.iloc[::8].reset_index(drop=True)
    client = create_app(folder).test_client()
    manifest, pipelines = open_bundle(folder).manifest, load_pipelines(folder)
    for model in (entry for entry in models if entry.feature_set.tier != "study"):
        entry = next(found for found in manifest.models if found.name == model.name)
        stops = stops_of_frame(test, entry.fields)
        expected = model.predict_probability(test)
        found, classes = [], []
        for start in range(0, len(stops), 1000):
            body = {"tier": entry.tier, "stops": stops[start : start + 1000]}
            answer = client.post(f"/api/v1/predictions/{entry.outcome}", json=body)
            assert answer.status_code == 200, answer.text[:500]
            found += [one["probability"] for one in answer.get_json()["predictions"]]
            classes += [one["class"] for one in answer.get_json()["predictions"]]
        np.testing.assert_allclose(found, expected, atol=1e-5)
        np.testing.assert_allclose(found, pipelines[model.name].predict_proba(test)[:, 1], atol=1e-5)
        if entry.tier == "at_stop":
            gaps = test[["suspect_age", "suspect_sex"]].isna().any(axis=1).sum()
            assert entry.drawn.fields == ("suspect_age", "suspect_sex")
            assert gaps > 75  # stops whose answer is a mean over complete training stops
            page = client.get(f"/{entry.outcome}?tier=at_stop").get_data(as_text=True)
            assert "the mean over all descriptions that were recorded" in " ".join(page.split())
        limit = model.thresholds[model.default_threshold].value
        clear = np.abs(expected - limit) > 1e-5
        np.testing.assert_array_equal(np.array(classes)[clear], (expected >= limit)[clear])


def test_the_studys_endpoint_answers_the_class_of_real_test_stops(published):
    models, test, folder = published
    test = test.iloc[::4]
    client = create_app(folder).test_client()
    manifest = open_bundle(folder).manifest
    for model in (entry for entry in models if entry.feature_set.tier == "study"):
        entry = next(found for found in manifest.models if found.name == model.name)
        complete = test[test[list(model.columns)].notna().all(axis=1)]
        assert len(complete) > 2100  # the study's clients must say every field
        expected = model.predict_probability(complete)
        limit = model.thresholds[model.default_threshold].value
        checked = 0
        for stop, probability in zip(stops_of_frame(complete, entry.fields), expected, strict=True):
            if abs(probability - limit) <= 1e-5:
                continue
            body = {field: _as_sent(stop[name]) for field, name in STUDY_FIELDS[entry.outcome].items()}
            answer = client.post(ROUTES[entry.outcome], json=body)
            assert answer.get_json() == ["1" if probability >= limit else "0"], answer.text
            checked += 1
        assert checked > 0.99 * len(complete)


def _as_sent(value):
    return int(value) if isinstance(value, bool) else str(value)


def test_the_export_holds_pipelines_measures_and_every_figure(published):
    models, test, folder = published
    bundle = open_bundle(folder)
    pipelines = load_pipelines(folder)
    for model in models:
        again = pipelines[model.name].predict_proba(test)[:, 1]
        np.testing.assert_array_equal(again, model.predict_probability(test))
        entry = next(found for found in bundle.manifest.models if found.name == model.name)
        assert entry.measures["roc_auc"].low < entry.measures["roc_auc"].estimate < entry.measures["roc_auc"].high
        assert entry.thresholds[model.default_threshold].value == model.thresholds[model.default_threshold].value
        assert entry.training_share == model.training_share
        assert entry.largest_difference <= 1e-5
    shown = {name.removeprefix("analysis/").removesuffix(".json") for name in bundle.manifest.analysis}
    assert shown == {"stops_by_year", "stops_by_month", "stops_by_hour", "stops_by_borough", "stops_by_suspect_race",
                     "stops_map", "places", "measures", "importances", "calibration", "subgroups"}  # fmt: skip


def test_no_row_of_a_person_is_exported(published):
    """The folder holds counts and invented stops alone: no id of a stop, no date, no address."""
    _, test, folder = published
    bundle = open_bundle(folder)
    text = "".join(data.decode("utf-8") for name, data in bundle.contents.items() if name.endswith((".json", ".md")))
    assert "stop_id" not in text
    assert "full_address" not in text
    for address in test["full_address"].dropna().head(200):
        assert str(address) not in text


def test_a_year_in_which_nobody_got_a_summons_is_exported_all_the_same(tmp_path):
    training = invented_years(150)
    test = invented_stops(120, 2, 2020)
    test["summons_issued"] = pd.array([False] * len(test), dtype="boolean")
    prepared = prepare_test_year(test, resamples=20)
    chosen = {(outcome, tier): ("suspected_crime",) for outcome in ("arrest", "summons") for tier in CHOSEN}
    models = [
        fit_experiment(replace(experiment, settings={"n_estimators": 5, "min_samples_leaf": 5}), training, n_jobs=1)
        for experiment in served_experiments(chosen)
        if experiment.outcome == "summons"
    ]
    evaluations = {model.name: evaluate(model, prepared) for model in models}
    results = {
        name: pd.concat([entry.tables[name] for entry in evaluations.values()], ignore_index=True)
        for name in ("metric_intervals", "threshold_metrics", "calibration_bins")
    }
    groups = [evaluate_groups(entry, prepared, resamples=5) for entry in evaluations.values()]
    results["subgroup_metrics"] = pd.concat(groups, ignore_index=True)
    results["feature_importances"] = pd.concat([permutation_rows(model, prepared) for model in models])
    results["metric_differences"] = compare(evaluations, [(models[0].name, models[1].name)])
    context = ExportContext(
        test_year=2020, training_years=(2017, 2018, 2019), source="sample", data_sha256={}, training_stops=training,
        test_stops=test, results=results,
    )  # fmt: skip
    export_bundle(tmp_path, models, context)
    client = create_app(tmp_path).test_client()
    assert "roc_auc" not in open_bundle(tmp_path).manifest.models[0].measures
    for page in ("/", "/summons", "/analysis", "/faults"):
        assert client.get(page).status_code == 200, page
    asked = {"tier": "at_stop", "stops": [{"suspected_crime": "ASSAULT"}]}
    answer = client.post("/api/v1/predictions/summons", json=asked)
    assert 0 < answer.get_json()["predictions"][0]["probability"] < 1
