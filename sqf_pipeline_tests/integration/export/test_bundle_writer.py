"""An export is whole or not there, and one that was changed is refused."""

import hashlib
import json
import os
import shutil
import tempfile
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from pathlib import Path

import joblib
import numpy as np
import onnx
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import numpy_helper

from sqf_pipeline.cli import main
from sqf_pipeline.errors import SqfError
from sqf_pipeline.export import bundle_writer
from sqf_pipeline.export.bundle_writer import export_bundle
from sqf_pipeline.export.current_export import is_forward, serve_export
from sqf_pipeline.export.model_entries import stops_of_frame
from sqf_pipeline.export.onnx_export import ensemble_to_onnx
from sqf_pipeline.export.pipelines import load_pipelines
from sqf_pipeline.modelling.calibration import Calibrator
from sqf_pipeline.modelling.experiments import Experiment
from sqf_pipeline.modelling.fitting import fit_experiment
from sqf_pipeline.service import bundle as bundle_module
from sqf_pipeline.service.bundle import BundleError, list_exports, open_bundle, resolve_folder
from sqf_pipeline.service.manifest import MANIFEST_NAME
from sqf_pipeline.service.predictor import load_predictors
from sqf_pipeline_tests.service_support import TIER_FIELDS, small_models


@pytest.fixture
def copy(export_folder: Path, tmp_path: Path) -> Path:
    """Return a copy of the export that a test may spoil."""
    return Path(shutil.copytree(resolve_folder(export_folder), tmp_path / "export"))


def rewrite(folder: Path, name: str, data: bytes) -> None:
    """Write a file and mend its checksum, as somebody would who covers their tracks."""
    (folder / name).write_bytes(data)
    lines = (folder / "SHA256SUMS").read_text().splitlines()
    sums = [line if not line.endswith(f"  {name}") else f"{hashlib.sha256(data).hexdigest()}  {name}" for line in lines]
    (folder / "SHA256SUMS").write_text("\n".join(sums) + "\n")


def test_both_forms_answer_alike_and_the_service_form_is_what_was_stored(export_folder):
    small = small_models()
    predictors = load_predictors(open_bundle(export_folder))
    pipelines = load_pipelines(export_folder)
    for model in small.models:
        predictor = predictors[model.outcome, model.feature_set.tier]
        served = predictor.probabilities(stops_of_frame(small.test, predictor.entry.fields))
        whole = pipelines[model.name]
        offline = whole.predict_proba(small.test)
        np.testing.assert_allclose(served, offline[:, 1], atol=1e-5)
        np.testing.assert_allclose(offline.sum(axis=1), 1)
        scores = model.pipeline.predict_proba(small.test[list(model.columns)])[:, 1]
        np.testing.assert_array_equal(offline[:, 1], model.calibrator.apply(scores))
        limit = model.thresholds[model.default_threshold].value
        answers = [one.positive for one in predictor.predict(stops_of_frame(small.test, predictor.entry.fields))]
        clear = np.abs(served - limit) > 1e-5
        np.testing.assert_array_equal(whole.predict(small.test)[clear], np.array(answers)[clear])
        assert predictor.entry.largest_difference <= 1e-5


def test_the_manifest_tells_what_an_auditor_asks(export_folder):
    manifest = open_bundle(export_folder).manifest
    assert (manifest.format_version, manifest.test_year, manifest.source) == (4, 2020, "sample")
    assert manifest.training_years == (2017, 2018, 2019)
    assert {"python", "scikit-learn", "numpy", "joblib", "onnxruntime"} <= set(manifest.packages)
    assert len(manifest.models) == 6
    for model in manifest.models:
        assert len(model.fields) == 12
        assert 0 < model.training_share < 1
        assert model.default_threshold in model.thresholds
        assert all(field.label and field.description for field in model.fields)
    assert {entry.name for entry in manifest.files} >= {"model_card.md", "analysis/stops_by_year.json"}


