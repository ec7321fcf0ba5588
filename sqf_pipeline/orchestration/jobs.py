"""Named selections of assets that are run together.

Stops are partitioned by year and everything after them by test year, and a Dagster job has one kind of partition:
hence two jobs for a whole run.
"""

from typing import TYPE_CHECKING

import dagster as dg

from sqf_pipeline.orchestration.year_rules import RERUN_JOB, STOPS_JOB

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

FRESHNESS_CHECK = dg.AssetCheckKey(dg.AssetKey("stops"), "freshness_check")


def build_jobs() -> "list[UnresolvedAssetJobDefinition]":
    """Return the jobs."""
    groups = dg.AssetSelection.groups
    everything = groups("features", "models", "evaluation", "disparity", "publication")
    measured = groups("models", "evaluation") - dg.AssetSelection.kind("scikitlearn")
    measured -= dg.AssetSelection.assets("study_2021")
    return [
        _job(STOPS_JOB, groups("stops"), "Read and clean the stops of a year."),
        _job("yearly_models", groups("features", "models"), "The plain models of a test year and their results."),
        _job(RERUN_JOB, everything, "Everything of a test year, from its stops to its publication."),
        _job("evaluate", measured, "Measure the models of a test year anew, without fitting them again."),
        _job("disparity", groups("disparity"), "The tests of unequal treatment of a test year anew."),
        _job("publish", groups("publication"), "Write the model card, charts and export of a test year anew."),
    ]


def _job(name: str, selection: dg.AssetSelection, description: str) -> "UnresolvedAssetJobDefinition":
    return dg.define_asset_job(
        name,
        # whether the newest year has arrived is asked by a sensor, not by a run of any year; a backfill from the UI
        # asks it all the same, because Dagster hands it no selection of checks
        selection=selection - dg.AssetSelection.checks(FRESHNESS_CHECK),
        description=description,
    )
