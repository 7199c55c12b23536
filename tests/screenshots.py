"""Pictures that tests keep, to be looked at. The best are the documentation's (CONTRIBUTING.md says how)."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from playwright.sync_api import Page

_ROOT = Path(__file__).resolve().parents[1]
DIRECTORY = _ROOT / "build" / "screenshots"

DOCUMENTED = {
    "graph": "lineage-graph",
    "failed-run": "lineage-run",
    "column": "lineage-column",
    "narrow": "lineage-narrow",
}
"""Which pictures the documentation shows, and as what."""


def keep(page: Page, name: str) -> None:
    """Keep what a page shows as build/screenshots/NAME.png."""
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=DIRECTORY / f"{name}.png")


def main() -> int:
    """Copy the documentation's pictures to docs/images; returns the exit code."""
    missing = [name for name in DOCUMENTED if not (DIRECTORY / f"{name}.png").exists()]
    if missing:
        sys.stderr.write(f"Not in {DIRECTORY}: {', '.join(missing)}. Run tests/integration/stack/test_page_walk.py.\n")
        return 1
    for name, picture in DOCUMENTED.items():
        target = shutil.copyfile(DIRECTORY / f"{name}.png", _ROOT / "docs" / "images" / f"{picture}.png")
        sys.stdout.write(f"{target}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
