"""Where a run takes its file from: the same from the command, the UI and the schedule, and told on the run."""

from pathlib import Path

import dagster as dg
import pandas as pd
import pytest

from sqf_pipeline.definitions import build_defs
from sqf_pipeline.errors import SqfError
from sqf_pipeline.orchestration.io_managers import ParquetIOManager
from sqf_pipeline.orchestration.resources import OBTAINED_TAG, SOURCE_TAG, PublishedFiles
from sqf_pipeline.orchestration.running import QUIET, explained, run_work
from sqf_pipeline.orchestration.year_rules import Work
from sqf_pipeline.settings import Settings, Source
from sqf_pipeline_tests.nypd_server import NypdServer, as_workbook
from sqf_pipeline_tests.unit.ingest.published import published_names, raw_stops


def yearly_file(year: int) -> bytes:
    stops = raw_stops(*({"suspect_age": str(25 + number)} for number in range(5)), year=year)
    return as_workbook(stops.rename(columns=published_names()))


def definitions_for(server: NypdServer, folder: Path, source: Source = "auto") -> dg.Definitions:
    settings = Settings(
        _env_file=None, source=source, data_dir=folder / "raw", home=folder / "home", nypd_url=server.url_template
    )
    frames = ParquetIOManager(folder / "frames")
    return build_defs(settings, tables=frames, frames_and_tables=frames, frames=frames)


def source_stored(folder: Path, year: int) -> str:
    path = folder / "frames" / "source_files" / f"{year}.parquet"
    return str(pd.read_parquet(path)["source"].iloc[0])


@pytest.mark.parametrize("way", ["command", "ui"])
def test_a_mixture_of_own_and_published_years_is_read_alike_and_told_on_the_run(way, server, tmp_path):
    own, published = 2018, 2019
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / f"sqf-{own}.xlsx").write_bytes(yearly_file(own))
    for year in (own, published):
        server.publish(year, yearly_file(year))
    definitions = definitions_for(server, tmp_path)
    with dg.DagsterInstance.ephemeral() as instance:
        for year, expected in ((published, "nypd"), (own, "local"), (published, "nypd")):
            if way == "command":
                work = Work("yearly_stops", year)
                run_id = run_work(definitions, instance, work, lambda _: None, tags={SOURCE_TAG: "auto"})
            else:
                job = definitions.resolve_job_def("yearly_stops")
                run_id = job.execute_in_process(instance=instance, partition_key=str(year), run_config=QUIET).run_id
            run = instance.get_run_by_id(run_id)
            assert run is not None
            assert run.tags[OBTAINED_TAG] == expected
            assert source_stored(tmp_path, year) == expected
            files = definitions.resources["published_files"]
            assert isinstance(files, PublishedFiles)
            assert files.origin(year) == expected
    assert [asked.path for asked in server.asked if asked.method == "GET"] == [f"/sqf-{published}.xlsx"]


@pytest.mark.parametrize(
    ("source", "tag"), [("auto", "sample"), ("local", "sample"), ("sample", "nypd"), ("auto", "x")]
)
def test_no_tag_leads_synthetic_stops_among_published_ones_or_the_other_way(source, tag, server, tmp_path):
    job = definitions_for(server, tmp_path, source).resolve_job_def("yearly_stops")
    with dg.DagsterInstance.ephemeral() as instance, pytest.raises(Exception) as caught:  # noqa: PT011 - wrapped
        job.execute_in_process(instance=instance, partition_key="2018", run_config=QUIET, tags={SOURCE_TAG: tag})
    told = explained(caught.value)
    assert told is not None
    assert f"The run's tag sqf/source is '{tag}', which does not fit SQF_SOURCE={source}" in told
    assert not (tmp_path / "frames").exists()


def test_auto_in_a_run_says_what_is_missing_and_never_takes_the_sample(server, tmp_path):
    files = definitions_for(server, tmp_path).resources["published_files"]
    with pytest.raises(SqfError, match="2018"):
        files.obtain(2018)
    assert not (tmp_path / "home").exists()
