"""When the pipeline runs by itself: once a week in spring, it asks whether NYPD has published something.

A schedule has one job, and stops and models are partitioned by different kinds of year. Requesting both at once
would also fit models on old stops whenever a new file fails its checks. Hence two steps: the schedule requests the
stops, and the sensor the test years that use them, when all of them have arrived.

Dagster's newer FreshnessPolicy asks when an asset was last made, not whether the newest year is among what was made;
so the older kind of check is used for that, and its deprecation warning is silenced.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import dagster as dg

from sqf_pipeline.orchestration.resources import SOURCE_TAG, PublishedFiles
from sqf_pipeline.orchestration.year_rules import FIRST_TEST_YEAR, RERUN_JOB, STOPS_JOB, TRAINING_YEARS, training_years
from sqf_pipeline.registry.year_and_month_words import FIRST_YEAR, year_words

if TYPE_CHECKING:
    from sqf_pipeline.ingest.publication_check import PublicationState

CRON = "0 8 * 2-7 1"
"""Mondays at eight, February to July: a year is published around the end of March, some years later."""
DEADLINE = "0 0 1 6 *"  # the first of June, when the stops of last year should be in
TIME_ZONE = "America/New_York"

# Tags of the runs requested here; a run that is executed again from the UI keeps them.
YEAR_TAG = "sqf/publication_year"
PUBLICATION_TAG = "sqf/publication"
BATCH_TAG = "sqf/publication_batch"

_RETRIES = {"dagster/max_retries": "2"}
_BATCH_LIFETIME = timedelta(days=14)
_RUNS_LOOKED_AT = 200
_LOADED = dg.DagsterRunStatus.SUCCESS
_UNFINISHED = {*dg.DagsterRunStatus} - {_LOADED, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED}


@dataclass(frozen=True)
class YearHistory:
    """What is known here about a year."""

    kept_sha256: str | None  # digest of the downloaded file that is kept
    loaded_sha256: str | None  # digest of the file from which `raw_stops` was last made
    runs: tuple[tuple[str, dg.DagsterRunStatus], ...]  # publication and status of those requested, newest first


def decide(state: "PublicationState", history: YearHistory) -> tuple[str | None, str]:
    """Return the run key for a year, None when no run is wanted, and one sentence why.

    A publication is wanted when the server calls it another than the one that is kept, or when the one that is
    kept was never loaded. A publication whose run is under way, or succeeded as the year's last, is not wanted
    again, whatever the server calls it; one whose run failed is, under a key that counts the attempts.
    """
    year, tag = state.year, state.tag
    loaded = history.loaded_sha256 is not None and history.kept_sha256 in (None, history.loaded_sha256)
    if not state.published or (loaded and not state.changed):
        return None, state.reason
    last = next((status for earlier, status in history.runs[:1] if earlier == tag), None)
    if last in _UNFINISHED:
        return None, f"the run that loads this publication of {year} is not finished"
    if last is _LOADED and loaded:
        return None, f"{year} was loaded from this publication already"
    attempts = sum(earlier == tag for earlier, _ in history.runs)
    key = f"{year}:{tag}" if not attempts else f"{year}:{tag}:{attempts + 1}"
    return key, state.reason if state.changed else f"the published file of {year} is kept but was not loaded"


def build_schedule(*, running: bool) -> dg.ScheduleDefinition:
    """Return the schedule `yearly_publication`; unless it is `running`, it is switched on in the UI."""

    @dg.schedule(
        name="yearly_publication",
        cron_schedule=CRON,
        execution_timezone=TIME_ZONE,
        job_name=STOPS_JOB,
        default_status=dg.DefaultScheduleStatus.RUNNING if running else dg.DefaultScheduleStatus.STOPPED,
        description="Mondays from February to July: asks NYPD's server, with one request for each file and without "
        "downloading, whether last year's file is published or an earlier one changed, and loads what is new. The "
        "sensor rerun_after_publication then fits the models that use it.",
    )
    def yearly_publication(
        context: dg.ScheduleEvaluationContext, published_files: dg.ResourceParam[PublishedFiles]
    ) -> list[dg.RunRequest] | dg.SkipReason:
        source = published_files.settings.source
        if source not in ("nypd", "auto"):
            return dg.SkipReason(
                f"SQF_SOURCE is {source}: nothing is downloaded, so NYPD is not asked. Set nypd or "
                "auto to fetch new publications."
            )
        return _look(context.instance, published_files, context.scheduled_execution_time.date())

    return yearly_publication


def _look(
    instance: dg.DagsterInstance, published_files: PublishedFiles, today: date
) -> list[dg.RunRequest] | dg.SkipReason:
    """Ask about every year that matters, newest first, and return what to run or why nothing is."""
    from sqf_pipeline.ingest.download import UnreachableError
    from sqf_pipeline.ingest.download_record import address_of, read_record, target_of
    from sqf_pipeline.ingest.publication_check import check_publication

    last_year = today.year - 1
    settings = published_files.settings
    records = {
        year: read_record(target_of(address_of(settings.addresses[0], year), settings.data_dir, year))
        for year in range(FIRST_YEAR, last_year + 1)
    }
    loaded = {year: _loaded_sha256(instance, year) for year in records}
    by_hand = {year for year in records if _put_there_by_hand(published_files, year)}
    wanted = {last_year, *(year for year in records if records[year] or loaded[year])} - by_hand
    requests: list[dg.RunRequest] = []
    reasons = [f"the file of {year_words(sorted(by_hand))} was put into the data folder by hand"] if by_hand else []
    while wanted:
        year = max(wanted)
        wanted.remove(year)
        record = records[year]
        try:
            state = check_publication(settings.addresses[0], year, record)
        except UnreachableError as error:
            # The other files are on the same server: waiting for each would only outlast the daemon's patience.
            reasons.append(str(error))
            break
        if year == last_year and state.published:
            # Last year is asked first, because the years it is trained on are wanted as soon as it is there.
            wanted.update({before for before in training_years(year) if before >= FIRST_YEAR} - by_hand)
        runs = instance.get_runs(dg.RunsFilter(job_name=STOPS_JOB, tags={YEAR_TAG: str(year)}), limit=_RUNS_LOOKED_AT)
        told = tuple((run.tags.get(PUBLICATION_TAG, ""), run.status) for run in runs)
        history = YearHistory(record.sha256 if record else None, loaded[year], told)
        key, reason = decide(state, history)
        reasons.append(reason)
        if key is not None:
            tags = {YEAR_TAG: str(year), PUBLICATION_TAG: str(state.tag), BATCH_TAG: today.isoformat()}
            tags |= {SOURCE_TAG: "nypd", **_RETRIES}
            requests.append(dg.RunRequest(run_key=key, partition_key=str(year), tags=tags))
    return requests[::-1] or dg.SkipReason("; ".join(reasons))


def _put_there_by_hand(published_files: PublishedFiles, year: int) -> bool:
    """Return whether the file of a year is somebody's own; with the source `auto` it is used, and nobody is asked."""
    from sqf_pipeline.ingest.local_files import SourceError

    try:
        return published_files.settings.source == "auto" and published_files.origin(year) == "local"
    except SourceError:  # two files of a year, say: the run that reads it tells what is wrong
        return True


