"""A proxy in front of Dagster's webserver, which makes trouble with the answer to one question."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests

Trouble = Callable[[bytes], bytes | None]
"""Gets Dagster's answer; returns an error to send with status 500 in its place, or None to break off."""


@contextmanager
def between(dagster: str, words: str, trouble: Trouble) -> Iterator[str]:
    """The address of a proxy that makes trouble, once, where a question holds some words."""
    left = [trouble]

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            question = self.rfile.read(int(self.headers["Content-Length"]))
            with requests.Session() as session:
                session.trust_env = False
                answer = session.post(dagster + self.path, question, headers={"Content-Type": "application/json"})
            status, body = answer.status_code, answer.content
            if words.encode() in question and left:
                error = left.pop()(body)
                if error is None:
                    return
                status, body = 500, error
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

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
    assert not left, f"no question held {words!r}"
