"""A lineage backend of our own for tests: a real HTTP server that keeps what it accepts and can be told to fail."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

Answer = tuple[int, str]


class Collector:
    """Accepts events on `url` with 201, unless `behave` says otherwise.

    `behave` gets the event and returns (status, body); a status of 0 hangs for `hang` seconds, then hangs up.
    """

    hang = 30.0

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.behave: Callable[[dict[str, Any]], Answer] = lambda event: (201, "")
        self._lock = threading.Lock()
        self._server: ThreadingHTTPServer | None = None
        self.port = 0
        self._stopping = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        collector = self
        self._stopping.clear()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                event = json.loads(body)
                status, text = collector._take(event, dict(self.headers))
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
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the base's name)
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                pass  # a client that went away while we hung

        self._server = Server(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def stop(self) -> None:
        self._stopping.set()
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def _take(self, event: dict[str, Any], headers: dict[str, str]) -> Answer:
        with self._lock:
            self.requests.append(event)
            self.headers.append(headers)
            status, text = self.behave(event)
            if 200 <= status < 300:
                self.events.append({**event, "_at": time.time()})
            return status, text

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def of(self, job: str) -> list[dict[str, Any]]:
        """The accepted events of one job, in the order of their arrival."""
        return [event for event in self.events if event.get("job", {}).get("name") == job]

    def kinds(self, job: str) -> list[str]:
        return [event["eventType"] for event in self.of(job)]