def test_current_moves_forward_only_and_each_year_points_to_its_own_latest(tmp_path):
    small = small_models()
    first = export_bundle(tmp_path, small.models[:1], small.context)
    assert resolve_folder(tmp_path) == resolve_folder(tmp_path / "2020") == first
    later = export_bundle(tmp_path, small.models[:1], replace(small.context, test_year=2021, git_commit="abc"))
    assert resolve_folder(tmp_path) == later
    assert resolve_folder(tmp_path / "2020") == first
    again = export_bundle(tmp_path, small.models[1:2], small.context)
    assert resolve_folder(tmp_path / "2020") == again != first
    assert resolve_folder(tmp_path) == resolve_folder(tmp_path / "2021") == later
    last = export_bundle(tmp_path, small.models[1:2], replace(small.context, test_year=2021))
    assert resolve_folder(tmp_path) == resolve_folder(tmp_path / "2021") == last
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


@given(years=st.lists(st.sampled_from([2019, 2020, 2021, 2022]), min_size=1, max_size=6))
@settings(max_examples=60, deadline=None)
def test_whatever_the_order_of_the_runs_the_last_export_of_the_latest_year_is_current(years):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "exports"
        made = []
        for number, year in enumerate(years):
            export = folder / f"{year}-{number:012x}"
            export.mkdir(parents=True)
            (export / MANIFEST_NAME).write_text(json.dumps({"test_year": year}))
            os.utime(export / MANIFEST_NAME, (number, number))
            if is_forward(export, folder / "current"):
                (folder / "current").unlink(missing_ok=True)
                (folder / "current").symlink_to(export.name)
            made.append((year, number, export.resolve()))
        assert resolve_folder(folder) == max(made)[2]
        assert list_exports(folder) == [entry[2] for entry in sorted(made, reverse=True)]


def test_the_same_export_made_again_is_the_later_one(tmp_path):
    small = small_models()
    first = export_bundle(tmp_path, small.models[:1], small.context)
    other = export_bundle(tmp_path, small.models[1:2], small.context)
    assert resolve_folder(tmp_path) == other
    assert export_bundle(tmp_path, small.models[:1], small.context) == first
    assert resolve_folder(tmp_path) == first


@pytest.mark.parametrize("spoil", ["gone", "not json", "no year", "a year in words"])
def test_a_current_export_that_tells_no_year_holds_nothing_back(tmp_path, spoil):
    small = small_models()
    later = export_bundle(tmp_path, small.models[:1], replace(small.context, test_year=2021))
    manifest = later / MANIFEST_NAME
    if spoil == "gone":
        shutil.rmtree(later)
    else:
        manifest.write_text({"not json": "{", "no year": "{}", "a year in words": '{"test_year": "new"}'}[spoil])
    earlier = export_bundle(tmp_path, small.models[:1], small.context)
    assert resolve_folder(tmp_path) == earlier


def test_an_operator_goes_back_by_year_or_name_and_only_to_a_good_export(tmp_path):
    small = small_models()
    earlier = export_bundle(tmp_path, small.models[:1], small.context)
    later = export_bundle(tmp_path, small.models[:1], replace(small.context, test_year=2021))
    assert serve_export(tmp_path, "2020") == resolve_folder(tmp_path) == earlier
    assert serve_export(tmp_path, later.name) == resolve_folder(tmp_path) == later
    model = next(earlier.rglob("*.onnx"))
    model.write_bytes(model.read_bytes()[:-1])
    for name in ("2020", earlier.name, "2019", "../elsewhere", ".", ""):
        with pytest.raises(BundleError):
            serve_export(tmp_path, name)
        assert resolve_folder(tmp_path) == later


