"""Take the pictures of the UI that README shows: `python tools/take_screenshots.py http://127.0.0.1:3000`.

`sqf ui` must be running on a home in which a test year has been made; Chromium must be installed.
"""

import os
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

IMAGES = Path(__file__).parent.parent / "docs" / "images"
PAGES = {"ui.png": "/assets/stops?view=overview", "ui_lineage.png": "/assets/stops?view=lineage"}
ARGUMENTS = ["--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]


def take(page: Page, address: str, path: Path) -> None:
    """Open a page of the UI, close what covers it, and save what it shows."""
    page.goto(address)
    page.wait_for_timeout(6_000)
    skip = page.get_by_role("button", name="Skip")
    if skip.count():
        skip.first.click()
    page.wait_for_timeout(6_000)
    page.screenshot(path=path)


def main(server: str) -> None:
    """Take every picture from the UI at `server`."""
    browser_path = shutil.which("chromium") or shutil.which("google-chrome")
    # Chromium refuses its sandbox to root
    arguments = [*ARGUMENTS, "--no-sandbox"] if os.geteuid() == 0 else ARGUMENTS
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=arguments)
        page = browser.new_page(viewport={"width": 1500, "height": 950})
        for name, place in PAGES.items():
            take(page, server + place, IMAGES / name)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1].rstrip("/"))
