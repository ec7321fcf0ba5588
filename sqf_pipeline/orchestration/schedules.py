"""When the pipeline runs by itself: NYPD's publications.

What belongs here: the schedule that looks whether a year was published or republished, and the sensor that makes
the test years anew once its stops are in. What does not: how NYPD is asked (`nypd.publication`), and what is run
(`jobs`).

NYPD publishes a year around the end of March, and republishes an earlier one now and then; hence every Monday from
February to July. Both are off until somebody turns them on (the containers do).
"""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import dagster as dg

from sqf_pipeline.orchestration.partitions import (
    FIRST_TEST_YEAR,
    TEST_YEARS,
    TRAINING_YEARS,
    YEARS,
    training_years,
)
from sqf_pipeline.orchestration.resources import SOURCE_TAG, PublishedFiles

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

    from sqf_pipeline.nypd.publication import PublicationState

MONDAYS_FROM_FEBRUARY_TO_JULY = "0 9 * 2-7 1"
NEW_YORK = "America/New_York"
PUBLICATION_TAG = "sqf/publication"
_RETRIES = {"dagster/max_retries": "2"}


def build_schedule(yearly_stops: "UnresolvedAssetJobDefinition", *, running: bool = False) -> dg.ScheduleDefinition:
    """Return the schedule `yearly_publication`; `running` turns it on where the daemon finds it new."""

    @dg.schedule(
        name="yearly_publication",
        job=yearly_stops,
        cron_schedule=MONDAYS_FROM_FEBRUARY_TO_JULY,
        execution_timezone=NEW_YORK,
        default_status=dg.DefaultScheduleStatus.RUNNING if running else dg.DefaultScheduleStatus.STOPPED,
        description="Asks NYPD every Monday from February to July whether last year's file is out, or an earlier "
        "one changed, and reads what is new.",
    )
    def yearly_publication(
        context: dg.ScheduleEvaluationContext, published_files: dg.ResourceParam[PublishedFiles]
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        if published_files.source not in ("nypd", "auto"):
            yield dg.SkipReason(
                f"SQF_SOURCE={published_files.source}: files are not downloaded, so there is nothing to ask for."
            )
            return
        last_year = context.scheduled_execution_time.year - 1
        states = [ask(published_files, year) for year in years_to_ask(published_files, last_year)]
        for state in states:
            context.log.info(state.reason)
            if state.changed:
                yield dg.RunRequest(
                    run_key=f"{state.year}-{state.tag}",
                    partition_key=str(state.year),
                    tags={SOURCE_TAG: "nypd", PUBLICATION_TAG: f"{state.year}-{state.tag}", **_RETRIES},
                )
        if not any(state.changed for state in states):
            reasons = "; ".join(state.reason for state in states)
            yield dg.SkipReason(f"Nothing new. {reasons or 'No year is to be asked for.'}")

    return yearly_publication


def years_to_ask(files: PublishedFiles, last_year: int) -> list[int]:
    """Return the years whose publication matters: last year, those it is trained on, and every one downloaded.

    With the source `auto`, a year whose file somebody put in the folder by hand is theirs and is not asked for.
    """
    from sqf_pipeline.nypd.download_record import read_record
    from sqf_pipeline.nypd.local_files import local_years

    known = YEARS.get_partition_keys()
    wanted = {last_year, *training_years(last_year), *local_years(files.data_dir)}
    by_hand = {
        year
        for year in local_years(files.data_dir)
        if files.source == "auto" and read_record(downloaded_path(files, year)) is None
    }
    return sorted(year for year in wanted - by_hand if str(year) in known)


def ask(files: PublishedFiles, year: int) -> "PublicationState":
    """Ask NYPD about a year's file; raises SqfError, which makes the tick red, when it cannot be asked."""
    from sqf_pipeline.nypd.download_record import read_record
    from sqf_pipeline.nypd.publication import check_publication

    return check_publication(files.nypd_url, year, read_record(downloaded_path(files, year)))


def downloaded_path(files: PublishedFiles, year: int) -> Path:
    """Return where the download of a year is kept."""
    return files.data_dir / f"sqf-{year}{PurePosixPath(files.nypd_url).suffix.lower()}"


def affected_test_years(year: int) -> list[int]:
    """Return the test years, of those that are over, that test on or are trained on a year."""
    over = TEST_YEARS.get_partition_keys()
    candidates = range(max(year, FIRST_TEST_YEAR), year + TRAINING_YEARS + 1)
    return [test_year for test_year in candidates if str(test_year) in over]


def build_sensor(
    yearly_stops: "UnresolvedAssetJobDefinition", yearly_rerun: "UnresolvedAssetJobDefinition", *, running: bool = False
) -> dg.SensorDefinition:
    """Return the sensor `rerun_after_publication`."""

    @dg.run_status_sensor(
        name="rerun_after_publication",
        run_status=dg.DagsterRunStatus.SUCCESS,
        monitored_jobs=[yearly_stops],
        request_job=yearly_rerun,
        default_status=dg.DefaultSensorStatus.RUNNING if running else dg.DefaultSensorStatus.STOPPED,
        description="Once the stops of a newly published year are in, makes every test year anew that uses them "
        "and has all its years.",
    )
    def rerun_after_publication(context: dg.RunStatusSensorContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        publication = context.dagster_run.tags.get(PUBLICATION_TAG)
        if publication is None:
            yield dg.SkipReason("Not a run of the schedule: whoever started it decides what follows.")
            return
        year = int(context.dagster_run.tags["dagster/partition"])
        present = context.instance.get_materialized_partitions(dg.AssetKey("stops"))
        ready = [
            test_year
            for test_year in affected_test_years(year)
            if {str(needed) for needed in (*training_years(test_year), test_year)} <= present
        ]
        for test_year in ready:
            yield dg.RunRequest(
                run_key=f"{test_year}-after-{publication}",
                partition_key=str(test_year),
                tags={PUBLICATION_TAG: publication, **_RETRIES},
            )
        if not ready:
            yield dg.SkipReason(f"No test year that uses {year} has all its years yet.")

    return rerun_after_publication


__all__ = [
    "MONDAYS_FROM_FEBRUARY_TO_JULY", "PUBLICATION_TAG", "affected_test_years", "ask", "build_schedule",
    "build_sensor", "downloaded_path", "years_to_ask",
]  # fmt: skip
