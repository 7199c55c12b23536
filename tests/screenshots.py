"""Pictures that tests keep, to be looked at."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page

DIRECTORY = Path(__file__).resolve().parents[1] / "build" / "screenshots"


def keep(page: Page, name: str) -> None:
    """Keep what a page shows as build/screenshots/NAME.png."""
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=DIRECTORY / f"{name}.png")
