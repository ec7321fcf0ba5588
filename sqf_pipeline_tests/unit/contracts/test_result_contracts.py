"""Every rule of the contracts of features, predictions and metrics rejects what it is there to reject."""

import numpy as np
import pandas as pd
import pytest

from sqf_pipeline.contracts.result_contracts import (
    features_contract,
    metrics_contract,
    outcome_made_columns,
    predictions_contract,
)
from sqf_pipeline_tests.unit.contracts.failed_rules import failed_checks, failed_rules

NAMES = ["suspect_age", "precinct=1"]
NOT_FINITE = [np.inf, -np.inf]
NO_SHARES = [-0.001, 1.001, np.inf]


@pytest.fixture
def features() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "year": [2017, 2017],
            "stop_id": ["1", "2"],
            "arrested": [True, None],
            "suspect_age": [20.0, 30.0],
            "precinct=1": [0.0, 1.0],
        }
    )


@pytest.fixture
def predictions() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "test_year": 2020,
            "model": ["a", "a", "b", "b"],
            "year": 2020,
            "stop_id": ["1", "2", "1", "2"],
            "score": [0.0, 0.5, 1.0, 0.2],
            "probability": [0.0, 0.5, 1.0, 0.2],
            "actual": [True, False, True, None],
            "source": "local",
        }
    )


@pytest.fixture
def metrics() -> pd.DataFrame:
    shares = {name: [0.0, 1.0] for name in SHARES}
    return pd.DataFrame(
        {"test_year": 2020, "model": ["a", "b"], "test_rows": 10, "test_positives": [0, 10], "lift": 7.0, **shares}
    )


SHARES = [
    *("accuracy", "balanced_accuracy", "roc_auc", "average_precision", "brier_score", "precision", "recall", "f1"),
    "expected_calibration_error",
]


class TestFeatures:
    contract = staticmethod(lambda rows=2, names=NAMES: features_contract(names, ("arrested",), rows))

    def test_good_features_pass(self, features):
        self.contract().validate(features, lazy=True)

    @pytest.mark.parametrize("name", ["year", "stop_id", *NAMES])
    def test_only_an_outcome_may_be_unknown(self, features, name):
        features[name] = features[name].astype(object)
        features.loc[0, name] = None
        failed = failed_rules(self.contract(), features)
        assert any(column == name or name in column for column, _ in failed), failed

    @pytest.mark.parametrize("value", NOT_FINITE)
    @pytest.mark.parametrize("name", NAMES)
    def test_every_number_is_finite(self, features, name, value):
        features.loc[1, name] = value
        assert failed_rules(self.contract(), features) == {(name, "is_finite")}

    @pytest.mark.parametrize("name", NAMES)
    def test_a_text_is_no_number(self, features, name):
        assert any(column == name for column, _ in failed_rules(self.contract(), features.assign(**{name: "old"})))

    def test_an_outcome_is_yes_or_no(self, features):
        assert failed_rules(self.contract(), features.assign(arrested="perhaps"))

    def test_the_columns_are_those_of_the_encoder(self, features):
        for wrong in (features.drop(columns="precinct=1"), features.assign(shoe_size=9.0)):
            assert failed_checks(self.contract(), wrong) & {"column_in_dataframe", "column_in_schema"}

    def test_one_row_a_stop(self, features):
        assert "one_row_a_stop_3" in failed_checks(self.contract(3), features)
        same = features.assign(stop_id="1")
        assert any("unique" in check for check in failed_checks(self.contract(), same))

    @pytest.mark.parametrize("name", sorted(outcome_made_columns() - {"year", "stop_id"}))
    @pytest.mark.parametrize("form", ["{}", "{}=x", "categories__{}", "categories__{}=x"])
    def test_no_feature_comes_from_a_column_that_an_outcome_fills(self, features, name, form):
        made = form.format(name)
        frame = features.assign(**{made: 1.0})
        assert "no_column_made_by_an_outcome" in failed_checks(self.contract(names=[*NAMES, made]), frame)

    def test_the_columns_that_an_outcome_fills_are_those_of_the_registry(self):
        assert {"arrest_offense", "summons_offense", "search_basis_incidental_to_arrest"} <= outcome_made_columns()
        assert not {"suspect_age", "precinct"} & outcome_made_columns()


