"""The graph as a whole: a change that nobody meant shows here."""

from datetime import UTC, datetime

import dagster as dg
import pytest

from sqf_pipeline.definitions import build_defs
from sqf_pipeline.orchestration.assets.labels import OWNERS
from sqf_pipeline.orchestration.partitions import TEST_YEARS, YEARS
from sqf_pipeline.settings import Settings
from sqf_pipeline.warehouse.tables import build_metadata

BY_GROUP = {
    "stops": ["column_loss", "data_quality", "raw_stops", "residents", "revisions", "source_files", "stops"],
    "features": ["feature_encoder", "test_features", "test_stops", "training_features", "training_stops"],
    "models": [
        *("arrest_model", "confusion_matrices", "feature_importances", "model_metrics", "models", "predictions"),
        *("resampled_summons_models", "study_2021", "summons_model"),
    ],
    "evaluation": [
        *("calibration_bins", "drift", "gap_marks", "imbalance_models", "metric_differences", "metric_intervals"),
        *("served_models", "subgroup_metrics", "threshold_metrics", "tier_models"),
    ],
    "publication": ["charts", "data_package", "model_card", "model_export"],
}
CHECKS = {
    "drift": ["stops_like_those_of_training"],
    "gap_marks": ["no_gap_tells_the_outcome"],
    "model_metrics": ["contract"],
    "predictions": ["contract"],
    "raw_stops": ["columns_recognised", "contract", "not_revised", "year_is_whole"],
    "stops": ["contract", "freshness_check", "little_is_lost", "spellings_known"],
    "test_features": ["contract"],
    "test_stops": ["contract"],
    "training_features": ["contract"],
    "training_stops": ["contract"],
}
JOBS = ["evaluate", "publish", "yearly_models", "yearly_rerun", "yearly_stops"]


@pytest.fixture(scope="module")
def definitions(tmp_path_factory: pytest.TempPathFactory) -> dg.Definitions:
    folder = tmp_path_factory.mktemp("definitions")
    return build_defs(Settings(home=folder / "home", data_dir=folder / "raw", source="local"))


@pytest.fixture(scope="module")
def graph(definitions):
    return definitions.resolve_asset_graph()


def test_the_assets_are_these(graph):
    found: dict[str, list[str]] = {}
    for key in graph.materializable_asset_keys:
        found.setdefault(graph.get(key).group_name, []).append(key.to_user_string())
    assert {group: sorted(names) for group, names in found.items()} == BY_GROUP


BLOCKING = {"contract", "stops_like_those_of_training", "no_gap_tells_the_outcome"}


def test_the_checks_are_these_each_by_year_and_what_must_hold_blocks(graph):
    found: dict[str, list[str]] = {}
    for key in graph.asset_check_keys:
        found.setdefault(key.asset_key.to_user_string(), []).append(key.name)
        assert graph.get_check_spec(key).blocking == (key.name in BLOCKING)
        assert graph.get_check_spec(key).description
        if key.name != "freshness_check":  # asks whether a year is there at all
            assert graph.get_check_spec(key).partitions_def == graph.get(key.asset_key).partitions_def
    assert {asset: sorted(names) for asset, names in found.items()} == CHECKS


def test_jobs_schedules_and_sensors_are_these(definitions):
    repository = definitions.get_repository_def()
    assert sorted(job.name for job in repository.get_all_jobs() if not job.name.startswith("__")) == JOBS
    assert [schedule.name for schedule in repository.schedule_defs] == ["yearly_publication"]
    assert sorted(sensor.name for sensor in repository.sensor_defs) == [
        "newest_year_arrived",
        "rerun_after_publication",
    ]
    assert all(schedule.default_status.value == "STOPPED" for schedule in repository.schedule_defs)


def test_every_asset_says_what_it_is_and_with_which_code_it_was_made(graph):
    for key in graph.materializable_asset_keys:
        node = graph.get(key)
        assert node.description, key
        assert node.owners == list(OWNERS), key
        assert node.kinds, key
        assert node.code_version, key
        assert node.tags["grain"] in {"stop", "summary"}, key


def test_stops_are_by_year_and_everything_after_by_test_year(graph):
    for key in graph.materializable_asset_keys:
        node = graph.get(key)
        assert node.partitions_def == (YEARS if node.group_name == "stops" else TEST_YEARS), key


def test_an_asset_kept_as_a_table_has_one(definitions, graph):
    tables = {table.name for table in build_metadata("sqf").sorted_tables}
    for asset in definitions.assets:
        for key in asset.keys:
            manager = asset.get_io_manager_key_for_asset_key(key)
            if manager in {"tables", "frames_and_tables"}:
                assert graph.get(key).metadata.get("sqf/table", key.path[-1]) in tables


def test_no_password_stands_in_a_resource(tmp_path):
    settings = Settings(home=tmp_path, data_dir=tmp_path, database_url="postgresql://me:hidden@127.0.0.1:1/sqf")
    for name, resource in build_defs(settings).resources.items():
        assert "hidden" not in repr(resource), name


def test_the_newest_year_is_overdue_from_june_until_its_stops_are_in(definitions):
    check = dg.AssetCheckKey(dg.AssetKey("stops"), "freshness_check")
    job = definitions.resolve_implicit_global_asset_job_def().get_subset(
        asset_selection=set(), asset_check_selection={check}
    )
    newest = YEARS.get_partition_keys()[-1]
    overdue = datetime.now(tz=UTC).month >= 6
    with dg.DagsterInstance.ephemeral() as instance:
        for year in ("2019", str(int(newest) - 1)):
            instance.report_runless_asset_event(dg.AssetMaterialization("stops", partition=year))
        (before,) = job.execute_in_process(instance=instance).get_asset_check_evaluations()
        instance.report_runless_asset_event(dg.AssetMaterialization("stops", partition=newest))
        (after,) = job.execute_in_process(instance=instance).get_asset_check_evaluations()
    assert (before.passed, after.passed) == (not overdue, True)
    assert before.severity == dg.AssetCheckSeverity.WARN
