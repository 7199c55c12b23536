"""Takes the documentation's picture of Dagster's asset graph from a running stack.

    .venv/bin/python scripts/screenshots.py [--port-offset N] [--out docs/images]

Those of the lineage page are kept by tests (tests/screenshots.py). Needs Debian's Chromium
(`apt-get install chromium`). Light mode, 1600 x 1000.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

WIDTH, HEIGHT = 1600, 1000
DAGSTER_ZOOMS = (1.0, 0.9, 0.8, 0.7, 0.6)
"""Dagster leaves out the details of a graph that its window can't hold: then the window grows, the picture does not."""

CHROMIUM_ARGUMENTS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# Dagster keeps these in the browser: the invitation to its community was seen, and the navigation is narrow.
_DAGSTER_PREFERENCES = """
localStorage.setItem("communityNux", '"1"');
localStorage.setItem("dagster-nav-collapsed", "true");
"""


def main() -> int:
    """Take the picture; returns the exit code."""
    options = _arguments()
    executable = shutil.which(options.chromium)
    if executable is None:
        return _fail(f"{options.chromium!r} is not a program: apt-get install chromium, or name one with --chromium.")
    offset = options.port_offset
    options.out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=executable, args=[*CHROMIUM_ARGUMENTS, *sandbox])
        dagster_assets(browser, f"http://{options.host}:{3000 + offset}", options.out / "dagster-assets.png")
        browser.close()
    return 0


def dagster_assets(browser: Browser, url: str, file: Path) -> None:
    """Dagster's global asset lineage, all assets in view with their details."""
    for zoom in DAGSTER_ZOOMS:
        page = _page(browser, zoom)
        _open_asset_lineage(page, url, zoom)
        if page.get_by_text("Latest event").count() or zoom == DAGSTER_ZOOMS[-1]:
            expect(page.get_by_text("Loading…").or_(page.get_by_text("Loading..."))).to_have_count(0, timeout=60_000)
            return _save(page, file)
        page.close()
    return None


def _open_asset_lineage(page: Page, url: str, zoom: float) -> None:
    page.add_init_script(_DAGSTER_PREFERENCES)
    page.goto(f"{url}/asset-groups")
    page.locator("svg foreignObject").first.wait_for()
    page.keyboard.press("Alt+e")  # expands all groups
    page.wait_for_timeout(1500)
    page.locator("button:has([aria-label=panel_show_right])").click()
    page.wait_for_timeout(1000)
    # A double click on the ground fits the graph to the window, which the closed list has made wider.
    page.mouse.dblclick(WIDTH / zoom / 2, HEIGHT / zoom - 60)
    page.mouse.move(WIDTH / zoom / 2, 30)
    page.wait_for_timeout(2000)


def _page(browser: Browser, zoom: float = 1) -> Page:
    page = browser.new_page(
        viewport={"width": round(WIDTH / zoom), "height": round(HEIGHT / zoom)},
        device_scale_factor=zoom,
        color_scheme="light",
        reduced_motion="reduce",
    )
    page.set_default_timeout(30_000)
    return page


def _save(page: Page, file: Path) -> None:
    page.screenshot(path=file)
    sys.stdout.write(f"{file}\n")
    page.close()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Take the picture of Dagster from a running stack.")
    parser.add_argument("--host", default="localhost", help="where the stack runs (default: %(default)s)")
    parser.add_argument("--port-offset", type=int, default=0, help="as given to `weather up` (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("docs/images"), help="directory (default: %(default)s)")
    parser.add_argument("--chromium", default="chromium", help="Chromium's name or path (default: %(default)s)")
    return parser.parse_args()


def _fail(reason: str) -> int:
    sys.stderr.write(f"{reason}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
