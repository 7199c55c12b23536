"""The lineage page as its own process, as users run it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import requests

from weather_pipeline.stack.postgres import free_port


@dataclass
class LineagePage:
    """A running page: its base URL and its process."""

    url: str
    process: subprocess.Popen[str]

    def stop(self, how: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """Ask it to stop; returns the exit code and the log."""
        self.process.send_signal(how)
        log, _ = self.process.communicate(timeout=20)
        return self.process.returncode, log


@contextmanager
def lineage_page(marquez_url: str, *arguments: str) -> Iterator[LineagePage]:
    """Start the page on a free port in front of a Marquez, wait until it answers, and stop it at the end."""
    port = str(free_port())
    command = [sys.executable, "-m", "weather_pipeline.marquez.web", "--port", port, "--marquez-url", marquez_url]
    process = subprocess.Popen(
        [*command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    page = LineagePage(f"http://127.0.0.1:{port}", process)
    try:
        _wait_until_ready(page)
        yield page
    finally:
        if process.poll() is None:
            page.stop()


def _wait_until_ready(page: LineagePage) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if page.process.poll() is not None:
            raise AssertionError(f"The page ended with {page.process.returncode}: {page.process.communicate()[0]}")
        try:
            if requests.get(f"{page.url}/healthcheck", timeout=5).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.05)
    raise AssertionError(f"The page did not answer on {page.url}.")
