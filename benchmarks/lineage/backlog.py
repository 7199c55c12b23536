"""A backlog of finished runs: how fast it drains, beside what the same sink takes from a plain load generator."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

import psutil

from benchmarks.lineage.collector import SLOW, SLOW_ANSWER
from benchmarks.lineage.deployment import ROOT, Deployment, Software
from benchmarks.lineage.figures import shown
from benchmarks.lineage.sinks import Sink, bare_collector, lineage_service
from benchmarks.lineage.stored import Stored, store_runs
from benchmarks.report import LINEAGE_PACKAGES, Section, table
from weather_pipeline.stack.postgres import EmbeddedPostgres

Say = Callable[[str], None]
OpenSink = Callable[[], AbstractContextManager[Sink]]
Drainer = Callable[[Stored, Sink], AbstractContextManager[psutil.Process]]

RUNS, QUICK_RUNS = 2000, 60
MODULE = "benchmarks.lineage.locations.ours_from_beginning"
MARQUEZ_PACE, SERVICE, COLLECTOR = "Marquez's pace", "lineage service", "bare collector"
DAEMON, TICKS = "daemon", "ticks alone"

_APART = timedelta(seconds=10)
_LOOK_EVERY = 0.2
_QUIET = 20.0

_FIRST = 120.0
"""Seconds in which the first event must come."""

_METHOD = f"""\
Finished runs of the four-asset job of “Exporters side by side” lie in Dagster's storage before the exporter starts: one
run was really executed by a daemon, and every row that Dagster wrote for it stored again under new ids and times; read
through Dagster, the copies equal another executed run. The exporter begins with the oldest. Its rate is the events
accepted between the first and the last acceptance, by the time. The load generator sends the very bodies that the
exporter sent: eight threads with a kept connection each, `requests`, the events of one run in order, nothing else to
do. “Daemon” is the sensor in a code server under `dagster-daemon` with its default settings, in processes of their own.
Everything shares the machine. The sink is a collector that takes {SLOW_ANSWER:g} s for each event, which with eight
connections is what a real Marquez 0.51.1 took at its best on two cores (62 to 109 events a second). CPU and memory are
those of the process that evaluates the sensor; memory after a quarter of the events and at the end."""

_FAST_METHOD = """\
The same backlog, drained as in “Draining a backlog” into sinks that take more than a Marquez. “Ticks alone” is one
process that evaluates the sensor's ticks one after another. The lineage service is the embedded one on embedded
PostgreSQL, as the stack runs it, empty at the start of each turn; it uses both cores whole, so there the exporter's own
work counts against it. The bare collector only keeps bodies: there the exporter is measured against Python's HTTP
alone. Daemon and generator take turns, and medians count."""


@dataclass(frozen=True)
class Sample:
    """What was seen at one moment.

    Attributes:
        at: The moment, on the monotonic clock.
        events: Events accepted.
        resident: Resident bytes of the exporting process.
        cpu: CPU seconds that it has used.
    """

    at: float
    events: int
    resident: int
    cpu: float


@dataclass(frozen=True)
class Drained:
    """A drained backlog."""

    samples: Sequence[Sample]

    @property
    def events(self) -> int:
        """Events that were accepted."""
        return self.samples[-1].events

    @property
    def rate(self) -> float:
        """Events a second between the first and the last that was accepted."""
        first, last = self._ends
        return (last.events - first.events) / (last.at - first.at) if last.at > first.at else 0.0

    @property
    def cpu_ms(self) -> float:
        """CPU milliseconds of the exporting process for each event between the first and the last."""
        first, last = self._ends
        return (last.cpu - first.cpu) / (last.events - first.events) * 1000 if last.events > first.events else 0.0

    @property
    def _ends(self) -> tuple[Sample, Sample]:
        first = next(sample for sample in self.samples if sample.events)
        return first, next(sample for sample in self.samples if sample.events == self.events)

    @property
    def memory(self) -> tuple[float, float]:
        """Resident MB after a quarter of the events, and when the last one had come."""
        quarter = next(sample for sample in self.samples if sample.events >= self.events / 4)
        return quarter.resident / 1e6, self._ends[1].resident / 1e6


def run(rounds: int, say: Say, quick: bool) -> Section:
    """Measure both storages at a Marquez's pace."""

    def sinks(directory: Path, _: EmbeddedPostgres) -> dict[str, OpenSink]:
        return {MARQUEZ_PACE: partial(bare_collector, directory, SLOW)}

    found = _both_storages(sinks, rounds, say, quick)
    return Section("backlog", "Draining a backlog", _METHOD, [found], LINEAGE_PACKAGES)


def run_fast(rounds: int, say: Say, quick: bool) -> Section:
    """Measure both storages with sinks that take more than a Marquez."""

    def sinks(directory: Path, postgres: EmbeddedPostgres) -> dict[str, OpenSink]:
        return {
            SERVICE: partial(lineage_service, postgres, directory),
            COLLECTOR: partial(bare_collector, directory),
        }

    found = _both_storages(sinks, rounds, say, quick)
    return Section("fast-sinks", "Draining a backlog into faster sinks", _FAST_METHOD, [found], LINEAGE_PACKAGES)


