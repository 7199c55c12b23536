"""How our servers begin: the sockets they take before anything else, so that a taken port is said at once."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from typing import Any

import uvicorn

from weather_pipeline.errors import PortTaken


def bound(host: str, port: int, *, server: str) -> list[socket.socket]:
    """Sockets on all addresses of a host; they refuse connections until somebody listens.

    Args:
        host: An address, or a name that may have several.
        port: The port.
        server: Who wants it, as the beginning of a sentence.

    Raises:
        PortTaken: The address can't be had; names it and the system's reason.
    """
    sockets: list[socket.socket] = []
    try:
        for family, _, _, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            if (each := _bound(family, address)) is not None:
                sockets.append(each)
    except OSError as error:
        for each in sockets:
            each.close()
        raise cannot_listen(host, port, error.strerror, server=server) from error
    if not sockets:
        raise cannot_listen(host, port, "This machine has no such address", server=server)
    return sockets


def cannot_listen(host: str, port: int, reason: str | None, *, server: str) -> PortTaken:
    """What to say where an address can't be had."""
    return PortTaken(f"{server} can't listen on {host}:{port}: {reason}. Give another with --port.")


def _bound(family: int, address: Any) -> socket.socket | None:
    """A socket; None where this machine does not have the address, as for a name that has one of IPv6 too."""
    try:
        found = socket.socket(family, socket.SOCK_STREAM)
    except OSError:
        return None
    try:
        # As all servers do: connections of an earlier one that linger must not count.
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            found.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        found.bind(address)
    except OSError as error:
        found.close()
        if error.errno == errno.EADDRNOTAVAIL:
            return None
        raise
    return found


class TellingServer(uvicorn.Server):
    """A server that calls `ready` once it answers requests."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], object]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and tell."""
        await super().startup(sockets)
        self._ready()