def _loaded_sha256(instance: dg.DagsterInstance, year: int) -> str | None:
    """Return the digest of the file from which a year's stops were last read, None when they never were."""
    found = instance.fetch_materializations(
        dg.AssetRecordsFilter(asset_key=dg.AssetKey("raw_stops"), asset_partitions=[str(year)]), limit=1
    ).records
    materialization = found[0].asset_materialization if found else None
    digest = materialization.metadata.get("sha256") if materialization else None
    return str(digest.value) if digest is not None else None


def build_sensor(*, running: bool) -> dg.SensorDefinition:
    """Return the sensor `rerun_after_publication`, which requests the test years that use new stops."""

    @dg.sensor(
        name="rerun_after_publication",
        job_name=RERUN_JOB,
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING if running else dg.DefaultSensorStatus.STOPPED,
        description="When every year that yearly_publication requested is loaded, requests the test years that are "
        "trained or tested on one of them.",
    )
    def rerun_after_publication(context: dg.SensorEvaluationContext) -> list[dg.RunRequest] | dg.SkipReason:
        return _follow(context.instance)

    return rerun_after_publication


def _follow(instance: dg.DagsterInstance) -> list[dg.RunRequest] | dg.SkipReason:
    batches = _recent_batches(instance)
    if not batches:
        return dg.SkipReason("yearly_publication requested nothing in the last fourteen days")
    loaded = {int(key) for key in instance.get_materialized_partitions(dg.AssetKey("stops"))}
    requests: list[dg.RunRequest] = []
    reasons: list[str] = []
    for batch, statuses in batches.items():
        runs = instance.get_runs(dg.RunsFilter(job_name=RERUN_JOB, tags={BATCH_TAG: batch}))
        followed = {run.tags.get("dagster/partition") for run in runs}
        first = max(FIRST_TEST_YEAR, min({*loaded, *statuses}) + TRAINING_YEARS)
        for test_year in range(first, date.fromisoformat(batch).year):
            if statuses.keys().isdisjoint({test_year, *training_years(test_year)}):  # nothing that it uses is new
                continue
            reason = f"{test_year} was requested already" if str(test_year) in followed else None
            reason = reason or _obstacle(test_year, statuses, loaded)
            if reason:
                reasons.append(f"{batch}: {reason}")
            else:
                tags = {BATCH_TAG: batch, **_RETRIES}
                requests.append(dg.RunRequest(run_key=f"{test_year}:{batch}", partition_key=str(test_year), tags=tags))
    return requests or dg.SkipReason("; ".join(reasons) or "no test year uses the years that were loaded")


