"""The schedule and its sensor, ticked through two simulated years against a server that publishes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from dagster._core.instance.ref import InstanceRef
from dagster._utils.schedules import cron_string_iterator

from sqf_pipeline.definitions import build_defs
from sqf_pipeline.orchestration.io_managers import ParquetIOManager
from sqf_pipeline.orchestration.running import QUIET
from sqf_pipeline.orchestration.schedules import CRON, TIME_ZONE
from sqf_pipeline.settings import Settings
from sqf_pipeline_tests import nypd_server
from sqf_pipeline_tests.nypd_server import NypdServer, as_workbook
from sqf_pipeline_tests.unit.ingest.published import published_names, raw_stops


def mondays(year: int) -> list[datetime]:
    """Return the schedule's own ticks of a year."""
    start = datetime(year, 1, 1, tzinfo=ZoneInfo(TIME_ZONE)).timestamp()
    ticks = []
    for moment in cron_string_iterator(start, CRON, TIME_ZONE):
        if moment.year > year:
            break
        ticks.append(moment)
    return ticks


@dataclass
class Pipeline:
    """The real definitions, with frames in a folder, no database, and a server to ask."""

    server: NypdServer
    folder: Path
    instance: dg.DagsterInstance
    source: str = "nypd"
    keys: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        settings = Settings(
            _env_file=None,
            source=self.source,
            data_dir=self.folder / "data",
            home=self.folder / "home",
            nypd_url=self.server.url_template,
        )
        frames = ParquetIOManager(self.folder / "frames")
        self.definitions = build_defs(settings, tables=dg.InMemoryIOManager(), frames_and_tables=frames, frames=frames)
        self.repository = self.definitions.get_repository_def()

    def publish(self, year: int, *, age: int = 25) -> None:
        stops = raw_stops(*({"suspect_age": str(age + number)} for number in range(5)), year=year)
        self.server.publish(year, as_workbook(stops.rename(columns=published_names())))

    def tick(self, at: datetime) -> dg.SkipReason | list[dg.RunRequest]:
        """Let the schedule look at a moment; returns the requests, or why there are none."""
        self.server.asked.clear()
        context = dg.ScheduleEvaluationContext(
            instance_ref=InstanceRef.from_dir(str(self.folder)),
            scheduled_execution_time=at,
            repository_name=None,
            schedule_name="yearly_publication",
            resources={"published_files": self.definitions.resources["published_files"]},
            repository_def=self.repository,
        )
        # A context would open an instance on disk anew for every tick, which takes longer than the tick.
        context._instance = self.instance
        with context:
            data = self.repository.get_schedule_def("yearly_publication").evaluate_tick(context)
        assert all(asked.method == "HEAD" for asked in self.server.asked)
        return list(data.run_requests) or dg.SkipReason(data.skip_message)

    def run(self, requests: dg.SkipReason | list[dg.RunRequest]) -> list[bool]:
        """Run what the schedule requested, in this process; returns which runs succeeded."""
        assert isinstance(requests, list)
        job = self.definitions.resolve_job_def("yearly_stops")
        outcomes = []
        for request in requests:
            assert request.run_key not in self.keys, "the same publication was requested twice"
            self.keys.append(str(request.run_key))
            result = job.execute_in_process(
                instance=self.instance,
                partition_key=request.partition_key,
                tags=request.tags,
                run_config=QUIET,
                raise_on_error=False,
            )
            outcomes.append(result.success)
        return outcomes

    def follow(self) -> dg.SkipReason | list[dg.RunRequest]:
        """Let the sensor look; what it requests counts as started."""
        with dg.build_sensor_context(instance=self.instance, repository_def=self.repository) as context:
            data = self.repository.get_sensor_def("rerun_after_publication").evaluate_tick(context)
        for request in data.run_requests:
            self.instance.create_run_for_job(self.definitions.resolve_job_def("yearly_rerun"), tags=request.tags)
        return list(data.run_requests) or dg.SkipReason(data.skip_message)


def years_of(requests: dg.SkipReason | list[dg.RunRequest]) -> list[int]:
    assert isinstance(requests, list), requests.skip_message
    return [int(str(request.partition_key)) for request in requests]


def reason_of(skipped: dg.SkipReason | list[dg.RunRequest]) -> str:
    assert isinstance(skipped, dg.SkipReason), f"requested {years_of(skipped)}"
    return str(skipped.skip_message)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture
def pipeline(server: NypdServer, tmp_path: Path, instance: dg.DagsterInstance) -> Pipeline:
    return Pipeline(server, tmp_path, instance)


def test_the_ticks_are_the_mondays_from_february_to_july() -> None:
    ticks = mondays(2021)
    assert ticks[0].date().isoformat() == "2021-02-01"
    assert ticks[-1].date().isoformat() == "2021-07-26"
    assert len(ticks) == 26
    assert {tick.weekday() for tick in ticks} == {0}