class TestPredictions:
    contract = staticmethod(lambda rows=2: predictions_contract(2020, rows))

    def test_good_predictions_pass(self, predictions):
        self.contract().validate(predictions, lazy=True)

    @pytest.mark.parametrize("value", [*NO_SHARES, -np.inf, np.nan])
    @pytest.mark.parametrize("name", ["score", "probability"])
    def test_a_probability_is_between_0_and_1(self, predictions, name, value):
        predictions.loc[0, name] = value
        assert any(column == name for column, _ in failed_rules(self.contract(), predictions))

    @pytest.mark.parametrize("name", ["test_year", "year"])
    def test_only_stops_of_the_test_year_are_scored(self, predictions, name):
        predictions.loc[0, name] = 2019
        assert any(
            column == name and "equal_to" in check for column, check in failed_rules(self.contract(), predictions)
        )

    @pytest.mark.parametrize("name", ["test_year", "model", "year", "stop_id", "source"])
    def test_only_what_happened_may_be_unknown(self, predictions, name):
        predictions[name] = predictions[name].astype(object)
        predictions.loc[0, name] = None
        assert failed_rules(self.contract(), predictions)

    def test_every_model_scores_every_stop_once(self, predictions):
        assert "every_model_scores_every_stop_2" in failed_checks(self.contract(), predictions.iloc[:3])
        assert "every_model_scores_every_stop_3" in failed_checks(self.contract(3), predictions)
        twice = predictions.assign(stop_id="1")
        assert any("unique" in check for check in failed_checks(self.contract(), twice))

    def test_the_columns_are_those_of_the_table(self, predictions):
        for wrong in (predictions.drop(columns="source"), predictions.assign(suspect_name="x")):
            assert failed_checks(self.contract(), wrong) & {"column_in_dataframe", "column_in_schema"}


class TestMetrics:
    contract = staticmethod(lambda: metrics_contract(2020))

    def test_good_metrics_pass_and_a_metric_that_does_not_exist_may_be_null(self, metrics):
        self.contract().validate(metrics, lazy=True)
        self.contract().validate(metrics.assign(roc_auc=np.nan), lazy=True)
        self.contract().validate(metrics.drop(columns=SHARES), lazy=True)

    @pytest.mark.parametrize("value", NO_SHARES)
    @pytest.mark.parametrize("name", SHARES)
    def test_a_share_is_between_0_and_1(self, metrics, name, value):
        metrics.loc[0, name] = value
        assert {column for column, _ in failed_rules(self.contract(), metrics)} == {name}

    def test_the_counts_add_up(self, metrics):
        metrics.loc[1, "test_positives"] = 11
        assert "no_more_positives_than_rows" in failed_checks(self.contract(), metrics)
        assert failed_rules(self.contract(), metrics.assign(test_positives=-1))
        assert failed_rules(self.contract(), metrics.assign(test_positives=0, test_rows=0))

    @pytest.mark.parametrize("name", ["test_year", "model", "test_rows", "test_positives"])
    def test_the_key_and_the_counts_are_there(self, metrics, name):
        assert failed_rules(self.contract(), metrics.drop(columns=name))
        metrics[name] = metrics[name].astype(object)
        metrics.loc[0, name] = None
        assert failed_rules(self.contract(), metrics)

    def test_one_row_a_model_of_the_test_year(self, metrics):
        assert failed_rules(self.contract(), metrics.assign(model="a"))
        assert failed_rules(self.contract(), metrics.assign(test_year=2019))
