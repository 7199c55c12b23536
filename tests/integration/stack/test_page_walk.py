"""The lineage page in a real browser, on the whole real stack: a run that goes well, one that fails, and a walk."""

import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, ViewportSize, expect, sync_playwright

from tests.browser.axe import violations
from tests.integration.stack.conftest import JOBS, Live, wait_for
from tests.screenshots import keep
from tests.tools import CHROMIUM_ARGUMENTS, chromium

pytestmark = [pytest.mark.integration, pytest.mark.browser]

LOAD = "weather_to_postgres_dagster"
PATIENCE_MS = 30_000
DESK = ViewportSize(width=1280, height=800)


def run_and_fail(live: Live) -> None:
    """Two hours that are loaded, then one that breaks a foreign key."""
    for hour in ("2026-11-20-01:00", "2026-11-20-02:00"):
        assert live.finish(live.launch(hour)) == "SUCCESS"
        wait_for(lambda hour=hour: live.states(hour) == dict.fromkeys(JOBS, "COMPLETED"))
    live.sql("SET session_replication_role = replica; DELETE FROM weather.locations WHERE location_id = 'utrecht'")
    assert live.finish(live.launch("2026-11-20-03:00")) == "FAILURE"
    wait_for(lambda: live.states("2026-11-20-03:00").get(LOAD) == "FAILED")


class Walker:
    """A tab, and what must not happen in it."""

    def __init__(self, browser: Browser, url: str) -> None:
        self.url = url
        self.troubles: list[str] = []
        self.page = browser.new_page(viewport=DESK, color_scheme="light")
        self.page.set_default_timeout(PATIENCE_MS)
        expect.set_options(timeout=PATIENCE_MS)
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.page.on("request", lambda request: self._asked(request.url))

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.troubles.append(message.text)

    def _asked(self, url: str) -> None:
        if urlsplit(url).netloc != urlsplit(self.url).netloc:
            self.troubles.append(f"a request to {url}")


def node(page: Page, name: str) -> Locator:
    return page.locator(".node", has=page.locator("title", has_text=re.compile(rf"^{re.escape(name)}\n")))


def test_a_walk_through_the_page(live: Live) -> None:
    run_and_fail(live)
    url = f"http://127.0.0.1:{5001 + live.site.offset}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGUMENTS)
        walker = Walker(browser, url)
        from_the_graph_to_an_error(walker.page, url, live)
        to_a_column_and_what_depends_on_it(walker.page)
        through_the_lists(walker.page)
        in_the_dark_and_narrow(walker.page, url)
        a_new_run_shows_by_itself(walker.page, live)
        assert walker.troubles == []
        browser.close()


def from_the_graph_to_an_error(page: Page, url: str, live: Live) -> None:
    panel = page.locator("#panel")
    page.goto(url)
    expect(node(page, LOAD)).to_have_class(re.compile("failed"))
    keep(page, "graph")

    # Within two clicks, and on to Dagster.
    node(page, LOAD).click()
    expect(panel.locator(".callout")).to_contain_text("violates foreign key constraint")
    panel.locator(".callout").click()
    expect(panel.locator(".error .message")).to_contain_text("utrecht")
    keep(page, "failed-run")
    panel.get_by_text("Stack trace").click()
    expect(panel.locator(".error details pre")).to_contain_text("psycopg")
    link = panel.get_by_role("link", name="Open the run in Dagster")
    expect(link).to_have_attribute("href", re.compile(rf"^http://[^/]+:{3000 + live.site.offset}/runs/"))
    keep(page, "stack")
    assert violations(page) == []


def to_a_column_and_what_depends_on_it(page: Page) -> None:
    panel = page.locator("#panel")
    panel.locator("section", has_text="Reads").locator(".node-link").first.click()
    expect(panel.locator(".kind").first).to_contain_text("Dataset")
    panel.locator(".columns").get_by_role("link", name="temperature_c").click()
    chosen = panel.locator(".chosen-column")
    expect(chosen.locator(".block", has_text="Comes from").locator(".name").first).to_have_text(
        re.compile("temperature")
    )
    expect(page.locator(".node.column.selected")).to_have_count(1)
    keep(page, "column")
    assert violations(page) == []

    panel.get_by_role("link", name="Close the column").click()
    impact = panel.locator("section", has_text="If this changes")
    expect(impact).to_contain_text(LOAD)
    impact.get_by_role("link", name="Show them in the graph").click()
    expect(node(page, "raw_weather_data_dagster")).to_have_count(0)
    expect(node(page, LOAD)).to_have_count(1)
    keep(page, "impact")


def through_the_lists(page: Page) -> None:
    panel = page.locator("#panel")
    page.get_by_role("combobox", name="Search jobs and datasets").fill("raw_weather")
    page.locator("#search-results li", has_text="raw_weather_data_dagster").first.click()
    expect(panel.locator("h2")).to_have_text("raw_weather_data_dagster")
    expect(panel.locator(".strip .bar")).to_have_count(3)
    keep(page, "job")

    for view in ("Jobs", "Datasets", "Events", "Namespaces"):
        page.get_by_role("navigation", name="Views").get_by_role("link", name=view).click()
        expect(page.locator(".sheet")).to_be_visible()
        keep(page, view.lower())
        assert violations(page) == []


def in_the_dark_and_narrow(page: Page, url: str) -> None:
    panel = page.locator("#panel")
    page.emulate_media(color_scheme="dark")
    page.goto(url)
    expect(node(page, LOAD)).to_be_visible()
    keep(page, "dark")
    node(page, LOAD).click()
    expect(panel.locator(".callout")).to_be_visible()
    assert violations(page) == []
    page.set_viewport_size({"width": 390, "height": 844})
    expect(panel.locator(".callout")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    keep(page, "narrow")


def a_new_run_shows_by_itself(page: Page, live: Live) -> None:
    panel = page.locator("#panel")
    page.set_viewport_size(DESK)
    page.evaluate("window.notReloaded = true")
    live.sql("INSERT INTO weather.locations VALUES ('utrecht', 'Utrecht', 52.0908, 5.1222)")
    assert live.finish(live.launch("2026-11-20-04:00")) == "SUCCESS"
    expect(panel.locator(".summary .state").first).to_have_text("Completed", timeout=60_000)
    assert page.evaluate("window.notReloaded")
