"""The lineage page on answers recorded from a real Marquez."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.marquez_double import MarquezDouble, Recording

pytestmark = [pytest.mark.integration, pytest.mark.browser]

GRAPH = "#/weather-pipeline/graph"
LOAD = f"{GRAPH}/job/weather-pipeline/weather_to_postgres"
SILVER = f"{GRAPH}/dataset/s3%3A%2F%2Fsilver/weather"
FAILED_RUN = "0199a000-0000-7000-8000-000000000015"
BEFORE_THE_FAILURE = 153
FOREIGN_KEY = 'insert or update on table "observations" violates foreign key constraint'


def poll(page: Page) -> None:
    """Let the time until the next reading pass."""
    page.clock.fast_forward(5000)


def node(page: Page, name: str):
    return page.locator(".node", has=page.locator("title", has_text=re.compile(rf"^{re.escape(name)}\n")))


def test_graph_shows_every_node_and_edge(open_page: OpenPage, recording: Recording):
    page = open_page()
    _, answer = recording("/api/v1/namespaces/weather-pipeline/jobs")
    jobs = {(job["namespace"], job["name"]) for job in answer["jobs"]}
    edges = [(job["name"], d["namespace"], d["name"]) for job in answer["jobs"] for d in job["inputs"] + job["outputs"]]
    datasets = {(namespace, name) for _, namespace, name in edges}
    expect(page.locator(".node.job")).to_have_count(len(jobs))
    expect(page.locator(".node.dataset")).to_have_count(len(datasets))
    expect(page.locator(".edge")).to_have_count(len(edges))
    titles = {tuple(title.split("\n")) for title in page.locator(".node title").all_text_contents()}
    assert titles == {(name, namespace) for namespace, name in jobs | datasets}
    assert page.url.endswith(GRAPH)


def test_job_nodes_tell_their_state_in_words(open_page: OpenPage, recording: Recording):
    page = open_page(GRAPH)
    expect(node(page, "weather_to_postgres").locator(".sub")).to_contain_text("Failed")
    expect(node(page, "raw_weather_data").locator(".sub")).to_contain_text("Completed")
    expect(page.locator(".legend")).to_have_text("5 jobs, 5 datasets2 failed3 completed")


def test_from_the_graph_to_a_failed_run_and_its_error(open_page: OpenPage, recording: Recording):
    page = open_page(GRAPH)
    node(page, "weather_to_postgres").click()
    panel = page.locator("#panel")
    expect(panel.get_by_role("heading", name="weather_to_postgres")).to_be_visible()
    expect(panel.locator(".callout")).to_contain_text(FOREIGN_KEY)
    panel.locator("a.run-row", has_text="Failed").click()
    expect(panel.locator(".error .message")).to_have_text(FOREIGN_KEY)
    panel.get_by_text("Stack trace").click()
    expect(panel.locator(".error details pre")).to_contain_text("Traceback (most recent call last)")
    expect(panel.locator(".run.open .facts")).to_contain_text(re.compile("19 Nov 2026, 10:00.11:00 UTC"))
    assert page.url.endswith(f"{LOAD}/run/{FAILED_RUN}")


def test_run_shows_checks_and_row_counts(open_page: OpenPage, recording: Recording):
    page = open_page(f"{GRAPH}/job/weather-pipeline/weather_quality_check/run/0199a000-0000-7000-8000-000000000003")
    opened = page.locator(".run.open")
    expect(opened.get_by_role("heading", name="Checks: 1 passed")).to_be_visible()
    expect(opened.get_by_role("row", name="Passed temperature_in_range temperature_c weather")).to_be_visible()
    expect(opened.locator(".node-link", has_text="weather").first).to_contain_text("72 rows")


def test_dataset_shows_columns_versions_and_its_jobs(open_page: OpenPage, recording: Recording):
    panel = open_page(SILVER).locator("#panel")
    expect(panel.locator("section", has_text="Written by").locator(".name")).to_have_text(["clean_weather_data"])
    expect(panel.locator("section", has_text="Read by").locator(".name")).to_have_text(["weather_to_postgres"])
    columns = panel.locator("section", has_text="Columns: 4").locator("tbody td:first-child")
    expect(columns).to_have_text(["location_id", "observed_at", "temperature_c", "humidity_pct"])
    expect(panel.locator("section", has_text="Versions: 2").locator("tbody tr").first).to_contain_text(
        "added: humidity_pct"
    )


def test_jobs_list(open_page: OpenPage, recording: Recording):
    page = open_page("#/weather-pipeline/jobs")
    row = page.get_by_role("row", name=re.compile("weather_to_postgres"))
    expect(row).to_contain_text("Failed")
    expect(row).to_contain_text("5.0 s")
    expect(page.locator(".list-table tbody tr")).to_have_count(5)
    row.get_by_role("link").click()
    expect(page.locator("#panel")).to_contain_text(FOREIGN_KEY)


def test_addresses_can_be_shared_and_back_works(open_page: OpenPage, recording: Recording):
    page = open_page(f"{LOAD}/run/{FAILED_RUN}")
    expect(page.locator(".error .message")).to_have_text(FOREIGN_KEY)
    page.locator("#panel .node-link").first.click()
    expect(page.locator("#panel h2")).to_have_text("weather")
    page.go_back()
    expect(page.locator(".error .message")).to_have_text(FOREIGN_KEY)


def test_a_namespace_of_data_shows_the_jobs_around_it(open_page: OpenPage, recording: Recording):
    page = open_page(GRAPH)
    page.get_by_label("Namespace").select_option("s3://bronze")
    expect(page.locator(".node.job")).to_have_count(3)
    assert page.url.endswith("#/s3%3A%2F%2Fbronze/graph")


def test_news_arrive_without_losing_place_or_selection(open_page: OpenPage, recording: Recording):
    recording.position = BEFORE_THE_FAILURE
    page = open_page(LOAD)
    expect(node(page, "weather_to_postgres").locator(".sub")).to_contain_text("Completed")
    page.evaluate("window.notReloaded = true")
    page.get_by_role("button", name="Zoom in").click()
    page.mouse.move(500, 800)
    page.mouse.down()
    page.mouse.move(460, 770, steps=4)
    page.mouse.up()
    place = page.locator(".layer").get_attribute("transform")
    recording.position = 300
    poll(page)
    expect(node(page, "weather_to_postgres").locator(".sub")).to_contain_text("Failed")
    expect(page.locator("#panel .callout")).to_contain_text(FOREIGN_KEY)
    expect(node(page, "weather_to_postgres")).to_have_class(re.compile("selected"))
    assert page.locator(".layer").get_attribute("transform") == place
    assert page.evaluate("window.notReloaded")


def test_backend_away_and_back(open_page: OpenPage, recording: Recording, marquez: MarquezDouble):
    page = open_page(GRAPH)
    expect(page.locator(".node.job")).to_have_count(5)
    marquez.stop()
    try:
        poll(page)
        expect(page.locator(".banner")).to_contain_text(f"The lineage backend at {marquez.url} can't be reached.")
        expect(page.locator(".banner")).to_contain_text("Trying again every few seconds.")
        expect(page.locator(".node.job")).to_have_count(5)
    finally:
        marquez.start()
    poll(page)
    expect(page.locator(".banner")).to_have_count(0)
    expect(page.locator(".live")).to_contain_text("Live")


def test_keyboard_alone(open_page: OpenPage, recording: Recording):
    page = open_page(GRAPH)
    expect(page.locator(".node.job")).to_have_count(5)
    page.locator(".canvas").focus()
    page.keyboard.press("Tab")
    focused = page.evaluate("document.activeElement.getAttribute('aria-label')")
    assert focused.startswith(("Job ", "Dataset "))
    page.keyboard.press("Enter")
    expect(page.locator("#panel h2")).to_be_visible()
    assert page.locator("#panel h2").inner_text() in focused
    page.keyboard.press("Escape")
    expect(page.locator("#panel")).to_be_hidden()


def test_dragging_from_a_node_pans_and_does_not_open_it(open_page: OpenPage, recording: Recording):
    page = open_page(GRAPH)
    expect(page.locator(".node.job")).to_have_count(5)
    before = page.locator(".layer").get_attribute("transform")
    node(page, "raw_weather_data").hover()
    page.mouse.down()
    page.mouse.move(800, 700, steps=5)
    page.mouse.up()
    assert page.locator(".layer").get_attribute("transform") != before
    expect(page.locator("#panel")).to_be_hidden()


@pytest.mark.parametrize(("scheme", "dark"), [("light", False), ("dark", True)])
def test_light_and_dark(open_page: OpenPage, recording: Recording, scheme: str, dark: bool):
    page = open_page(LOAD, color_scheme=scheme)
    expect(page.locator("#panel .callout")).to_be_visible()
    for selector in ("body", "#header", "#panel"):
        colour = page.locator(selector).evaluate("element => getComputedStyle(element).backgroundColor")
        lightness = sum(int(part) for part in re.findall(r"\d+", colour)[:3]) / 765
        assert (lightness < 0.2) if dark else (lightness > 0.9)


def test_narrow_screen(open_page: OpenPage, recording: Recording):
    page = open_page(LOAD, viewport={"width": 390, "height": 844})
    expect(page.locator("#panel .callout")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    panel = page.locator("#panel").evaluate("element => [element.scrollWidth, element.clientWidth]")
    assert panel[0] <= panel[1]


def test_the_chosen_node_stays_in_sight_when_the_window_shrinks(open_page: OpenPage, recording: Recording):
    page = open_page(LOAD)
    expect(page.locator("#panel .callout")).to_be_visible()
    page.set_viewport_size({"width": 390, "height": 844})
    seen = """node => {
        const { left, right, bottom } = node.getBoundingClientRect();
        return left >= 0 && right <= 390 && bottom < 400;
    }"""
    page.wait_for_function(seen, arg=page.locator(".node.selected rect").element_handle())
