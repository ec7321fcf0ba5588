"""Files that are whole or absent, and come back as they left."""

import dagster as dg
import pandas as pd
import pytest

from sqf_pipeline.errors import SqfError
from sqf_pipeline.orchestration.io_managers import ModelIOManager, ParquetIOManager, StopsReferenceIOManager
from sqf_pipeline.orchestration.partitions import TEST_YEARS, TRAINING_WINDOW, YEARS

FRAME = pd.DataFrame(
    {
        "year": pd.array([2017, None], dtype="Int16"),
        "stop_date": pd.array(["2017-03-01", None], dtype="datetime64[s]"),
        "race": pd.array(["BLACK", None], dtype="string"),
        "frisked": pd.array([True, None], dtype="boolean"),
        "height": pd.array([70.5, None], dtype="Float64"),
        "text": pd.Series(["(null)", ""], dtype="str"),
        "each_once": pd.Series(["(null)", ""], dtype="category"),
    }
)


def context(key: str, year: str) -> dg.OutputContext:
    return dg.build_output_context(asset_key=key, partition_key=year, asset_partitions_def=YEARS)


def test_every_type_of_a_stop_survives_parquet(tmp_path):
    manager = ParquetIOManager(tmp_path)
    manager.write(FRAME, tmp_path / "x.parquet")
    pd.testing.assert_frame_equal(manager.read(tmp_path / "x.parquet"), FRAME)
    some = manager.read(tmp_path / "x.parquet", {"race", "stop_date", "of a later version"})
    pd.testing.assert_frame_equal(some, FRAME[["stop_date", "race"]])


def test_a_write_that_fails_leaves_the_old_file_and_no_scrap(tmp_path, monkeypatch):
    manager = ModelIOManager(tmp_path)
    manager.handle_output(context("stops", "2017"), "old")

    def half_a_write(_obj, path):
        path.write_text("half")
        raise RuntimeError("killed")

    monkeypatch.setattr(manager, "write", half_a_write)
    with pytest.raises(RuntimeError, match="killed"):
        manager.handle_output(context("stops", "2017"), "new")
    assert manager.read(tmp_path / "stops" / "2017.joblib") == "old"
    assert [entry.name for entry in (tmp_path / "stops").iterdir()] == ["2017.joblib"]


def test_a_folder_that_cannot_be_written_is_told_with_what_to_do(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SqfError, match="SQF_HOME"):
        ParquetIOManager(tmp_path / "file").handle_output(context("stops", "2017"), FRAME)


def test_a_window_of_years_is_loaded_in_order_and_a_missing_year_is_named(tmp_path):
    manager = ModelIOManager(tmp_path)

    @dg.asset(partitions_def=YEARS, io_manager_key="files")
    def stops(context) -> str:
        return context.partition_key

    @dg.asset(
        partitions_def=TEST_YEARS, io_manager_key="files", ins={"stops": dg.AssetIn(partition_mapping=TRAINING_WINDOW)}
    )
    def training(stops) -> list:
        return list(stops.items())

    def make(asset_: dg.AssetsDefinition, year: str) -> dg.ExecuteInProcessResult:
        return dg.materialize(
            [stops, training],
            selection=[asset_],
            partition_key=year,
            resources={"files": manager},
            raise_on_error=False,
        )

    for year in ("2019", "2017"):
        assert make(stops, year).success
    failed = make(training, "2020")
    assert not failed.success
    (event,) = [event for event in failed.all_events if event.is_step_failure]
    assert "stops of 2018 has not been made yet" in event.step_failure_data.error.cause.message

    assert make(stops, "2018").success
    done = make(training, "2020")
    assert done.output_for_node("training") == [("2017", "2017"), ("2018", "2018"), ("2019", "2019")]


def test_stops_of_a_window_come_back_from_the_years_that_hold_them_and_not_once_one_was_stored_anew(tmp_path):
    frames = ParquetIOManager(tmp_path)
    years = {year: FRAME.assign(year=pd.array([year, year], dtype="Int16")) for year in (2018, 2017, 2019)}
    for year, stops in years.items():
        frames.handle_output(context("stops", str(year)), stops)
    window = pd.concat([years[2017], years[2018], years[2019]], ignore_index=True)
    manager = StopsReferenceIOManager(frames)
    manager.handle_output(context("training_stops", "2020"), window)

    stored = tmp_path / "training_stops" / "2020.json"
    assert stored.stat().st_size < 400
    pd.testing.assert_frame_equal(manager.read(stored), window)
    frames.handle_output(context("stops", "2019"), years[2019])  # the same rows
    pd.testing.assert_frame_equal(manager.read(stored), window)

    frames.handle_output(context("stops", "2018"), years[2018].iloc[:1])
    with pytest.raises(SqfError, match=r"stops of 2018 .*Materialise training_stops of 2020 again"):
        manager.read(stored)
    (tmp_path / "stops" / "2018.parquet").unlink()
    with pytest.raises(SqfError, match="2018"):
        manager.read(stored)
