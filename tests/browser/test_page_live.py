"""The lineage page over time: slow, late, broken and refused answers, hidden tabs, and news while one looks."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Page, expect

from tests.browser.answers import GRAPH, NAMESPACE, instead, job, serve
from tests.browser.conftest import OpenPage
from tests.marquez_double import NO_JOBS, Answer, MarquezDouble

pytestmark = [pytest.mark.integration, pytest.mark.browser]

ERROR: Answer = (500, {"code": 500, "message": "There was an error processing your request."})


@contextmanager
def held(marquez: MarquezDouble, part: str) -> Iterator[threading.Event]:
    """Answers to targets that hold a text wait until the event is set, which it is at the latest at the end."""
    answer, go = marquez.answer, threading.Event()

    def wait(target: str) -> Answer:
        if part in target:
            go.wait(30)
        return answer(target)

    marquez.answer = wait
    try:
        yield go
    finally:
        go.set()


def hide(page: Page, hidden: bool) -> None:
    page.evaluate(
        """hidden => {
            Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
            document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )


def test_before_the_first_answer_the_page_says_that_it_reads(open_page: OpenPage, marquez: MarquezDouble):
    serve(marquez, [job("one", [], [])])
    with held(marquez, "/jobs?") as go:
        page = open_page(GRAPH)
        expect(page.get_by_text("Reading…")).to_be_visible()
        expect(page.locator(".live")).to_have_text("Reading")
        go.set()
        expect(page.locator(".node")).to_have_count(1)
    expect(page.get_by_text("Reading…")).to_have_count(0)


def test_a_late_answer_does_not_take_the_place_of_a_newer_view(open_page: OpenPage, marquez: MarquezDouble):
    serve(marquez, [job("one", [], []), job("two", [], [])])
    page = open_page(GRAPH)
    expect(page.locator(".node")).to_have_count(2)
    with held(marquez, "/jobs/one/runs?") as go:
        page.locator(".node", has_text="one").click()
        expect(page.locator("#panel")).to_contain_text("Reading…")
        expect(page.locator("#main")).to_have_attribute("aria-busy", "true")
        page.locator(".node", has_text="two").click()
        expect(page.locator("#panel h2")).to_have_text("two")
        go.set()
        page.clock.fast_forward(5000)
        expect(page.locator("#panel h2")).to_have_text("two")
    expect(page.locator("#main")).not_to_have_attribute("aria-busy", "true")
    expect(page.locator(".node.selected .name")).to_have_text("two")


def test_a_tab_that_nobody_sees_asks_nothing(open_page: OpenPage, marquez: MarquezDouble):
    serve(marquez, [job("one", [], [])])
    page = open_page(GRAPH)
    expect(page.locator(".node")).to_have_count(1)
    read = page.locator(".live .at").inner_text()
    asked: list[str] = []
    with held(marquez, f"/namespaces/{NAMESPACE}/jobs?") as go:
        with page.expect_request("**/jobs?**"):
            page.clock.fast_forward(5000)
        # It is hidden while a reading is under way.
        hide(page, True)
        serve(marquez, [job("one", [], []), job("two", [], [])])
        with page.expect_response("**/jobs?**"):
            go.set()
    expect(page.locator(".live .at")).not_to_have_text(read)
    page.on("request", lambda request: asked.append(request.url))
    page.clock.fast_forward(600_000)
    page.evaluate("fetch('/healthcheck').then((answer) => answer.text())")
    assert [url.rpartition("/")[2] for url in asked] == ["healthcheck"]
    hide(page, False)
    expect(page.locator(".node")).to_have_count(2)


def test_a_body_that_breaks_off_is_an_outage(open_page: OpenPage, marquez: MarquezDouble):
    serve(marquez, [job("one", [], [])])
    page = open_page(GRAPH)
    expect(page.locator(".node")).to_have_count(1)
    page.evaluate(
        """() => {
            window.whole = Response.prototype.text;
            Response.prototype.text = () => Promise.reject(new TypeError("network error"));
        }"""
    )
    page.clock.fast_forward(5000)
    expect(page.locator(".banner")).to_contain_text("The server of this page can't be reached.")
    page.evaluate("() => { Response.prototype.text = window.whole; }")
    page.clock.fast_forward(5000)
    expect(page.locator(".banner")).to_have_count(0)


@pytest.mark.parametrize("status", [401, 403])
def test_a_backend_that_wants_a_token(
    open_page: OpenPage, marquez: MarquezDouble, expected_errors: list[str], status: int
):
    expected_errors.append(f"status of {status}")
    marquez.answer = lambda _: (status, {"code": status, "message": "Bearer token needed."})
    page = open_page(GRAPH)
    expect(page.locator(".banner")).to_contain_text("refuses this page: Bearer token needed.")
    expect(page.locator(".banner")).to_contain_text("WEATHER_LINEAGE_TOKEN")
    serve(marquez, [job("one", [], [])])
    page.clock.fast_forward(5000)
    expect(page.locator(".banner")).to_have_count(0)


