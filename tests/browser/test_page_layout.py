"""What fits where: the bar at every width, and the graph below what stands on top of it."""

import pytest
from playwright.sync_api import expect

from tests.browser.answers import GRAPH, NAMESPACE, job, serve
from tests.browser.conftest import OpenPage
from tests.marquez_double import MarquezDouble, Recording

pytestmark = [pytest.mark.integration, pytest.mark.browser]


@pytest.mark.parametrize("width", [320, 390, 768, 1024, 1181, 1280, 1401, 1600])
def test_the_bar_fits_the_window(open_page: OpenPage, recording: Recording, width: int):
    page = open_page("#/weather-pipeline/graph", viewport={"width": width, "height": 800})
    expect(page.locator(".node.job")).to_have_count(5)
    parts = (
        page.locator("#header")
        .locator("a, select, input, button, .live")
        .evaluate_all(
            """parts => parts.filter(part => part.checkVisibility()).map(part => {
            const { left, right, top, bottom } = part.getBoundingClientRect();
            return [part.textContent.trim() || part.id || part.tagName, left, right, top, bottom];
        })"""
        )
    )
    bar = page.locator("#header").bounding_box()
    assert bar
    # On the narrowest screens the views scroll, and the page does not.
    outside = [part for part in parts if part[1] < 0 or part[2] > width > 400]
    assert outside == []
    assert [part for part in parts if part[4] > bar["y"] + bar["height"] + 1] == []
    overlapping = [
        (a[0], b[0])
        for number, a in enumerate(parts)
        for b in parts[number + 1 :]
        if a[1] < b[2] - 1 and b[1] < a[2] - 1 and a[3] < b[4] - 1 and b[3] < a[4] - 1
    ]
    assert overlapping == []


@pytest.mark.parametrize(("width", "height"), [(1600, 700), (1024, 768), (390, 844)])
@pytest.mark.parametrize("node", ["", f"/job/{NAMESPACE}/job_0"])
def test_no_node_is_fitted_below_what_stands_on_top(
    open_page: OpenPage, marquez: MarquezDouble, width: int, height: int, node: str
):
    serve(marquez, [job(f"job_{number}", [], [f"out_{number}"]) for number in range(12)])
    page = open_page(f"{GRAPH}{node}", viewport={"width": width, "height": height})
    expect(page.locator(".node")).to_have_count(24)
    page.locator(".canvas").focus()
    page.keyboard.press("0")
    legend = page.locator(".legend").bounding_box()
    assert legend
    tops = page.locator(".node rect").evaluate_all("rects => rects.map(rect => rect.getBoundingClientRect().top)")
    assert min(tops) >= legend["y"] + legend["height"]
    covered = page.locator("#panel").bounding_box() if node else None
    if covered and covered["x"] > 0:
        assert legend["x"] + legend["width"] <= covered["x"]


def test_lines_and_outlines_can_be_seen(open_page: OpenPage, recording: Recording):
    for scheme in ("light", "dark"):
        page = open_page("#/weather-pipeline/graph", color_scheme=scheme)
        expect(page.locator(".node.job")).to_have_count(5)
        for line, ground in (("stroke of .edge", "body"), ("borderTopColor of #search-input", "#header")):
            assert page.evaluate(CONTRAST, [*line.split(" of "), ground]) >= 3, (scheme, line)


# As WCAG 2 computes it.
CONTRAST = """([property, line, ground]) => {
    const part = (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
    const light = (selector, name) => {
        const colour = getComputedStyle(document.querySelector(selector))[name];
        const [r, g, b] = colour.match(/[\\d.]+/g).map((value) => part(value / 255));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const [dark, bright] = [light(line, property), light(ground, "backgroundColor")].sort((a, b) => a - b);
    return (bright + 0.05) / (dark + 0.05);
}"""
