"""What a tick costs that has nothing to do, with few and with many runs in Dagster's storage."""

from __future__ import annotations

import contextlib
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.lineage.collector import Collector
from benchmarks.lineage.figures import percentile, shown
from benchmarks.lineage.locations.workload import definitions
from benchmarks.lineage.stored import Stored, store_runs
from benchmarks.lineage.ticks import Ticks
from benchmarks.report import LINEAGE_PACKAGES, Section, table
from weather_pipeline.lineage import build_openlineage_sensor
from weather_pipeline.stack.postgres import EmbeddedPostgres

Say = Callable[[str], None]

FEW, MANY = 100, 10_000
QUICK_MANY = 1000
TICKS, QUICK_TICKS = 400, 30

_APART = timedelta(minutes=1)
_RECENT = timedelta(hours=1)
_SILENT_TICKS = 5
"""After so many ticks without an event everything has been exported."""

_PAUSE = 0.1
"""Seconds between two rounds of ticks."""

_METHOD = f"""\
Finished runs lie in Dagster's storage, a minute apart; those of the last hour have been exported to a collector. Then
nothing happens any more, and the sensor's tick is evaluated again and again in one process, the stores in turns, with
{_PAUSE:g} s between; among so many ticks are some of the sweeps that come once a minute (the 99th percentile shows
them). CPU is that of this process: PostgreSQL's own is not in it."""


@dataclass
class Spent:
    """What the idle ticks on one store cost, in milliseconds."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


def run(_rounds: int, say: Say, quick: bool) -> Section:
    """Measure both storages with few and with many runs."""
    many, ticks = (QUICK_MANY, QUICK_TICKS) if quick else (MANY, TICKS)
    lines: list[list[str]] = []
    with tempfile.TemporaryDirectory(prefix="weather-bench-") as name, contextlib.ExitStack() as stack:
        directory = Path(name)
        postgres = EmbeddedPostgres(directory / "pg", log_file=directory / "pg.log")
        stack.callback(postgres.destroy)
        postgres.start()
        stores: dict[tuple[str, int], Stored] = {}
        for count in (FEW, many):
            for storage in ("SQLite", "PostgreSQL"):
                url = postgres.ensure_database(f"dagster_{count}") if storage == "PostgreSQL" else None
                home = directory / f"{storage}-{count}"
                stores[storage, count] = store_runs(home, count, apart=_APART, postgres_url=url, say=say)
        with Collector(directory / "events") as collector:
            spent = idle_ticks(stores, collector, ticks, say)
        for storage in ("SQLite", "PostgreSQL"):
            lines += _lines(storage, many, spent[storage, FEW], spent[storage, many])
    header = ["storage, stored runs", "wall, median ms", "p99 ms", "CPU, median ms", "wall, many / few", "CPU"]
    caption = f"One idle tick, {ticks} on each store"
    return Section("idle", "An idle tick", _METHOD, [table(caption, header, lines)], LINEAGE_PACKAGES)


def idle_ticks(
    stores: Mapping[tuple[str, int], Stored], collector: Collector, ticks: int, say: Say
) -> dict[tuple[str, int], Spent]:
    """Export the last hour of every store, then evaluate idle ticks in turns."""
    with contextlib.ExitStack() as stack:
        exporters = {key: stack.enter_context(_exporter(stored, collector.url)) for key, stored in stores.items()}
        for (storage, count), exporter in exporters.items():
            events = _export(exporter, collector)
            say(f"{storage}, {count:,} runs: {events:,} events, a cursor of {len(exporter.cursor or ''):,} characters")
        spent = {key: Spent() for key in exporters}
        for _ in range(ticks):
            for key, exporter in exporters.items():
                wall, cpu = time.perf_counter(), time.process_time()
                exporter.tick()
                spent[key].cpu.append((time.process_time() - cpu) * 1000)
                spent[key].wall.append((time.perf_counter() - wall) * 1000)
            time.sleep(_PAUSE)
        return spent


def _export(exporter: Ticks, collector: Collector) -> int:
    """Tick until nothing has come for a while; returns how many events came."""
    before = accepted = collector.count()
    silent = 0
    while silent < _SILENT_TICKS:
        exporter.tick()
        silent = silent + 1 if collector.count() == accepted else 0
        accepted = collector.count()
    return accepted - before


@contextlib.contextmanager
def _exporter(stored: Stored, url: str) -> Iterator[Ticks]:
    sensor = build_openlineage_sensor(namespace="bench", url=url, since=datetime.now(UTC) - _RECENT)
    with stored.instance() as instance:
        yield Ticks(instance, definitions(sensor))


def _lines(storage: str, many: int, few_spent: Spent, many_spent: Spent) -> list[list[str]]:
    base = statistics.median(few_spent.wall), statistics.median(few_spent.cpu)
    lines = []
    for count, spent in ((FEW, few_spent), (many, many_spent)):
        wall, cpu = statistics.median(spent.wall), statistics.median(spent.cpu)
        figures = (wall, percentile(spent.wall, 99), cpu, wall / base[0], cpu / base[1])
        lines.append([f"{storage}, {count:,}", *map(shown, figures)])
    return lines
