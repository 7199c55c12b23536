"""A local server that answers as it is told, one answer after the other."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from tests.http_server import QuietHandler, serving
from weather_pipeline.sources.misbehaviour import Answer

__all__ = ["Answer", "Misbehaving", "misbehaving"]


class Misbehaving:
    """The server's state: answers to give (the last one is repeated) and the requests seen."""

    def __init__(self, url: str, answers: list[Answer]) -> None:
        self.url = url
        self.answers = answers
        self.requests: list[str] = []
        self.authorizations: list[str | None] = []


@contextmanager
def misbehaving(*answers: Answer, tls: ssl.SSLContext | None = None) -> Iterator[Misbehaving]:
    """Serve these answers on loopback, over TLS where there is a context for it."""

    class Handler(QuietHandler):
        def do_GET(self) -> None:
            state.requests.append(self.path)
            state.authorizations.append(self.headers["Authorization"])
            answer = state.answers.pop(0) if len(state.answers) > 1 else state.answers[0]
            self.send_response(answer.status)
            self.send_header("Content-Length", str(len(answer.body) + answer.missing))
            for name, value in {"Content-Type": "application/json", **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

    with serving(Handler, tls) as url:
        state = Misbehaving(url, list(answers))
        yield state
