"""The pages in a real browser: used as a person uses them, on a wide and on a narrow screen."""

import re
from pathlib import Path

import pytest

from sqf_pipeline_tests.chromium import NEEDS_CHROMIUM, chromium
from sqf_pipeline_tests.service_support import PAGES, SCREENS
from sqf_pipeline_tests.waiting import PATIENCE

axe_api = pytest.importorskip("axe_playwright_python.sync_playwright", reason="browser tests need axe")

pytestmark = NEEDS_CHROMIUM


@pytest.fixture(scope="module")
def browser():
    with chromium() as opened:
        yield opened


class Watched:
    """A page whose console, errors and requests are written down."""

    def __init__(self, browser, service, screen="desktop", theme="light") -> None:
        width, height = SCREENS[screen]
        self.context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme)
        self.page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE * 1_000)
        self.url = service.url
        self.complaints: list[str] = []
        self.page.on("console", self._note_console)
        self.page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        self.page.on("request", self._note_request)

    def _note_console(self, message) -> None:
        expected = "status of 404" in message.text or "status of 422" in message.text  # the document's own status
        if message.type in ("error", "warning") and not expected:
            self.complaints.append(f"console: {message.text}")

    def _note_request(self, request) -> None:
        if not request.url.startswith((self.url, "data:")):
            self.complaints.append(f"request to another host: {request.url}")

    def open(self, path: str):
        self.page.goto(self.url + path)
        return self.page

    def draw_charts(self) -> int:
        charts = self.page.locator("[data-chart]")
        for number in range(charts.count()):
            charts.nth(number).scroll_into_view_if_needed()
            charts.nth(number).locator("svg[role=group]").wait_for()
        return charts.count()


@pytest.fixture
def watched(browser, service):
    opened = []

    def start(screen="desktop", theme="light") -> Watched:
        opened.append(Watched(browser, service, screen, theme))
        return opened[-1]

    yield start
    for one in opened:
        one.context.close()
        assert one.complaints == []


@pytest.mark.parametrize(("screen", "theme"), [("phone", "light"), ("desktop", "dark")])
def test_every_page_is_accessible_and_fits(watched, screen, theme):
    browsing = watched(screen, theme)
    for path in PAGES:
        page = browsing.open(path)
        if path == "/analysis":
            assert browsing.draw_charts() >= 10
        assert page.locator("html").get_attribute("data-bs-theme") == theme
        assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0, f"{path} is too wide"
        assert page.get_by_text("Invented stops.").is_visible()
        found = axe_api.Axe().run(page).response["violations"]
        told = [(entry["id"], [node["target"] for node in entry["nodes"]][:3]) for entry in found]
        assert told == [], f"{path} on {screen}, {theme}"


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("outcome", ["arrest", "summons"])
def test_a_form_is_filled_sent_and_answered(watched, outcome, screen):
    page = watched(screen).open(f"/{outcome}")
    page.get_by_role("link", name="During the encounter").click()
    page.get_by_label("Age", exact=True).fill("24")
    page.get_by_label("Searched", exact=True).select_option("Yes")
    page.get_by_label("Weapon found", exact=True).select_option("Yes")
    page.get_by_label("Place", exact=True).select_option("Not known")
    page.get_by_role("button", name="Ask the model").click()
    page.locator("#answer").wait_for()
    with_weapon = float(page.locator("#probability").inner_text().split()[0])
    assert 0 < with_weapon < 100
    assert page.locator("#class").inner_text() in ("Arrest", "No arrest", "Summons", "No summons")
    assert re.search(r"Among the [\d,]+ stops of 2020 .*95 % interval [\d.]+ to", page.locator("#record").inner_text())
    assert page.evaluate("document.activeElement.id") == "answer"  # a screen reader reads it out
    assert page.get_by_label("Age", exact=True).input_value() == "24"
    page.get_by_label("Weapon found", exact=True).select_option("No")
    page.get_by_label("Searched", exact=True).select_option("No")
    page.get_by_role("button", name="Ask the model").click()
    page.locator("#answer").wait_for()
    if outcome == "arrest":
        assert float(page.locator("#probability").inner_text().split()[0]) < with_weapon


def shown_probability(page):
    page.get_by_role("button", name="Ask the model").click()
    page.locator("#answer").wait_for()
    return page.locator("#probability").inner_text()


def asked_of_the_api(page, service, **place):
    """Return what the API says of a stop whose other fields are the form's defaults, as the form shows it."""
    models = page.request.get(f"{service.url}/api/v1/models").json()["models"]
    fields = next(one["fields"] for one in models if (one["outcome"], one["tier"]) == ("arrest", "at_stop"))
    stop = {field["name"]: field.get("default") for field in fields} | place
    stop["stop_time_seconds"] = stop["stop_time_seconds"] // 60 * 60  # a form knows hours and minutes alone
    question = {"tier": "at_stop", "stops": stop}
    answer = page.request.post(f"{service.url}/api/v1/predictions/arrest", data=question).json()
    return f"{answer['predictions'][0]['probability'] * 100:.1f} %"


MIDDLE_ON_SCREEN = """circle => {
    const middle = new DOMPoint(circle.cx.baseVal.value, circle.cy.baseVal.value);
    const on = middle.matrixTransform(circle.ownerSVGElement.getScreenCTM());
    return [on.x, on.y];
}"""


