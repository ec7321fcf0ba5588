"""The graph as a whole: a change that nobody meant shows here."""

from datetime import UTC, datetime

import dagster as dg
import pytest

from sqf_pipeline.definitions import build_defs
from sqf_pipeline.orchestration.assets.labels import OWNERS
from sqf_pipeline.orchestration.partitions import TEST_YEARS, YEARS
from sqf_pipeline.settings import Settings
from sqf_pipeline.warehouse.tables import build_metadata


@pytest.fixture(scope="module")
def definitions(tmp_path_factory: pytest.TempPathFactory) -> dg.Definitions:
    folder = tmp_path_factory.mktemp("definitions")
    return build_defs(Settings(home=folder / "home", data_dir=folder / "raw", source="local"))


@pytest.fixture(scope="module")
def graph(definitions):
    return definitions.resolve_asset_graph()


def test_every_check_is_by_year_and_says_what_it_checks(graph):
    for key in graph.asset_check_keys:
        assert graph.get_check_spec(key).description
        if key.name != "freshness_check":  # asks whether a year is there at all
            assert graph.get_check_spec(key).partitions_def == graph.get(key.asset_key).partitions_def


def test_every_asset_says_what_it_is_and_with_which_code_it_was_made(graph):
    for key in graph.materializable_asset_keys:
        node = graph.get(key)
        assert node.description, key
        assert node.owners == list(OWNERS), key
        assert node.kinds, key
        assert node.code_version, key
        personal = key.path[-1].endswith(("stops", "test_features", "training_features", "predictions"))
        assert node.tags["grain"] == ("stop" if personal or key.path[-1] == "data_package" else "summary"), key


def test_stops_are_by_year_and_everything_after_by_test_year(graph):
    for key in graph.materializable_asset_keys:
        node = graph.get(key)
        assert node.partitions_def == (YEARS if node.group_name == "stops" else TEST_YEARS), key


def test_every_job_runs_in_one_process_that_of_what_is_picked_in_the_ui_as_well(definitions):
    """A process for each step would take longer to start than most steps take."""
    jobs = definitions.get_repository_def().get_all_jobs()
    assert {"yearly_stops", "yearly_rerun"} < {job.name for job in jobs}
    assert definitions.resolve_implicit_global_asset_job_def().executor_def.name == "in_process"
    assert {job.executor_def.name for job in jobs} == {"in_process"}


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