def test_a_marquez_that_can_not_list_its_namespaces_any_more(
    open_page: OpenPage, marquez: MarquezDouble, expected_errors: list[str]
):
    expected_errors.append("status of 500")
    serve(marquez, [job("one", ["in"], [])])
    instead(marquez, {"/api/v1/namespaces?": ERROR})
    page = open_page()
    expect(page.locator(".node")).to_have_count(2)
    expect(page.locator(".banner")).to_have_count(0)
    expect(page.get_by_label("Namespace").locator("optgroup option")).to_have_text([NAMESPACE, "file"])


def test_what_can_not_be_told_of_one_node_leaves_the_rest(
    open_page: OpenPage, marquez: MarquezDouble, expected_errors: list[str]
):
    expected_errors.append("status of 500")
    serve(marquez, [job("one", ["in"], [])])
    instead(marquez, {"/datasets/in/versions?": ERROR})
    page = open_page(f"{GRAPH}/dataset/file/in")
    expect(page.locator("#panel")).to_contain_text("There was an error processing your request.")
    expect(page.locator(".node")).to_have_count(2)
    expect(page.locator(".banner")).to_have_count(0)


def test_a_name_that_can_not_be_asked_for_leaves_the_rest(
    open_page: OpenPage, marquez: MarquezDouble, expected_errors: list[str]
):
    expected_errors.append("status of 400")
    serve(marquez, [job("one", ["../data/in.csv"], [])])
    page = open_page(GRAPH)
    page.locator(".node.dataset").click()
    expect(page.locator("#panel h2")).to_have_text("../data/in.csv")
    expect(page.locator("#panel")).to_contain_text("is not below /api/")
    expect(page.locator(".banner")).to_have_count(0)


def place(page: Page) -> dict[str, float]:
    box = page.locator(".node.selected rect").bounding_box()
    assert box
    return {"left": box["x"], "top": box["y"], "width": box["width"]}


def test_the_chosen_node_stays_where_it_is_when_news_move_the_graph(open_page: OpenPage, marquez: MarquezDouble):
    jobs = [job("middle", ["in"], ["out"])]
    serve(marquez, jobs)
    page = open_page(f"{GRAPH}/job/{NAMESPACE}/middle")
    expect(page.locator(".node")).to_have_count(3)
    expect(page.locator("#panel h2")).to_have_text("middle")
    page.locator(".canvas").focus()
    page.keyboard.press("+")
    page.keyboard.press("ArrowDown")
    before = place(page)
    serve(marquez, [*jobs, job("first", ["far"], ["in"]), *[job(f"side_{n}", ["far"], []) for n in range(5)]])
    page.clock.fast_forward(5000)
    expect(page.locator(".node")).to_have_count(10)
    assert place(page) == pytest.approx(before, abs=1)


def test_a_namespace_that_is_still_read_is_the_chosen_one(open_page: OpenPage, marquez: MarquezDouble):
    serve(marquez, [job("one", [], [])])
    names = [{"name": name, "isHidden": False} for name in (NAMESPACE, "other")]
    instead(marquez, {"/namespaces?": (200, {"namespaces": names}), "/namespaces/other/": NO_JOBS})
    page = open_page(GRAPH)
    expect(page.locator(".node")).to_have_count(1)
    with held(marquez, "/namespaces/other/"):
        page.get_by_label("Namespace").select_option("other")
        expect(page.get_by_role("link", name="Jobs")).to_have_attribute("href", "#/other/jobs")
        expect(page.get_by_label("Namespace")).to_have_value("other")
        expect(page.locator(".node")).to_have_count(1)
    expect(page.get_by_role("heading", level=2)).to_have_text("No lineage yet in other")


def test_a_reading_without_news_leaves_the_graph_as_it_is(open_page: OpenPage, marquez: MarquezDouble):
    serve(marquez, [job("one", ["in"], ["out"])])
    page = open_page(GRAPH)
    expect(page.locator(".node")).to_have_count(3)
    page.evaluate(
        """() => {
            window.changes = 0;
            const watcher = new MutationObserver((records) => { window.changes += records.length; });
            const everything = { subtree: true, childList: true, attributes: true, characterData: true };
            watcher.observe(document.querySelector(".layer"), everything);
        }"""
    )
    read = page.locator(".live .at").inner_text()
    page.clock.fast_forward(5000)
    expect(page.locator(".live .at")).not_to_have_text(read)
    assert page.evaluate("window.changes") == 0
    news = job("one", ["in"], ["out"])
    news["latestRun"]["state"] = "FAILED"
    serve(marquez, [news])
    page.clock.fast_forward(5000)
    expect(page.locator(".node.failed .sub")).to_contain_text("Failed")
