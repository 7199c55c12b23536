"""Our exporter beside none and beside dagster-openlineage: what arrives, when, and what runs pay for it."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.lineage import rival
from benchmarks.lineage.collector import HANG, OK, REFUSE, Collector
from benchmarks.lineage.deployment import Deployment, Software
from benchmarks.lineage.figures import (
    Ran,
    Told,
    delays,
    edges_delivered,
    jobs_of_run_ids,
    lost,
    median,
    percentile,
    shown,
    told,
)
from benchmarks.lineage.locations.workload import ASSETS, EDGES, WORK_SECONDS
from benchmarks.report import LINEAGE_PACKAGES, Section, table
from weather_pipeline.stack.postgres import EmbeddedPostgres

Say = Callable[[str], None]

STEADY = "steady"
OUTAGES = {"refused connections": REFUSE, "401": "401", "a hanging backend": HANG}
"""What the backend does in an outage: name → behaviour of the collector."""

_LOCATIONS = "benchmarks.lineage.locations"
_WARM_QUIET = 15.0
"""Seconds without an event after which the first run, of which no event counts, is waited for no more."""
_SLOW_END = 2.0
"""Seconds after which a run's process has certainly ended, once Dagster says so."""

_LOW_LATENCY = {"sensors": {"use_threads": True, "num_workers": 4}}
"""What low latency asks for, so that it delays no other sensor."""

_METHOD = f"""\
Each contestant has a Dagster deployment of its own: code server (`dagster api grpc`), `dagster-daemon` and storage in
processes of their own, Dagster's default settings except that queued runs are dequeued every second and that low
latency has the four threads for sensors which it asks for. Runs are launched as `dagster job launch` does it: recorded
with their origin, queued, launched by the daemon through the code server. The job has four assets in a diamond (four
edges), {WORK_SECONDS:g} s of work each, in one process for each run. The backend is a collector in a process of its
own, which keeps every event with its time of arrival; in an outage it closes its port, answers 401, or reads and never
answers. An outage begins while a run is under way, and more are launched while it lasts. Contestants run one after
another, each with the same paces and the same outages.

dagster-openlineage {rival.VERSION} runs in an environment of its own, with the same Dagster; its sensor with
`include_asset_events=True` and switched on by hand, once with its defaults (every 300 s, 30 records) and once as eager
as it can be (every 5 s, 1,000 records). An edge counts where the COMPLETE of the downstream asset names both datasets.
Events are START and COMPLETE of every asset of every run; lost is what never arrived although the backend was back and
the exporter was waited for. A run's time is from its start to its end; “asked to ended” also has what comes before:
making the run, the queue, the start of its process. CPU is that of daemon and code server, runs not included, minus
what they use with no exporter in the same time, so that little may come out below nothing; the CPU that a wrapper uses
inside the runs is not in it."""


@dataclass(frozen=True)
class Plan:
    """How long everything takes; the same for all contestants.

    Attributes:
        runs: Runs while the backend is well.
        pace: Seconds between two launches; no multiple of the daemon's loop of 5 s, so that launches meet it anywhere.
        outage: Seconds that each outage lasts.
        settle: Seconds after the last launch that belong to the measured time.
        quiet: After so many seconds without an event nothing more is waited for …
        patience: … or after so many in all.
    """

    runs: int = 20
    pace: float = 5.3
    outage: float = 60.0
    settle: float = 30.0
    quiet: float = 45.0
    patience: float = 900.0


INTERVAL = 300.0
"""Seconds between two looks of the rival's sensor with its defaults."""
SELDOM = Plan(runs=12, quiet=INTERVAL + 10.0, patience=2 * INTERVAL + 20.0)
"""For whom looks so seldom: two looks after the last run, and fewer runs, of which it takes 30 records a look."""

QUICK = Plan(runs=3, pace=3.3, outage=10.0, settle=10.0, quiet=12.0, patience=120.0)


@dataclass(frozen=True)
class Contestant:
    """An exporter and where it runs.

    Attributes:
        name: In the tables.
        software: What the deployment runs.
        postgres: Dagster's storage: PostgreSQL, else its default, SQLite files.
        outages: Whether it goes through the outages.
        exports: Whether there is anything to wait for.
        plan: Its own, where everybody's would not do.
    """

    name: str
    software: Software
    postgres: bool = False
    outages: bool = True
    exports: bool = True
    plan: Plan | None = None


@dataclass
class Phase:
    """What was found in a time of good weather or in an outage."""

    runs: list[Ran] = field(default_factory=list)
    events: list[Told] = field(default_factory=list)
    launched: int = 0
    seconds: float = 0.0
    """The time whose CPU was measured."""
    cpu_seconds: float = 0.0
    in_time: int = 0
    """Events that were accepted in the time whose CPU was measured."""


@dataclass
class Result:
    """What was found of one contestant.

    Attributes:
        phases: By the phase's name.
        failed_ticks: Sensor ticks that failed although the backend was well …
        ticks: … of how many.
    """

    phases: dict[str, Phase] = field(default_factory=dict)
    failed_ticks: int = 0
    ticks: int = 0


