"""Fixtures that many tests share."""

import gc
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from hypothesis import settings

from sqf_pipeline.cleaning.clean_stops import CleanedStops, clean_stops
from sqf_pipeline.ingest.local_files import find_year_files
from sqf_pipeline.ingest.reader import RawFile, read_published_year
from sqf_pipeline_tests.made_once import made_once

# how long an example takes says how busy the machine is
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")

# a few hundred made-up stops are no whole year; a test of whole years sets it to off
os.environ.setdefault("SQF_EXCERPT", "on")

# servers of the tests are on this machine, whatever proxy it has
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of `unit`, whose coverage is measured."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent / "unit"):
            item.add_marker(pytest.mark.unit)


def pytest_collection_finish() -> None:
    """Let Python's collector pass over all that is imported by now: it would walk through it every few tests."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> None:
    """Let coverage, where it is measured, count what the quick tests of `unit` reach; it slows the others as well."""
    coverage = getattr(item.config.pluginmanager.getplugin("_cov"), "cov_controller", None)
    wanted = item.get_closest_marker("unit") is not None and item.get_closest_marker("slow") is None
    if coverage is not None and coverage.started != wanted:
        (coverage.resume if wanted else coverage.pause)()


@pytest.fixture(scope="session")
def real_data_dir() -> Path:
    """Return the folder of the real yearly files, or skip and say why."""
    folder = os.environ.get("SQF_DATA_DIR")
    if not folder:
        pytest.skip("real-data test: set SQF_DATA_DIR to the folder of the published files to run it")
    path = Path(folder)
    if not path.is_dir():
        pytest.fail(f"SQF_DATA_DIR is {folder!r}, which is not a folder")
    return path


@pytest.fixture(scope="session")
def real_year(
    real_data_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[int], tuple[RawFile, CleanedStops]]:
    """Return what gives a published year, read and cleaned, once for all the tests; not to be changed."""

    def read_and_clean(year: int) -> tuple[RawFile, CleanedStops]:
        raw = read_published_year(find_year_files(real_data_dir, year).paths, year)
        return raw, clean_stops(raw.frame, year)

    return cache(lambda year: made_once(tmp_path_factory, f"published-{year}", lambda: read_and_clean(year)))
