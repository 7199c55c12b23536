"""Events a second, on an empty store and on one with a million events."""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg
from psycopg import sql

from benchmarks.lineage.deployment import ROOT
from benchmarks.lineage.figures import shown
from benchmarks.lineage.sinks import running_service
from benchmarks.report import SERVICE_PACKAGES, Section, table
from benchmarks.service.bodies import copies_with, copy_of, exported_runs
from benchmarks.service.history import repeat_runs
from weather_pipeline.marquez.embedded.body import parse_json
from weather_pipeline.marquez.embedded.database import connected, migrate
from weather_pipeline.marquez.embedded.ingest import ingest
from weather_pipeline.marquez.embedded.reading import parse_event
from weather_pipeline.stack.postgres import EmbeddedPostgres

Say = Callable[[str], None]

FEW, MANY, QUICK_MANY = 1_000, 1_000_000, 20_000
_MEASURED, _QUICK_MEASURED = 10_000, 1_000

_METHOD = """\
The service as the stack runs it, a process of its own on the embedded PostgreSQL with its default settings (`fsync` and
`synchronous_commit` on), and a load generator with eight kept connections; all share the machine. The generator sends
what the exporter sent for runs of the four-asset job of “Exporters side by side”, with other run ids and later times
for each copy; the events of one run one after another. It builds its requests beforehand. Before the measured rounds
the store holds so many events of the same kind: one copy of all runs was stored by the service's own code, the others
are copies of its rows in every table that grows with a run. Each round begins with a copy of that database, and the
stores take turns. After each round every event that was answered 201 is counted in the database. CPU is that of each
process, PostgreSQL's with all its children."""


@dataclass(frozen=True)
class _Round:
    rate: float
    latencies: Sequence[float]
    cpu_ms: tuple[float, float, float]
    """Service, PostgreSQL, generator: milliseconds for each event."""


def run(rounds: int, say: Say, quick: bool) -> Section:
    """Measure the rate on a store with few events and on one with many."""
    sizes = (0, FEW, QUICK_MANY if quick else MANY)
    measured = _QUICK_MEASURED if quick else _MEASURED
    found: dict[int, list[_Round]] = {size: [] for size in sizes}
    with tempfile.TemporaryDirectory(prefix="weather-bench-") as name, ExitStack() as stack:
        directory = Path(name)
        postgres = EmbeddedPostgres(directory / "pg", log_file=directory / "pg.log")
        stack.callback(postgres.destroy)
        server_pid = postgres.start().pid
        runs = exported_runs(directory, say)
        size_of_body = statistics.mean(len(body) for bodies in runs for body in bodies)
        for size in sizes:
            began = time.monotonic()
            _fill(postgres.ensure_database(_template(size)), runs, size)
            say(f"{size:,} events stored in {time.monotonic() - began:.0f} s")
        file, each = directory / "bodies", copies_with(runs, measured)
        for number in range(rounds):
            first = 1 + number * each
            later = [copy_of(runs, copy) for copy in range(first, first + each)]
            file.write_text("".join(json.dumps(bodies) + "\n" for copy in later for bodies in copy))
            for size in sizes:
                found[size].append(_round(postgres, server_pid, directory, size, file))
                say(f"round {number + 1}, {size:,} stored events: {found[size][-1].rate:.0f} events/s")
    header = [
        "stored events", "events/s", "of that with the fewest", "p50 ms", "p95 ms", "service, CPU ms an event",
        "PostgreSQL", "generator",
    ]  # fmt: skip
    first = statistics.median(each.rate for each in found[FEW])
    lines = [_line(size, found[size], first) for size in sizes]
    caption = f"{rounds} rounds of {measured:,} events, {size_of_body / 1000:.1f} kB each on average, 8 connections"
    return Section("ingest", "Lineage service: ingest", _METHOD, [table(caption, header, lines)], SERVICE_PACKAGES)


def _line(size: int, rounds: Sequence[_Round], first: float) -> list[str]:
    rate = statistics.median(each.rate for each in rounds)
    latencies = sorted(latency for each in rounds for latency in each.latencies)
    percentiles = [latencies[int(len(latencies) * share)] * 1000 for share in (0.5, 0.95)]
    cpu = [statistics.median(each.cpu_ms[place] for each in rounds) for place in range(3)]
    return [f"{size:,}", shown(rate, 0), shown(rate / first), *(shown(each) for each in (*percentiles, *cpu))]


def _fill(url: str, runs: Sequence[Sequence[str]], events: int) -> None:
    """Store events: one copy of all runs by the service's own code, more of them by copying its rows."""
    bodies = [body for run in copy_of(runs, 0) for body in run][:events]
    asyncio.run(_store(url, bodies))
    if bodies:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("SET synchronous_commit = off")
            repeat_runs(connection, events // len(bodies) - 1)


async def _store(url: str, bodies: Sequence[str]) -> None:
    await migrate(url)
    if bodies:
        async with connected(url) as connection:
            await ingest(connection, [parse_event(parse_json(body.encode()), body) for body in bodies])


def _round(postgres: EmbeddedPostgres, server_pid: int, directory: Path, size: int, file: Path) -> _Round:
    database = f"round_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        names = [sql.Identifier(name) for name in (database, _template(size))]
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*names))
        connection.execute("CHECKPOINT")
        try:
            return _measured(postgres.url(database), server_pid, directory, file)
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(names[0]))


def _measured(url: str, server_pid: int, directory: Path, file: Path) -> _Round:
    with running_service(url, directory) as service:
        before = service.count()
        servers = [psutil.Process(service.pid), psutil.Process(server_pid)]
        cpu = [_cpu(server) for server in servers]
        command = [sys.executable, "-m", "benchmarks.service.generator", str(file), service.url.rpartition(":")[2]]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        used = [_cpu(server) - earlier for server, earlier in zip(servers, cpu, strict=True)]
        found = json.loads(done.stdout)
        if found["refused"] or found["missing"] or service.count() - before != found["events"]:
            raise RuntimeError(f"Not every event was stored: {found['missing']} missing, refused: {found['refused']}")
    events = found["events"]
    in_ms = [seconds / events * 1000 for seconds in (*used, found["cpu_seconds"])]
    return _Round(events / found["seconds"], found["latencies"], (in_ms[0], in_ms[1], in_ms[2]))


def _cpu(server: psutil.Process) -> float:
    """CPU seconds of a process and its children, those that ended included."""
    total = 0.0
    for process in (server, *server.children(recursive=True)):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    ended = server.cpu_times()
    return total + ended.children_user + ended.children_system


def _template(size: int) -> str:
    return f"stored_{size}"
