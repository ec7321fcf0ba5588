"""Which old runs may be deleted."""

import logging
from datetime import datetime

import dagster as dg

_PAGE = 500
_FINISHED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]

logger = logging.getLogger(__name__)


def runs_to_forget(instance: dg.DagsterInstance, before: datetime) -> list[str]:
    """Return the ids of finished runs made before a moment that no present result depends on, oldest first.

    Kept whatever their age are runs that made what an asset's partition holds now, because staleness, lineage and the
    publication schedule are derived from them, and the last run of each job and partition, whatever became of it.
    """
    kept = _runs_behind_present_assets(instance)
    last_of: set[tuple[str, str | None]] = set()
    forgotten = []
    for record in instance.get_run_records():  # newest first
        run = record.dagster_run
        of = (run.job_name, run.tags.get("dagster/partition"))
        is_last = of not in last_of
        last_of.add(of)
        if run.status in _FINISHED and record.create_timestamp < before and not is_last and run.run_id not in kept:
            forgotten.append(run.run_id)
    return forgotten[::-1]


def forget_runs(instance: dg.DagsterInstance, run_ids: list[str]) -> None:
    """Delete runs, their events and what their steps printed."""
    for run_id in run_ids:
        instance.delete_run(run_id)
        try:
            instance.compute_log_manager.delete_logs(prefix=[run_id])
        except NotImplementedError:  # a log manager that leaves deletion to the store's own rules
            logger.debug("what run %s printed is left to the log store", run_id)


def _runs_behind_present_assets(instance: dg.DagsterInstance) -> set[str]:
    """Return the runs of the latest materialisation of every asset and partition."""
    runs = set()
    for key in instance.all_asset_keys():
        seen: set[str | None] = set()
        cursor = None
        while True:
            page = instance.fetch_materializations(key, limit=_PAGE, cursor=cursor)
            for record in page.records:
                if record.partition_key not in seen:
                    seen.add(record.partition_key)
                    runs.add(record.run_id)
            if not page.has_more:
                break
            cursor = page.cursor
    return runs
