"""How fitted models behave: what they may see, what must not matter to them, and what must."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sqf_pipeline.errors import SqfError
from sqf_pipeline.evaluation.compared_models import experiments_to_serve
from sqf_pipeline.evaluation.model_selection import best_on_held_out
from sqf_pipeline.evaluation.result_rows import model_rows
from sqf_pipeline.modelling.encoder import encoded_sets
from sqf_pipeline.modelling.estimators import encoder_for
from sqf_pipeline.modelling.experiments import (
    SERVED_TIERS,
    Experiment,
    imbalance_experiments,
    plain_experiments,
    served_experiments,
    tier_experiments,
)
from sqf_pipeline.modelling.feature_sets import feature_set
from sqf_pipeline.modelling.fitting import FittedModel, fit_experiment
from sqf_pipeline.registry.outcomes import STUDY_OUTCOMES
from sqf_pipeline_tests.modelling_support import invented_stops, invented_years, small_models

SMALL: dict[str, Any] = {"n_estimators": 30, "min_samples_leaf": 5, "max_features": 0.3}


def forest(outcome: str = "arrest", columns: str = "during", **changes: Any) -> Experiment:
    experiment = Experiment(outcome, columns, "tuned_forest", settings=SMALL)  # type: ignore[arg-type]
    return replace(experiment, **changes)


@pytest.fixture(scope="module")
def training() -> pd.DataFrame:
    return invented_years(400)


@pytest.fixture(scope="module")
def test_year() -> pd.DataFrame:
    return invented_stops(300, 1, 2020)


@pytest.fixture(scope="module")
def fitted(training: pd.DataFrame) -> FittedModel:
    return fit_experiment(forest(), training)


def test_a_found_weapon_and_a_search_raise_the_probability_of_arrest(
    fitted: FittedModel, test_year: pd.DataFrame
) -> None:
    for name in ("weapon_found", "searched"):
        without = fitted.predict_probability(test_year.assign(**{name: pd.array([False] * 300, dtype="boolean")}))
        with_it = fitted.predict_probability(test_year.assign(**{name: pd.array([True] * 300, dtype="boolean")}))
        assert (with_it - without).mean() > 0.05
        assert (with_it >= without).mean() > 0.9


def test_the_order_of_stops_and_columns_does_not_matter(fitted: FittedModel, test_year: pd.DataFrame) -> None:
    straight = fitted.predict_probability(test_year)
    np.testing.assert_array_equal(fitted.predict_probability(test_year.iloc[::-1, ::-1]), straight[::-1])


def test_one_stop_alone_has_the_probability_it_has_among_others(fitted: FittedModel, test_year: pd.DataFrame) -> None:
    among = fitted.predict_probability(test_year)
    np.testing.assert_allclose(fitted.predict_probability(test_year.iloc[[7]]), among[[7]], atol=1e-12)


def test_columns_outside_the_set_do_not_matter(fitted: FittedModel, test_year: pd.DataFrame) -> None:
    outside = [name for name in test_year if name not in fitted.columns]
    assert {"arrested", "summons_issued", "search_basis_incidental_to_arrest", "year", "demeanor"} <= set(outside)
    np.testing.assert_array_equal(
        fitted.predict_probability(test_year[list(fitted.columns)]), fitted.predict_probability(test_year)
    )


def test_outcome_made_columns_do_not_change_what_is_fitted(
    training: pd.DataFrame, test_year: pd.DataFrame, fitted: FittedModel
) -> None:
    told = training.assign(search_basis_incidental_to_arrest=training["arrested"], arrest_offense="ROBBERY")
    other = fit_experiment(forest(), told)
    np.testing.assert_array_equal(other.predict_probability(test_year), fitted.predict_probability(test_year))


def test_a_plain_case_is_told_apart(fitted: FittedModel, test_year: pd.DataFrame) -> None:
    """A stop with a weapon found in a search is likelier to end in an arrest than one without either."""
    armed = test_year.iloc[[0]].assign(weapon_found=True, searched=True).astype(test_year.dtypes)
    harmless = test_year.iloc[[0]].assign(weapon_found=False, searched=False).astype(test_year.dtypes)
    assert fitted.predict_probability(armed)[0] > 0.5 > fitted.predict_probability(harmless)[0]


@pytest.mark.parametrize("estimator", ["tuned_forest", "boosting", "forest_and_boosting", "logistic_regression"])
def test_models_answer_what_they_have_not_seen(training: pd.DataFrame, estimator: str) -> None:
    settings = {"tuned_forest": SMALL, "boosting": {"max_iter": 10}}.get(estimator, {})
    model = fit_experiment(Experiment("arrest", "at_stop", estimator, settings=settings), training)
    strange = invented_stops(5, 8, 2031).assign(suspected_crime="PIRACY", precinct=999, suspect_age=pd.NA)
    strange = strange.astype(training.dtypes)
    probability = model.predict_probability(strange)
    assert np.isfinite(probability).all()
    assert ((probability >= 0) & (probability <= 1)).all()


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_cores_and_backends_change_nothing(
    training: pd.DataFrame, test_year: pd.DataFrame, fitted: FittedModel, backend: str
) -> None:
    import joblib

    with joblib.parallel_backend(backend):
        other = fit_experiment(forest(), training, n_jobs=2)
    np.testing.assert_array_equal(other.predict_probability(test_year), fitted.predict_probability(test_year))
    assert other.thresholds == fitted.thresholds
    assert other.pipeline[-1].get_params()["n_jobs"] == fitted.pipeline[-1].get_params()["n_jobs"] == 1


def test_the_early_model_does_not_see_the_last_year(training: pd.DataFrame) -> None:
    """Were the last year seen, its coin-tossed outcomes would be known nearly by heart."""
    rng = np.random.default_rng(2)
    last = training["year"] == 2019
    tossed = training.copy()
    tossed.loc[last, "arrested"] = pd.array(rng.random(int(last.sum())) < 0.5, dtype="boolean")
    model = fit_experiment(forest(settings={**SMALL, "min_samples_leaf": 1}), tossed)
    from sklearn.metrics import roc_auc_score

    assert model.held_out is not None
    assert model.held_out.year == 2019
    assert len(model.held_out.positive) == int(last.sum())
    assert 0.4 < roc_auc_score(model.held_out.positive, model.held_out.score) < 0.6


@pytest.mark.parametrize("columns", ["study_2021", "study_2021_binned"])
def test_a_forest_on_encoded_features_is_the_forest_that_encodes_the_stops_itself(
    training: pd.DataFrame, test_year: pd.DataFrame, columns: str
) -> None:
    experiment = Experiment("arrest", columns, "random_forest", calibration="none", settings={"n_estimators": 10})
    outcomes = ["arrested", "summons_issued"]
    names = sorted({*experiment.features().columns, *outcomes})
    encoders = {columns: encoder_for("random_forest", experiment.features(), names).fit(training[names])}

    def encoded(stops: pd.DataFrame) -> pd.DataFrame:
        return pd.concat([stops[["year", *outcomes]], encoded_sets(encoders, stops)], axis="columns")

    model = fit_experiment(experiment, encoded(training), encoded=True)
    own = fit_experiment(experiment, training)
    np.testing.assert_array_equal(model.raw_score(encoded(test_year)), own.raw_score(test_year))
    assert (model.training_rows, model.training_positives) == (own.training_rows, own.training_positives)


def test_stops_of_unknown_outcome_are_left_out(training: pd.DataFrame) -> None:
    unknown = training.copy()
    unknown.loc[unknown.index[:10], "arrested"] = pd.NA
    model = fit_experiment(forest(calibration="none"), unknown)
    assert model.training_rows == len(training) - 10
    assert model.training_positives == int(unknown["arrested"].sum())


def test_resampling_sees_training_stops_alone_and_keeps_the_true_share(training: pd.DataFrame) -> None:
    model = fit_experiment(forest("summons", "study_2021", resampling="under", calibration="prior"), training)
    positives = int(training["summons_issued"].sum())
    assert model.class_counts_before == (positives, len(training) - positives)
    assert model.class_counts_after == (positives, positives)
    assert model.training_share == pytest.approx(positives / len(training))
    assert model.sampled_share == 0.5


def test_prior_correction_brings_the_mean_near_the_share_and_keeps_the_ranking(
    training: pd.DataFrame, test_year: pd.DataFrame
) -> None:
    model = fit_experiment(forest("summons", "study_2021", resampling="under", calibration="prior"), training)
    score, probability = model.raw_score(test_year), model.predict_probability(test_year)
    assert (np.argsort(score, kind="stable") == np.argsort(probability, kind="stable")).all()
    assert score.mean() > 0.3
    assert abs(probability.mean() - model.training_share) < abs(score.mean() - model.training_share) / 3


def test_the_best_settings_on_the_last_year_are_kept(training: pd.DataFrame) -> None:
    grid = ({"min_samples_leaf": 150}, {"min_samples_leaf": 5})
    model = fit_experiment(forest(grid=grid), training)
    assert model.settings["min_samples_leaf"] == 5
    assert [entry["settings"]["min_samples_leaf"] for entry in model.tried] == [5, 150]


def test_the_test_year_has_no_say_in_the_choice(training: pd.DataFrame, test_year: pd.DataFrame) -> None:
    constant = fit_experiment(Experiment("arrest", "during", "constant"), training)
    model = fit_experiment(forest(), training)
    alone = fit_experiment(Experiment("arrest", "study_2021_binned", "random_forest", calibration="none"), training)
    turned = test_year.assign(arrested=~test_year["arrested"])
    for test in (test_year, turned):
        rows = model_rows([constant, model, alone], training, test)
        assert best_on_held_out(rows) == {
            ("arrest", "during"): model.name,
            ("arrest", "study_2021_binned"): alone.name,  # the only one of its columns
        }


ABLE: dict[str, dict[str, Any]] = {
    "boosting": {"max_iter": 60, "max_leaf_nodes": 4, "max_features": 1.0},
    "tuned_forest": {"n_estimators": 40, "max_features": 1.0},
}
DULL: dict[str, dict[str, Any]] = {
    "boosting": {"max_iter": 20, "max_depth": 1},
    "tuned_forest": {"n_estimators": 5, "max_depth": 1},
}
"""Settings with which either kind of model can, or cannot, see that one flag turns round what another means."""


def stops_of_either(year: int, *, turned: bool) -> pd.DataFrame:
    """Return stops of which those with one of two flags, not both, end in an arrest; or the others, when turned."""
    stops = invented_stops(600, 4, year)
    either = stops["searched"] ^ stops["frisked"] ^ turned
    noise = np.random.default_rng(year).random(600) < 0.1
    return stops.assign(arrested=(either ^ noise).astype("boolean"))


def log_loss_of(model: FittedModel, stops: pd.DataFrame) -> float:
    probability = model.predict_probability(stops)
    of_what_happened = np.where(stops["arrested"].to_numpy(dtype=bool), probability, 1 - probability)
    return float(-np.log(of_what_happened).mean())


@pytest.mark.parametrize(("better", "other"), [("boosting", "tuned_forest"), ("tuned_forest", "boosting")])
def test_the_better_kind_on_the_last_training_year_is_served_whatever_the_test_year_says(better: str, other: str):
    training = pd.concat([stops_of_either(year, turned=False) for year in (2017, 2018, 2019)], ignore_index=True)
    test = stops_of_either(2020, turned=True)
    fields = ("searched", "frisked", "suspect_age")
    able, dull = (
        Experiment("arrest", "during", name, settings=settings[name], fields=fields)
        for name, settings in ((better, ABLE), (other, DULL))
    )
    chosen = fit_experiment(replace(dull, alternatives=(able,)), training)
    assert (chosen.estimator, chosen.name) == (better, f"arrest-during_chosen-{better}")
    alone = fit_experiment(dull, training)
    assert chosen.held_out_log_loss < alone.held_out_log_loss - 0.1
    assert log_loss_of(chosen, test) > log_loss_of(alone, test) + 0.1, "2020 would have said the other"
    tried = json.loads(model_rows([chosen], training, test)["tried"][0])
    assert [entry["estimator"] for entry in tried] == [better, other]
    assert [entry["log_loss"] for entry in tried] == pytest.approx([chosen.held_out_log_loss, alone.held_out_log_loss])
    assert tried[0]["columns"] == sorted(fields)
    assert ABLE[better].items() <= tried[0]["settings"].items()
    same = fit_experiment(replace(able, alternatives=(dull,)), training).predict_probability(test)
    np.testing.assert_array_equal(same, chosen.predict_probability(test))


def test_each_place_is_served_by_the_best_of_two_kinds_and_two_numbers_of_columns_and_the_study_by_its_forest() -> None:
    ranked = {(outcome, tier): feature_set(tier).columns[:20] for outcome in STUDY_OUTCOMES for tier in SERVED_TIERS}
    served = served_experiments(ranked)
    study = [one for one in served if one.feature_set == "study_2021_twelve"]
    assert {(one.outcome, one.estimator, one.alternatives) for one in study} == {
        (outcome, "tuned_forest", ()) for outcome in STUDY_OUTCOMES
    }
    places = [one for one in served if one not in study]
    assert [(one.outcome, one.feature_set) for one in places] == list(ranked)
    for place in places:
        names = ranked[place.outcome, place.feature_set]
        tried = [(len(one.fields), one.estimator) for one in (place, *place.alternatives)]
        assert tried == [(12, "tuned_forest"), (12, "boosting"), (16, "tuned_forest"), (16, "boosting")]
        assert all(one.fields == names[: len(one.fields)] for one in (place, *place.alternatives))


def test_columns_are_ranked_for_each_place_without_codes_and_without_race_at_the_stop(
    training: pd.DataFrame,
) -> None:
    with small_models():
        served = experiments_to_serve(training, ("NEW",))
    ranked = {(one.outcome, one.feature_set): one.alternatives[-1].fields for one in served if one.alternatives}
    assert {len(set(names)) for names in ranked.values()} == {16}
    assert ranked["summons", "at_stop"][0] == "suspected_crime"  # what these invented stops make of it
    assert {"searched", "weapon_found"} == set(ranked["arrest", "during"][:2])
    for (_, tier), names in ranked.items():
        assert set(names) <= set(feature_set(tier).columns)
        assert not {"precinct", "issuing_officer_command", "supervising_officer_command"} & set(names)
    assert not {"suspect_race", "searched"} & {*ranked["arrest", "at_stop"], *ranked["summons", "at_stop"]}


def test_a_last_training_year_of_one_class_is_told(training: pd.DataFrame) -> None:
    for answer in (False, True):
        told = training.copy()
        told.loc[told["year"] == 2019, "summons_issued"] = answer
        for experiment in (*tier_experiments(), *imbalance_experiments(), forest("summons")):
            if experiment.outcome == "summons" and experiment.needs_held_out_year:
                with pytest.raises(SqfError, match=r"last training year, 2019.*found (0|400) with among 400"):
                    fit_experiment(experiment, told)


@pytest.mark.parametrize("year", [2017, 2018, 2019])
def test_an_outcome_that_is_unknown_in_a_whole_training_year_is_told(training: pd.DataFrame, year: int) -> None:
    told = training.copy()
    told.loc[told["year"] == year, "arrested"] = pd.NA
    with pytest.raises(SqfError, match=rf"in {year} the column arrested is empty"):
        fit_experiment(forest(calibration="none"), told)
    fit_experiment(forest("summons", calibration="none"), told)  # the other outcome is known


def test_the_end_of_a_single_year_stands_for_the_last_year(training: pd.DataFrame) -> None:
    single = training[training["year"] == 2019].drop(columns="stop_date", errors="ignore")
    with pytest.raises(SqfError, match="needs earlier stops"):
        fit_experiment(forest(), single)
    days = np.datetime64("2019-01-01") + np.arange(len(single)) % 300
    dated = single.assign(stop_date=pd.Series(days, index=single.index).astype("datetime64[s]"))
    held_out = fit_experiment(forest(), dated).held_out
    assert held_out is not None
    known = dated.dropna(subset="arrested")
    last_fitted_on = sorted(known["stop_date"])[(len(known) - 1) * 2 // 3]
    assert held_out.positive.tolist() == known.loc[known["stop_date"] > last_fitted_on, "arrested"].tolist()
    assert 0.32 < len(held_out.positive) / len(known) <= 0.34


def test_a_single_class_is_told(training: pd.DataFrame) -> None:
    with pytest.raises(SqfError, match="with and without the outcome"):
        fit_experiment(forest(), training[training["arrested"].fillna(value=False)])


def test_names_are_unique_and_say_what_a_model_is() -> None:
    chosen = {(outcome, tier): ("suspect_age",) for outcome in STUDY_OUTCOMES for tier in ("during", "at_stop")}
    experiments = [*plain_experiments(), *tier_experiments(), *imbalance_experiments(), *served_experiments(chosen)]
    names = [experiment.name for experiment in experiments]
    assert len(set(names)) == len(names)
    assert "arrest-study_2021-random_forest" in names
    assert "summons-study_2021-random_forest-under-prior" in names
    assert "arrest-during_chosen-tuned_forest" in names


def test_an_unknown_kind_of_model_is_told_with_those_that_there_are() -> None:
    with pytest.raises(SqfError, match="tuned_forest"):
        Experiment("arrest", "during", "oracle")
