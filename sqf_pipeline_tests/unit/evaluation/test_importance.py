"""Importance falls on the columns that matter, by registry column, and is chosen on training years alone."""

import numpy as np
import pandas as pd
import pytest
from sklearn import inspection
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import Pipeline

from sqf_pipeline.errors import SqfError
from sqf_pipeline.evaluation.compared_models import select_columns
from sqf_pipeline.evaluation.importance import impurity_importance, permutation_importance

COLUMNS = ["suspect_age", "suspect_weight_pounds", "observed_duration_minutes", "stop_duration_minutes"]


def made_stops(rows: int, seed: int, strength: float = 1.5) -> tuple[pd.DataFrame, np.ndarray]:
    """Return stops whose outcome follows age, a little the weight, and nothing else."""
    generator = np.random.default_rng(seed)
    values = generator.normal(size=(rows, len(COLUMNS)))
    chance = 1 / (1 + np.exp(-(strength * values[:, 0] + 0.5 * values[:, 1] - 1)))
    frame = pd.DataFrame(values, columns=COLUMNS).assign(
        stop_date=pd.Timestamp("2020-01-01"), stop_time_seconds=np.arange(rows), x_feet=1e6, y_feet=2e5,
        precinct=1, issuing_officer_command=1,
    )  # fmt: skip
    return frame, generator.random(rows) < chance


def test_permutation_finds_what_matters_and_holds_nought_in_the_interval_of_what_does_not() -> None:
    training, outcome = made_stops(1500, 1)
    model = LogisticRegression().fit(training[COLUMNS], outcome)
    stops, actual = made_stops(1500, 2)
    table = permutation_importance(model, stops, actual, COLUMNS).set_index("feature")
    assert list(table.index[:2]) == ["suspect_age", "suspect_weight_pounds"]
    assert table["rank"].tolist() == [1, 2, 3, 4]
    assert table.loc["suspect_age", "low"] > 0.1
    assert table.loc["stop_duration_minutes", "low"] <= 0.003 >= table.loc["stop_duration_minutes", "importance"]
    reference = inspection.permutation_importance(
        model, stops[COLUMNS], actual, scoring="roc_auc", n_repeats=10, random_state=0
    )
    for name, loss in zip(COLUMNS, reference.importances_mean, strict=True):
        assert table.loc[name, "importance"] == pytest.approx(loss, abs=0.03), name


def test_thinned_rows_keep_every_rare_positive_and_the_measure() -> None:
    training, outcome = made_stops(1500, 1)
    model = LogisticRegression().fit(training[COLUMNS], outcome)
    stops, actual = made_stops(6000, 2)
    rare = actual & (np.random.default_rng(0).random(6000) < 0.1)
    full = permutation_importance(model, stops, rare, COLUMNS, measure="average_precision", most_rows=6000)
    thin = permutation_importance(model, stops, rare, COLUMNS, measure="average_precision", most_rows=1500)
    assert thin.attrs["rows"] == 1500
    assert thin["feature"][0] == full["feature"][0] == "suspect_age"
    assert thin["importance"][0] == pytest.approx(full["importance"][0], rel=0.25)


def test_permutation_is_a_function_of_its_seed() -> None:
    stops, actual = made_stops(600, 3)
    model = LogisticRegression().fit(stops[COLUMNS], actual)
    first, second = (permutation_importance(model, stops, actual, COLUMNS, most_rows=400) for _ in range(2))
    pd.testing.assert_frame_equal(first, second)


def test_impurity_is_added_up_to_registry_columns() -> None:
    names = ["precinct", "suspect_race=BLACK", "suspect_race=A=B", "borough=BRONX", "patrol_borough=PBBX"]
    columns = ["borough", "patrol_borough", "precinct", "suspect_race"]
    table = impurity_importance([0.1, 0.2, 0.3, 0.25, 0.15], names, columns).set_index("feature")
    assert table["importance"].to_dict() == pytest.approx(
        {"suspect_race": 0.5, "borough": 0.25, "patrol_borough": 0.15, "precinct": 0.1}
    )
    assert table["low"].isna().all()
    with pytest.raises(ValueError, match="belongs to none"):
        impurity_importance([1.0], ["zip_code=10001"], columns)


