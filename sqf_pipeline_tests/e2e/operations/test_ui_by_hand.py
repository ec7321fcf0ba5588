"""A person at Dagster's UI: `sqf ui`, years materialised by clicks, a red check read and made green, tables asked.

Whatever is clicked and read here stands in the pages of Dagster's webserver, in a real browser.
"""

import csv
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sqf_pipeline.definitions import build_defs
from sqf_pipeline.orchestration.instance import open_instance
from sqf_pipeline.orchestration.running import run_work
from sqf_pipeline.orchestration.year_rules import Work
from sqf_pipeline.settings import Settings
from sqf_pipeline_tests.chromium import NEEDS_CHROMIUM, chromium
from sqf_pipeline_tests.e2e.operations.graphql import Webserver
from sqf_pipeline_tests.pipeline_support import FEW_TREES, YEARS, Pipeline, rows_of, write_made_up_years, write_rows
from sqf_pipeline_tests.service_process import free_port, running
from sqf_pipeline_tests.waiting import PATIENCE, wait_until

pytestmark = [NEEDS_CHROMIUM, pytest.mark.timeout(1_800)]

ROWS = 300
SCREENSHOTS = os.environ.get("SQF_SCREENSHOTS")
"""Folder to which a picture of each page is written, to be looked at."""


class Person:
    """Somebody with a browser at the UI."""

    def __init__(self, page, url: str) -> None:
        self.page = page
        self.url = url
        page.set_default_timeout(PATIENCE * 1_000)

    def materialise(self, job: str, years: str, *, runs: int = 1, not_there: tuple[str, ...] = ()) -> None:
        """Launch a job for years, written as the dialog wants them, and come back when its runs are over.

        Nobody watches meanwhile: drawing a run under way takes the processor longer than the run does. When some assets
        that the job could use are not there yet, the UI names them and asks whether to go on.
        """
        webserver = Webserver(self.url)
        wanted = webserver.ended_runs() + runs
        self.page.goto(f"{self.url}/locations/sqf_pipeline/jobs/{job}")
        self.page.get_by_role("button", name="Materialize all").click()
        dialog = self.page.get_by_role("dialog")
        if not_there:
            confirm = dialog.get_by_role("button", name="Confirm")
            confirm.wait_for()
            assert tuple(dialog.locator("li").all_inner_texts()) == not_there
            confirm.click()
        dialog.get_by_placeholder("ex:").fill(years)
        self.page.keyboard.press("Enter")
        dialog.get_by_role("button", name="Launch").click()
        dialog.wait_for(state="detached")
        self.page.goto("about:blank")
        wait_until(lambda: webserver.ended_runs() >= wanted, f"{job} of {years} has not ended", every=1)

    def sees(self, path: str, *texts: str) -> str:
        """Open a page and look at it, again and again, until it shows all of some texts; return all that it shows."""
        deadline = time.monotonic() + PATIENCE
        while True:
            self.page.goto(self.url + path)
            shown = self._read(texts)
            if all(text in shown for text in texts):
                self._take_picture(path)
                return shown
            assert time.monotonic() < deadline, f"{path} does not show {texts} but:\n{shown}"

    def _read(self, texts: tuple[str, ...]) -> str:
        """Return what the page shows once it has drawn the texts, or after two seconds."""
        drawn = time.monotonic() + 2
        while True:
            shown = self.page.locator("body").inner_text()
            if all(text in shown for text in texts) or time.monotonic() > drawn:
                return shown
            self.page.wait_for_timeout(100)

    def _take_picture(self, path: str) -> None:
        if SCREENSHOTS:
            name = "".join(letter if letter.isalnum() else "-" for letter in path).strip("-")
            self.page.screenshot(path=Path(SCREENSHOTS) / f"{name}.png")


@pytest.fixture
def pipeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipeline]:
    """Return a pipeline on somebody's own files, with the years before the last two in it."""
    made = Pipeline(tmp_path / "home", write_made_up_years(tmp_path / "raw", ROWS))
    monkeypatch.setenv("DAGSTER_HOME", "")  # opening the instance sets it
    settings = Settings(home=made.home, data_dir=made.data_dir, source="local")
    with open_instance(made.home) as instance:
        for year in YEARS[:-2]:
            run_work(build_defs(settings), instance, Work("yearly_stops", year), lambda _: None)
    yield made
    made.remove()


@pytest.fixture
def person(pipeline: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Person]:
    """Start `sqf ui`, and sit somebody down before it; it ends when it is asked to, even if a script started it."""
    for name, value in {**pipeline.settings(), **FEW_TREES}.items():
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    port = free_port()
    command = [sys.executable, "-m", "sqf_pipeline.cli", "ui", "--port", str(port)]
    # a shell lets what it starts in the background ignore SIGINT
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with running(command, port, tmp_path / "ui.log", ready="/server_info") as ui:
            signal.signal(signal.SIGINT, before)
            with chromium() as browser:
                yield Person(browser.new_page(viewport={"width": 1500, "height": 950}), ui.url)
    finally:
        signal.signal(signal.SIGINT, before)
    assert ui.process.returncode != -signal.SIGKILL, (tmp_path / "ui.log").read_text(errors="replace")[-3000:]


def test_years_by_clicks_with_a_check_that_is_red_and_then_green(pipeline: Pipeline, person: Person, tmp_path: Path):
    newest = pipeline.data_dir / f"sqf-{YEARS[-1]}.csv"
    good = rows_of(newest)
    doubled = [good[0], good[1], [good[1][0], *good[2][1:]], *good[3:]]  # two stops with one number
    write_rows(newest, doubled)

    person.materialise("yearly_stops", f"[{YEARS[-2]}...{YEARS[-1]}]", runs=2)
    person.sees("/assets/raw_stops?view=partitions", "Failed (1)", "Materialized (3)")
    red = person.sees("/assets/raw_stops?view=checks&checkDetail=contract", "Failed", "id_is_unique_within_its_year")
    assert good[2][1] not in red, "a check shows counts and rules, never a row"
    person.sees("/runs", "2 partitions", "yearly_stops")
    assert stops_by_year(pipeline, tmp_path) == {str(year): str(ROWS) for year in YEARS[:-1]}

    write_rows(newest, good)
    person.materialise("yearly_stops", str(YEARS[-1]))
    person.sees("/assets/raw_stops?view=partitions", "Failed (0)", "Materialized (4)")
    person.sees("/assets/raw_stops?view=checks&checkDetail=contract", "Passed", "rows_checked")

    extended = ("imbalance_models", "served_models", "tier_models")  # measured where they are fitted
    person.materialise("yearly_models", str(YEARS[-1]), not_there=extended)
    person.sees("/assets/model_metrics?view=checks", "Passed", str(YEARS[-1]))
    person.sees(
        "/assets/model_metrics", "Probability that a stop with the outcome scores above", "yearly_models", "Postgres"
    )
    person.sees("/automation", "yearly_publication", "Monday")
    assert stops_by_year(pipeline, tmp_path) == {str(year): str(ROWS) for year in YEARS}


def stops_by_year(pipeline: Pipeline, tmp_path: Path) -> dict[str, str]:
    """Return the stops a year as `sqf db shell` tells them."""
    asked = pipeline.start("db", "shell", "--csv", "--command", "SELECT year, stops FROM outcomes_by_year")
    told, _ = asked.communicate(timeout=PATIENCE)
    return {row["year"]: row["stops"] for row in csv.DictReader(told.splitlines())}
