"""A read-only reverse proxy to Marquez's API: only GET, only below /api/, answers streamed as they come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from urllib.parse import unquote

import requests
from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response, StreamingResponse

from weather_pipeline.urls import without_login

_TIMEOUT = (3.05, 30.0)
"""Seconds to connect, and between two parts of an answer."""

_AT_ONCE = 24
"""How many requests wait for Marquez at once. The server has 40 threads: a Marquez that does not answer leaves some for
the page's own files and its health check.
"""

_CHUNK = 64 * 1024
_PASSED_TO_BACKEND = ("accept", "accept-encoding", "if-none-match")
_PASSED_TO_CLIENT = ("content-type", "content-encoding", "content-length", "etag")


class MarquezProxy:
    """Passes GET requests to one Marquez.

    Args:
        base_url: Where Marquez answers, without /api: `http://localhost:5000`. A user and password in it are used
            toward Marquez and shown to nobody.
        token: Bearer token, used likewise where the URL has no user and password.

    Attributes:
        url: The base URL as it may be shown.
    """

    def __init__(self, base_url: str, token: str | None = None) -> None:
        self._base_url = base_url.rstrip("/")
        self.url = without_login(self._base_url)
        self._credentials = {"Authorization": f"Bearer {token}"} if token else {}
        self._turn = asyncio.Semaphore(_AT_ONCE)

    async def get(self, request: Request) -> Response:
        """Answer with what Marquez answers: its status, type and body.

        400 for a path that leaves /api/, 502 with the reason where Marquez is away or answers with a redirect.
        """
        # The raw path: `%2F` in a namespace must reach Marquez as it is.
        path = request.scope["raw_path"].decode("ascii", errors="replace")
        if not is_below_api(path):
            return _problem(400, f"The path {path!r} is not below /api/.")
        query = request.url.query
        url = f"{self._base_url}{path}" + (f"?{query}" if query else "")
        headers: dict[str, str | None] = {name: request.headers.get(name) for name in _PASSED_TO_BACKEND}
        try:
            async with self._turn:
                answer = await run_in_threadpool(_fetch, url, {**headers, **self._credentials})
        except requests.RequestException as error:
            return _problem(502, self._away(error))
        if answer.is_redirect:
            answer.close()
            target = without_login(answer.headers["location"])
            return _problem(502, f"{self.url} answers with a redirect to {target}: is it Marquez?")
        passed = {name: answer.headers[name] for name in _PASSED_TO_CLIENT if name in answer.headers}
        return StreamingResponse(self._body(answer), status_code=answer.status_code, headers=passed)

    async def _body(self, answer: requests.Response) -> AsyncIterator[bytes]:
        """The body as the backend encoded it."""
        with answer:
            parts = answer.raw.stream(_CHUNK, decode_content=False)
            while True:
                async with self._turn:
                    part = await run_in_threadpool(_next, parts)
                if part is None:
                    return
                yield part

    def _away(self, error: requests.RequestException) -> str:
        if isinstance(error, requests.Timeout):
            return f"The lineage backend at {self.url} does not answer in time."
        if isinstance(error, requests.ConnectionError):
            return f"The lineage backend at {self.url} can't be reached."
        # The text of other errors may quote the whole address.
        return f"The lineage backend at {self.url} can't be asked ({type(error).__name__})."


def is_below_api(path: str) -> bool:
    """Whether a raw request path stays below /api/ however the backend decodes it."""
    decoded = path
    for _ in range(3):
        decoded = unquote(decoded)
    # What follows a semicolon in a segment is no part of its name for a server in Java, as Marquez is.
    segments = {segment.partition(";")[0] for segment in decoded.replace("\\", "/").split("/")}
    return path.startswith("/api/") and not {".", ".."} & segments


def _fetch(url: str, headers: dict[str, str | None]) -> requests.Response:
    with requests.Session() as session:
        # Neither a proxy nor a password of this user's environment belongs in these requests.
        session.trust_env = False
        session.headers.clear()
        present = {name: value for name, value in headers.items() if value}
        return session.get(url, headers=present, stream=True, timeout=_TIMEOUT, allow_redirects=False)


def _next(parts: Iterator[bytes]) -> bytes | None:
    return next(parts, None)


def _problem(status: int, reason: str) -> JSONResponse:
    """An error of the proxy's own, in the shape of Marquez's errors."""
    return JSONResponse({"code": status, "message": reason}, status_code=status)
