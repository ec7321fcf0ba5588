"""The browser of the tests: the machine's own Chromium.

What belongs here: where it is and how it is started. What does not: which pages it opens.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
NEEDS_CHROMIUM = pytest.mark.skipif(CHROMIUM is None, reason="browser tests need Chromium: apt-get install chromium")
ARGUMENTS = (
    "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
    # Chromium refuses its sandbox to root
    *(["--no-sandbox"] if os.geteuid() == 0 else []),
)  # fmt: skip


@contextmanager
def chromium() -> "Iterator[Browser]":
    """Start Chromium, and end it afterwards."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield opened
        opened.close()


__all__ = ["CHROMIUM", "NEEDS_CHROMIUM", "chromium"]