def _recent_batches(instance: dg.DagsterInstance) -> dict[str, dict[int, dg.DagsterRunStatus]]:
    """Return the batches of two weeks, oldest first: year to the status of its latest run."""
    batches: dict[str, dict[int, dg.DagsterRunStatus]] = {}
    recent = dg.RunsFilter(job_name=STOPS_JOB, created_after=datetime.now(UTC) - _BATCH_LIFETIME)
    for run in instance.get_runs(recent, limit=_RUNS_LOOKED_AT):
        batch, year = run.tags.get(BATCH_TAG), run.tags.get(YEAR_TAG)
        if batch and year:
            batches.setdefault(batch, {}).setdefault(int(year), run.status)
    return dict(sorted(batches.items()))


def _obstacle(test_year: int, statuses: dict[int, dg.DagsterRunStatus], loaded: set[int]) -> str | None:
    """Return why a test year cannot be run now, or None."""
    window = (*training_years(test_year), test_year)
    running = [year for year in window if statuses.get(year) in _UNFINISHED]
    if running:
        return f"{test_year} waits for the stops of {year_words(running)}"
    failed = [year for year in window if statuses.get(year, _LOADED) is not _LOADED]
    if failed:
        return f"{test_year} is not run: loading {year_words(failed)} failed; correct the cause and run it again"
    absent = [year for year in window if year not in loaded]
    if absent:
        return f"{test_year} is not run: the stops of {year_words(absent)} were never loaded"
    return None


def build_freshness(*, running: bool) -> tuple[Sequence[dg.AssetChecksDefinition], dg.SensorDefinition]:
    """Return the check that stops of last year are in by the deadline, which warns, and what asks it once a day.

    `running` turns that sensor on where the daemon finds it new.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        checks = dg.build_time_partition_freshness_checks(
            assets=["stops"], deadline_cron=DEADLINE, timezone=TIME_ZONE, severity=dg.AssetCheckSeverity.WARN
        )
        return checks, dg.build_sensor_for_freshness_checks(
            freshness_checks=checks,
            name="newest_year_arrived",
            minimum_interval_seconds=24 * 60 * 60,
            default_status=dg.DefaultSensorStatus.RUNNING if running else dg.DefaultSensorStatus.STOPPED,
        )
