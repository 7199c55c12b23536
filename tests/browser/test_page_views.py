"""The page's lists, search, column lineage and impact on answers recorded from a real Marquez."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import OpenPage
from tests.marquez_double import Recording

pytestmark = [pytest.mark.integration, pytest.mark.browser]

HOME = "#/weather-pipeline"
SILVER = "/dataset/s3%3A%2F%2Fsilver/weather"
BRONZE = "/dataset/s3%3A%2F%2Fbronze/weather"


def row(page: Page, name: str) -> Locator:
    link = page.get_by_role("link", name=name, exact=True)
    return page.locator(".list-table tbody tr", has=link)


def test_namespaces_tell_what_they_hold(open_page: OpenPage, recording: Recording):
    page = open_page(f"{HOME}/namespaces")
    own = row(page, "weather-pipeline")
    expect(own).to_contain_text("2 failed")
    expect(own.locator("td").nth(1)).to_have_text("5")
    expect(row(page, "s3://silver").locator("td").first).to_have_text("Data")
    own.get_by_role("link").click()
    expect(page.locator(".node.job")).to_have_count(5)


def test_jobs_show_their_last_runs_as_bars(open_page: OpenPage, recording: Recording):
    page = open_page(f"{HOME}/jobs")
    bars = row(page, "weather_to_postgres").locator(".strip")
    expect(bars).to_have_attribute("aria-label", "The last 2 runs: 1 failed")
    expect(bars.locator(".bar")).to_have_count(2)
    expect(bars.locator(".bar").last).to_have_class("bar failed")


def test_datasets_tell_who_writes_them_and_when(open_page: OpenPage, recording: Recording):
    page = open_page(f"{HOME}/datasets")
    expect(page.locator(".list-table tbody tr")).to_have_count(5)
    silver = page.locator("tr", has_text="s3://silver")
    expect(silver.locator(".writer")).to_have_text("clean_weather_data")
    expect(silver.locator("td").nth(2)).to_have_text("4")
    expect(page.locator("tr", has_text="s3://bronze")).to_contain_text("1 of 1 failed")
    silver.get_by_role("link", name="weather", exact=True).click()
    expect(page.locator("#panel h2")).to_have_text("weather")
    assert page.url.endswith(f"{HOME}/datasets{SILVER}")


def test_events_as_received(open_page: OpenPage, recording: Recording, expected_errors: list[str]):
    expected_errors.append("status of 404")  # not all of what is opened at the end was recorded
    page = open_page(f"{HOME}/events")
    _, answer = recording("/api/v1/events/lineage?limit=5&sortDirection=desc")
    expect(page.locator(".event")).to_have_count(len(answer["events"]))
    page.locator(".event-row").first.click()
    first = answer["events"][0]
    expect(page.locator(".event.open pre")).to_contain_text(f'"runId": "{first["run"]["runId"]}"')
    page.reload()
    expect(page.locator(".event.open pre")).to_contain_text(first["eventTime"])
    page.get_by_role("link", name=f"Open the run of {first['job']['name']}").click()
    expect(page.locator("#panel h2")).to_have_text(first["job"]["name"])


def test_search_by_keyboard(open_page: OpenPage, recording: Recording):
    page = open_page(f"{HOME}/graph")
    expect(page.locator(".node.job")).to_have_count(5)
    page.keyboard.press("/")
    page.locator("#search-input:focus").fill("obs")
    page.clock.run_for(500)
    options = page.locator("#search-results").get_by_role("option")
    expect(options.first).to_contain_text("weather.weather.observations")
    page.keyboard.press("ArrowDown")
    expect(options.first).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    expect(page.locator("#panel h2")).to_have_text("weather.weather.observations")
    expect(page.locator("#search-results")).to_be_hidden()


def test_search_finds_what_other_namespaces_hold(open_page: OpenPage, recording: Recording, expected_errors: list[str]):
    expected_errors.append("status of 404")  # not all of what is opened at the end was recorded
    recording.position = 540
    page = open_page(f"{HOME}/graph")
    page.get_by_role("combobox", name="Search jobs and datasets").fill("weather")
    page.clock.run_for(500)
    page.keyboard.press("Enter")
    expect(page.locator(".list-table tbody tr").first).to_be_visible()
    assert page.url.endswith(f"{HOME}/search?q=weather")
    found = page.locator("tr", has_text="neuronews").get_by_role("link")
    name = found.inner_text()
    found.click()
    expect(page.locator("#panel h2")).to_have_text(name)
    assert "#/neuronews/graph/job/neuronews/" in page.url


def test_what_breaks_if_it_changes(open_page: OpenPage, recording: Recording):
    page = open_page(f"{HOME}/graph{BRONZE}")
    section = page.locator("#panel section", has_text="If this changes")
    expect(section).to_contain_text("3 jobs and 3 datasets depend on it.")
    expect(section.locator(".node-link .name").first).to_have_text("clean_weather_data")
    section.get_by_role("link", name="Show them in the graph").click()
    expect(page.locator(".node")).to_have_count(7)
    assert page.url.endswith("?show=down")
    page.get_by_role("group", name="Steps").get_by_role("link", name="1", exact=True).click()
    expect(page.locator(".node")).to_have_count(3)
    page.get_by_role("link", name="Upstream").click()
    expect(page.locator(".node")).to_have_count(2)
    page.get_by_role("link", name="Whole graph").click()
    expect(page.locator(".node")).to_have_count(10)


def test_the_paths_through_the_chosen_node_stand_out(open_page: OpenPage, recording: Recording):
    page = open_page(f"{HOME}/graph/job/weather-pipeline/weather_to_postgres")
    expect(page.locator(".node.selected .name")).to_have_text("weather_to_postgres")
    expect(page.locator(".edge.near")).to_have_count(2)
    off = page.locator(".node.off .name").all_text_contents()
    assert "raw_weather_data" not in off
    assert "weather_job" in off


def test_arrow_keys_walk_along_the_edges(open_page: OpenPage, recording: Recording):
    page = open_page(f"{HOME}/graph")
    expect(page.locator(".node.job")).to_have_count(5)
    page.locator(".node.job", has_text="clean_weather").focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Dataset weather in s3://silver"
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')").startswith("Job weather_to_postgres")
    page.keyboard.press("ArrowLeft")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Dataset weather in s3://silver"


def test_a_column_and_where_it_comes_from(open_page: OpenPage, recording: Recording):
    page = open_page(f"{HOME}/graph{SILVER}")
    page.locator(".columns").get_by_role("link", name="temperature_c").click()
    chosen = page.locator(".chosen-column .block")
    expect(chosen.filter(has_text="Comes from")).to_contain_text("temperature_c")
    expect(chosen.filter(has_text="Goes into").locator(".sub")).to_have_text(["weather.weather.observations"])
    expect(page.locator(".node.column")).to_have_count(3)
    expect(page.locator(".node.column.selected .sub")).to_have_text("weather")
    assert page.url.endswith(f"{HOME}/graph{SILVER}/column/temperature_c")
    page.locator(".node.column", has_text="observations").click()
    expect(page.locator("#panel h2")).to_have_text("weather.weather.observations")
    page.get_by_role("link", name="Back to the whole graph").click()
    expect(page.locator(".node.job")).to_have_count(5)


def test_a_source_knows_where_its_columns_go(open_page: OpenPage, recording: Recording):
    page = open_page(f"{HOME}/graph{BRONZE}/column/temperature_c")
    chosen = page.locator(".chosen-column .block")
    expect(chosen.filter(has_text="Goes into").locator(".sub")).to_have_text(
        ["weather", "weather.weather.observations"]
    )


def test_schema_history_names_the_columns_that_changed(open_page: OpenPage, recording: Recording):
    page = open_page(f"{HOME}/graph{SILVER}")
    changes = page.locator(".versions .changes")
    expect(changes).to_have_count(1)
    expect(changes.locator("li.added")).to_contain_text("humidity_pct double")


def test_quality_over_time(open_page: OpenPage, recording: Recording):
    page = open_page(f"{HOME}/graph{BRONZE}")
    section = page.locator("#panel section", has_text="Quality over time")
    expect(section).to_contain_text("Checks: 1 of 1 failed at last (temperature_in_range)")
    expect(section).to_contain_text("Rows: 72 rows at last")
    charts = section.locator(".chart")
    expect(charts.first).to_have_attribute("aria-label", re.compile("^Rows of weather: 72 at last"))
    expect(charts.first.locator("canvas")).to_be_visible()


def test_freshness(open_page: OpenPage, recording: Recording):
    page = open_page(f"{HOME}/graph{SILVER}")
    expect(page.locator("#panel .panel-head")).to_contain_text(re.compile(r"Holds data up to 19 Nov 2026"))


def test_colours_are_the_readers_choice(open_page: OpenPage, recording: Recording):
    page = open_page(f"{HOME}/graph", color_scheme="light")
    expect(page.locator(".node.job")).to_have_count(5)

    def lightness() -> float:
        colour = page.locator("body").evaluate("element => getComputedStyle(element).backgroundColor")
        return sum(int(part) for part in re.findall(r"\d+", colour)[:3]) / 765

    assert lightness() > 0.9
    page.get_by_role("button", name="Colours: as the system").click()
    page.get_by_role("button", name="Colours: light").click()
    assert lightness() < 0.2
    page.reload()
    expect(page.get_by_role("button", name="Colours: dark")).to_be_visible()
    assert lightness() < 0.2


VIEWS = [
    "graph",
    "jobs",
    "datasets",
    "events",
    "namespaces",
    "search?q=weather",
    f"graph{BRONZE}",
    f"jobs{SILVER}/column/temperature_c",
]


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("width", [390, 1600])
def test_every_address_shows_its_view(open_page: OpenPage, recording: Recording, view: str, width: int):
    page = open_page(f"{HOME}/{view}", viewport={"width": width, "height": 900})
    expect(page.locator(".live")).to_contain_text("Live")
    expect(page.get_by_text("Reading…")).to_have_count(0)
    expect(page.locator(".banner")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_last_entry_of_the_search_stays_chosen_when_more_is_found(open_page: OpenPage, recording: Recording):
    recording.position = 540
    page = open_page(f"{HOME}/graph")
    expect(page.locator(".node.job").first).to_be_visible()
    page.get_by_role("combobox", name="Search jobs and datasets").fill("weather")
    page.keyboard.press("ArrowUp")
    every = page.get_by_role("option", name="All names with “weather”")
    expect(every).to_have_attribute("aria-selected", "true")
    with page.expect_response("**/api/v1/search**"):
        page.clock.run_for(500)
    page.evaluate("new Promise((done) => setTimeout(done))")
    expect(every).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    expect(page.locator(".list-table tbody tr").first).to_be_visible()


def test_letters_that_come_later_choose_nothing(open_page: OpenPage, recording: Recording):
    page = open_page(f"{HOME}/graph")
    expect(page.locator(".node.job")).to_have_count(5)
    page.get_by_role("combobox", name="Search jobs and datasets").fill("weather")
    page.keyboard.press("ArrowDown")
    page.keyboard.type("_q")
    expect(page.locator("#search-results [aria-selected=true]")).to_have_count(0)


def test_a_chart_that_leaves_the_page_is_ended(open_page: OpenPage, recording: Recording):
    page = open_page(f"{HOME}/graph{BRONZE}")
    expect(page.locator("#panel .chart canvas").first).to_be_visible()
    page.evaluate("window.left = [...document.querySelectorAll('.chart')]")
    page.keyboard.press("Escape")
    expect(page.locator("#panel")).to_be_hidden()
    page.wait_for_function("window.left.length > 0 && window.left.every((chart) => !chart.querySelector('.uplot'))")


def test_a_run_tells_the_versions_that_it_read_and_wrote(open_page: OpenPage, recording: Recording):
    page = open_page(
        f"{HOME}/graph/job/weather-pipeline/weather_quality_check/run/0199a000-0000-7000-8000-000000000003"
    )
    expect(page.locator(".run.open .node-link .sub").first).to_have_text(re.compile(r"^72 rows, version [0-9a-f]{8}$"))


def test_a_run_that_the_backend_does_not_know(open_page: OpenPage, recording: Recording, expected_errors: list[str]):
    expected_errors.append("status of 404")
    page = open_page(f"{HOME}/graph/job/weather-pipeline/weather_quality_check/run/gone")
    expect(page.locator("#panel")).to_contain_text("does not know the run gone")
    expect(page.locator(".run-list .run").first).to_be_visible()


def test_a_node_of_another_namespace_is_shown_with_what_lies_around_it(open_page: OpenPage, recording: Recording):
    page = open_page("#/s3%3A%2F%2Fbronze/graph/dataset/postgres%3A%2F%2Flocalhost%3A5432/weather.weather.observations")
    expect(page.locator("#panel h2")).to_have_text("weather.weather.observations")
    expect(page.locator(".node.selected .sub")).to_have_text("postgres://localhost:5432")
    choices = page.get_by_role("group", name="What the graph shows").get_by_role("link")
    expect(choices).to_have_text(["Around", "Upstream", "Downstream"])
    expect(choices.first).to_have_attribute("aria-current", "true")


def test_every_view_has_a_heading(open_page: OpenPage, recording: Recording):
    page = open_page(f"{HOME}/jobs")
    expect(page.get_by_role("heading", level=1)).to_have_text("Jobs of weather-pipeline")
    page.get_by_role("navigation", name="Views").get_by_role("link", name="Graph").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Lineage graph of weather-pipeline")
