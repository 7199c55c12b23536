"""A state directory of its own for each test, and what must be gone afterwards."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

from weather_pipeline.marquez.client import MarquezClient
from weather_pipeline.stack import process
from weather_pipeline.stack.dagster_api import DagsterApi
from weather_pipeline.stack.ports import is_free
from weather_pipeline.stack.state import StackState, read_state
from weather_pipeline.stack.supervisor import open_postgres

ROOT = Path(__file__).resolve().parents[3]
TINY = (sys.executable, "-m", "tests.integration.stack.run_tiny")
WEATHER = (sys.executable, "-m", "weather_pipeline.cli")


@dataclass
class Site:
    """A state directory with ports nobody uses, and the stacks that a test starts there."""

    home: Path
    offset: int
    started: list[subprocess.Popen[Any]] = field(default_factory=list)

    def start(self, *arguments: str, home: Path | None = None, offset: int | None = None) -> subprocess.Popen[str]:
        """Start the tiny stack as a process of its own."""
        command = [*TINY, "--home", str(home or self.home), "--port-offset", str(offset or self.offset), *arguments]
        child = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        self.started.append(child)
        return child

    def up(self, *arguments: str) -> subprocess.Popen[str]:
        """Start the tiny stack and wait until it is up."""
        child = self.start(*arguments)
        mine = (child.pid, "up")
        wait_for(lambda: child.poll() is not None or (self.state.supervisor.pid, self.state.phase) == mine)
        assert child.poll() is None, child.communicate()
        return child

    def weather(self, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the real command line on this directory."""
        full = [*WEATHER, command, *arguments, "--home", str(self.home)]
        return subprocess.run(full, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)

    @property
    def state(self) -> StackState:
        """What the stack says of itself."""
        state = read_state(self.home)
        return state or StackState("", process.Identity(0, 0), "", 0, 0, "", "")

    @property
    def api(self) -> DagsterApi:
        """The stack's Dagster."""
        return DagsterApi(f"http://127.0.0.1:{3000 + self.offset}")


def free_offset() -> int:
    """An offset at which nobody uses any of the stack's ports."""
    offsets = random.sample(range(2000, 25000, 10), 50)
    return next(o for o in offsets if all(is_free(port + o) for port in (3000, 5000, 5001, 9092)))


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until something holds; the test's own time-out ends it."""
    while not condition():
        time.sleep(0.05)


def launch_long_run(site: Site) -> str:
    """A run that is in its second step, for longer than any test takes."""
    hours = ("2026-01-02-00:00", "2026-01-02-02:00")
    run_id = site.api.launch_range("weather_hourly", *hours, tags={"tiny/sleep": "600"})
    wait_for(lambda: site.api.run(run_id).steps_succeeded >= 1)
    return run_id


NAMESPACE = "weather-pipeline"
JOBS = [
    f"{asset}_dagster"
    for asset in (
        "raw_weather_data",
        "weather_quality_check",
        "clean_weather_data",
        "weather_to_postgres",
        "weather_near_towers",
    )
]


class Live:
    """A stack that is up, and what a test asks of it."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.marquez = MarquezClient(f"http://127.0.0.1:{5000 + site.offset}")

    def launch(self, hour: str) -> str:
        return self.site.api.launch_range("weather_hourly", hour, hour)

    def finish(self, run_id: str) -> str:
        wait_for(lambda: self.site.api.run(run_id).finished)
        return self.site.api.run(run_id).status

    def states(self, hour: str) -> dict[str, str]:
        """Job → state of its run for an hour, as the lineage API has it."""
        found = {}
        for job in JOBS:
            for run in self.marquez.runs(NAMESPACE, job) if self._knows(job) else []:
                if run.facets.get("dagster_run", {}).get("partitions") == [hour]:
                    found[job] = run.state
        return found

    def _knows(self, job: str) -> bool:
        return job in {known.name for known in self.marquez.jobs(NAMESPACE)}

    def connected(self) -> psycopg.Connection:
        server = open_postgres(self.site.home)
        server.port = int((self.site.home / "postgres.port").read_text())
        return psycopg.connect(server.url("weather"))

    def sql(self, statement: str) -> list[tuple[object, ...]]:
        with self.connected() as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []


@pytest.fixture
def quick_daemon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dagster's daemon looks every second for backfills to go on with and for runs to try again."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).with_name("quick_daemon")), prepend=os.pathsep)
    monkeypatch.setenv("DAGSTER_EVENT_LOG_CONSUMER_DAEMON_INTERVAL_SECONDS", "1")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("WEATHER_SOURCE", "replay")
    monkeypatch.setenv("WEATHER_SCHEDULE", "false")  # at five past the hour it would run into the test
    site = Site(tmp_path / "state", free_offset())
    yield site
    for child in site.started:
        if child.poll() is None:
            child.send_signal(signal.SIGTERM)
        child.communicate(timeout=60)
    process.end(process.members(site.state.stack_id) if site.state.stack_id else [], grace=5)
    server = open_postgres(site.home)
    server.stop_leftover()
    server.destroy()


@pytest.fixture
def live(site: Site) -> Iterator[Live]:
    command = [*WEATHER, "up", "--home", str(site.home), "--port-offset", str(site.offset)]
    child = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    site.started.append(child)
    wait_for(lambda: child.poll() is not None or site.state.phase == "up")
    assert child.poll() is None, child.communicate()
    yield Live(site)
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=100)