def contestants(say: Say, quick: bool) -> list[Contestant]:
    """Everyone who takes part, in order; who has no exporter comes first on each storage."""
    found = [
        Contestant("none", Software(f"{_LOCATIONS}.plain"), outages=False, exports=False),
        Contestant("ours", Software(f"{_LOCATIONS}.ours")),
        Contestant("ours, low latency", Software(f"{_LOCATIONS}.ours_low_latency", settings=_LOW_LATENCY)),
    ]
    python = rival.rival_python(say)
    sensor = "openlineage_sensor"
    eager = Software(f"{_LOCATIONS}.rival_eager", python, sensor=sensor)
    found += [
        Contestant("dagster-openlineage, storage wrapper", Software(f"{_LOCATIONS}.plain", python, wrapper=True)),
        Contestant("dagster-openlineage, eager sensor", eager, outages=False),
        Contestant("none, PostgreSQL", Software(f"{_LOCATIONS}.plain"), postgres=True, outages=False, exports=False),
        Contestant("ours, PostgreSQL", Software(f"{_LOCATIONS}.ours"), postgres=True, outages=False),
        Contestant("dagster-openlineage, eager sensor, PostgreSQL", eager, postgres=True),
    ]
    if not quick:
        defaults = Software(f"{_LOCATIONS}.rival_defaults", python, sensor=sensor)
        name = "dagster-openlineage, sensor, PostgreSQL"
        found.append(Contestant(name, defaults, postgres=True, outages=False, plan=SELDOM))
    return found


def run(_rounds: int, say: Say, quick: bool) -> Section:
    """Measure every contestant."""
    plan = QUICK if quick else Plan()
    taking_part = contestants(say, quick)
    results: dict[str, Result] = {}
    with tempfile.TemporaryDirectory(prefix="weather-bench-") as directory, ExitStack() as stack:
        postgres = EmbeddedPostgres(Path(directory) / "postgres", log_file=Path(directory) / "postgres.log")
        stack.callback(postgres.destroy)
        postgres.start()
        for number, contestant in enumerate(taking_part):
            url = postgres.ensure_database(f"contestant_{number}") if contestant.postgres else None
            outages = OUTAGES if contestant.outages else {}
            home = Path(directory) / str(number)
            began, its_plan = time.monotonic(), contestant.plan or plan
            results[contestant.name] = measure(contestant, its_plan, home, say, postgres_url=url, outages=outages)
            say(f"{contestant.name}: {(time.monotonic() - began) / 60:.1f} minutes")
    return Section("exporters", "Exporters side by side", _method(plan, results), _tables(results), LINEAGE_PACKAGES)


def measure(
    contestant: Contestant,
    plan: Plan,
    home: Path,
    say: Say,
    *,
    postgres_url: str | None,
    outages: Mapping[str, str],
) -> Result:
    """Measure one contestant in a deployment of its own: in good weather first, then in outages (name → behaviour)."""
    result = Result()
    with (
        Collector(home.with_suffix(".events")) as collector,
        Deployment(home, contestant.software, collector.url, postgres_url) as deployment,
    ):
        turn = _Turn(contestant, plan, deployment, collector)
        # The first run pays for what every process loads once.
        turn.launch("warm-up", 1)
        turn.wait("warm-up", 1, quiet=_WARM_QUIET)
        for name, behaviour in {STEADY: OK, **outages}.items():
            result.phases[name] = turn.phase(name, behaviour)
            say(f"{contestant.name}, {name}: {_line(result.phases[name])}")
            if name == STEADY:
                result.failed_ticks, result.ticks = deployment.failed_ticks()
    return result


