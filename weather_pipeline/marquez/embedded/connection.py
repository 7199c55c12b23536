"""One client's connection, with the bounds that uvicorn does not set.

uvicorn waits for ever for the rest of a request line, of headers, and for a client to take its answer, and takes
headers of any size. Bodies are bounded where they are read (`body.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import ClassVar

from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from weather_pipeline.marquez.embedded.answers import problem, retry_after
from weather_pipeline.marquez.embedded.limits import Limits

_WAIT_WHEN_FULL = 2


class Connection(HttpToolsProtocol):
    """A connection that ends where a client keeps it waiting, sends too much, or is one too many."""

    limits: ClassVar[Limits] = Limits()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a request, though not for ever."""
        super().connection_made(transport)
        if len(self.connections) > self.limits.connections:
            self.app = _full  # type: ignore[assignment]
        self._head = _Deadline(self.loop, self.limits.head_seconds, self._on_no_head)
        self._answer = _Deadline(self.loop, self.limits.answer_seconds, transport.abort)
        self._in_head = False
        self._head_bytes = self._unread_bytes = 0
        if len(self.connections) > 2 * self.limits.connections:
            transport.abort()
        else:
            self._head.begin()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget what was waited for."""
        self._head.end()
        self._answer.end()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, but no endless head."""
        if self.cycle is None or self.cycle.response_complete:
            # Any byte ends uvicorn's wait for a further request; ours lasts until its head is whole.
            self._head.begin()
        # Of a header the parser only tells once it has ended: until it tells of anything, what it got counts.
        self._unread_bytes += len(data)
        super().data_received(data)
        if self._is_head_too_large:
            self._refuse(*self._too_large())

    def on_message_begin(self) -> None:
        """The first byte of a request is there."""
        super().on_message_begin()
        self._in_head = True
        self._head_bytes = self._unread_bytes = 0

    def on_url(self, url: bytes) -> None:
        """A part of the address is there."""
        super().on_url(url)
        self._count(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header is there; after a chunked body also one of those that may follow it."""
        super().on_header(name, value)
        self._count(len(name) + len(value))

    def on_headers_complete(self) -> None:
        """The head is whole: the request goes to the service."""
        self._in_head = False
        self._unread_bytes = 0
        self._head.end()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of the body is there."""
        self._unread_bytes = 0
        super().on_body(body)

    def send_400_response(self, msg: str) -> None:
        """Answer what can't be understood as HTTP, in the shape of all other errors."""
        if self._is_head_too_large:
            self._refuse(*self._too_large())
        else:
            self._refuse(HTTPStatus.BAD_REQUEST, msg)

    def pause_writing(self) -> None:
        """The client does not take its answer as fast as it is written."""
        super().pause_writing()
        self._answer.begin()

    def resume_writing(self) -> None:
        """The client has taken nearly all of it."""
        self._answer.end()
        super().resume_writing()

    def _on_no_head(self) -> None:
        if self._in_head:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, "The request line and the headers did not arrive in time.")
        else:
            self.transport.close()

    def _count(self, size: int) -> None:
        self._unread_bytes = 0
        self._head_bytes += size
        if self._is_head_too_large:
            raise ValueError("too large")  # the parser stops, and uvicorn calls `send_400_response`

    @property
    def _is_head_too_large(self) -> bool:
        return self._head_bytes + self._unread_bytes > self.limits.head_bytes

    def _too_large(self) -> tuple[HTTPStatus, str]:
        message = f"The request line and the headers are larger than {self.limits.head_bytes} bytes."
        return HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, message

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        """Answer in place of the service, and close."""
        if self.transport.is_closing():
            return
        answer = problem(status, message, {"Connection": "close"})
        headers = (b"%b: %b\r\n" % header for header in (*self.server_state.default_headers, *answer.raw_headers))
        self.transport.write(b"".join((STATUS_LINE[status], *headers, b"\r\n", answer.body)))
        self.transport.close()


def bounded(limits: Limits) -> type[Connection]:
    """Connections with bounds of their own."""
    return type("BoundedConnection", (Connection,), {"limits": limits})


class _Deadline:
    """What happens unless something else has happened before."""

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float, missed: Callable[[], object]) -> None:
        self._loop, self._seconds, self._missed = loop, seconds, missed
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Let the time run; one that runs already is not made longer."""
        if self._timer is None:
            self._timer = self._loop.call_later(self._seconds, self._missed)

    def end(self) -> None:
        """It has happened."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


async def _full(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers in place of the service while too many clients are connected."""
    answer = problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "Too many clients are connected. Nothing of this request was looked at: send it again.",
        {**retry_after(_WAIT_WHEN_FULL), "Connection": "close"},
    )
    await answer(scope, receive, send)
