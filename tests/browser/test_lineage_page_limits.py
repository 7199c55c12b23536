"""The lineage page on answers that a recording does not hold: nothing yet, odd facets, hostile names, many nodes."""

import re
from typing import Any

import pytest
from playwright.sync_api import Route, expect

from tests.browser.answers import GRAPH, NAMESPACE, dataset, job, serve
from tests.browser.conftest import OpenPage
from tests.lineage_page import LineagePage
from tests.marquez_double import NO_JOBS, Answer, MarquezDouble

pytestmark = [pytest.mark.integration, pytest.mark.browser]


def test_nothing_yet_says_what_to_do_and_then_shows_the_first_run(open_page: OpenPage, marquez: MarquezDouble):
    serve(marquez, [])
    page = open_page()
    expect(page.get_by_role("heading", name="No lineage yet")).to_be_visible()
    expect(page.locator(".empty")).to_contain_text("Materialize an asset in Dagster")
    serve(marquez, [job("first", [], ["out"])])
    page.clock.fast_forward(5000)
    expect(page.locator(".node")).to_have_count(2)
    assert page.url.endswith(GRAPH)


def test_names_are_text_never_markup(open_page: OpenPage, marquez: MarquezDouble):
    hostile = "<img src=x onerror=\"document.title='taken'\"><b>x</b>"
    serve(marquez, [job(hostile, [f"in {hostile}"], [])])
    page = open_page(GRAPH)
    page.locator(".node.job").click()
    expect(page.locator("#panel h2")).to_have_text(hostile)
    assert page.locator("img[src=x], #main b").count() == 0
    assert hostile in page.title()


SCROLL_BAR = 15

# What producers may put where the page expects arrays, times and numbers.
ODD = [{"a": 1}, "text", 5, [None, 5, []]]


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_odd_facets_do_not_keep_a_run_closed(open_page: OpenPage, marquez: MarquezDouble, odd: Any):
    one = job("one", ["in"], [])
    one["facets"] = {
        "ownership": {"owners": odd},
        "tags": {"tags": odd},
        "jobType": {"jobType": odd},
        "sourceCodeLocation": odd,
    }
    statistics = {"rowCount": odd, "fileCount": odd}
    version = {
        "datasetVersionId": {"namespace": "file", "name": "in", "version": "0199a000"},
        "facets": {"dataQualityAssertions": {"assertions": odd}, "inputStatistics": statistics},
    }
    one["latestRun"]["inputDatasetVersions"] = [version, {**version, "facets": {"dataQualityAssertions": odd}}]
    one["latestRun"]["facets"] = {
        "dagster_run": {"partitions": odd, "attempts": odd},
        "nominalTime": {"nominalStartTime": odd, "nominalEndTime": odd},
        "errorMessage": {"message": odd, "stackTrace": odd},
        "processing_engine": odd,
    }
    serve(marquez, [one])
    page = open_page(f"{GRAPH}/job/{NAMESPACE}/one")
    page.locator("#panel a.run-row").click()
    expect(page.locator("#panel .run.open .facts")).to_contain_text("Run id")
    expect(page.locator(".banner")).to_have_count(0)


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_odd_facets_of_a_dataset(open_page: OpenPage, marquez: MarquezDouble, odd: Any):
    serve(marquez, [job("one", ["in"], [])])
    jobs = marquez.answer
    facets = {"ownership": {"owners": odd}, "dataSource": {"uri": odd}, "storage": odd, "documentation": odd}
    answers: dict[str, Answer] = {
        "/versions?": (200, {"versions": [], "totalCount": 0}),
        "/datasets/in": (200, {**dataset("in"), "createdAt": "2026-11-19T10:00:00Z", "fields": [], "facets": facets}),
        "/lineage?": (200, {"graph": []}),
    }
    marquez.answer = lambda target: next((found for part, found in answers.items() if part in target), jobs(target))
    page = open_page(f"{GRAPH}/dataset/file/in")
    expect(page.locator("#panel")).to_contain_text("First seen")
    expect(page.locator(".banner")).to_have_count(0)


