"""Fixtures that many tests share."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# how long an example takes says how busy the machine is
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")

# a few hundred made-up stops are no whole year; a test of whole years sets it to off
os.environ.setdefault("SQF_EXCERPT", "on")

# servers of the tests are on this machine, whatever proxy it has
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"


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
