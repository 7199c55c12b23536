"""A proxy in front of Dagster's webserver, which makes trouble with the answer to one question."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import requests

from tests.http_server import QuietHandler, serving

Trouble = Callable[[bytes], bytes | None]
"""Gets Dagster's answer; returns an error to send with status 500 in its place, or None to break off."""


@contextmanager
def between(dagster: str, words: str, trouble: Trouble) -> Iterator[str]:
    """The address of a proxy that makes trouble, once, where a question holds some words."""
    left = [trouble]

    class Handler(QuietHandler):
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
            self.reply(status, body)

    with serving(Handler) as url:
        yield url
    assert not left, f"no question held {words!r}"
