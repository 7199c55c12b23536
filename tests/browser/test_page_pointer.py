"""The graph under a mouse and under two fingers."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.answers import GRAPH, job, serve, tree
from tests.browser.conftest import OpenPage
from tests.marquez_double import MarquezDouble

pytestmark = [pytest.mark.integration, pytest.mark.browser]


@pytest.fixture
def jobs(marquez: MarquezDouble) -> None:
    serve(marquez, [job("one", ["in"], ["out"])])


def transform(page: Page) -> list[float]:
    """The graph's place and scale."""
    text = page.locator(".layer").get_attribute("transform") or ""
    return [float(number) for number in re.findall(r"-?[\d.]+", text)]


def test_a_button_released_elsewhere_ends_the_drag(open_page: OpenPage, jobs: None):
    page = open_page(GRAPH)
    expect(page.locator(".node")).to_have_count(3)
    canvas = page.locator(".canvas").bounding_box()
    assert canvas
    # The first move already leaves the canvas.
    page.mouse.move(800, canvas["y"] + 2)
    page.mouse.down()
    page.mouse.move(800, canvas["y"] - 20)
    page.mouse.up()
    released = transform(page)
    page.mouse.move(700, 500, steps=4)
    assert transform(page) == released


def test_two_fingers_zoom_around_their_middle(open_page: OpenPage, jobs: None):
    page = open_page(GRAPH, viewport={"width": 390, "height": 844}, has_touch=True)
    expect(page.locator(".node")).to_have_count(3)
    x, _, scale = transform(page)
    session = page.context.new_cdp_session(page)

    def touch(kind: str, *places: int) -> None:
        points = [{"x": place, "y": 500, "id": number} for number, place in enumerate(places)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", 150, 250)
    for step in range(1, 11):
        touch("touchMove", 150 - 5 * step, 250 + 5 * step)
    touch("touchEnd")
    page.wait_for_function(
        "from => document.querySelector('.layer').transform.baseVal[1].matrix.a > 1.5 * from", arg=scale
    )
    zoomed_x, _, zoomed = transform(page)
    assert zoomed == pytest.approx(2 * scale, rel=0.1)
    # What was between the fingers still is.
    assert (200 - zoomed_x) / zoomed == pytest.approx((200 - x) / scale, abs=15)


def test_a_tap_opens_a_node(open_page: OpenPage, jobs: None):
    page = open_page(GRAPH, viewport={"width": 390, "height": 844}, has_touch=True)
    page.locator(".node.job").tap()
    expect(page.locator("#panel h2")).to_have_text("one")


def test_what_the_search_chooses_in_a_large_graph_can_be_read(open_page: OpenPage, marquez: MarquezDouble):
    serve(marquez, tree(100))
    page = open_page(GRAPH)
    expect(page.locator(".node")).to_have_count(200)
    page.get_by_role("button", name="Fit the whole graph").click()
    assert transform(page)[2] < 0.2
    page.get_by_role("combobox", name="Search jobs and datasets").fill("job_50")
    page.locator("#search-results li").first.click()
    expect(page.locator(".node.selected .name")).to_have_text("job_50")
    expect(page.locator(".node.selected rect")).to_be_in_viewport(ratio=1)
    assert transform(page)[2] == 0.65
