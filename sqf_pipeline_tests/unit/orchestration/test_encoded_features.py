"""The study's forests are fitted on `training_features` and score `test_features`: a changed value there is seen."""

import importlib.metadata
import json
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from sqf_pipeline.modelling import experiment_groups
from sqf_pipeline.modelling.feature_sets import feature_set
from sqf_pipeline.modelling.fitting import FittedModel
from sqf_pipeline.orchestration.assets import evaluation, features, models
from sqf_pipeline.orchestration.partitions import TEST_YEARS, YEARS
from sqf_pipeline.orchestration.resources import Compute, PublishedFiles
from sqf_pipeline.orchestration.stored_models import FittedModelsIOManager
from sqf_pipeline.settings import Settings
from sqf_pipeline_tests.modelling_support import invented_stops, invented_years

SET = "study_2021"


class Given(dg.IOManager):
    """Assets by name, as they were given or as they were made."""

    def __init__(self, **given: Any) -> None:
        self.given = given

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:
        self.given[context.asset_key.path[-1]] = obj

    def load_input(self, context: dg.InputContext) -> Any:
        return self.given[context.asset_key.path[-1]]


def stub(name: str) -> dg.AssetsDefinition:
    years = YEARS if name == "source_files" else TEST_YEARS

    @dg.asset(name=name, io_manager_key="frames", partitions_def=years)
    def given() -> None:
        raise AssertionError(f"{name} is given")

    return given


ASSETS = [
    *(features.feature_encoder, features.training_features, features.test_features),
    *(models.arrest_model, models.summons_model, models.resampled_summons_models),
    *(models.tier_models, models.imbalance_models, models.served_models, evaluation.results),
    *(stub(name) for name in ("training_stops", "test_stops", "source_files")),
]


class Plain:
    """The plain assets on invented stops, made when they are asked for."""

    def __init__(self, folder: Path) -> None:
        files = {str(year): pd.DataFrame({"coverage": ["2017-01..2017-12"]}) for year in range(2017, 2021)}
        self.kept = Given(
            training_stops=invented_years(150), test_stops=invented_stops(100, 1, 2020), source_files=files
        )
        self.fitted = FittedModelsIOManager(folder)
        self.resources: dict[str, Any] = {
            **dict.fromkeys(("frames", "encoders", "tables"), self.kept),
            "fitted_models": self.fitted,
            "compute": Compute("local", None, 1),
            "published_files": PublishedFiles(Settings(home=folder, source="sample", _env_file=None)),
        }

    def make(self, *names: str) -> dict[str, Any]:
        result = dg.materialize(ASSETS, selection=list(names), partition_key="2020", resources=self.resources)
        assert result.success
        return self.kept.given

    def model(self, asset: str, name: str) -> FittedModel:
        stored = self.fitted.stored(dg.AssetKey(asset), "2020")
        assert stored is not None
        return stored[name]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Plain:
    pipeline = Plain(tmp_path_factory.mktemp("plain"))
    pipeline.make("feature_encoder", "training_features", "test_features")
    pipeline.make("arrest_model", "summons_model", "resampled_summons_models")
    return pipeline


def votes(model: FittedModel, frame: pd.DataFrame) -> np.ndarray:
    return model.raw_score(frame)


@pytest.mark.slow
def test_a_value_in_the_stored_training_features_changes_a_model(plain: Plain) -> None:
    given = plain.kept.given
    name = f"arrest-{SET}-random_forest"
    before = votes(plain.model("arrest_model", name), given["test_features"])
    stored = given["training_features"]
    try:
        plain.make("arrest_model")
        np.testing.assert_array_equal(votes(plain.model("arrest_model", name), given["test_features"]), before)
        column = f"{SET}__weapon_found"
        given["training_features"] = stored.assign(**{column: np.float32(1) - stored[column]})
        plain.make("arrest_model")
        assert (votes(plain.model("arrest_model", name), given["test_features"]) != before).any()
    finally:
        given["training_features"] = stored
        plain.make("arrest_model")


