"""Where a backlog goes: the embedded lineage service, or a collector that is fast or as slow as a real Marquez."""

from __future__ import annotations

import contextlib
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import psycopg
from psycopg import sql

from benchmarks.lineage.collector import OK, Collector
from weather_pipeline.stack.ports import HOST, free_port, is_listening
from weather_pipeline.stack.postgres import EmbeddedPostgres
from weather_pipeline.stack.process import end, launch, members

_START_TIMEOUT = 60.0
_STOP_GRACE = 15.0


class Sink(Protocol):
    """A backend that counts what it has accepted."""

    @property
    def url(self) -> str:
        """Its base URL."""
        ...

    def count(self) -> int:
        """Events accepted so far."""
        ...


@dataclass(frozen=True)
class Service:
    """The embedded lineage service, empty at first."""

    url: str
    pid: int
    database: psycopg.Connection = field(repr=False)

    def count(self) -> int:
        """Events accepted so far."""
        row = self.database.execute("SELECT count(*) FROM lineage_events").fetchone()
        return row[0] if row else 0


@contextlib.contextmanager
def lineage_service(postgres: EmbeddedPostgres, directory: Path) -> Iterator[Service]:
    """The service in a process of its own, on a new database of the stack's kind of server."""
    name = f"lineage_{uuid.uuid4().hex[:8]}"
    try:
        with running_service(postgres.ensure_database(name), directory) as service:
            yield service
    finally:
        with psycopg.connect(postgres.url(), autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@contextlib.contextmanager
def running_service(database: str, directory: Path) -> Iterator[Service]:
    """The service in a process of its own, on a database that is there."""
    port, mark = free_port(), uuid.uuid4().hex
    log = directory / f"service-{mark[:8]}.log"
    command = (sys.executable, "-m", "weather_pipeline.marquez.embedded", "--port", str(port))
    environment = {"WEATHER_LINEAGE_DATABASE_URL": database}
    process = launch(log.stem, command, environment=environment, log_file=log, stack_id=mark)
    try:
        deadline = time.monotonic() + _START_TIMEOUT
        while not is_listening(port):
            if time.monotonic() > deadline:
                raise RuntimeError(f"The lineage service did not start: {log.read_text()[-2000:]}")
            time.sleep(0.1)
        with psycopg.connect(database, autocommit=True) as connection:
            yield Service(f"http://{HOST}:{port}", process.pid, connection)
    finally:
        end(members(mark), grace=_STOP_GRACE)
        process.wait()


@contextlib.contextmanager
def bare_collector(directory: Path, how: str = OK) -> Iterator[Collector]:
    """A collector with a file of its own, which accepts at once or `SLOW`."""
    with Collector(directory / f"collected-{uuid.uuid4().hex[:8]}") as collector:
        collector.behave(how)
        yield collector
