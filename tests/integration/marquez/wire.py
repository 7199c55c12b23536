"""A client that sends what no library would: bytes, as many and as late as a test likes."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from http.client import HTTPResponse
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True)
class Reply:
    """An answer that was read to its end."""

    status: int
    headers: dict[str, str]
    text: str

    def json(self) -> Any:
        return json.loads(self.text)


class Wire:
    """One connection to a service on loopback."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.socket.close()

    def send(self, *lines: str, body: bytes = b"") -> None:
        """Send whole lines, then bytes."""
        self.socket.sendall("".join(f"{line}\r\n" for line in lines).encode() + body)

    def reply(self) -> Reply:
        """The next answer."""
        response = HTTPResponse(self.socket)
        response.begin()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Reply(response.status, headers, response.read().decode())

    def is_ended(self) -> bool:
        """Whether the service ends the connection without a further byte; waits until it does one or the other."""
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True
