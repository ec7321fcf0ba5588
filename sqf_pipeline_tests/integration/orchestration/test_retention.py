"""Old history is forgotten; what results rest on is not."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from click.testing import CliRunner

from sqf_pipeline.cli import main
from sqf_pipeline.orchestration.retention import forget_runs, runs_to_forget

YEARS = dg.StaticPartitionsDefinition(["2019", "2020"])
SOON = timedelta(minutes=1)


@dg.asset(partitions_def=YEARS)
def stops(context: dg.AssetExecutionContext) -> None:
    if context.run.tags.get("fail"):
        raise dg.Failure("on purpose")
    context.log.info("materialised")


JOB = dg.Definitions(
    assets=[stops], jobs=[dg.define_asset_job("load", [stops], executor_def=dg.in_process_executor)]
).resolve_job_def("load")


def run(instance: dg.DagsterInstance, year: str, **tags: str) -> str:
    return JOB.execute_in_process(instance=instance, partition_key=year, tags=tags, raise_on_error=False).run_id


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    return tmp_path


def test_runs_that_were_replaced_are_forgotten_and_the_present_ones_kept(home):
    with dg.DagsterInstance.get() as instance:
        replaced = run(instance, "2019")
        failed = run(instance, "2019", fail="yes")
        present = run(instance, "2019")
        other = run(instance, "2020")
        failed_last = run(instance, "2020", fail="yes")
        now = datetime.now(UTC)
        assert runs_to_forget(instance, now - SOON) == [], "young runs stay"
        assert runs_to_forget(instance, now + SOON) == [replaced, failed]
        forget_runs(instance, [replaced, failed])
        assert {one.run_id for one in instance.get_runs()} == {present, other, failed_last}
        assert instance.get_materialized_partitions(dg.AssetKey("stops")) == {"2019", "2020"}
        assert instance.get_latest_materialization_event(dg.AssetKey("stops")).run_id == other
        assert not instance.all_logs(replaced)


def test_an_unfinished_run_is_kept(home):
    with dg.DagsterInstance.get() as instance:
        started = instance.create_run_for_job(
            JOB, status=dg.DagsterRunStatus.STARTED, tags={"dagster/partition": "2019"}
        )
        run(instance, "2019")
        assert started.run_id not in runs_to_forget(instance, datetime.now(UTC) + SOON)


def test_the_command_tells_before_it_forgets(home):
    with dg.DagsterInstance.get() as instance:
        for _ in range(3):
            run(instance, "2019")
    invoke = CliRunner().invoke
    told = invoke(main, ["clean", "--older-than", "0", "--dry-run"])
    assert told.exit_code == 0, told.output
    assert told.output == "Would delete 2 runs older than 0 days; 3 remain.\n"
    done = invoke(main, ["clean", "--older-than", "0"])
    assert done.output == "Deleted 2 runs older than 0 days; 1 remain.\n"
    assert invoke(main, ["clean"]).output == "Deleted 0 runs older than 400 days; 1 remain.\n"