def test_a_part_that_can_not_be_drawn_is_told_and_leaves_the_rest(
    open_page: OpenPage, marquez: MarquezDouble, expected_errors: list[str]
):
    expected_errors.append("RangeError")
    broken = job("broken", [], [])
    # Only the panel says when a job was first seen.
    broken["createdAt"] = "yesterday"
    serve(marquez, [broken])
    page = open_page(f"{GRAPH}/job/{NAMESPACE}/broken")
    expect(page.locator(".banner")).to_contain_text("can't show what the lineage backend answered: Invalid time value.")
    expect(page.locator(".node.job")).to_have_count(1)
    serve(marquez, [job("broken", [], [])])
    page.clock.fast_forward(5000)
    expect(page.locator(".banner")).to_have_count(0)
    expect(page.locator("#panel h2")).to_have_text("broken")


def test_an_answer_of_another_shape_is_told_and_the_page_goes_on_asking(
    open_page: OpenPage, marquez: MarquezDouble, expected_errors: list[str]
):
    expected_errors.append("TypeError")
    marquez.answer = lambda _: (200, {})
    page = open_page(GRAPH)
    expect(page.locator(".banner")).to_contain_text("can't show what the lineage backend answered")
    serve(marquez, [job("one", [], [])])
    page.clock.fast_forward(5000)
    expect(page.locator(".banner")).to_have_count(0)
    expect(page.locator(".node.job")).to_have_count(1)


def test_the_page_without_a_dagster(open_page: OpenPage, marquez: MarquezDouble, server_without_dagster: LineagePage):
    serve(marquez, [])
    page = open_page(at=server_without_dagster)
    expect(page.locator(".empty")).to_contain_text("Start a run of a pipeline that sends OpenLineage events there")
    one = job("one", [], ["out"])
    one["latestRun"]["facets"] = {"dagster_run": {"runId": "abc"}}
    serve(marquez, [one])
    page.clock.fast_forward(5000)
    expect(page.locator(".node")).to_have_count(2)
    expect(page.locator("#header").get_by_text(re.compile("Dagster"))).to_have_count(0)
    page.locator(".node.job").click()
    page.locator("#panel a.run-row").click()
    expect(page.locator("#panel .run.open .facts code").first).to_have_text("abc")
    expect(page.locator(".live")).to_contain_text("Live")


@pytest.mark.parametrize("url", [None, "", 5, "javascript:alert(1)", "/runs/abc"], ids=repr)
def test_a_run_without_the_address_of_its_dagster_has_no_link(open_page: OpenPage, marquez: MarquezDouble, url: Any):
    one = job("one", [], [])
    one["latestRun"]["facets"] = {"dagster_run": {"runId": "abc", "url": url}}
    serve(marquez, [one])
    page = open_page(f"{GRAPH}/job/{NAMESPACE}/one/run/1")
    facts = page.locator("#panel .run.open .facts")
    expect(facts.locator("code").first).to_have_text("abc")
    expect(facts.get_by_role("link")).to_have_count(0)
    expect(page.get_by_role("link", name="Open Dagster")).to_have_attribute("href", "http://localhost:3000")


def test_a_run_links_to_the_dagster_that_it_belongs_to(open_page: OpenPage, marquez: MarquezDouble):
    one = job("one", [], [])
    one["latestRun"]["facets"] = {"dagster_run": {"runId": "abc", "url": "https://other.example/runs/abc"}}
    serve(marquez, [one])
    page = open_page(f"{GRAPH}/job/{NAMESPACE}/one/run/1")
    link = page.get_by_role("link", name="Open the run in Dagster")
    expect(link).to_have_attribute("href", "https://other.example/runs/abc")


@pytest.mark.parametrize("width", [1400, 390])
def test_a_run_shows_its_whole_hourly_partition_and_its_state(open_page: OpenPage, marquez: MarquezDouble, width: int):
    one = job("one", [], [])
    one["latestRun"]["facets"] = {"dagster_run": {"partitions": ["2026-11-16-13:00"]}}
    one["latestRun"]["durationMs"] = 1_425_000
    serve(marquez, [one])
    page = open_page(f"{GRAPH}/job/{NAMESPACE}/one", viewport={"width": width, "height": 900})
    expect(page.get_by_role("link", name=re.compile("^Completed"))).to_have_class("run-row")
    key = page.locator("#panel a.run-row").get_by_text("2026-11-16-13:00", exact=True)
    lines, room = key.evaluate(
        """element => {
            const range = document.createRange();
            range.selectNodeContents(element);
            const lines = [...range.getClientRects()];
            return [lines.length, element.clientWidth - lines[0].width];
        }"""
    )
    assert lines == 1
    # Playwright hides the scroll bar, which a reader's browser may take from the panel.
    assert room >= (SCROLL_BAR if width > 720 else 0)


