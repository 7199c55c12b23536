"""A lineage backend of our own for tests: a real HTTP server that keeps what it accepts and can be told to fail."""

from __future__ import annotations

import gzip
import json
import ssl
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any, ClassVar, Self

from benchmarks.lineage.killable import KillableServer

Answer = tuple[int, str]


class Collector:
    """Accepts events on `url` with 201, unless `behave` says otherwise.

    `behave` gets the event and returns (status, body); a status of 0 hangs for `hang` seconds, then hangs up.
    `answer_headers` go with every answer; with `tls` it speaks HTTPS.
    """

    hang = 30.0
    listeners: ClassVar[list[Callable[[Collector, dict[str, Any]], None]]] = []
    """Hear every event that any backend accepts."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.answer_headers: dict[str, str] = {}
        self.connections = 0
        self.tls: ssl.SSLContext | None = None
        self.behave: Callable[[dict[str, Any]], Answer] = lambda event: (201, "")
        self._lock = threading.Lock()
        self._server: KillableServer | None = None
        self.port = 0
        self._stopping = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._stopping.clear()
        self._server = KillableServer(("127.0.0.1", self.port), _handler(self))
        if self.tls:
            self._server.socket = self.tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.port = self._server.server_address[1]
        self._server.begin()

    def stop(self) -> None:
        """Stop as a killed server does: kept connections end too."""
        self._stopping.set()
        if self._server:
            self._server.kill()
            self._server = None

    def _take(self, event: dict[str, Any], headers: dict[str, str]) -> Answer:
        with self._lock:
            self.requests.append(event)
            self.headers.append(headers)
            status, text = self.behave(event)
            if 200 <= status < 300:
                self.events.append({**event, "_at": time.time()})
                for listener in Collector.listeners:
                    listener(self, event)
            return status, text

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def of(self, job: str) -> list[dict[str, Any]]:
        """The accepted events of one job's runs, in the order of their arrival."""
        return [event for event in self.events if "run" in event and event["job"]["name"] == job]

    def kinds(self, job: str) -> list[str]:
        return [event["eventType"] for event in self.of(job)]


def _handler(collector: Collector) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def setup(self) -> None:
            super().setup()
            collector.connections += 1

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            status, text = collector._take(json.loads(body), dict(self.headers))
            if status == 0:
                collector._stopping.wait(collector.hang)
                self.close_connection = True
                return
            self._answer(status, text)

        def do_GET(self) -> None:
            self._answer(200, '{"namespaces": []}')

        def _answer(self, status: int, text: str) -> None:
            data = text.encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            for name, value in collector.answer_headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the base's name)
            pass

    return Handler