def test_the_command_lists_the_exports_and_goes_back(tmp_path):
    small = small_models()
    folder = tmp_path / "exports" / "sqf_sample"
    earlier = export_bundle(folder, small.models[:1], small.context)
    later = export_bundle(folder, small.models[:1], replace(small.context, test_year=2021))

    def sqf(*arguments: str) -> str:
        shown = CliRunner().invoke(main, ["export", "current", *arguments], env={"SQF_HOME": str(tmp_path)})
        assert "Traceback" not in shown.output
        return shown.output

    listed = sqf("--source", "sample").splitlines()
    assert [line.split()[0] for line in listed] == [later.name, earlier.name]
    assert [line.split()[-1] == "current" for line in listed] == [True, False]
    listed = sqf("2020", "--source", "sample").splitlines()
    assert [line.split()[-1] == "current" for line in listed] == [False, True]
    assert resolve_folder(folder) == earlier
    assert "There is no export '2019'" in sqf("2019", "--source", "sample")
    assert "`sqf run --full` makes one" in sqf("--source", "local")


def test_exports_that_nothing_points_to_go_after_a_while(tmp_path):
    small = small_models()
    first = export_bundle(tmp_path, small.models[:1], small.context)
    killed = tmp_path / ".export-killed"
    killed.mkdir()
    second = export_bundle(tmp_path, small.models[1:2], small.context)
    assert first.exists()  # a service may be on its way to it
    for path in (first, second, killed):
        os.utime(path, (0, 0))
    third = export_bundle(tmp_path, small.models[2:3], small.context)
    assert not first.exists()
    assert not killed.exists()
    assert second.exists()  # the last of the former ones, to fall back to
    assert resolve_folder(tmp_path) == third


def test_exporters_at_once_do_not_disturb_each_other(tmp_path):
    small = small_models()

    def export(number: int) -> Path:
        return export_bundle(tmp_path, small.models[number : number + 1], small.context)

    with ThreadPoolExecutor(4) as pool:
        targets = list(pool.map(export, range(4)))
    assert resolve_folder(tmp_path) in targets
    for target in targets:
        open_bundle(target)


def test_a_text_file_serves_as_a_pointer_where_links_are_not_to_be_had(tmp_path, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise OSError("no links here")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    small = small_models()
    target = export_bundle(tmp_path, small.models[:1], small.context)
    assert (tmp_path / "current").is_file()
    assert open_bundle(tmp_path).folder == target


def test_a_failed_export_leaves_the_earlier_one_in_force(tmp_path, monkeypatch):
    small = small_models()
    first = export_bundle(tmp_path, small.models[:1], small.context)

    def fail(*_args, **_kwargs):
        raise OSError("disk full")

    monkeypatch.setattr(joblib, "dump", fail)
    with pytest.raises(OSError, match="disk full"):
        export_bundle(tmp_path, small.models[1:2], small.context)
    assert resolve_folder(tmp_path) == first
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["2020", first.name, "current"])


def test_forms_that_differ_are_not_exported(tmp_path):
    class Stubborn(type(small_models().models[0].pipeline)):
        """A pipeline whose answers are not those of its own forest."""

        def predict_proba(self, stops):
            return np.clip(super().predict_proba(stops) + 1e-3, 0, 1)

    model = small_models().models[0]
    crooked = replace(model, pipeline=Stubborn(model.pipeline.steps), calibrator=Calibrator())
    with pytest.raises(SqfError, match=r"differs from the pipeline by 0\.001"):
        export_bundle(tmp_path, [crooked], small_models().context)
    assert not list(tmp_path.iterdir())


@cache
def boosting_at(tier):
    """Return boosting of a tier's fields, which was chosen before a forest that knows the weekday alone."""
    stops = small_models().context.training_stops
    young = (stops["suspect_age"].fillna(40) < 40) & (stops["suspected_crime"].fillna("") != "ROBBERY")
    stops = stops.assign(arrested=young ^ (np.random.default_rng(1).random(len(stops)) < 0.1))
    first = Experiment("arrest", tier, "boosting", settings={"max_iter": 40}, fields=TIER_FIELDS[tier])
    other = replace(first, estimator="tuned_forest", settings={"n_estimators": 5, "max_depth": 1}, fields=("weekday",))
    fitted = fit_experiment(replace(other, alternatives=(first,)), stops, n_jobs=1)
    assert fitted.estimator == "boosting"
    return fitted


