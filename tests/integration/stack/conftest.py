"""A state directory of its own for each test, and what must be gone afterwards."""

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

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


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("WEATHER_SOURCE", "replay")
    offsets = random.sample(range(2000, 25000, 10), 50)
    offset = next(o for o in offsets if all(is_free(port + o) for port in (3000, 5000, 5001)))
    site = Site(tmp_path / "state", offset)
    yield site
    for child in site.started:
        if child.poll() is None:
            child.send_signal(signal.SIGTERM)
        child.communicate(timeout=60)
    process.end(process.members(site.state.stack_id) if site.state.stack_id else [], grace=5)
    server = open_postgres(site.home)
    server.stop_leftover()
    server.destroy()
