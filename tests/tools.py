"""Tools of this machine that some tests need: found, or the test skips with the reason; in CI that is a failure."""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest

CHROMIUM_ARGUMENTS = [
    *(["--no-sandbox"] if os.geteuid() == 0 else []),
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
"""A quiet Chromium: it asks nothing of the network by itself. Its sandbox can't run as root."""


def chromium() -> str:
    """The path of Chromium (`CHROMIUM` names another); skips the test where there is none."""
    found = shutil.which(os.environ.get("CHROMIUM", "chromium"))
    return found or missing("Chromium is missing: apt-get install chromium, or set CHROMIUM to its path.")


def missing(reason: str) -> NoReturn:
    """Skip the test with a reason; fail it where `CI` is "true", so that no test disappears unseen."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
