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
from typing import LiteralString

import psutil
import psycopg
from psycopg import sql

from benchmarks.lineage.deployment import ROOT
from benchmarks.lineage.figures import shown
from benchmarks.lineage.sinks import running_service
from benchmarks.report import SERVICE_PACKAGES, Section, table
from benchmarks.service.bodies import SPAN, copies_with, copy_of, exported_runs
from weather_pipeline.marquez.embedded.body import parse_json
from weather_pipeline.marquez.embedded.database import Database
from weather_pipeline.marquez.embedded.ingest import ingest
from weather_pipeline.marquez.embedded.reading import parse_event
from weather_pipeline.stack.postgres import EmbeddedPostgres

Say = Callable[[str], None]

FEW, MANY, QUICK_MANY = 1_000, 1_000_000, 20_000
_MEASURED, _QUICK_MEASURED = 10_000, 1_000

# The tables that grow with each run; a copy has other ids and is later.
_COPIES: tuple[LiteralString, ...] = (
    """
    CREATE FUNCTION pg_temp.other(id uuid, copy int) RETURNS uuid LANGUAGE sql IMMUTABLE
    RETURN md5(id::text || copy)::uuid
    """,
    """
    INSERT INTO runs
    SELECT pg_temp.other(id, n), job_id, external_id, pg_temp.other(parent_run_id, n), created_at + n * %(span)s,
        updated_at + n * %(span)s, state, state_at + n * %(span)s, started_at + n * %(span)s,
        ended_at + n * %(span)s, args, job_version_id, facets, job_facets
    FROM runs CROSS JOIN generate_series(1, %(copies)s) AS n
    """,
    """
    INSERT INTO dataset_versions
    SELECT pg_temp.other(id, n), dataset_id, pg_temp.other(run_id, n), fields, lifecycle_state, facets, output_facets,
        created_at + n * %(span)s
    FROM dataset_versions CROSS JOIN generate_series(1, %(copies)s) AS n
    """,
    """
    INSERT INTO run_inputs
    SELECT pg_temp.other(run_id, n), pg_temp.other(version_id, n), dataset_id, facets
    FROM run_inputs CROSS JOIN generate_series(1, %(copies)s) AS n
    """,
    """
    INSERT INTO lineage_events (event_at, event_type, run_id, body)
    SELECT event_at + n * %(span)s, event_type, pg_temp.other(run_id, n), body
    FROM lineage_events CROSS JOIN generate_series(1, %(copies)s) AS n ORDER BY n, id
    """,
)

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
            asyncio.run(_fill(postgres.ensure_database(_template(size)), runs, size))
            say(f"{size:,} events stored in {time.monotonic() - began:.0f} s")
        file, each = directory / "bodies", copies_with(runs, measured)
        for number in range(rounds):
            first = copies_with(runs, MANY) + number * each
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


async def _fill(url: str, runs: Sequence[Sequence[str]], events: int) -> None:
    """Store events: one copy of all runs by the service's own code, more of them by copying its rows."""
    database = Database(url)
    await database.open()
    async with database.connection() as connection:
        await connection.execute("SET synchronous_commit = off")
        bodies = [body for run in copy_of(runs, 0) for body in run][:events]
        if bodies:
            await ingest(connection, [parse_event(parse_json(body.encode()), body) for body in bodies])
            for statement in _COPIES:
                parameters = {"copies": events // len(bodies) - 1, "span": SPAN} if "%(" in statement else None
                await connection.execute(statement, parameters)
        await connection.execute("VACUUM ANALYZE")
    await database.close()


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