@pytest.mark.parametrize("tier", ["during", "at_stop"])
def test_boosting_is_exported_with_what_was_tried_and_answers_stops_with_gaps_and_new_categories(tmp_path, tier):
    context, model = small_models().context, boosting_at(tier)
    strange = context.test_stops.copy()
    strange["suspected_crime"] = strange["suspected_crime"].mask(strange.index % 3 == 0, "A CRIME NOBODY HAS SEEN")
    for place, name in enumerate(TIER_FIELDS[tier]):
        strange[name] = strange[name].mask(strange.index % 5 == place % 5)
    bundle = open_bundle(export_bundle(tmp_path, [model], replace(context, test_stops=strange)))
    (entry,) = bundle.manifest.models
    assert entry.estimator == "HistGradientBoostingClassifier"
    assert entry.largest_difference <= 1e-5
    assert [(one.estimator, one.log_loss) for one in entry.tried] == [
        ("boosting", model.held_out_log_loss), ("tuned_forest", entry.tried[1].log_loss)
    ]  # fmt: skip
    assert entry.tried[0].log_loss < entry.tried[1].log_loss
    found = load_predictors(bundle)["arrest", tier].probabilities(stops_of_frame(strange, entry.fields))
    np.testing.assert_allclose(found, model.predict_probability(strange), atol=1e-5)
    np.testing.assert_allclose(found, load_pipelines(tmp_path)[model.name].predict_proba(strange)[:, 1], atol=1e-5)


def _spoil(attribute, change):
    def spoiled(model):
        graph = onnx.load_from_string(ensemble_to_onnx(model))
        (found,) = (one for one in graph.graph.node[0].attribute if one.name == attribute)
        if found.type == onnx.AttributeProto.TENSOR:
            found.t.CopyFrom(numpy_helper.from_array(change(numpy_helper.to_array(found.t))))
        else:
            found.ints[:] = change(np.array(found.ints)).tolist()
        return graph.SerializeToString()

    return spoiled