def test_an_error_is_laid_out_as_text(open_page: OpenPage, marquez: MarquezDouble):
    one = job("one", [], [])
    one["latestRun"]["facets"] = {"errorMessage": {"message": "First line\nSecond"}}
    serve(marquez, [one])
    page = open_page(f"{GRAPH}/job/{NAMESPACE}/one/run/1")
    message = page.locator(".error .message")
    expect(message).to_have_text("First line\nSecond")
    expect(message).to_have_css("display", "block")
    expect(message).to_have_css("padding", "10px 14px")


def test_a_description_is_cut_at_its_end_by_the_width_of_its_cell(open_page: OpenPage, marquez: MarquezDouble):
    one = job("one", [], [])
    one["description"] = "Bronze without the quarantine, typed, one reading for each place and hour. " * 4
    serve(marquez, [one])
    page = open_page(f"#/{NAMESPACE}/jobs", viewport={"width": 1400, "height": 900})
    text = page.locator(".list-table .sub")
    expect(text).to_have_text(one["description"].strip())
    expect(text).to_have_css("text-overflow", "ellipsis")
    cell, shown = page.locator(".list-table tbody th").bounding_box(), text.bounding_box()
    assert cell
    assert shown
    assert shown["width"] == cell["width"] - 32
    sheet = page.locator(".sheet").evaluate("element => [element.scrollWidth, element.clientWidth]")
    assert sheet[0] <= sheet[1]


@pytest.mark.parametrize("width", [1400, 390])
@pytest.mark.parametrize("long", ["", "a" * 80], ids=["usual", "long"])
def test_names_of_columns_stay_whole_and_never_widen_the_panel(
    open_page: OpenPage, marquez: MarquezDouble, long: str, width: int
):
    serve(marquez, [job("one", ["in"], [])])
    jobs = marquez.answer
    columns = [("wind_speed_ms", "double precision"), ("observed_at", "timestamp with time zone")]
    if long:
        columns.append((long, f"struct<{long}>"))
    text = "Direction the wind at 10 m comes from, clockwise, and more of it"
    fields = [{"name": name, "type": kind, "description": text} for name, kind in columns]
    answers: dict[str, Answer] = {
        "/versions?": (200, {"versions": [], "totalCount": 0}),
        "/datasets/in": (200, {**dataset("in"), "createdAt": "2026-11-19T10:00:00Z", "fields": fields}),
        "/lineage?": (200, {"graph": []}),
    }
    marquez.answer = lambda target: next((found for part, found in answers.items() if part in target), jobs(target))
    page = open_page(f"{GRAPH}/dataset/file/in", viewport={"width": width, "height": 900})
    name = page.locator("#panel td code").first
    expect(name).to_have_text("wind_speed_ms")
    line = name.evaluate("element => parseFloat(getComputedStyle(element).lineHeight)")
    box = name.bounding_box()
    assert box
    assert box["height"] < 1.5 * line
    panel = page.locator("#panel").evaluate("element => [element.scrollWidth, element.clientWidth]")
    assert panel[0] <= panel[1]


def test_an_unknown_namespace_is_told_and_is_no_choice(open_page: OpenPage, marquez: MarquezDouble):
    serve(marquez, [job("one", [], ["out"])])
    known = marquez.answer
    marquez.answer = lambda target: NO_JOBS if "/namespaces/nope/" in target else known(target)
    page = open_page("#/nope/graph")
    expect(page.get_by_role("heading", level=2)).to_have_text("Namespace nope is not known")
    select = page.get_by_label("Namespace")
    expect(select.locator("optgroup option")).to_have_text([NAMESPACE])
    expect(select).to_have_value("")
    select.select_option(NAMESPACE)
    expect(page.locator(".node.job")).to_have_count(1)
    expect(select.locator("option")).to_have_text([NAMESPACE])
    page.go_back()
    expect(page.get_by_role("heading", level=2)).to_have_text("Namespace nope is not known")
    expect(select.locator("option:checked")).to_have_text("Choose one")


