"""Take the pictures of the UI that README shows: `python -m tools.take_screenshots http://127.0.0.1:3000`.

`sqf ui` must be running on a home in which a test year has been made; Chromium must be installed.
"""

import sys
from pathlib import Path

from playwright.sync_api import Page

from sqf_pipeline_tests.chromium import chromium

IMAGES = Path(__file__).parent.parent / "docs" / "images"
PAGES = {"ui.png": "/assets/stops?view=overview", "ui_lineage.png": "/assets/stops?view=lineage"}
DRAWN_MILLISECONDS = 8_000  # the lineage is laid out after everything else


def take(page: Page, address: str, path: Path) -> None:
    """Open a page of the UI and save what it shows."""
    page.goto(address)
    page.wait_for_timeout(DRAWN_MILLISECONDS)
    page.screenshot(path=path)


def main(server: str) -> None:
    """Take every picture from the UI at `server`."""
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1500, "height": 950})
        for name, place in PAGES.items():
            take(page, server + place, IMAGES / name)


if __name__ == "__main__":
    main(sys.argv[1].rstrip("/"))
