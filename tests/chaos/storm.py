"""The storm itself: runs of a job while everything around the exporter fails by plan; then calm, then the account."""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import dagster as dg
import yaml

from tests.chaos.judge import duplicates, findings
from tests.chaos.plan import Fault, plan
from tests.chaos.proxy import REFUSED_JOB, Proxy
from tests.integration.marquez.conftest import LineageService
from weather_pipeline.lineage.deadletters import DeadLetter, all_letters

ROOT = Path(__file__).resolve().parents[2]
CALM_RUNS = 5
"""Runs without an exporter, before the storm: what a run takes when nobody reads its log."""
CALM, WELL = "no exporter", "well"
"""The weather without a fault."""
_CALM_SECONDS = 240.0
"""How long the exporter may take to catch up after the storm."""
_TICK = 7.0
_BITE_SECONDS = 30.0
"""How long a fault waits for a request that meets it."""
_ALIVE_SECONDS = 60.0
"""How long a daemon may take until it evaluates sensors: before that it is not killed."""


@dataclass
class Account:
    """What became of it all."""

    seed: int
    runs: int
    succeeded: int = 0
    seconds: dict[str, list[float]] = field(default_factory=dict)
    """What each run took: without an exporter, while the backend was well, and under each fault."""
    connections_of_runs: int = 0
    """Connections that the process of the runs tried to open."""
    faults: dict[str, int] = field(default_factory=dict)
    daemon_kills: int = 0
    answers: dict[int, int] = field(default_factory=dict)
    """What the backend answered: status → times."""
    accepted: int = 0
    repeated: int = 0
    findings: list[str] = field(default_factory=list)
    catch_up_seconds: float = 0.0
    verification: dict[str, Any] = field(default_factory=dict)
    refused: int = 0
    """Events that became dead letters …"""
    refused_rightly: bool = False
    """… every one of the job that was refused, and verify missed these and nothing else."""
    missed: int = 0
    """Runs that verify missed because of them; one whose end was taken after all is complete."""
    dead_letters: int = 0
    """What is left of them after they were sent again."""

    @property
    def is_good(self) -> bool:
        """Whether nothing was lost or wrong, only what was refused became a dead letter, and no run paid for lineage.

        A run that never opens a connection can't wait for a backend: what it takes needs no judgement.
        """
        # Four assets and the Dagster run itself, also of the runs before the storm.
        there = self.verification.get("expected") == 5 * (self.runs + CALM_RUNS)
        complete = there and self.verification.get("coverage") == 100
        letters = self.refused_rightly and not self.dead_letters
        runs = self.succeeded == self.runs and not self.connections_of_runs
        return complete and runs and letters and not self.findings

    def summary(self) -> dict[str, Any]:
        """The account without lists of figures."""
        said = asdict(self)
        said["seconds"] = {
            weather: {"runs": len(each), "median": round(statistics.median(each), 3), "worst": round(max(each), 3)}
            for weather, each in self.seconds.items()
        }
        said["verification"] = {
            key: value for key, value in self.verification.items() if key not in ("gaps", "problems")
        }
        return said


def storm(
    home: Path, service: LineageService, *, seed: int, runs: int, tell: Callable[[str], None] = lambda _: None
) -> Account:
    """Run the storm.

    Args:
        home: An empty directory, Dagster's home.
        service: The lineage service, on an empty database; started and stopped here.
        seed: Decides what fails when.
        runs: How many runs of the job.
        tell: Hears what happens.
    """
    account = Account(seed, runs)
    what_happens = plan(seed, runs)
    write_home(home)
    with service, Proxy(service.port) as proxy:
        environment = {
            **os.environ,
            "DAGSTER_HOME": str(home),
            "OPENLINEAGE__TRANSPORT": json.dumps({"type": "http", "url": proxy.url, "timeout": 2}),
            "PYTHONPATH": str(ROOT),
        }
        with worker(environment, home) as run, _daemons(environment, home) as daemon:
            for _ in range(CALM_RUNS):
                _run(run, CALM, account)
            daemon.start()
            for number in range(runs):
                if number in what_happens.faults:
                    _turn(proxy, service, what_happens.faults[number], account, tell=tell, home=home)
                if number in what_happens.daemon_kills:
                    tell(f"run {number}: the daemon is killed")
                    daemon.kill()
                    daemon.start()
                    account.daemon_kills += 1
                account.succeeded += _run(run, proxy.fault or WELL, account)
            _turn(proxy, service, None, account, tell=tell, home=home)
            account.catch_up_seconds = _settle(account, environment, tell)
            letters = _letters(home)
            account.refused, account.refused_rightly = len(letters), _is_explained(account, letters)
            account.missed = account.verification["dead_letters"]
            if letters:
                _weather(environment, "dead-letters", "resend", "--all")
                _settle(account, environment, tell)
                account.dead_letters = len(_letters(home))
        account.answers = dict(sorted(proxy.answers.items()))
        events = [accepted.event for accepted in proxy.accepted]
    account.accepted = len(events)
    account.repeated = duplicates(events)
    account.findings = findings(events, {letter.event["run"]["runId"] for letter in letters if "run" in letter.event})
    return account


