"""Experiments that share fits, or are fitted side by side, give the models they give alone."""

import io
import os
import pickle
from collections import Counter
from functools import partial
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
from joblib.externals.loky import reusable_executor
from sklearn.tree._tree import Tree

from sqf_pipeline.errors import SqfError
from sqf_pipeline.modelling import estimators, shared_fits
from sqf_pipeline.modelling.estimators import BLEND, make_model
from sqf_pipeline.modelling.experiment_groups import fit_all
from sqf_pipeline.modelling.experiments import Experiment
from sqf_pipeline.modelling.feature_sets import feature_set
from sqf_pipeline.modelling.fitting import FittedModel, fit_experiment
from sqf_pipeline.modelling.side_by_side import end_processes, side_by_side
from sqf_pipeline_tests.modelling_support import invented_stops, invented_years

TREES = {"n_estimators": 8, "min_samples_leaf": 4, "max_features": 0.2, "random_state": 1}
STEPS = {"max_iter": 8}
GRID = ({"min_samples_leaf": 30}, {"min_samples_leaf": 4})


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    members = (("tuned_forest", 1.0, TREES), ("boosting", 2.0, STEPS), ("boosting", 2.0, {**STEPS, "random_state": 2}))
    monkeypatch.setattr(estimators, "BLENDED", {"common": members, "rare": members})


@pytest.fixture(scope="module")
def training() -> pd.DataFrame:
    return invented_years(150)


def experiments(columns: str) -> list[Experiment]:
    return [
        Experiment("arrest", columns, "constant"),
        Experiment("arrest", columns, "tuned_forest", settings=TREES, grid=GRID),
        Experiment("arrest", columns, "boosting", settings=STEPS),
        Experiment("arrest", columns, BLEND),
    ]


@pytest.mark.slow
@pytest.mark.parametrize("columns", ["at_stop", "during"])
def test_the_blend_takes_over_what_stands_beside_it(
    columns: str, training: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: Counter[str] = Counter()

    def counting(estimator: str, *given: Any, **named: Any) -> Any:
        made[estimator] += 1
        return make_model(estimator, *given, **named)

    monkeypatch.setattr(shared_fits, "make_model", counting)
    *_, forest, boosting, blend = fit_all(experiments(columns), training)
    # early and final fits; the forest also with the leaves that were not chosen, if they were not
    chosen = forest.settings["min_samples_leaf"] == 4
    assert made == {"constant": 2, "tuned_forest": 3 if chosen else 4, "boosting": 4, BLEND: 2}
    members = list(blend.pipeline[-1].named_estimators_.values())
    assert members[1].estimator[-1] is boosting.pipeline[-1]
    whole = make_model(BLEND, feature_set(columns), "arrest", settings={})
    whole.fit(training[list(blend.columns)], training["arrested"].to_numpy(dtype=bool))
    test = invented_stops(200, 9, 2020)
    np.testing.assert_array_equal(whole.predict_proba(test[list(blend.columns)])[:, 1], blend.raw_score(test))


@pytest.mark.slow
def test_two_processes_give_the_models_of_one(training: pd.DataFrame) -> None:
    asked = [*experiments("at_stop")[:3], Experiment("summons", "study_2021", "tuned_forest", settings=TREES)]
    test = invented_stops(200, 9, 2020)

    def told(models: list[FittedModel]) -> list[tuple[object, ...]]:
        return [
            (one.name, one.settings, one.thresholds, one.held_out_log_loss, one.predict_probability(test).tolist())
            for one in models
        ]

    alone = told([fit_experiment(one, training) for one in asked])
    assert told(list(fit_all(asked, training))) == alone
    assert told(list(fit_all(asked, training, n_jobs=-1, processes=2))) == alone
    assert told(list(fit_all(asked, training, n_jobs=-1, processes=2, threads=True))) == alone


def squared(number: int) -> int:
    if number > 5:
        raise SqfError(f"{number} is too large")
    return number**2


@pytest.mark.slow
@pytest.mark.parametrize(("processes", "threads"), [(1, False), (2, False), (2, True)])
def test_results_keep_the_order_of_tasks_and_errors_are_raised(processes: int, threads: bool) -> None:
    tasks = [partial(squared, number) for number in range(5)]
    assert list(side_by_side(iter(tasks), processes, threads=threads)) == [0, 1, 4, 9, 16]
    with pytest.raises(SqfError, match="7 is too large"):
        list(side_by_side([partial(squared, number) for number in (1, 7)], processes, threads=threads))


def test_processes_that_are_ended_leave_none_behind_and_others_take_their_place() -> None:
    assert list(side_by_side(map(partial, [os.getpid] * 4), 2)) != [os.getpid()] * 4
    end_processes()
    assert not reusable_executor._executor._processes
    assert list(side_by_side([partial(squared, 2)] * 2, 2)) == [4, 4]


class Handed:
    """A task that notes when it is handed to a process."""

    noted: ClassVar[dict[int, None]] = {}

    def __init__(self, number: int) -> None:
        self.number = number

    def __getstate__(self) -> dict[str, int]:
        self.noted.setdefault(self.number)
        return {"number": self.number}

    def __call__(self) -> int:
        return self.number


@pytest.mark.slow
def test_the_longest_tasks_begin_first_and_results_keep_the_order_of_tasks() -> None:
    results = side_by_side([Handed(number) for number in range(6)], 2, costs=[0, 1, 2, 2, 2, 9])
    assert list(results) == [0, 1, 2, 3, 4, 5]
    assert list(Handed.noted) == [5, 2, 3, 4, 1, 0]


@pytest.mark.parametrize("name", ["tuned_forest", "weighted_forest", "balanced_forest", BLEND])
def test_what_lay_in_memory_is_not_stored_with_a_forest(name: str, training: pd.DataFrame) -> None:
    stops = training[list(feature_set("during").columns_for("arrest"))]
    settings = {} if name == BLEND else {**TREES, "n_estimators": 3}
    model = make_model(name, feature_set("during"), "arrest", settings=settings)
    model.fit(stops, training["arrested"].to_numpy(dtype=bool))
    expected = model.predict_proba(stops)

    def stored_trees() -> list[Tree]:  # wherever they are: a balanced forest keeps each of them twice
        found: list[Tree] = []

        class Collector(pickle.Pickler):
            def reducer_override(self, held: object) -> Any:
                found.extend([held] if isinstance(held, Tree) else [])
                return NotImplemented

        Collector(io.BytesIO()).dump(model)
        return found

    def nodes() -> list[np.ndarray]:
        return [tree.__getstate__()["nodes"] for tree in stored_trees()]

    def between_fields(rows: np.ndarray) -> np.ndarray:
        places = np.ones(rows.dtype.itemsize, dtype=bool)
        for kind, start in rows.dtype.fields.values():
            places[start : start + kind.itemsize] = False
        return rows.view(np.uint8).reshape(len(rows), -1)[:, places]

    for tree in stored_trees():
        state = tree.__getstate__()
        state["nodes"].view(np.uint8).reshape(len(state["nodes"]), -1)[:, -7:] = 213
        tree.__setstate__(state)
    assert all(between_fields(rows).any() for rows in nodes())
    estimators.clear_padding(model)
    assert len(nodes()) == (TREES["n_estimators"] if name == BLEND else 3)
    assert not any(between_fields(rows).any() for rows in nodes())
    np.testing.assert_array_equal(model.predict_proba(stops), expected)