@dataclass(frozen=True)
class _Turn:
    """One contestant's turn."""

    contestant: Contestant
    plan: Plan
    deployment: Deployment
    collector: Collector

    def phase(self, name: str, behaviour: str) -> Phase:
        """Launch runs while the backend behaves so, then give the exporter time to bring everything."""
        plan, collector, deployment = self.plan, self.collector, self.deployment
        is_outage = behaviour != OK
        if is_outage:
            self.launch_and_see_start(name)
        known, cpu, began = collector.count(), deployment.cpu_seconds(), time.monotonic()
        collector.behave(behaviour)
        ends = began + (plan.outage if is_outage else plan.runs * plan.pace + plan.settle)
        runs = int(plan.outage // plan.pace) if is_outage else plan.runs
        self.launch(name, runs)
        phase = Phase(launched=runs + is_outage)
        time.sleep(max(0.0, ends - time.monotonic()))
        phase.cpu_seconds, phase.in_time = deployment.cpu_seconds() - cpu, collector.count() - known
        phase.seconds = time.monotonic() - began
        collector.behave(OK)
        self.wait(name, phase.launched, quiet=plan.quiet)
        phase.runs = deployment.finished_runs(name)
        ids = {ran.run_id for ran in phase.runs}
        phase.events = [event for event in self._accepted() if event.dagster_run_id in ids]
        return phase

    def launch(self, phase: str, runs: int) -> None:
        """Launch so many runs at the plan's pace."""
        began = time.monotonic()
        for number in range(runs):
            time.sleep(max(0.0, began + number * self.plan.pace - time.monotonic()))
            self.deployment.launch(phase)

    def launch_and_see_start(self, phase: str) -> None:
        """Launch one run and wait until it is under way."""
        self.deployment.launch(phase)
        gives_up = time.monotonic() + self.plan.patience
        while not self.deployment.is_running(phase):
            if time.monotonic() > gives_up:
                raise RuntimeError(f"No run started within {self.plan.patience:g} s: {self.deployment.home}")
            time.sleep(0.05)

    def wait(self, phase: str, launched: int, *, quiet: float) -> None:
        """Until all runs are over and everything has arrived, or nothing has come for so many seconds."""
        gives_up = time.monotonic() + self.plan.patience
        accepted, changed = -1, time.monotonic()
        while time.monotonic() < gives_up:
            count, runs = self.collector.count(), self.deployment.finished_runs(phase)
            is_over = len(runs) >= launched
            if count != accepted or not is_over:
                accepted, changed = count, time.monotonic()
            if is_over and (
                not self.contestant.exports
                or not lost(runs, self._accepted(), ASSETS)
                or time.monotonic() - changed > quiet
            ):
                time.sleep(_SLOW_END)
                return
            time.sleep(1)

    def _accepted(self) -> list[Told]:
        return [event for at, body in self.collector.accepted() if (event := told(at, body))]


def _line(phase: Phase) -> str:
    durations = [ran.seconds for ran in phase.runs]
    return (
        f"{len(phase.runs)} of {phase.launched} runs, {shown(median(durations))} s each, "
        f"{lost(phase.runs, phase.events, ASSETS)} of {_expected(phase)} events lost"
    )


def _expected(phase: Phase) -> int:
    return len(phase.runs) * len(ASSETS) * 2


def _method(plan: Plan, results: dict[str, Result]) -> str:
    paces = (
        f"\n\nHere: {plan.runs} runs, one every {plan.pace:g} s, out of step with the daemon loop of 5 s; outages of\n"
        f"{plan.outage:g} s with a run every {plan.pace:g} s. An exporter was waited for until it had been silent for "
        f"{plan.quiet:g} s,\n{plan.patience / 60:g} minutes at most. One that looks every {INTERVAL:g} s had "
        f"{SELDOM.runs} runs, and was waited for until it\nhad been silent for {SELDOM.quiet:g} s, "
        f"{SELDOM.patience:g} s at most."
    )
    failing = [
        f"{name}: {result.failed_ticks} of {result.ticks} sensor ticks failed."
        for name, result in results.items()
        if result.failed_ticks
    ]
    return _METHOD + paces + "".join(f" {line}" for line in failing)


def _tables(results: dict[str, Result]) -> list[str]:
    found = [_steady_table(results)]
    for outage in OUTAGES:
        phases = {name: result.phases[outage] for name, result in results.items() if outage in result.phases}
        lines = [
            [name, f"{lost(phase.runs, phase.events, ASSETS)} of {_expected(phase)}", *_paid(phase)]
            for name, phase in phases.items()
        ]
        found.append(table(f"An outage: {outage}", ["", "events lost", *_PAID], lines))
    return found


_PAID = ("run, median s", "run, worst s", "asked to ended, median s", "asked to ended, worst s")


def _paid(phase: Phase) -> list[str]:
    durations = ([ran.seconds for ran in phase.runs], [ran.wait_seconds for ran in phase.runs])
    return [shown(figure) for each in durations for figure in (median(each), max(each, default=None))]


def _steady_table(results: dict[str, Result]) -> str:
    header = [
        "",
        "edges delivered",
        "run ids of several jobs",
        "step end to accepted, p50 s",
        "p95 s",
        *_PAID,
        "CPU s for 1,000 events",
    ]
    lines = []
    for name, result in results.items():
        phase = result.phases[STEADY]
        late = delays(phase.runs, phase.events)
        shared = [jobs for jobs in jobs_of_run_ids(phase.events).values() if jobs > 1]
        lines.append(
            [
                name,
                f"{edges_delivered(phase.runs, phase.events, EDGES)} of {len(phase.runs) * len(EDGES)}",
                f"{len(shared)} (up to {max(shared)} jobs)" if shared else "0",
                shown(percentile(late, 50)),
                shown(percentile(late, 95)),
                *_paid(phase),
                shown(_cpu_of_thousand(phase, _baseline(name, results))),
            ]
        )
    return table("No outage", header, lines)


def _baseline(name: str, results: dict[str, Result]) -> Phase:
    return results["none, PostgreSQL" if name.endswith("PostgreSQL") else "none"].phases[STEADY]


def _cpu_of_thousand(phase: Phase, baseline: Phase) -> float | None:
    if not phase.in_time:
        return None
    without = baseline.cpu_seconds / baseline.seconds * phase.seconds
    return (phase.cpu_seconds - without) / phase.in_time * 1000
