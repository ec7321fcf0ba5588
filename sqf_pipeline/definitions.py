"""Where everything is put together; light on purpose."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from sqf_pipeline.memory import hold_text_compactly
from sqf_pipeline.orchestration import io_managers
from sqf_pipeline.orchestration.assets import disparity, evaluation, features, models, publication, stops
from sqf_pipeline.orchestration.jobs import build_jobs
from sqf_pipeline.orchestration.partitions import trained_on
from sqf_pipeline.orchestration.resources import Compute, PublishedFiles, Warehouse
from sqf_pipeline.orchestration.schedules import build_freshness, build_schedule, build_sensor
from sqf_pipeline.orchestration.stored_models import FittedModelsIOManager
from sqf_pipeline.orchestration.study_ahead import StudyAhead
from sqf_pipeline.orchestration.versions import with_code_versions
from sqf_pipeline.settings import Settings


def build_defs(
    settings: Settings | None = None, *, training: Mapping[int, tuple[int, ...]] | None = None, **overrides: Any
) -> dg.Definitions:
    """Return the definitions of the pipeline; settings are read from the environment by default.

    `training` are the years that a test year is trained on, where they are not the three before it; `overrides` are
    resources that take the place of those built here, by key.
    """
    hold_text_compactly()
    settings = settings or Settings()
    assets = with_code_versions(
        dg.load_assets_from_modules([stops, features, models, evaluation, disparity, publication])
    )
    for test_year, years in (training or {}).items():
        assets = trained_on(assets, years, test_year)
    freshness, newest_year_arrived = build_freshness(running=settings.schedule)
    return dg.Definitions(
        assets=dg.with_source_code_references(assets),
        jobs=build_jobs(),
        schedules=[build_schedule(running=settings.schedule)],
        sensors=[build_sensor(running=settings.schedule), newest_year_arrived],
        asset_checks=freshness,
        # one process, also for what is picked in the UI and for the freshness check: a process per step costs 1.5 s,
        # and each fit uses every core by itself
        executor=dg.in_process_executor,
        resources=_resources(settings, **overrides),
    )


def _resources(settings: Settings, **overrides: Any) -> dict[str, Any]:
    warehouse = overrides.get("warehouse") or Warehouse(settings)
    storage = settings.folder("storage")
    frames = overrides.get("frames") or io_managers.ParquetIOManager(storage)
    fitted_models = FittedModelsIOManager(storage)
    tables = io_managers.TableIOManager(warehouse, fitted_models)
    return {
        "settings": settings,
        "published_files": PublishedFiles(settings),
        "warehouse": warehouse,
        "frames": frames,
        # what a frame refers to is read where the frames of stops are, in memory too
        "stops_references": io_managers.StopsReferenceIOManager(frames)
        if isinstance(frames, io_managers.ParquetIOManager)
        else frames,
        "compute": Compute(settings.compute, settings.compute_address, settings.jobs),
        "study_ahead": StudyAhead(settings),
        "reports": io_managers.ReportIOManager(settings.folder("reports")),
        "encoders": io_managers.ModelIOManager(storage),
        "fitted_models": fitted_models,
        "tables": tables,
        "frames_and_tables": io_managers.FrameAndTableIOManager(frames, tables),
        **overrides,
    }


@dg.definitions
def defs() -> dg.Definitions:
    """Return what the webserver, the daemon and the code server load."""
    return build_defs()