def write_home(home: Path) -> None:
    """Write Dagster's configuration: its defaults, and nothing sent to anybody."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "dagster.yaml").write_text(yaml.safe_dump({"telemetry": {"enabled": False}}))
    module = {"python_module": {"module_name": "tests.chaos.location", "location_name": "chaos"}}
    (home / "workspace.yaml").write_text(yaml.safe_dump({"load_from": [module]}))


def _run(run: Callable[[], Ran], weather: str, account: Account) -> bool:
    ran = run()
    account.seconds.setdefault(weather, []).append(ran.seconds)
    account.connections_of_runs = ran.connections
    return ran.succeeded


def _letters(home: Path) -> list[DeadLetter]:
    with dg.DagsterInstance.from_config(str(home)) as instance:
        return all_letters(instance)


def _ends(home: Path) -> int:
    return sum(letter.event["eventType"] != "START" for letter in _letters(home))


def _is_explained(account: Account, letters: Sequence[DeadLetter]) -> bool:
    """Whether only what the proxy refuses became dead letters, and nothing is missing but these."""
    found = account.verification
    missing = found["expected"] - found["in_flight"] - found["complete"]
    return missing == found["dead_letters"] and all(letter.event["job"]["name"] == REFUSED_JOB for letter in letters)


def _turn(
    proxy: Proxy,
    service: LineageService,
    fault: Fault | None,
    account: Account,
    *,
    tell: Callable[[str], None],
    home: Path,
) -> None:
    if proxy.fault is Fault.PARTLY:
        # It has bitten once the end of a run is given up; the start is given up a tick before.
        deadline = time.monotonic() + _BITE_SECONDS
        while (ends := _ends(home)) == account.missed and time.monotonic() < deadline:
            time.sleep(0.2)
        account.missed = ends
    elif proxy.fault is not None:
        # A fault that nobody meets is none. At a closed port nobody can be seen: a tick's time has to do.
        proxy.hit.wait(_TICK if proxy.fault is Fault.REFUSE else _BITE_SECONDS)
    if proxy.fault is Fault.KILLED:
        service.start()
    if fault is Fault.KILLED:
        service.stop(signal.SIGKILL)
    proxy.fault = fault
    if fault is not None:
        account.faults[fault] = account.faults.get(fault, 0) + 1
        tell(f"fault: {fault}")


def _settle(account: Account, environment: dict[str, str], tell: Callable[[str], None]) -> float:
    """Wait until the backend knows all but the dead letters, keep what `verify` says, and give the seconds it took."""
    began = time.monotonic()
    while True:
        account.verification = found = _verify(environment)
        waited = round(time.monotonic() - began, 1)
        tell(f"{waited} s of calm: {found['complete']} of {found['expected']} runs there, {found['in_flight']} awaited")
        settled = found["complete"] + found["dead_letters"] == found["expected"] and not found["in_flight"]
        if settled or waited > _CALM_SECONDS:
            return waited
        time.sleep(2)


def _verify(environment: dict[str, str]) -> dict[str, Any]:
    return json.loads(_weather(environment, "verify", "--since", "1d", "--json"))


def _weather(environment: dict[str, str], *arguments: str) -> str:
    """What a command says."""
    command = ["lineage", *arguments, "-m", "tests.chaos.location"]
    done = subprocess.run(
        [sys.executable, "-m", "weather_pipeline.cli", *command],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if not done.stdout.strip():
        raise RuntimeError(f"weather {' '.join(command)} ended with {done.returncode}: {done.stderr[-3000:]}")
    return done.stdout


class Ran(NamedTuple):
    """How a run went."""

    seconds: float
    succeeded: bool
    connections: int
    """How many its process has tried to open so far."""


@contextmanager
def worker(environment: dict[str, str], home: Path) -> Iterator[Callable[[], Ran]]:
    """A process that runs the job when it is asked to, one run at a time."""
    with (home / "worker.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.worker"],
            env=environment,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            bufsize=1,
        )
    stdin, stdout = process.stdin, process.stdout
    assert stdin is not None
    assert stdout is not None

    def run() -> Ran:
        stdin.write("run\n")
        answer = stdout.readline().split()
        assert answer, f"the worker died: {(home / 'worker.log').read_text()[-3000:]}"
        return Ran(float(answer[0]), answer[1] == "True", int(answer[2]))

    try:
        yield run
    finally:
        process.kill()
        process.wait()
        stdin.close()
        stdout.close()


class Daemon:
    """Dagster's daemon with its code server; killed without a word, its code server is left behind for a while."""

    def __init__(self, environment: dict[str, str], home: Path) -> None:
        self._environment = environment
        self._home = home
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        command = [sys.executable, "-m", "dagster._daemon", "run", "-w", str(self._home / "workspace.yaml")]
        with (self._home / "daemon.log").open("ab") as log:
            process = subprocess.Popen(
                command, env=self._environment, cwd=ROOT, stdout=log, stderr=log, start_new_session=True
            )
        self._processes.append(process)
        self._started_at = time.time()

    def kill(self) -> None:
        """Kill it once it is at work."""
        deadline = time.monotonic() + _ALIVE_SECONDS
        while not self._evaluates_sensors() and time.monotonic() < deadline:
            time.sleep(0.2)
        self._processes[-1].kill()
        self._processes[-1].wait()

    def _evaluates_sensors(self) -> bool:
        with dg.DagsterInstance.from_config(str(self._home)) as instance:
            beat = instance.get_daemon_heartbeats().get("SENSOR")
        return beat is not None and beat.timestamp > self._started_at

    def stop_all(self) -> None:
        """Kill every daemon with all that it started."""
        for process in self._processes:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
            process.wait()


@contextmanager
def _daemons(environment: dict[str, str], home: Path) -> Iterator[Daemon]:
    daemon = Daemon(environment, home)
    try:
        yield daemon
    finally:
        daemon.stop_all()