def _both_storages(
    sinks: Callable[[Path, EmbeddedPostgres], dict[str, OpenSink]], rounds: int, say: Say, quick: bool
) -> str:
    count = QUICK_RUNS if quick else RUNS
    lines: list[list[str]] = []
    with tempfile.TemporaryDirectory(prefix="weather-bench-") as name, ExitStack() as stack:
        directory = Path(name)
        options = {"max_connections": "200"}
        postgres = EmbeddedPostgres(directory / "pg", log_file=directory / "pg.log", options=options)
        stack.callback(postgres.destroy)
        postgres.start()
        for storage, url in (("SQLite", None), ("PostgreSQL", postgres.ensure_database("dagster"))):
            stored = store_runs(directory / storage, count, apart=_APART, postgres_url=url, say=say)
            lines += _measure(storage, stored, sinks(directory, postgres), 1 if quick else rounds, say)
            shutil.rmtree(stored.home)
    header = [
        "storage, sink, way",
        "events",
        "events/s",
        "generator, events/s",
        "ratio",
        "CPU ms an event",
        "generator, CPU ms",
        "MB at 25%",
        "MB at the end",
    ]
    return table(f"{count:,} finished runs, {count * 4:,} materializations", header, lines)


def _measure(storage: str, stored: Stored, sinks: dict[str, OpenSink], rounds: int, say: Say) -> Iterator[list[str]]:
    bodies = stored.home / "bodies"
    with bare_collector(stored.home) as collector:
        watched(stored, collector, by_ticks)
        shutil.copyfile(collector.file, bodies)
    for name, open_sink in sinks.items():
        ways: dict[str, Drainer] = {DAEMON: by_daemon, **({TICKS: by_ticks} if name == SERVICE else {})}
        drained: dict[str, list[Drained]] = {way: [] for way in ways}
        generated: list[_Generated] = []
        for number in range(rounds):
            with open_sink() as sink:
                generated.append(_generated(bodies, sink))
            say(f"{storage}, {name}, round {number + 1}, generator: {generated[-1].rate:.0f} events/s")
            for way, drainer in ways.items():
                with open_sink() as sink:
                    drained[way].append(watched(stored, sink, drainer))
                say(f"{storage}, {name}, round {number + 1}, {way}: {drained[way][-1].rate:.0f} events/s")
        for way, turns in drained.items():
            yield _table_line(f"{storage}, {name}, {way}", turns, generated)


def _table_line(name: str, turns: Sequence[Drained], generated: Sequence[_Generated]) -> list[str]:
    rate = statistics.median(each.rate for each in turns)
    plain = statistics.median(each.rate for each in generated)
    cpu = [statistics.median(each.cpu_ms for each in found) for found in (turns, generated)]
    memory = [statistics.median(each.memory[place] for each in turns) for place in (0, 1)]
    figures = [shown(rate, 0), shown(plain, 0), shown(rate / plain), *(shown(each) for each in cpu)]
    return [name, f"{turns[-1].events:,}", *figures, *(shown(each, 0) for each in memory)]


def watched(stored: Stored, sink: Sink, drainer: Drainer, *, quiet: float = _QUIET) -> Drained:
    """Drain the whole backlog into a sink, and look on.

    Args:
        stored: The backlog.
        sink: Where it goes.
        drainer: The exporter.
        quiet: After so many seconds without an event the backlog is taken as drained.

    Raises:
        RuntimeError: Nothing came.
    """
    stored.forget_exporters()
    samples: list[Sample] = []
    with drainer(stored, sink) as process:
        changed = time.monotonic()
        while True:
            used = process.cpu_times()
            sample = Sample(time.monotonic(), sink.count(), process.memory_info().rss, used.user + used.system)
            if not samples or sample.events != samples[-1].events:
                changed = sample.at
            samples.append(sample)
            if sample.at - changed > (quiet if sample.events else _FIRST):
                break
            time.sleep(_LOOK_EVERY)
    if not samples[-1].events:
        raise RuntimeError(f"The exporter sent nothing within {_FIRST:g} s: see {stored.home}.")
    return Drained(samples)


@contextmanager
def by_daemon(stored: Stored, sink: Sink) -> Iterator[psutil.Process]:
    """A deployment drains; gives the code server, in which the sensor is evaluated."""
    with Deployment(stored.home, Software(MODULE), sink.url, stored.postgres_url) as deployment:
        yield deployment.code_server


@contextmanager
def by_ticks(stored: Stored, sink: Sink) -> Iterator[psutil.Process]:
    """A process drains that evaluates one tick after another."""
    command = [sys.executable, "-m", "benchmarks.lineage.ticks", str(stored.home), MODULE]
    environment = {**os.environ, "OPENLINEAGE_URL": sink.url}
    with (stored.home / "ticks.log").open("ab") as log:
        process = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=log, stderr=log, start_new_session=True)
    try:
        yield psutil.Process(process.pid)
    finally:
        process.kill()
        process.wait()


@dataclass(frozen=True)
class _Generated:
    """One turn of the load generator: events a second, and CPU milliseconds of its process for each."""

    rate: float
    cpu_ms: float


def _generated(bodies: Path, sink: Sink) -> _Generated:
    command = [sys.executable, "-m", "benchmarks.lineage.load_generator", str(bodies), sink.url]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr[-2000:]}")
    found = json.loads(done.stdout)
    if found["refused"]:
        raise RuntimeError(f"The sink refused {found['refused']} of {found['events']} events of the load generator.")
    return _Generated(found["events"] / found["seconds"], found["cpu_seconds"] / found["events"] * 1000)