@pytest.mark.parametrize("screen", SCREENS)
def test_a_place_is_picked_on_the_map(watched, service, screen):
    page = watched(screen).open("/arrest")
    page.locator("#place-map svg").wait_for()
    place, point = page.get_by_label("Place", exact=True), page.get_by_label("Exact place", exact=True)
    page.locator("#place-map svg").scroll_into_view_if_needed()
    middle = page.locator("#place-map clipPath circle").nth(10).evaluate(MIDDLE_ON_SCREEN)
    page.mouse.click(*middle)
    precinct, (east, north) = place.input_value(), map(int, point.input_value().split(", "))
    assert page.locator("#place-map .point").get_attribute("visibility") == "visible"
    shown = shown_probability(page)
    assert (place.input_value(), point.input_value()) == (precinct, f"{east}, {north}")
    rows = page.request.get(f"{service.url}/analysis/places.csv").text().splitlines()
    of_precinct = [row.split(",") for row in rows if row.startswith(f"{precinct},")]
    nearest = min(of_precinct, key=lambda row: abs(int(row[2]) - east) + abs(int(row[3]) - north))
    assert abs(int(nearest[2]) - east) + abs(int(nearest[3]) - north) < 5_000  # where the click was, not elsewhere
    fields = {"x_feet": east, "y_feet": north, "precinct": int(precinct), "borough": nearest[1]}
    assert shown == asked_of_the_api(page, service, **fields)
    place.select_option("Not known")
    assert point.input_value() == ""
    assert shown_probability(page) == asked_of_the_api(
        page, service, x_feet=None, y_feet=None, precinct=None, borough=None
    )


def test_a_place_needs_neither_pointer_nor_script(browser, service):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{service.url}/arrest")
    assert page.locator("#place-map svg").count() == 0
    page.get_by_label("Place", exact=True).focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    precinct = page.get_by_label("Place", exact=True).input_value()
    assert precinct.isdecimal()
    by_precinct = shown_probability(page)
    page.get_by_label("Exact place", exact=True).fill("here")
    page.get_by_role("button", name="Ask the model").click()
    page.locator("#point-error").wait_for()
    page.get_by_label("Exact place", exact=True).fill("")
    assert shown_probability(page) == by_precinct
    context.close()


def test_a_bad_value_has_its_message_by_its_field(watched):
    page = watched().open("/arrest")
    page.get_by_label("Age", exact=True).fill("200")
    page.get_by_role("button", name="Ask the model").click()
    message = page.locator("#suspect_age-error")
    message.wait_for()
    assert message.inner_text() == "Enter a number from 6 to 100 years."
    field = page.get_by_label("Age", exact=True)
    assert field.get_attribute("aria-invalid") == "true"
    assert "suspect_age-error" in field.get_attribute("aria-describedby")
    assert page.locator("#answer").count() == 0
    assert page.evaluate("document.activeElement.getAttribute('role')") == "alert"
    page.get_by_role("link", name="Age").click()
    assert page.evaluate("document.activeElement.id") == "suspect_age"


def test_a_form_is_answered_with_the_keyboard_alone(watched):
    page = watched().open("/arrest")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent").startswith("Skip")
    page.get_by_label("Age", exact=True).focus()
    page.keyboard.press("Control+a")
    page.keyboard.type("31")
    page.keyboard.press("Enter")
    page.locator("#answer").wait_for()
    assert page.get_by_label("Age", exact=True).input_value() == "31"


def test_charts_answer_to_choices_and_pointer(watched):
    browsing = watched()
    page = browsing.open("/analysis")
    browsing.draw_charts()
    year = page.locator("#stops_by_year")
    assert year.locator("g.mark").count() == 4  # 2017 to 2020
    before = year.locator("g.mark").first.get_attribute("aria-label")
    year.get_by_label("Show").select_option("Share ending in an arrest")
    after = year.locator("g.mark").first.get_attribute("aria-label")
    assert "Stops:" in before
    assert "Share ending in an arrest" in after
    assert "95 % interval" in after
    year.locator("g.mark rect").first.hover()
    tip = page.locator(".chart-tip")
    assert tip.is_visible()
    assert "95 % interval" in tip.inner_text()
    models = page.locator("#calibration").get_by_label("Model")
    assert models.locator("option").count() == 6
    assert page.locator("#stops_map circle").count() > 5
    year.get_by_text("The same as a table").click()
    assert year.get_by_role("columnheader", name="Year").is_visible()
    with page.expect_download() as download:
        year.get_by_role("link", name="CSV").click()
    assert Path(download.value.path()).read_text().startswith("year,stops,arrested_share")


def test_light_and_dark_are_chosen_and_kept(watched):
    page = watched().open("/")
    page.get_by_role("button", name="Dark").click()
    assert page.locator("html").get_attribute("data-bs-theme") == "dark"
    page.get_by_role("link", name="Analysis", exact=True).click()
    assert page.locator("html").get_attribute("data-bs-theme") == "dark"


def test_the_menu_opens_on_a_phone(watched):
    page = watched("phone").open("/")
    link = page.get_by_role("link", name="Model card")
    assert not link.is_visible()
    page.get_by_role("button", name="Menu").click()
    page.locator("#menu.show").wait_for()  # while it slides open, a click on a link may meet its neighbour
    link.click()
    page.get_by_role("heading", name="Model card").wait_for()


def test_forms_answer_without_javascript(browser, service):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{service.url}/summons")
    page.get_by_role("button", name="Ask the model").click()
    assert page.locator("#probability").is_visible()
    page.goto(f"{service.url}/analysis")
    assert page.locator("table").count() >= 10
    context.close()
