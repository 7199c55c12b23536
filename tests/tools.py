"""What some tests need from outside the project: found, or the test skips with the reason.

Tools of the machine can be installed, so CI must have them: there, a missing one is a failure. Recorded bodies and
schemas that the project may not publish are there or not: a test without them skips in CI too.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest

from tests.conftest import SHARED

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


def versitygw() -> str:
    """The path of versitygw, a real S3 server (`VERSITYGW` names another); skips the test where there is none."""
    found = shutil.which(os.environ.get("VERSITYGW", "versitygw"))
    return found or missing("versitygw is missing: .ci/run installs it with Go, or set VERSITYGW to its path.")


def docker_compose() -> tuple[str, ...]:
    """How to run Docker Compose: `docker-compose`, or Docker's plugin; skips the test where there is neither."""
    for words in (("docker-compose",), ("docker", "compose")):
        found = shutil.which(words[0])
        if found and subprocess.run([*words, "version"], capture_output=True, check=False).returncode == 0:
            return words
    return missing("Docker Compose is missing: .ci/run builds it with Go.")


def openssl() -> str:
    """The path of openssl, which makes certificates; skips the test where there is none."""
    return shutil.which("openssl") or missing("openssl is missing: apt-get install openssl.")


def curl() -> str:
    """The path of curl, which the documents' commands use; skips the test where there is none."""
    return shutil.which("curl") or missing("curl is missing: apt-get install curl.")


def shared(path: str) -> Path:
    """A file or folder of what lies beside the project; skips the test where it is not there."""
    found = SHARED / path
    if not found.exists():
        pytest.skip(f"not part of the project, and not here: {found}")
    return found


def missing(reason: str) -> NoReturn:
    """Skip the test with a reason; fail it where `CI` is "true", so that no test disappears unseen."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