@pytest.mark.slow
def test_two_years_of_mondays(server: NypdServer, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that NYPD does is loaded once, in order, and every other Monday says why it does nothing."""
    monkeypatch.setattr("time.sleep", lambda _: None)
    for year in (2017, 2018, 2019):
        pipeline.publish(year)
    happens: dict[str, Callable[[], object]] = {
        "2021-03-29": lambda: server.publish(2020, nypd_server.tiny_workbook("not of stops")),
        "2021-04-05": lambda: pipeline.publish(2020),
        "2021-05-10": lambda: setattr(server, "behaviour", nypd_server.status(503)),
        "2021-05-17": lambda: setattr(server, "behaviour", nypd_server.usual),
        "2021-06-07": lambda: pipeline.publish(2018, age=35),
        "2022-04-04": lambda: pipeline.publish(2021),
        "2022-05-16": lambda: pipeline.publish(2019, age=35),
    }
    refuses_to_give = {"2022-04-04"}
    quiet: dict[str, str] = {}
    loaded: dict[str, list[tuple[int, bool]]] = {}
    followed: dict[str, list[int] | str] = {}

    for year in (2021, 2022):
        for tick in mondays(year):
            day = tick.date().isoformat()
            happens.get(day, lambda: None)()
            requests = pipeline.tick(tick)
            if isinstance(requests, dg.SkipReason):
                quiet[day] = str(requests.skip_message)
                continue
            if day in refuses_to_give:
                server.behaviour = nypd_server.status(403)
            loaded[day] = list(zip(years_of(requests), pipeline.run(requests), strict=True))
            server.behaviour = nypd_server.usual
            follows = pipeline.follow()
            followed[day] = reason_of(follows) if isinstance(follows, dg.SkipReason) else years_of(follows)
            assert isinstance(pipeline.follow(), dg.SkipReason), "a test year was requested twice"

    assert loaded == {
        "2021-03-29": [(2017, True), (2018, True), (2019, True), (2020, False)],
        "2021-04-05": [(2020, True)],
        "2021-06-07": [(2018, True)],
        "2022-04-04": [(2021, False)],
        "2022-04-11": [(2021, True)],
        "2022-05-16": [(2019, True)],
    }
    assert followed == {
        "2021-03-29": "2021-03-29: 2020 is not run: loading 2020 failed; correct the cause and run it again",
        "2021-04-05": [2020],
        "2021-06-07": [2020],
        "2022-04-04": followed["2022-04-04"],
        "2022-04-11": [2021],
        "2022-05-16": [2020, 2021],
    }
    assert "2022-04-04: 2021 is not run: loading 2021 failed" in str(followed["2022-04-04"])
    keys = [key for key in pipeline.keys if key.startswith("2021:")]
    assert keys[1] == f"{keys[0]}:2"
    assert len(quiet) == len(mondays(2021)) + len(mondays(2022)) - len(loaded)
    assert quiet["2021-02-01"] == f"2020 is not published: {server.address}/sqf-2020.xlsx answers 404"
    assert "the server answered 503" in quiet["2021-05-10"]
    assert quiet["2022-07-25"].count("is unchanged since") == 5
    kept = sorted(path.name[:8] for path in (pipeline.folder / "data" / "earlier").glob("*.xlsx"))
    assert kept == ["sqf-2018", "sqf-2019", "sqf-2020"]
    assert [asked.path for asked in server.asked] == [f"/sqf-{year}.xlsx" for year in range(2021, 2016, -1)]


def test_before_the_publication_one_request_is_made(server: NypdServer, pipeline: Pipeline) -> None:
    for year in (2017, 2018, 2019):
        pipeline.publish(year)
    assert "2020 is not published" in reason_of(pipeline.tick(mondays(2021)[0]))
    assert [asked.path for asked in server.asked] == ["/sqf-2020.xlsx"]


def test_a_request_carries_where_from_and_for_what(server: NypdServer, pipeline: Pipeline) -> None:
    pipeline.publish(2020)
    got = pipeline.tick(mondays(2021)[3])
    assert isinstance(got, list)
    tag = str(server.files["/sqf-2020.xlsx"].etag).strip('"')
    assert got[-1].run_key == f"2020:{tag}"
    wanted = {"sqf/publication": tag, "sqf/publication_batch": "2021-02-22", "sqf/source": "nypd"}
    assert wanted.items() <= got[-1].tags.items()


@pytest.mark.parametrize("source", ["local", "sample"])
def test_other_sources_are_never_scheduled(
    server: NypdServer, tmp_path: Path, instance: dg.DagsterInstance, source: str
) -> None:
    pipeline = Pipeline(server, tmp_path, instance, source)
    pipeline.publish(2020)
    assert f"SQF_SOURCE is {source}: nothing is downloaded" in reason_of(pipeline.tick(mondays(2021)[0]))
    assert server.asked == []


def test_with_auto_a_file_put_there_by_hand_is_left_alone(
    server: NypdServer, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    pipeline = Pipeline(server, tmp_path, instance, "auto")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "sqf_2018.csv").write_text("mine")
    for year in (2017, 2018, 2019, 2020):
        pipeline.publish(year)
    assert years_of(pipeline.tick(mondays(2021)[0])) == [2017, 2019, 2020]


@pytest.mark.parametrize("running", [False, True])
def test_they_run_by_default_only_where_that_is_set(tmp_path: Path, running: bool) -> None:
    definitions = build_defs(Settings(_env_file=None, home=tmp_path, schedule=running))
    expected = "RUNNING" if running else "STOPPED"
    repository = definitions.get_repository_def()
    assert repository.get_schedule_def("yearly_publication").default_status.value == expected
    assert repository.get_sensor_def("rerun_after_publication").default_status.value == expected


def test_the_setting_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SQF_SCHEDULE", "on")
    assert Settings(_env_file=None).schedule
    assert datetime.now(UTC).year >= 2022, "the simulated years are over by this machine's clock"
