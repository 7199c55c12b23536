"""How our servers begin: the sockets they take before anything else, so that a taken port is said at once."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from typing import Any

import uvicorn

from weather_pipeline.errors import ConfigurationError, PortTaken

_OF_THE_PORT = frozenset({errno.EADDRINUSE, errno.EACCES})
"""Why a port can't be had at an address that is ours: it is taken, or below 1024. Anything else is the address's."""


def bound(host: str, port: int, *, server: str) -> list[socket.socket]:
    """Sockets on all addresses of a host; they refuse connections until somebody listens.

    Args:
        host: An address, or a name that may have several.
        port: The port.
        server: Who wants it, as the beginning of a sentence.

    Raises:
        PortTaken: The port can't be had; names it and the system's reason.
        ConfigurationError: The host is none of this machine's; names it and what to check.
    """
    sockets: list[socket.socket] = []
    try:
        for family, address in _addresses(host, port, server):
            if (each := _bound(family, address)) is not None:
                sockets.append(each)
    except OSError as error:
        for each in sockets:
            each.close()
        if error.errno in _OF_THE_PORT:
            raise cannot_listen(host, port, error.strerror, server=server) from error
        raise _not_ours(host, error.strerror, server) from error
    if not sockets:
        raise _not_ours(host, "this machine has no such address", server)
    return sockets


def check_host(host: str, *, server: str) -> None:
    """Check that a server can listen on a host of this machine, whatever port it takes there.

    Args:
        host: An address, or a name that may have several.
        server: Who wants it, as the beginning of a sentence.

    Raises:
        ConfigurationError: The host is none of this machine's; names it and what to check.
    """
    for each in bound(host, 0, server=server):
        each.close()


def cannot_listen(host: str, port: int, reason: str | None, *, server: str) -> PortTaken:
    """What to say where a port can't be had."""
    return PortTaken(f"{server} can't listen on {host}:{port}: {reason}. Give another with --port.")


def _not_ours(host: str, reason: str | None, server: str) -> ConfigurationError:
    return ConfigurationError(
        f"{server} can't listen on {host}: {reason}. Check --host: it takes an address of this machine (`ip addr` or "
        "`ifconfig` lists them) or a name of one, without a port; 0.0.0.0 stands for all of them."
    )


def _addresses(host: str, port: int, server: str) -> list[tuple[int, Any]]:
    """The addresses of a host, each with its family."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:  # no name at all: a part of it is empty, or too long
        raise _not_ours(host, "it is no host's name", server) from error
    return [(family, address) for family, _, _, _, address in found]


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
