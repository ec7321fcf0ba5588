"""No gap of a description reaches a model at the stop: values are drawn, and no draw hangs on chance or place."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqf_pipeline.errors import SqfError
from sqf_pipeline.modelling import estimators
from sqf_pipeline.modelling.drawn_descriptions import DrawingPipeline, learn_descriptions
from sqf_pipeline.modelling.estimators import make_model
from sqf_pipeline.modelling.experiments import Experiment, served_experiments, tier_experiments
from sqf_pipeline.modelling.feature_sets import feature_set
from sqf_pipeline.modelling.fitting import FittedModel, fit_experiment
from sqf_pipeline.modelling.mean_over_draws import mean_over_draws
from sqf_pipeline.registry.columns import load_columns
from sqf_pipeline_tests.modelling_support import invented_stops, invented_years

ROWS = 60
"""Invented training stops a year."""
COLUMNS = ("suspect_age", "suspect_race", "suspect_sex")
people = st.lists(
    st.tuples(
        st.one_of(st.none(), st.integers(6, 100)),
        st.sampled_from([None, "BLACK", "WHITE"]),
        st.sampled_from([None, "MALE", "FEMALE"]),
    ),
    min_size=1,
    max_size=30,
)


def frame_of(rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    ages, races, sexes = zip(*rows, strict=True)
    return pd.DataFrame(
        {
            "suspect_age": pd.array(ages, dtype="Int32"),
            "suspect_race": pd.array(races, dtype="string"),
            "suspect_sex": pd.array(sexes, dtype="string"),
        }
    )


def cut(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return (None if row[0] is None else row[0] // 10 * 10, *row[1:])


@settings(max_examples=80, deadline=None)
@given(people, people, st.integers(0, 3))
def test_a_draw_keeps_what_is_known_and_takes_the_rest_from_one_complete_stop(training, asked, seed) -> None:
    complete = {cut(row) for row in training if None not in row} | {(20, "WHITE", "MALE")}
    learned = learn_descriptions(frame_of([*training, (21, "WHITE", "MALE")]), COLUMNS)
    drawn = learned.draw(frame_of(asked), seed)
    pd.testing.assert_frame_equal(drawn, learned.draw(frame_of(asked), seed))
    assert drawn.dtypes.equals(frame_of(asked).dtypes)
    for before, after in zip(asked, drawn.itertuples(index=False, name=None), strict=True):
        missing = [place for place in range(3) if before[place] is None]
        assert all(cut(before)[place] == after[place] for place in range(3) if place not in missing)
        assert any(all(donor[place] == after[place] for place in missing) for donor in complete)


@settings(max_examples=80, deadline=None)
@given(people, people)
def test_every_way_to_fill_a_gap_counts_by_its_share_of_complete_stops(training, asked) -> None:
    donors = [cut(row) for row in [*training, (21, "WHITE", "MALE")] if None not in row]
    rows, places, weights = learn_descriptions(frame_of([*training, (21, "WHITE", "MALE")]), COLUMNS).spread(
        frame_of(asked)
    )
    found: dict[int, Counter[tuple[Any, ...]]] = {place: Counter() for place in range(len(asked))}
    for row, place, weight in zip(rows.itertuples(index=False, name=None), places, weights, strict=True):
        found[int(place)][row] += weight
    for place, stop in enumerate(asked):
        wanted: Counter[tuple[Any, ...]] = Counter()
        for donor in donors:
            filled = tuple(donor[at] if value is None else value for at, value in enumerate(cut(stop)))
            wanted[filled] += 1 / len(donors)
        assert dict(found[place]) == pytest.approx(dict(wanted))


def test_what_is_drawn_depends_on_the_place_and_the_seed_alone() -> None:
    stops = invented_stops(400, 3, 2019)
    learned = learn_descriptions(stops, COLUMNS)
    whole = learned.draw(stops)
    pd.testing.assert_frame_equal(learned.draw(stops.iloc[:100]), whole.iloc[:100])
    relabelled = learned.draw(stops.set_axis(range(1000, 1400)))
    assert relabelled["suspect_age"].tolist() == whole["suspect_age"].tolist()
    assert learned.draw(stops, 2)["suspect_age"].tolist() != whole["suspect_age"].tolist()


def test_columns_without_any_value_in_training_tell_nothing_later() -> None:
    training, test = invented_stops(60, 1, 2019), invented_stops(5, 2, 2020)
    training["suspect_age"] = pd.Series(pd.NA, index=training.index, dtype="Int32")
    learned = learn_descriptions(training, COLUMNS)
    assert learned.columns == ("suspect_race", "suspect_sex")
    assert learned.empty == ("suspect_age",)
    assert learned.draw(test)["suspect_age"].isna().all()


def test_no_complete_stop_is_told_in_words() -> None:
    stops = frame_of([(20, None, "MALE"), (None, "BLACK", "FEMALE")])
    with pytest.raises(SqfError, match=r"none of 2 has.*published files"):
        learn_descriptions(stops, COLUMNS)


@pytest.fixture(scope="module")
def at_stop_models() -> Iterator[list[FittedModel]]:
    """Return every kind of model at the stop, fitted on stops in which gaps of the person tell of the arrest."""
    training = with_telling_gaps(invented_years(ROWS))
    chosen = {
        (outcome, tier): feature_set(tier).columns[-12:]
        for outcome in ("arrest", "summons")
        for tier in ("at_stop", "during")
    }
    served = served_experiments(chosen)
    experiments = [
        experiment
        for experiment in (*tier_experiments(), *served, *(one for entry in served for one in entry.alternatives))
        if experiment.feature_set == "at_stop"
    ]
    assert {experiment.estimator for experiment in experiments} >= {"constant", "boosting", "tuned_forest"}
    with pytest.MonkeyPatch.context() as patch:
        members = (("tuned_forest", 1.0, {"n_estimators": 5}), ("boosting", 2.0, {"max_iter": 10}))
        patch.setattr(estimators, "BLENDED", {"common": members, "rare": members})
        yield [fit_experiment(quick(experiment), training) for experiment in experiments]


def quick(experiment: Experiment) -> Experiment:
    smaller = {"tuned_forest": {"n_estimators": 5}, "boosting": {"max_iter": 10}}.get(experiment.estimator, {})
    return Experiment(
        experiment.outcome, "at_stop", experiment.estimator, settings=smaller, fields=experiment.fields
    )  # fmt: skip


def with_telling_gaps(stops: pd.DataFrame) -> pd.DataFrame:
    """Return stops whose description is missing in half of those without an arrest, and nearly never with one."""
    rng = np.random.default_rng(5)
    share = np.where(stops["arrested"].to_numpy(dtype=bool), 0.02, 0.5)
    for entry in load_columns():
        if entry.known in {"completed", "value_at_stop"} and entry.kind != "mark":
            stops[entry.name] = stops[entry.name].mask(rng.random(len(stops)) < share)
    return stops


@pytest.mark.slow
def test_permuting_the_gaps_of_the_test_year_changes_no_score_at_the_stop(at_stop_models: list[FittedModel]) -> None:
    test = with_telling_gaps(invented_stops(80, 9, 2020))
    order = np.random.default_rng(2).permutation(len(test))
    other = test.copy()
    for entry in load_columns():  # what is completed later: values stay, where they are missing is dealt out anew
        if entry.known == "completed":
            missing = test[entry.name].isna().to_numpy()[order]
            values = test[entry.name].fillna(test[entry.name].dropna().iloc[0])
            other[entry.name] = values.mask(missing)
    for model in at_stop_models:
        np.testing.assert_array_equal(model.raw_score(test), model.raw_score(other))


@pytest.mark.slow
def test_a_gap_at_the_stop_scores_as_the_mean_over_complete_training_stops(at_stop_models: list[FittedModel]) -> None:
    training = with_telling_gaps(invented_years(ROWS))
    stop = invented_stops(1, 4, 2020)
    for model in at_stop_models:
        drawn = list(model.feature_set.drawn_for(model.outcome))
        known = training[training[model.target].notna()]
        donors = known[drawn].dropna()
        blank = stop.copy()
        for name in drawn:
            blank[name] = pd.Series([pd.NA], dtype=stop[name].dtype)
        everyone = stop.loc[[0] * len(donors)].reset_index(drop=True)
        for name in drawn:
            everyone[name] = donors[name].array
        assert model.raw_score(blank)[0] == pytest.approx(model.raw_score(everyone).mean())


@pytest.mark.slow
def test_a_score_does_not_depend_on_the_stops_beside_it(at_stop_models: list[FittedModel]) -> None:
    test = with_telling_gaps(invented_stops(40, 11, 2020))
    order = np.random.default_rng(3).permutation(len(test))
    for model in at_stop_models:
        score = model.raw_score(test)
        np.testing.assert_allclose(model.raw_score(test.iloc[order]), score[order], rtol=1e-6)
        np.testing.assert_allclose(model.raw_score(test.iloc[[7]]), score[[7]], rtol=1e-6)


@pytest.mark.slow
def test_a_gap_that_changes_nothing_is_an_exact_tie(at_stop_models: list[FittedModel]) -> None:
    """A constant says one number of all; a mean a hair beside it would rank those with gaps last."""
    test = with_telling_gaps(invented_stops(60, 12, 2020))
    for model in at_stop_models:
        if model.estimator == "constant":
            assert len(set(model.raw_score(test))) == 1


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=20), st.floats(0, 1))
def test_equal_scores_have_exactly_that_mean(weights: list[float], score: float) -> None:
    shares = (np.array(weights) + 0.1) / (np.array(weights) + 0.1).sum()
    place = np.zeros(len(shares), dtype=np.intp)
    assert mean_over_draws(np.full(len(shares), score), place, shares, 1)[0] == score


def test_no_encoder_at_the_stop_marks_a_gap_of_a_drawn_column() -> None:
    training = with_telling_gaps(invented_years(200, years=(2018, 2019)))
    features = feature_set("at_stop")
    few = {"tuned_forest": {"n_estimators": 3}, "logistic_regression": {}, "boosting": {"max_iter": 3}}
    for kind, settings_of_kind in few.items():
        model = make_model(kind, features, "arrest", settings=settings_of_kind)
        assert isinstance(model, DrawingPipeline)
        model.fit(training[list(features.columns)], training["arrested"].to_numpy(dtype=bool))
        names = set(model[:-1].get_feature_names_out())
        assert not {f"{name}=missing" for name in features.drawn_for("arrest")} & names


def test_other_tiers_keep_their_gaps() -> None:
    for tier in ("during", "study_2021"):
        assert not isinstance(make_model("boosting", feature_set(tier), "arrest", settings={}), DrawingPipeline)