@pytest.mark.parametrize(
    ("attribute", "change"),
    [
        ("membership_values", lambda members: np.where(members == 1, 2, members).astype(np.float32)),
        ("nodes_missing_value_tracks_true", lambda tracks: 1 - tracks),
        ("nodes_splits", lambda splits: (splits * 1.01).astype(np.float32)),
        ("nodes_modes", lambda modes: np.where(modes == 6, 0, modes).astype(np.uint8)),
        ("leaf_weights", lambda weights: (weights * 1.01).astype(np.float32)),
        ("nodes_featureids", lambda features: features[::-1].copy()),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_fast_form_that_is_wrong_in_any_part_is_not_exported(tmp_path, monkeypatch, attribute, change):
    monkeypatch.setattr(bundle_writer, "ensemble_to_onnx", _spoil(attribute, change))
    with pytest.raises(SqfError, match=r"arrest-during_chosen-boosting differs from the pipeline"):
        export_bundle(tmp_path, [boosting_at("during")], small_models().context)
    assert not list(tmp_path.iterdir())


def test_two_models_of_one_kind_are_refused(tmp_path):
    model = small_models().models[0]
    with pytest.raises(SqfError, match="one of each"):
        export_bundle(tmp_path, [model, replace(model, name="another")], small_models().context)
    assert not list(tmp_path.iterdir())


def test_an_unknown_default_threshold_is_refused(tmp_path):
    model = replace(small_models().models[0], default_threshold="none")
    with pytest.raises(SqfError, match="'none'"):
        export_bundle(tmp_path, [model], small_models().context)


def test_no_export_says_what_to_do(tmp_path):
    with pytest.raises(BundleError, match="sqf run"):
        open_bundle(tmp_path / "nothing")


def test_a_flipped_byte_in_any_file_is_refused(copy):
    files = sorted(path for path in copy.rglob("*") if path.is_file())
    assert len(files) > 20
    for path in files:
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        whole = path.read_bytes()
        path.write_bytes(bytes(data))
        with pytest.raises(BundleError, match="refused because of") as caught:
            open_bundle(copy)
        assert "\n" not in str(caught.value)
        path.write_bytes(whole)
    open_bundle(copy)


def test_a_missing_file_is_refused(copy):
    for path in sorted(path for path in copy.rglob("*") if path.is_file()):
        data = path.read_bytes()
        path.unlink()
        with pytest.raises(BundleError):
            open_bundle(copy)
        path.write_bytes(data)


def test_a_file_that_does_not_belong_is_refused(copy):
    (copy / "models" / "extra.joblib").write_bytes(b"cos\nsystem\n")
    with pytest.raises(BundleError, match="does not belong"):
        open_bundle(copy)


def test_a_manifest_of_another_version_is_refused(copy):
    manifest = json.loads((copy / MANIFEST_NAME).read_text())
    rewrite(copy, MANIFEST_NAME, json.dumps({**manifest, "format_version": 1}).encode())
    with pytest.raises(BundleError, match="format version 1 and this service reads version 4"):
        open_bundle(copy)


@pytest.mark.parametrize("name", ["../outside.onnx", "/etc/passwd", "models/../../x", "models/.hidden", "a/b/c"])
def test_a_name_that_leads_outside_is_refused(copy, name):
    manifest = json.loads((copy / MANIFEST_NAME).read_text())
    manifest["models"][0]["onnx_file"] = name
    rewrite(copy, MANIFEST_NAME, json.dumps(manifest).encode())
    with pytest.raises(BundleError, match="onnx_file"):
        open_bundle(copy)


def test_a_model_that_answers_otherwise_is_refused(copy):
    manifest = json.loads((copy / MANIFEST_NAME).read_text())
    manifest["models"][0]["probes"][0]["probability"] += 0.01
    rewrite(copy, MANIFEST_NAME, json.dumps(manifest).encode())
    with pytest.raises(BundleError, match="test questions"):
        load_predictors(open_bundle(copy))


def test_nothing_is_unpickled_before_versions_agree(copy, monkeypatch):
    def never(*_args, **_kwargs):
        raise AssertionError("a pickle was read")

    monkeypatch.setattr(joblib, "load", never)
    manifest = json.loads((copy / MANIFEST_NAME).read_text())
    manifest["packages"]["scikit-learn"] = "1.0.0"
    rewrite(copy, MANIFEST_NAME, json.dumps(manifest).encode())
    with pytest.raises(BundleError, match=r"scikit-learn==1\.0\.0"):
        load_pipelines(copy)
    open_bundle(copy)  # the service needs no scikit-learn


def test_nothing_is_unpickled_from_a_changed_folder(copy, monkeypatch):
    def never(*_args, **_kwargs):
        raise AssertionError("a pickle was read")

    monkeypatch.setattr(joblib, "load", never)
    path = next((copy / "models").glob("*.joblib"))
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(BundleError, match="refused because of"):
        load_pipelines(copy)


def test_an_old_runtime_is_refused(export_folder, monkeypatch):
    monkeypatch.setattr(bundle_module, "OLDEST_RUNTIME", (99, 0))
    with pytest.raises(BundleError, match=r"onnxruntime 99\.0 or newer"):
        open_bundle(export_folder)


def test_no_older_runtime_is_installed_than_an_export_needs():
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert "onnxruntime>=" + ".".join(map(str, bundle_module.OLDEST_RUNTIME)) in project["dependencies"]
