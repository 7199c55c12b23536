"""The lineage page without a pointer: one stop for Tab in a large graph, and a focus that goes with the reader."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.answers import GRAPH, NAMESPACE, job, serve, tree
from tests.browser.conftest import OpenPage
from tests.marquez_double import MarquezDouble, Recording

pytestmark = [pytest.mark.integration, pytest.mark.browser]

HOME = "#/weather-pipeline"


def focused(page: Page) -> str:
    """What has the focus: a node's name for assistive technology, or the class or id of another element."""
    return page.evaluate(
        "(({ activeElement: e }) => e.closest('.node') ? e.getAttribute('aria-label') : e.id || e.className)(document)"
    )


def test_tab_leaves_a_large_graph_at_once_and_comes_back_to_the_same_node(open_page: OpenPage, marquez: MarquezDouble):
    serve(marquez, tree(250))
    page = open_page(GRAPH)
    expect(page.locator(".node")).to_have_count(500, timeout=60_000)
    page.locator(".canvas").focus()
    page.keyboard.press("Tab")
    assert focused(page).startswith("Job job_0 ")
    page.keyboard.press("ArrowRight")
    assert focused(page) == "Dataset data_0 in file"
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Zoom in")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    assert focused(page) == "Dataset data_0 in file"


def test_page_down_goes_through_all_nodes(open_page: OpenPage, marquez: MarquezDouble):
    serve(marquez, [job("a", [], ["x"]), job("b", ["x"], ["y"]), job("other", ["p"], ["q"]), job("alone", [], [])])
    page = open_page(GRAPH)
    expect(page.locator(".node")).to_have_count(8)
    page.locator(".canvas").focus()
    page.keyboard.press("Tab")
    seen = [focused(page)]
    for _ in range(7):
        page.keyboard.press("PageDown")
        seen.append(focused(page))
    assert len(set(seen)) == 8
    page.keyboard.press("PageDown")
    assert focused(page) == seen[-1]


def test_a_key_that_leads_nowhere_from_a_node_leaves_the_graph_where_it_is(open_page: OpenPage, marquez: MarquezDouble):
    serve(marquez, [job("a", [], ["x"])])
    page = open_page(GRAPH)
    page.locator(".node.dataset").focus()
    place = page.locator(".layer").get_attribute("transform")
    page.keyboard.press("ArrowRight")
    assert focused(page) == "Dataset x in file"
    assert page.locator(".layer").get_attribute("transform") == place


def test_a_panel_that_a_key_opened_takes_the_focus_and_gives_it_back(open_page: OpenPage, recording: Recording):
    page = open_page(f"{HOME}/graph")
    node = page.locator(".node.job", has_text="clean_weather")
    node.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#panel")).to_be_focused()
    expect(page.locator("#panel h2")).to_have_text("clean_weather_data")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Close", exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#panel")).to_be_hidden()
    expect(node).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#panel")).to_be_focused()
    page.keyboard.press("Escape")
    expect(node).to_be_focused()


def test_a_panel_that_the_pointer_opened_leaves_the_focus(open_page: OpenPage, recording: Recording):
    page = open_page(f"{HOME}/graph")
    page.locator(".node.job", has_text="clean_weather").click()
    expect(page.locator("#panel h2")).to_have_text("clean_weather_data")
    assert focused(page).startswith("Job clean_weather_data ")


def test_search_by_keys_goes_on_in_the_panel(open_page: OpenPage, recording: Recording):
    page = open_page(f"{HOME}/graph")
    expect(page.locator(".node.job")).to_have_count(5)
    page.keyboard.press("/")
    page.locator("#search-input:focus").fill("obs")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#panel h2")).to_have_text("weather.weather.observations")
    expect(page.locator("#panel")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#panel")).to_be_hidden()
    expect(page.locator("#search-results")).to_be_hidden()


def test_news_leave_the_focus_on_its_node(open_page: OpenPage, marquez: MarquezDouble):
    serve(marquez, [job("m", [], ["x"])])
    page = open_page(GRAPH)
    page.locator(".node.dataset").focus()
    # It comes before the others, and its node with it.
    serve(marquez, [job("a", ["x"], []), job("m", [], ["x"])])
    page.clock.fast_forward(5000)
    expect(page.locator(".node")).to_have_count(3)
    assert focused(page) == "Dataset x in file"


def test_a_run_that_is_opened_from_above_comes_into_sight_and_has_the_focus(
    open_page: OpenPage, marquez: MarquezDouble
):
    inputs = [f"a_dataset_{n}" for n in range(30)]
    one = job("one", inputs, [])
    one["latestRun"] |= {"state": "FAILED", "facets": {"errorMessage": {"message": "It broke"}}}
    serve(marquez, [one])
    page = open_page(f"{GRAPH}/job/{NAMESPACE}/one")
    page.locator("#panel .callout").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".run.open .error")).to_be_in_viewport()
    expect(page.locator(".run.open .run-row")).to_be_focused()


def test_an_address_of_a_run_shows_it(open_page: OpenPage, marquez: MarquezDouble):
    one = job("one", [f"a_dataset_{n}" for n in range(40)], [])
    serve(marquez, [one])
    page = open_page(f"{GRAPH}/job/{NAMESPACE}/one/run/1")
    expect(page.locator(".run.open .run-row")).to_be_in_viewport()
    # The reader scrolls on, and news leave it there.
    page.locator("#panel").evaluate("panel => { panel.scrollTop = 0; }")
    read = page.locator(".live .at").inner_text()
    page.clock.fast_forward(5000)
    expect(page.locator(".live .at")).not_to_have_text(read)
    assert page.locator("#panel").evaluate("panel => panel.scrollTop") == 0
