"""A proxy before the lineage service that fails as it is told and remembers what the service has accepted."""

from __future__ import annotations

import http.client
import json
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from types import TracebackType
from typing import Any, Self, cast

from benchmarks.lineage.killable import KillableServer
from tests.chaos.plan import Fault

REFUSED_JOB = "c_dagster"
"""Whose events are refused where only some are."""

_HOST = "127.0.0.1"
_STATUS = {Fault.ERROR: 500, Fault.BUSY: 429, Fault.LOCKED_OUT: 401, Fault.BAD: 400, Fault.PARTLY: 400}


@dataclass(frozen=True)
class Accepted:
    """An event that the service has answered with 2xx."""

    at: float
    """Seconds since the epoch."""
    event: dict[str, Any]


class Proxy:
    """The proxy; events pass it while `fault` is None or KILLED (then there is nobody behind it).

    Args:
        service_port: The lineage service's port on loopback.
    """

    def __init__(self, service_port: int) -> None:
        self.accepted: list[Accepted] = []
        self.answers: dict[int, int] = {}
        """Status → how often it was answered to a POST."""
        self.hit = threading.Event()
        """Set once the present fault has met a request."""
        self._service_port = service_port
        self._fault: Fault | None = None
        self._guard = threading.Lock()
        self._server: _Server | None = None
        self._port = 0

    @property
    def url(self) -> str:
        return f"http://{_HOST}:{self._port}"

    @property
    def fault(self) -> Fault | None:
        return self._fault

    @fault.setter
    def fault(self, fault: Fault | None) -> None:
        self._close()
        self._fault = fault
        self.hit.clear()
        if fault is not Fault.REFUSE:
            self._open()

    def __enter__(self) -> Self:
        self._open()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._close()

    def answer(self, method: str, path: str, body: bytes, headers: dict[str, str], hung: threading.Event) -> Any:
        """Status and body of the answer; None where there is none."""
        fault = self._fault if method == "POST" else None
        if fault is Fault.PARTLY and json.loads(body).get("job", {}).get("name") != REFUSED_JOB:
            fault = None
        if fault:
            self.hit.set()
        if fault is Fault.HANG:
            hung.wait()
            return None
        status = _STATUS.get(fault) if fault else None
        status, answer = (status, b"by plan") if status else self._pass_on(method, path, body, headers)
        if method == "POST":
            with self._guard:
                self.answers[status] = self.answers.get(status, 0) + 1
                if 200 <= status < 300:
                    self.accepted.append(Accepted(time.time(), json.loads(body)))
        return status, answer

    def _pass_on(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(_HOST, self._service_port, timeout=30)
        try:
            connection.request(method, path, body or None, headers)
            response = connection.getresponse()
            return response.status, response.read()
        except OSError as error:
            return 502, str(error).encode()
        finally:
            connection.close()

    def _open(self) -> None:
        self._server = _Server(self, self._port)
        self._port = self._server.server_address[1]
        self._server.begin()

    def _close(self) -> None:
        if self._server is not None:
            self._server.hung.set()
            self._server.kill()
            self._server = None


class _Server(KillableServer):
    def __init__(self, proxy: Proxy, port: int) -> None:
        self.proxy = proxy
        self.hung = threading.Event()
        super().__init__((_HOST, port), _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        self._handle("POST")

    def do_GET(self) -> None:
        self._handle("GET")

    def _handle(self, method: str) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {"Content-Type": self.headers["Content-Type"]} if body else {}
        server = cast("_Server", self.server)
        answered = server.proxy.answer(method, self.path, body, headers, server.hung)
        if answered is None:
            self.close_connection = True
            return
        status, content = answered
        self.send_response_only(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the base class names it so)
        pass
