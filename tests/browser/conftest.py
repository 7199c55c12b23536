"""Chromium on the lineage page. After every test: no unexpected error in the console, no request to another host."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from tests.lineage_page import LineagePage, lineage_page
from tests.marquez_double import MarquezDouble, Recording
from tests.tools import CHROMIUM_ARGUMENTS, chromium

OpenPage = Callable[..., Page]
"""Opens an address of the page (its hash) in a new tab.

Keywords: `at`, another server than that with a Dagster, and those of Playwright's `new_context`.
"""


# For this package only: while Playwright's synchronous API is open, no other test could call asyncio.run().
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    executable = chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def marquez() -> Iterator[MarquezDouble]:
    """The backend of the page; tests give it its answers."""
    with MarquezDouble(lambda _: (404, {})) as double:
        yield double


@pytest.fixture(scope="package")
def server(marquez: MarquezDouble) -> Iterator[LineagePage]:
    with lineage_page(marquez.url, "--dagster-url", "http://localhost:3000") as running:
        yield running


@pytest.fixture(scope="package")
def server_without_dagster(marquez: MarquezDouble) -> Iterator[LineagePage]:
    with lineage_page(marquez.url) as running:
        yield running


@pytest.fixture
def expected_errors() -> list[str]:
    """What the console may say; a test adds parts of the messages that it provokes."""
    # The browser itself reports an answer of 502; that the page copes with it is a test of its own.
    return ["status of 502"]


@pytest.fixture
def recording(marquez: MarquezDouble) -> Recording:
    """Answers of a real Marquez after two runs of the weather pipeline, the second with a failed load."""
    marquez.answer = recording = Recording(position=300)
    return recording


@pytest.fixture
def open_page(browser: Browser, server: LineagePage, expected_errors: list[str]) -> Iterator[OpenPage]:
    contexts: list[BrowserContext] = []
    errors: list[str] = []
    hosts: set[str] = set()
    own: set[str] = set()

    def heard(message: ConsoleMessage) -> None:
        expected = any(part in message.text for part in expected_errors)
        if message.type in {"error", "warning"} and not expected:
            errors.append(message.text)

    def open_address(address: str = "", at: LineagePage = server, **options: object) -> Page:
        own.add(urlsplit(at.url).netloc)
        contexts.append(browser.new_context(**{"viewport": {"width": 1600, "height": 1000}, **options}))
        page = contexts[-1].new_page()
        page.set_default_timeout(10_000)
        page.on("console", heard)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
        page.clock.install()
        page.goto(f"{at.url}/{address}")
        return page

    yield open_address
    for context in contexts:
        context.close()
    assert errors == []
    assert hosts <= own
