"""The embedded lineage service as its users run it: a process of its own on a free port."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest
import requests

from weather_pipeline.stack.logs import tail
from weather_pipeline.stack.postgres import EmbeddedPostgres, free_port

_START_TIMEOUT = 60.0


class LineageService:
    """One service process on one database.

    Args:
        database_url: The database.
        log_file: Where its log goes.
        module: What is run, where not the product's own.
        arguments: Further ones of its command line.
        settings: Variables of its environment.
    """

    def __init__(
        self,
        database_url: str,
        log_file: Path,
        *,
        module: str = "weather_pipeline.marquez.embedded",
        arguments: Sequence[str] = (),
        **settings: str,
    ) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.database_url = database_url
        self.settings = settings
        self._module = module
        self._arguments = arguments
        self._log_file = log_file
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.launch()
        self.wait()

    def launch(self) -> None:
        command = [sys.executable, "-m", self._module, "--port", str(self.port), *self._arguments]
        environment = {**os.environ, "WEATHER_LINEAGE_DATABASE_URL": self.database_url, **self.settings}
        with self._log_file.open("ab") as log:
            self._process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)

    def wait(self) -> None:
        """Wait until it answers."""
        deadline = time.monotonic() + _START_TIMEOUT
        while not self._answers():
            assert self._process is not None
            assert self._process.poll() is None, tail(self._log_file)
            assert time.monotonic() < deadline, tail(self._log_file)
            time.sleep(0.05)

    def __enter__(self) -> Self:
        """Start it where it does not run yet."""
        if self._process is None:
            self.start()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(30)

    def send(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait; the exit status."""
        self.send(number)
        assert self._process is not None
        return self._process.wait(30)

    def post(self, event: Any, **options: Any) -> requests.Response:
        return requests.post(f"{self.url}/api/v1/lineage", json=event, timeout=30, **options)

    def accept(self, *events: Any) -> None:
        for event in events:
            response = self.post(event)
            assert response.status_code == 201, response.text

    def get(self, path: str) -> Any:
        response = requests.get(f"{self.url}{path}", timeout=30)
        assert response.status_code == 200, response.text
        return response.json()

    def log(self) -> str:
        return self._log_file.read_text() if self._log_file.exists() else ""

    def _answers(self) -> bool:
        try:
            return requests.get(f"{self.url}/healthcheck", timeout=5).ok
        except requests.ConnectionError:
            return False


@pytest.fixture(scope="module")
def service(
    postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[LineageService]:
    """A service on an empty database, shared by the tests of a module: each uses names of its own."""
    directory = tmp_path_factory.mktemp("lineage")
    name = request.module.__name__.rpartition(".")[2]
    with LineageService(postgres.ensure_database(f"lineage_{name}"), directory / "service.log") as running:
        yield running


@pytest.fixture
def new_service(new_database: Callable[[], str], tmp_path: Path) -> Iterator[LineageService]:
    """A service on an empty database for one test, which may stop and start it."""
    with LineageService(new_database(), tmp_path / "service.log") as running:
        yield running
