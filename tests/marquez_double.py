"""A Marquez that only repeats: it serves answers recorded from a real one, or answers given to it, over HTTP."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode, urlsplit

Answer = tuple[int, Any]
"""Status and JSON body."""

NO_JOBS: Answer = (200, {"jobs": [], "totalCount": 0})
NO_DATASETS: Answer = (200, {"datasets": [], "totalCount": 0})
NOT_FOUND: Answer = (404, {"code": 404, "message": "HTTP 404 Not Found"})


@cache
def exchanges() -> list[dict[str, Any]]:
    """All exchanges recorded from a real Marquez, in order; see `data/marquez/README.md`."""
    file = Path(__file__).parent / "data" / "marquez" / "exchanges.ndjson.gz"
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


class Recording:
    """The recorded exchanges, and a position in them: a GET answers what was recorded last before it.

    Moving the position shows what a page would see while events arrive.
    """

    def __init__(self, position: int) -> None:
        self.position = position

    def __call__(self, target: str) -> Answer:
        """The answer to a GET, whatever its paging; that of a lineage graph, to any of its nodes."""
        bare = _without_paging(target)
        answer = self._last(target) or self._last(bare) or self._page_of_events(bare) or self._graph_with(target)
        # As recorded for the namespace `nope`: Marquez lists nothing of a namespace that it does not know.
        unknown = {"jobs": NO_JOBS, "datasets": NO_DATASETS}
        return answer or unknown.get(urlsplit(target).path.rpartition("/")[2], NOT_FOUND)

    def _last(self, target: str, form: Callable[[str], str] = str) -> Answer | None:
        for exchange in reversed(exchanges()[: self.position]):
            if exchange["method"] == "GET" and form(exchange["path"]) == target:
                return exchange["status"], exchange["response"]
        return None

    def _page_of_events(self, bare: str) -> Answer | None:
        """A page of events as it was recorded, whatever its length."""
        return self._last(bare, _without_paging) if bare.startswith("/api/v1/events/") else None

    def _graph_with(self, target: str) -> Answer | None:
        """The newest whole graph that holds the node asked for: as far as it reaches it is the same from every node."""
        parts = urlsplit(target)
        if parts.path != "/api/v1/lineage":
            return None
        node = dict(parse_qsl(parts.query))["nodeId"]
        for exchange in reversed(exchanges()[: self.position]):
            if exchange["path"].startswith("/api/v1/lineage?") and "depth=20" in exchange["path"]:
                graph = exchange["response"].get("graph", [])
                if any(each["id"] == node for each in graph):
                    return 200, exchange["response"]
        return None


class MarquezDouble:
    """An HTTP server on loopback that answers GET by a function of the request target, and keeps what it was asked."""

    def __init__(self, answer: Callable[[str], Answer]) -> None:
        self.answer = answer
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.port = 0
        self._server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        """Its base URL; the same after a stop and a start."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Listen; on the same port as before where it had one."""
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), _handler(self))
        self._server.daemon_threads = True
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self) -> None:
        """Stop listening: connections are refused from now."""
        server, self._server = self._server, None
        if server:
            server.shutdown()
            server.server_close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _handler(double: MarquezDouble) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            double.requests.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}))
            status, body = double.answer(self.path)
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.send_header("Set-Cookie", "backend=1")
            if 300 <= status < 400:
                self.send_header("Location", body)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the name is the base class's)
            """Nothing: the requests are kept."""

    return Handler


def _without_paging(target: str) -> str:
    parts = urlsplit(target)
    query = urlencode([pair for pair in parse_qsl(parts.query) if pair[0] not in {"limit", "offset"}])
    return parts._replace(query=query).geturl()
