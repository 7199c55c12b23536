"""A Dagster deployment as a team runs one: a code server, a daemon, storage of its own, runs launched by the daemon."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil
import yaml
from dagster import DagsterEventType, DagsterInstance, DagsterRunStatus, RunRecord, RunsFilter

from benchmarks.lineage.figures import Ran
from benchmarks.lineage.launcher import PHASE
from benchmarks.lineage.locations.workload import JOB
from weather_pipeline.stack.ports import HOST, free_port, is_listening
from weather_pipeline.stack.process import end, launch, members

ROOT = Path(__file__).resolve().parents[2]
LOCATION = "bench"

_READER = "reader.yaml"
"""The same storage without a wrapper: read by the benchmark, which has no rival's package."""

_SETTINGS = {
    "telemetry": {"enabled": False},
    # A launched run starts within a second, not in bunches of five seconds.
    "run_queue": {"dequeue_interval_seconds": 1},
}
_START_TIMEOUT = 120.0
_STOP_GRACE = 20.0
_CLOSED = (DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED)


class DeploymentFailed(RuntimeError):
    """A process of the deployment did not do its part."""


@dataclass(frozen=True)
class Software:
    """What a contestant runs.

    Attributes:
        module: The code location.
        python: The interpreter of its environment.
        wrapper: Whether the rival's wrapper stands around the event log's storage.
        sensor: A sensor that must be switched on first.
        settings: What it wants in `dagster.yaml`.
    """

    module: str
    python: Path = Path(sys.executable)
    wrapper: bool = False
    sensor: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)


class _Launcher:
    """The process that launches runs, from outside; `requests` says when each run was asked for."""

    def __init__(self, command: list[str], environment: Mapping[str, str], log_file: Path) -> None:
        self.requests: dict[str, float] = {}
        with log_file.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                bufsize=1,
                start_new_session=True,
            )
        self._hearing = threading.Thread(target=self._hear, daemon=True)
        self._hearing.start()

    def launch(self, phase: str) -> None:
        if self._process.stdin is not None:
            self._process.stdin.write(f"{phase}\n")

    def _hear(self) -> None:
        if self._process.stdout is not None:
            for launched in map(json.loads, self._process.stdout):
                self.requests[launched["run"]] = launched["requested"]

    def stop(self) -> None:
        self._process.kill()
        self._hearing.join()
        self._process.communicate()