def test_columns_are_chosen_on_the_last_training_year_alone() -> None:
    parts = []
    for year, seed in ((2017, 1), (2018, 2), (2019, 3)):
        frame, outcome = made_stops(700, seed)
        parts.append(frame.assign(year=year, arrested=pd.array(outcome, dtype="boolean")))
    training = pd.concat(parts, ignore_index=True)
    training.loc[0, "arrested"] = pd.NA
    seen: list[int] = []

    class Recorder(RandomForestClassifier):
        def fit(self, X: pd.DataFrame, y: np.ndarray) -> "Recorder":  # noqa: N803
            seen.append(len(X))
            return super().fit(X, y)

    forest = Recorder(40, random_state=1)
    chosen = select_columns(forest, training, "arrested", COLUMNS, count=2)
    assert chosen == ("suspect_age", "suspect_weight_pounds")
    assert seen == [1399], "fitted on the years before the last, known outcomes only"
    assert not hasattr(forest, "estimators_"), "the estimator handed in stays unfitted"
    with pytest.raises(SqfError, match=r"need earlier stops; arrested is known in the years \[2017\], without dates"):
        select_columns(forest, parts[0].drop(columns="stop_date", errors="ignore"), "arrested", COLUMNS, count=2)
    days = pd.Series(np.datetime64("2017-01-01") + np.arange(len(parts[0])) % 300, index=parts[0].index)
    single = parts[0].assign(stop_date=days.astype("datetime64[s]"))
    assert len(select_columns(forest, single, "arrested", COLUMNS, count=2)) == 2
    known, fitted = single[single["arrested"].notna()], seen[-1]
    assert known["stop_date"].sort_values().iloc[fitted - 1] < known["stop_date"].sort_values().iloc[fitted], (
        "whole days"
    )
    assert abs(fitted / len(known) - 2 / 3) < 0.01


def test_a_year_of_one_outcome_chooses_no_columns_and_says_so() -> None:
    frame, outcome = made_stops(200, 1)
    years = [frame.assign(year=year, arrested=pd.array(outcome, dtype="boolean")) for year in (2018, 2019)]
    forest = RandomForestClassifier(5, random_state=1)
    for place, where in ((0, "the earlier ones"), (1, "those set aside of 2019")):
        flat = [part.assign(arrested=False) if number == place else part for number, part in enumerate(years)]
        with pytest.raises(SqfError, match=f"in {where} arrested is False in all 200"):
            select_columns(forest, pd.concat(flat, ignore_index=True), "arrested", COLUMNS, count=2)


def test_rows_that_a_shuffle_leaves_as_they_are_are_not_predicted_and_nothing_changes() -> None:
    """The same shuffles on the whole frame, one prediction each."""
    rows, repeats = 700, 3
    stops, actual = made_stops(rows, 6)
    stops["suspect_age"] = pd.array(np.where(np.arange(rows) % 9 == 0, None, stops["suspect_age"].round(1)), "Float64")
    stops["stop_duration_minutes"] = 4.0
    model = Pipeline([("fill", SimpleImputer()), ("fit", RandomForestClassifier(8, random_state=1))])
    model.fit(stops[COLUMNS].astype(float), actual)
    counted = Counted(model)
    table = permutation_importance(counted, stops, actual, COLUMNS, repeats=repeats).set_index("feature")
    before = roc_auc_score(actual, model.predict_proba(stops[COLUMNS].astype(float))[:, 1])
    generator = np.random.default_rng(1)
    for name in COLUMNS:
        losses = []
        for _ in range(repeats):
            shuffled = stops[COLUMNS].assign(**{name: stops[name].array.take(generator.permutation(rows))})
            losses.append(before - roc_auc_score(actual, model.predict_proba(shuffled.astype(float))[:, 1]))
        assert table.loc[name, "importance"] == pytest.approx(np.mean(losses), abs=1e-12), name
    assert table.loc["stop_duration_minutes", ["importance", "low", "high"]].tolist() == [0, 0, 0]
    assert counted.rows < (1 + repeats * (len(COLUMNS) - 1)) * rows


class Counted:
    """A model that counts the rows it predicts."""

    def __init__(self, model: Pipeline) -> None:
        self.model, self.rows = model, 0

    def predict_proba(self, stops: pd.DataFrame) -> np.ndarray:
        self.rows += len(stops)
        return self.model.predict_proba(stops.astype(float))
