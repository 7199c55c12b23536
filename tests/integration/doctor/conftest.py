"""Where the doctor looks in these tests, and servers that answer as a test wants."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from weather_pipeline.doctor.examine import Report, examine
from weather_pipeline.doctor.finding import Finding, Status
from weather_pipeline.doctor.surroundings import Surroundings, running_stack
from weather_pipeline.settings import Settings

Look = Callable[..., Finding]
Answers = Callable[[str, str], tuple[int, Mapping[str, str], str]]
"""Method and target → status, headers and body."""


@pytest.fixture
def examined(tmp_path: Path) -> Callable[..., Report]:
    """Runs checks with settings by name, in an empty state directory unless told otherwise."""

    def run(*names: str, environment: Mapping[str, str] | None = None, **settings: Any) -> Report:
        given = Settings(**{"home": tmp_path / "home", **settings})
        surroundings = Surroundings(
            settings=given,
            environment=environment or {},
            directory=tmp_path,
            user=tmp_path,
            stack=running_stack(given),
            command=lambda arguments: f"weather {arguments}",
        )
        return examine(surroundings, names)

    return run


@pytest.fixture
def look(examined: Callable[..., Report]) -> Look:
    """Runs one check that has one finding."""

    def run(name: str, **given: Any) -> Finding:
        (finding,) = examined(name, **given).findings
        if finding.status in (Status.WARNING, Status.PROBLEM):
            assert finding.cause
            assert finding.remedy
        return finding

    return run


@pytest.fixture
def serve() -> Iterator[Callable[[Answers], str]]:
    """Starts a real HTTP server that answers by a function; returns its base URL."""
    servers: list[ThreadingHTTPServer] = []

    def start(answers: Answers) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, headers, body = answers(self.command, self.path)
                self.send_response_only(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body.encode())

            do_CONNECT = do_HEAD = do_GET

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the name is the base class's)
                """Nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        servers.append(server)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()
