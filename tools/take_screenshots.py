"""Take pictures to look at: of the UI for README, or of every page of the service on a phone and on a desk.

    python -m tools.take_screenshots ui http://127.0.0.1:3000       # `sqf ui`, a test year made
    python -m tools.take_screenshots pages http://127.0.0.1:8000 FOLDER    # `sqf serve`

The second writes each page whole, and each figure by itself. Chromium must be installed.
"""

import sys
from pathlib import Path

from playwright.sync_api import Page

from sqf_pipeline_tests.chromium import chromium
from sqf_pipeline_tests.service_support import PAGES, SCREENS
from sqf_pipeline_tests.waiting import PATIENCE

IMAGES = Path(__file__).parent.parent / "docs" / "images"
VIEWS = {"ui.png": "/assets/stops?view=overview", "ui_lineage.png": "/assets/stops?view=lineage"}
DRAWN_MILLISECONDS = 30_000  # the lineage is laid out after everything else


def take_ui(page: Page, server: str, folder: Path) -> None:
    """Save the views of the UI that README shows."""
    page.set_viewport_size({"width": 1500, "height": 950})
    for name, place in VIEWS.items():
        page.goto(server + place)
        page.wait_for_timeout(DRAWN_MILLISECONDS)
        page.screenshot(path=folder / name)


def take_pages(page: Page, server: str, folder: Path) -> None:
    """Save every page of the service at every width, whole, and each figure of it by itself."""
    for screen, (width, height) in SCREENS.items():
        page.set_viewport_size({"width": width, "height": height})
        for path in PAGES:
            page.goto(server + path)
            name = "".join(letter if letter.isalnum() else "-" for letter in path).strip("-") or "home"
            figures = page.locator("section.panel:has([data-chart], .table-scroll)")
            for number in range(figures.count()):
                figure = figures.nth(number)
                figure.scroll_into_view_if_needed()
                if figure.locator("[data-chart]").count():
                    figure.locator("[data-chart] svg[role=group], [data-chart] p").first.wait_for()
                figure.screenshot(path=folder / f"{screen}-{name}-{number:02d}-{figure.get_attribute('id')}.png")
            if page.locator("#place-map").count():
                page.locator("#place-map svg").wait_for()
            page.evaluate("window.scrollTo(0, 0)")
            page.screenshot(path=folder / f"{screen}-{name}.png", full_page=True)


def main(kind: str, server: str, folder: Path = IMAGES) -> None:
    """Take the pictures of one kind, `ui` or `pages`, from the server at an address."""
    folder.mkdir(parents=True, exist_ok=True)
    with chromium() as browser:
        page = browser.new_page()
        page.set_default_timeout(PATIENCE * 1_000)
        {"ui": take_ui, "pages": take_pages}[kind](page, server.rstrip("/"), folder)


if __name__ == "__main__":
    main(*sys.argv[1:3], *map(Path, sys.argv[3:]))
