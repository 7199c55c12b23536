"""One run of a job: what it printed, told and logged, and the command lines that others could see meanwhile."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import psutil

from tests.collector import Collector
from tests.integration.spark.conftest import ROOT, Spark, deliver_all

BATCH = "weather_pipeline.spark.batch_write_raw_with_lineage"
STREAM = "weather_pipeline.spark.stream_write_raw_with_lineage"
HISTORY = "weather_pipeline.spark.weather_history"


@dataclass(frozen=True)
class Ran:
    """What a run did, as all could see it.

    Attributes:
        printed: What it printed last.
        events: What it told.
        log: What it wrote to stderr.
        command_lines: Those of all processes of this machine, while it ran.
    """

    printed: dict[str, Any]
    events: list[dict[str, Any]]
    log: str
    command_lines: frozenset[str]

    def last(self, job: str) -> dict[str, Any]:
        """The last event of a job."""
        return [event for event in self.events if event["job"]["name"] == job][-1]

    def names(self) -> set[tuple[str, str]]:
        """All jobs and datasets."""
        jobs = {(event["job"]["namespace"], event["job"]["name"]) for event in self.events}
        return jobs | {(each["namespace"], each["name"]) for each in self._datasets()}

    def places(self, name: str) -> set[str]:
        """Where a dataset lies, by its symlinks."""
        links = [each["facets"]["symlinks"] for each in self._datasets() if each["name"] == name]
        return {f"{each['namespace']}/{each['name']}" for link in links for each in link["identifiers"]}

    def shows(self, secret: str) -> list[str]:
        """Where a secret can be seen."""
        seen = {"an event": json.dumps(self.events), "the log": self.log, "what it printed": json.dumps(self.printed)}
        lines = [f"the command line {line}" for line in self.command_lines if secret in line]
        return [where for where, text in seen.items() if secret in text] + lines

    def _datasets(self) -> Iterator[dict[str, Any]]:
        for event in self.events:
            yield from (*event["inputs"], *event["outputs"])


def run(spark: Spark, backend: Collector, module: str, **variables: str) -> Ran:
    """Run a job that succeeds, and deliver what it told."""
    lines: set[str] = set()
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", module],
            cwd=ROOT,
            env=spark.environment(variables),
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        while process.poll() is None:
            lines |= set(_command_lines())
            time.sleep(0.5)
        log.seek(0)
        out, err = process.communicate()[0], log.read()
    assert process.returncode == 0, err
    events = deliver_all(spark.home / "spark-events", backend)
    return Ran(json.loads(out.splitlines()[-1]), events, err, frozenset(lines))


def _command_lines() -> Iterator[str]:
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            yield " ".join(process.cmdline())
