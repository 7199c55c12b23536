"""axe finds nothing serious on any view, light and dark, wide and narrow."""

import pytest
from playwright.sync_api import expect

from tests.browser.axe import violations
from tests.browser.conftest import OpenPage
from tests.marquez_double import Recording

pytestmark = [pytest.mark.integration, pytest.mark.browser]

HOME = "#/weather-pipeline"
FAILED = "/job/weather-pipeline/weather_to_postgres/run/0199a000-0000-7000-8000-000000000015"
BRONZE = "/dataset/s3%3A%2F%2Fbronze/weather"
SILVER = "/dataset/s3%3A%2F%2Fsilver/weather"
ADDRESSES = [
    "graph",
    f"graph{FAILED}",
    f"graph{BRONZE}?show=down&depth=2",
    f"graph{SILVER}/column/temperature_c",
    "jobs",
    f"jobs{FAILED}",
    "datasets",
    "events",
    "namespaces",
    "search?q=weather",
    "search?q=zzz",
]


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize(("scheme", "width"), [("light", 1600), ("dark", 1600), ("light", 390)])
def test_axe_finds_nothing_serious(open_page: OpenPage, recording: Recording, address: str, scheme: str, width: int):
    page = open_page(f"{HOME}/{address}", color_scheme=scheme, viewport={"width": width, "height": 900})
    expect(page.locator(".live")).to_contain_text("Live")
    expect(page.get_by_text("Reading…")).to_have_count(0)
    assert violations(page) == []


def test_axe_on_what_search_finds(open_page: OpenPage, recording: Recording):
    page = open_page(f"{HOME}/graph")
    page.get_by_role("combobox", name="Search jobs and datasets").fill("weather")
    expect(page.locator("#search-results li").first).to_be_visible()
    assert violations(page) == []
