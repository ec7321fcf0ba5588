"""The gate in real Dagster runs: what is stored, what is told, and what runs afterwards."""

import dagster as dg
import pandas as pd
import pandera.pandas as pa
import pytest
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus

from sqf_pipeline.orchestration.checks import CHECK_NAME, gate_spec, through_gate
from sqf_pipeline.orchestration.io_managers import ParquetIOManager
from sqf_pipeline.orchestration.partitions import YEARS

CONTRACT = pa.DataFrameSchema(
    {
        "stop_id": pa.Column("Int64", pa.Check.ge(1), unique=True, description="Number of the stop."),
        "height": pa.Column(
            "Float64", pa.Check.in_range(36, 96), nullable=True, description="Height.", metadata={"unit": "inches"}
        ),
        "race": pa.Column("string", nullable=True, description="Race."),
    },
    strict=True,
    coerce=True,
)
GOOD = pd.DataFrame({"stop_id": [1, 2], "height": ["70", None], "race": ["BLACK", None]})


def run(frame: pd.DataFrame, folder, instance: dg.DagsterInstance, year: str = "2020") -> dg.ExecuteInProcessResult:
    """Materialise a year of a gated asset that holds `frame`, and of one that depends on it."""

    @dg.asset(
        io_manager_key="frames",
        partitions_def=YEARS,
        check_specs=[gate_spec("gated", YEARS, "Every stop has a number.")],
    )
    def gated():
        yield from through_gate(CONTRACT, frame, asset="gated")

    @dg.asset(io_manager_key="frames", partitions_def=YEARS)
    def downstream(gated: pd.DataFrame) -> pd.DataFrame:
        return gated

    return dg.materialize(
        [gated, downstream],
        resources={"frames": ParquetIOManager(folder)},
        instance=instance,
        partition_key=year,
        raise_on_error=False,
    )


def check_of(result: dg.ExecuteInProcessResult) -> dg.AssetCheckEvaluation:
    (evaluation,) = result.get_asset_check_evaluations()
    assert evaluation.check_name == CHECK_NAME
    assert evaluation.blocking
    assert evaluation.partition == "2020"
    return evaluation


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


def test_a_kept_contract_stores_the_coerced_frame_with_its_columns_described(tmp_path, instance):
    result = run(GOOD, tmp_path, instance)

    assert result.success
    assert check_of(result).passed
    stored = pd.read_parquet(tmp_path / "downstream" / "2020.parquet")
    assert stored["height"].dtype == "Float64"
    assert stored["height"].tolist() == [70.0, pd.NA]
    metadata = result.asset_materializations_for_node("gated")[0].metadata
    assert metadata["dagster/partition_row_count"].value == 2
    height = metadata["dagster/column_schema"].value.columns[1]
    assert (height.name, height.description, height.constraints.nullable) == ("height", "Height. Unit: inches.", True)
    assert any("36" in rule and "96" in rule for rule in height.constraints.other)


BROKEN = {
    "out of range": (GOOD.assign(height=[70, 5.1]), "height", "in_range(36, 96)", "5.1"),
    "not unique": (GOOD.assign(stop_id=[7, 7]), "stop_id", "field_uniqueness", "7"),
    "null": (GOOD.assign(stop_id=pd.array([1, None], dtype="Int64")), "stop_id", "not_nullable", ""),
    "wrong type": (GOOD.assign(stop_id=["1", "(null)"]), "stop_id", "coerce_dtype('Int64')", "(null)"),
    "missing column": (GOOD.drop(columns="race"), "(the frame)", "column_in_dataframe", "race"),
    "column too many": (GOOD.assign(name="X"), "(the frame)", "column_in_schema", "name"),
}


@pytest.mark.parametrize("why", BROKEN)
def test_a_broken_contract_stores_nothing_stops_what_follows_and_tells_the_rule(why, tmp_path, instance):
    frame, column, rule, example = BROKEN[why]
    assert run(GOOD, tmp_path, instance).success
    before = (tmp_path / "gated" / "2020.parquet").read_bytes()

    result = run(frame, tmp_path, instance)

    assert not result.success
    assert (tmp_path / "gated" / "2020.parquet").read_bytes() == before
    assert not result.asset_materializations_for_node("gated")
    assert not [event for event in result.all_events if event.step_key == "downstream" and event.is_step_start]
    evaluation = check_of(result)
    assert not evaluation.passed
    table = [record.data for record in evaluation.metadata["failures"].records]
    told = [row for row in table if row["column"] == column and row["rule"] == rule]
    assert told, table
    assert example in told[0]["examples"]
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    assert "nothing was stored" in failure.step_failure_data.user_failure_data.description


def test_a_year_that_broke_its_contract_stays_red_when_another_keeps_it(tmp_path, instance):
    assert not run(BROKEN["not unique"][0], tmp_path, instance, "2019").success
    assert run(GOOD, tmp_path, instance, "2020").success

    key = dg.AssetCheckKey(dg.AssetKey("gated"), CHECK_NAME)
    records = instance.event_log_storage.get_asset_check_execution_history(key, limit=10)
    found = {record.partition: record.status for record in records}
    assert found == {"2019": AssetCheckExecutionRecordStatus.FAILED, "2020": AssetCheckExecutionRecordStatus.SUCCEEDED}


def test_a_contract_that_describes_no_column_leaves_it_to_the_table(tmp_path, instance, monkeypatch):
    monkeypatch.setitem(globals(), "CONTRACT", pa.DataFrameSchema({"stop_id": pa.Column("Int64")}))
    (made,) = run(GOOD, tmp_path, instance).asset_materializations_for_node("gated")
    assert "dagster/column_schema" not in made.metadata


def test_a_failure_shows_values_of_one_column_and_never_a_persons_row(tmp_path, instance):
    people = pd.DataFrame({"stop_id": range(1, 41), "height": [500.0 + n for n in range(40)], "race": ["BLACK"] * 40})

    evaluation = check_of(run(people, tmp_path, instance))

    (row,) = [record.data for record in evaluation.metadata["failures"].records]
    assert (row["column"], row["rows"]) == ("height", 40)
    assert len(row["examples"].split(", ")) == 5
    assert "BLACK" not in str(evaluation.metadata)


def test_a_rule_about_whole_rows_hides_their_values(tmp_path, instance, monkeypatch):
    contract = pa.DataFrameSchema(
        CONTRACT.columns, strict=True, coerce=True, checks=pa.Check(lambda frame: frame["stop_id"] < 2, error="few")
    )
    monkeypatch.setitem(globals(), "CONTRACT", contract)

    evaluation = check_of(run(GOOD, tmp_path, instance))

    (row,) = [record.data for record in evaluation.metadata["failures"].records]
    assert row == {"column": "(several)", "rule": "few", "rows": 1, "examples": "(not shown)"}