@pytest.mark.slow
def test_a_value_in_the_stored_test_features_changes_predictions_of_that_stop_alone(plain: Plain) -> None:
    given = plain.kept.given
    before = plain.make("predictions", "model_metrics")["predictions"].set_index(["model", "stop_id"])["score"]
    stored = given["test_features"]
    one = stored["stop_id"].iloc[7]
    columns = [name for name in stored if name.startswith("study_2021") and "=" not in name]
    try:
        changed = stored.copy()
        changed.loc[7, columns] = (stored.loc[7, columns] + 50).astype("float32")
        given["test_features"] = changed
        after = plain.make("predictions")["predictions"].set_index(["model", "stop_id"])["score"]
    finally:
        given["test_features"] = stored
    different = before.index[before.to_numpy() != after.loc[before.index].to_numpy()]
    assert set(different.get_level_values("stop_id")) == {one}
    assert different.get_level_values("model").nunique() >= 6


def test_features_of_other_stops_than_the_test_year_s_are_refused(plain: Plain) -> None:
    stored = plain.kept.given["test_features"]
    try:
        plain.kept.given["test_features"] = stored.iloc[::-1]
        with pytest.raises(Exception, match="Materialise test_features anew"):
            plain.make("predictions")
    finally:
        plain.kept.given["test_features"] = stored


def test_no_forest_takes_its_own_outcome_and_each_takes_the_columns_of_its_set(plain: Plain) -> None:
    for asset, outcome, target in (
        ("arrest_model", "arrest", "arrested"),
        ("summons_model", "summons", "summons_issued"),
        ("resampled_summons_models", "summons", "summons_issued"),
    ):
        stored = plain.fitted.stored(dg.AssetKey(asset), "2020")
        assert stored is not None
        for model in stored.described():
            sources = {
                name.split("=")[0].removeprefix(f"{model.feature_set.name}__") for name in model.encoded_features
            }
            assert target not in sources
            dropped = {"precinct", "supervising_officer_command", "issuing_officer_command"}
            assert sources - dropped == set(feature_set(model.feature_set.name).columns_for(outcome)) - dropped


def test_the_features_of_a_stop_say_what_the_stop_says(plain: Plain) -> None:
    given = plain.kept.given
    stops, encoded = given["test_stops"], given["test_features"]
    sex = stops["suspect_sex"].astype("string")
    for level in sex.dropna().unique():
        column = f"{SET}__suspect_sex={level}"
        if column in encoded:
            np.testing.assert_array_equal(encoded[column].to_numpy() == 1, sex.eq(level).fillna(value=False).to_numpy())
    assert (encoded.dtypes[[name for name in encoded if "__" in name]] == np.float32).all()


def test_models_are_fitted_again_only_when_something_that_makes_them_changed(
    plain: Plain, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = plain.fitted.directory / "summons_model"

    def content() -> dict[str, bytes]:
        listed = json.loads((folder / "2020.json").read_text())
        return {name: (folder / parts["model"]).read_bytes() for name, parts in listed.items()}

    first, fits = content(), []
    whole = experiment_groups.fit_all

    def counted(*given: Any, **named: Any) -> Any:
        fits.append(given)
        return whole(*given, **named)

    monkeypatch.setattr(experiment_groups, "fit_all", counted)
    plain.make("summons_model")
    assert not fits, "kept"
    assert content() == first

    path = next(folder.glob("2020-*.joblib"))
    for spoil in (lambda: path.write_bytes(path.read_bytes()[:-1] + b"x"), path.unlink):  # a flipped byte, a lost file
        spoil()
        plain.make("summons_model")
        assert len(fits) == 1, spoil
        assert content() == first
        fits.clear()

    monkeypatch.setattr(importlib.metadata, "version", lambda name: f"{name} 0")
    plain.make("summons_model")
    assert len(fits) == 1, "another release"
    monkeypatch.setattr(models, "version_of", lambda _: "other code")
    plain.make("summons_model")
    assert len(fits) == 2, "other code"
    stored = plain.kept.given["training_features"]
    try:
        plain.kept.given["training_features"] = stored.iloc[::-1]
        plain.make("summons_model")
        assert len(fits) == 3, "other rows"
    finally:
        plain.kept.given["training_features"] = stored
