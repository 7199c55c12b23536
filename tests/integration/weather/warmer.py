"""The replay server's answers with every temperature 5 °C higher: what another fetch of the same hours may bring."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from weather_pipeline.sources.replay_protocol import answer

WARMER = 5.0


def warmed(place: Any) -> Any:
    """The body of one place, with warmer hours."""
    hourly = place["hourly"]
    readings = [reading if reading is None else reading + WARMER for reading in hourly["temperature_2m"]]
    return {**place, "hourly": {**hourly, "temperature_2m": readings}}


@contextmanager
def warmer_server() -> Iterator[str]:
    """The address of the server, as for `WEATHER_OPEN_METEO_URL`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            body: Any = answer(url.path, url.query, now=datetime.now(UTC))
            content = json.dumps([warmed(place) for place in body] if isinstance(body, list) else warmed(body)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the base class names it so)
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
