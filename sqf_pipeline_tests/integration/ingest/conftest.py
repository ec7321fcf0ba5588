"""Patience that does not make a test wait, and an account that permissions bind."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from sqf_pipeline.ingest import download
from sqf_pipeline.ingest.download import Patience


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Note the waits before retries instead of waiting."""
    seconds: list[float] = []
    monkeypatch.setattr(download, "sleep", seconds.append)
    return seconds


@pytest.fixture
def patience() -> Patience:
    return Patience(connect=2.0, read=10.0, total=60.0, attempts=3, first_wait=0.01)


@pytest.fixture
def another_account(tmp_path: Path) -> Iterator[None]:
    """Let permissions bind: for root they do not, so the test goes on as nobody, who owns the test's folder."""
    if os.geteuid() != 0:
        yield
        return
    nobody = 65_534
    # pytest's own folders are its account's alone, one for each worker of pytest-xdist besides
    for parent in tmp_path.parents:
        if parent.stat().st_uid == 0 and not parent.stat().st_mode & 0o001:
            parent.chmod(0o711)
    os.chown(tmp_path, nobody, nobody)
    os.seteuid(nobody)
    try:
        yield
    finally:
        os.seteuid(0)
