"""Where a backlog goes: the embedded lineage service, or a collector that is fast or as slow as a real Marquez."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, Self

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
def fresh_service() -> Iterator[Service]:
    """The same, on a server of its own that is empty."""
    with tempfile.TemporaryDirectory(prefix="weather-bench-") as name:
        directory = Path(name)
        postgres = EmbeddedPostgres(directory / "pg", log_file=directory / "pg.log")
        try:
            postgres.start()
            with lineage_service(postgres, directory) as service:
                yield service
        finally:
            postgres.destroy()


@contextlib.contextmanager
def running_service(database: str, directory: Path) -> Iterator[Service]:
    """The service on a database that is there."""
    with ServiceProcess(database, directory) as process, psycopg.connect(database, autocommit=True) as connection:
        yield Service(process.url, process.pid, connection)


class ServiceProcess:
    """The service in a process of its own, which may be killed and started again on its port."""

    def __init__(self, database: str, directory: Path) -> None:
        self._database = database
        self._port, self._mark = free_port(), uuid.uuid4().hex
        self._log = directory / f"service-{self._mark[:8]}.log"
        self._process: subprocess.Popen[Any] | None = None

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"http://{HOST}:{self._port}"

    @property
    def pid(self) -> int:
        """Its process."""
        return self._running.pid

    def start(self) -> None:
        """Start it and wait until it listens.

        Raises:
            RuntimeError: It does not, with the end of its log.
        """
        command = (sys.executable, "-m", "weather_pipeline.marquez.embedded", "--port", str(self._port))
        environment = {"WEATHER_LINEAGE_DATABASE_URL": self._database}
        name = self._log.stem
        self._process = launch(name, command, environment=environment, log_file=self._log, stack_id=self._mark)
        deadline = time.monotonic() + _START_TIMEOUT
        while not is_listening(self._port):
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise RuntimeError(f"The lineage service did not start: {self._log.read_text()[-2000:]}")
            time.sleep(0.02)

    def kill(self) -> None:
        """SIGKILL it."""
        self._running.kill()
        self._running.wait()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def _end(self) -> None:
        end(members(self._mark), grace=_STOP_GRACE)
        if self._process is not None:
            self._process.wait()

    @property
    def _running(self) -> subprocess.Popen[Any]:
        if self._process is None:
            raise RuntimeError("The lineage service was not started.")
        return self._process


@contextlib.contextmanager
def bare_collector(directory: Path, how: str = OK) -> Iterator[Collector]:
    """A collector with a file of its own, which accepts at once or `SLOW`."""
    with Collector(directory / f"collected-{uuid.uuid4().hex[:8]}") as collector:
        collector.behave(how)
        yield collector