@dataclass
class Deployment:
    """A deployment, running while it is entered.

    Attributes:
        home: `DAGSTER_HOME`, made where missing; what it stores outlives the deployment.
        software: What it runs.
        backend: The lineage backend's URL.
        postgres_url: A database for Dagster's storage; None is Dagster's default, SQLite files.
    """

    home: Path
    software: Software
    backend: str
    postgres_url: str | None = None
    code_server: psutil.Process = field(init=False)
    daemon: psutil.Process = field(init=False)
    _launcher: _Launcher | None = None

    def __enter__(self) -> Self:
        self._id = uuid.uuid4().hex
        self._processes: list[subprocess.Popen[Any]] = []
        self._code_port = free_port()
        write_home(self.home, self.software, self.postgres_url)
        self._workspace = self.home / "workspace.yaml"
        server = {"grpc_server": {"host": HOST, "port": self._code_port, "location_name": LOCATION}}
        self._workspace.write_text(yaml.safe_dump({"load_from": [server]}))
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop()

    @property
    def _environment(self) -> dict[str, str]:
        return {
            "DAGSTER_HOME": str(self.home),
            "OPENLINEAGE_URL": self.backend,
            "OPENLINEAGE_NAMESPACE": "bench",
            "PYTHONPATH": str(ROOT),
        }

    def _start(self) -> None:
        location = ("-m", self.software.module, "-d", str(ROOT), "--location-name", LOCATION)
        serving = ("dagster", "api", "grpc", "-h", HOST, "-p", str(self._code_port), *location)
        self.code_server = self._process("code-server", serving)
        self._await(lambda: is_listening(self._code_port), "code-server", self.code_server)
        if self.software.sensor is not None:
            self._command("dagster", "sensor", "start", self.software.sensor, "-w", str(self._workspace))
        self.daemon = self._process("daemon", ("dagster._daemon", "run", "-w", str(self._workspace)))
        self._await(self._is_daemon_alive, "daemon", self.daemon)
        self._launcher = _Launcher(
            self._python("benchmarks.lineage.launcher", str(self._workspace), JOB),
            {**os.environ, **self._environment},
            self._log("launcher"),
        )

    def _stop(self) -> None:
        if self._launcher is not None:
            self._launcher.stop()
        end(members(self._id, "daemon"), grace=_STOP_GRACE)
        end(members(self._id), grace=_STOP_GRACE)
        for process in self._processes:
            process.wait()

    def _python(self, *arguments: str) -> list[str]:
        return [str(self.software.python), "-m", *arguments]

    def _log(self, name: str) -> Path:
        return self.home / f"{name}.log"

    def _process(self, name: str, arguments: tuple[str, ...]) -> psutil.Process:
        process = launch(
            name,
            self._python(*arguments),
            environment=self._environment,
            log_file=self._log(name),
            stack_id=self._id,
        )
        self._processes.append(process)
        return psutil.Process(process.pid)

    def _command(self, *arguments: str) -> None:
        command = self._python(*arguments)
        environment = {**os.environ, **self._environment}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise DeploymentFailed(f"{' '.join(command)} ended with {done.returncode}: {done.stderr[-2000:]}")

    def _await(self, is_ready: Callable[[], bool], name: str, process: psutil.Process) -> None:
        deadline = time.monotonic() + _START_TIMEOUT
        while not is_ready():
            if time.monotonic() > deadline or process.status() == psutil.STATUS_ZOMBIE:
                raise DeploymentFailed(f"The {name} did not start: {self._log(name).read_text()[-2000:]}")
            time.sleep(0.1)

    def _is_daemon_alive(self) -> bool:
        with self.instance() as instance:
            return "SENSOR" in instance.get_daemon_heartbeats()

    def instance(self) -> DagsterInstance:
        """The deployment's instance, to read from."""
        return reading_instance(self.home)

    def launch(self, phase: str) -> None:
        """Ask for one run of the workload; returns at once."""
        if self._launcher is None:
            raise DeploymentFailed("The deployment is not running.")
        self._launcher.launch(phase)

    def finished_runs(self, phase: str) -> list[Ran]:
        """The runs of a phase that are over."""
        with self.instance() as instance:
            records = instance.get_run_records(RunsFilter(tags={PHASE: phase}, statuses=_CLOSED))
            requests = self._launcher.requests if self._launcher else {}
            return [_ran(instance, record, requests) for record in records]

    def is_running(self, phase: str) -> bool:
        """Whether a run of a phase has started and is not over."""
        with self.instance() as instance:
            return instance.get_runs_count(RunsFilter(tags={PHASE: phase}, statuses=[DagsterRunStatus.STARTED])) > 0

    def cpu_seconds(self) -> float:
        """CPU that the daemon and the code server have used so far, without the runs' processes."""
        times = [process.cpu_times() for process in (self.daemon, self.code_server)]
        return sum(each.user + each.system for each in times)

    def failed_ticks(self) -> tuple[int, int]:
        """Sensor ticks that failed, of how many."""
        with self.instance() as instance:
            states = instance.all_instigator_state()
            ticks = [t for s in states for t in instance.get_ticks(s.instigator_origin_id, s.selector_id)]
        return sum(tick.is_failure for tick in ticks), sum(tick.is_completed or tick.is_failure for tick in ticks)


def write_home(home: Path, software: Software, postgres_url: str | None) -> None:
    """Write the instance's configuration, readable by the owner alone where it has the database's password."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    storage = {} if postgres_url is None else {"storage": {"postgres": {"postgres_url": postgres_url}}}
    around: Mapping[str, Any] = {}
    if software.wrapper:
        inner = {
            "module": "dagster._core.storage.event_log",
            "class": "SqliteEventLogStorage",
            "config": {"base_dir": str(home / "history" / "runs")},
        }
        config = {"wrapped": inner, "namespace": "bench"}
        outer = {"module": "dagster_openlineage", "class": "OpenLineageEventLogStorage", "config": config}
        around = {"event_log_storage": outer}
    for name, content in ((_READER, storage), ("dagster.yaml", {**storage, **around})):
        file = home / name
        file.touch(mode=0o600)
        file.write_text(yaml.safe_dump({**_SETTINGS, **software.settings, **content}))


def reading_instance(home: Path) -> DagsterInstance:
    """An instance on a home's storage."""
    return DagsterInstance.from_config(str(home), _READER)


def _ran(instance: DagsterInstance, record: RunRecord, requests: Mapping[str, float]) -> Ran:
    run_id = record.dagster_run.run_id
    steps = instance.get_records_for_run(run_id, of_type=DagsterEventType.STEP_SUCCESS).records
    ends = {event.step_key or "": each.timestamp for each in steps if (event := each.event_log_entry.dagster_event)}
    # A run that failed to start has no start.
    ended = record.end_time or 0.0
    started = record.start_time or ended
    return Ran(run_id, requested=requests.get(run_id, started), started=started, ended=ended, step_ends=ends)