def test_a_known_namespace_without_jobs(open_page: OpenPage, marquez: MarquezDouble):
    serve(marquez, [job("one", [], ["out"])])
    known = marquez.answer
    names = {"namespaces": [{"name": name, "isHidden": False} for name in (NAMESPACE, "empty")]}
    marquez.answer = lambda target: (
        NO_JOBS if "/namespaces/empty/" in target else (200, names) if "/namespaces?" in target else known(target)
    )
    page = open_page("#/empty/graph")
    expect(page.get_by_role("heading", level=2)).to_have_text("No lineage yet in empty")
    expect(page.get_by_label("Namespace")).to_have_value("empty")


def test_a_job_that_reads_its_own_output_and_a_cycle(open_page: OpenPage, marquez: MarquezDouble):
    serve(marquez, [job("self", ["a"], ["a"]), job("one", ["x"], ["y"]), job("two", ["y"], ["x"])])
    page = open_page(GRAPH)
    expect(page.locator(".edge")).to_have_count(6)
    for path in page.locator(".edge").all():
        assert "NaN" not in (path.get_attribute("d") or "NaN")


def test_a_dataset_with_several_writers(open_page: OpenPage, marquez: MarquezDouble):
    serve(marquez, [job("one", [], ["shared"]), job("two", [], ["shared"]), job("reader", ["shared"], [])])
    page = open_page(GRAPH)
    expect(page.locator(".node.dataset")).to_have_count(1)
    expect(page.locator(".edge")).to_have_count(3)


def deep_graph() -> list[dict[str, Any]]:
    """Five hundred nodes, as deep as they are many: the layout has most to do."""
    reads = [[f"data_{max(0, n - step)}" for step in (1, 7)] if n else [] for n in range(250)]
    return [job(f"job_{n}", read, [f"data_{n}"]) for n, read in enumerate(reads)]


def test_the_page_answers_while_a_large_graph_is_laid_out(open_page: OpenPage, marquez: MarquezDouble):
    serve(marquez, [job("job_0", [], ["data_0"])])
    page = open_page(GRAPH)
    expect(page.locator(".node")).to_have_count(2)
    held: list[Route] = []
    # Playwright marks what it calls, and a built-in method takes no mark.
    page.route("**/layout-worker.js", lambda route: held.append(route))  # noqa: PLW0108
    serve(marquez, deep_graph())
    page.clock.fast_forward(5000)
    expect(page.locator(".legend")).to_contain_text("Laying out")
    page.get_by_role("link", name=re.compile("Job job_0 ")).click()
    expect(page.locator("#panel h2")).to_have_text("job_0")
    assert page.locator(".node").count() == 2
    held.pop().continue_()
    expect(page.locator(".node")).to_have_count(500, timeout=60_000)
    expect(page.locator(".node.selected .name")).to_have_text("job_0")
    expect(page.locator(".legend")).not_to_contain_text("Laying out")


def test_without_a_worker_the_page_lays_out_itself(
    open_page: OpenPage, marquez: MarquezDouble, expected_errors: list[str]
):
    serve(marquez, [job("job_0", [], ["data_0"])])
    page = open_page(GRAPH)
    expected_errors.append("ERR_FAILED")
    page.route("**/layout-worker.js", lambda route: route.abort())
    serve(marquez, deep_graph())
    page.clock.fast_forward(5000)
    expect(page.locator(".node")).to_have_count(500, timeout=60_000)
    expect(page.locator(".banner")).to_have_count(0)


def test_five_hundred_nodes_do_not_overlap(open_page: OpenPage, marquez: MarquezDouble):
    serve(marquez, deep_graph())
    page = open_page(GRAPH)
    expect(page.locator(".node")).to_have_count(500, timeout=60_000)
    boxes = page.locator(".node").evaluate_all(
        """nodes => nodes.map(node => {
            const {e: x, f: y} = node.transform.baseVal[0].matrix;
            const {width, height} = node.querySelector("rect").getBBox();
            return [x, y, x + width, y + height];
        })"""
    )
    overlapping = [
        (a, b)
        for index, a in enumerate(boxes)
        for b in boxes[index + 1 :]
        if a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
    ]
    assert overlapping == []
