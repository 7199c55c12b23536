"""TCP ports on loopback: which are free, who has the others, and an offset that moves a taken set."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

from weather_pipeline.errors import PortTaken
from weather_pipeline.stack.process import STACK_ID
from weather_pipeline.stack.state import command_for

HOST = "127.0.0.1"
"""The address that every server of the stack binds."""

_OFFSET_STEP = 100
_LARGEST_OFFSET = 50000
_LARGEST_PORT = 65535


@dataclass(frozen=True)
class PortNeed:
    """A port that a part must have, and what for in words of the user."""

    port: int
    purpose: str


@dataclass(frozen=True)
class Owner:
    """The process that listens on a port; None for what this user may not see.

    Attributes:
        home: The state directory of the stack that it is a part of, if it is.
    """

    pid: int | None = None
    name: str | None = None
    home: str | None = None

    def __str__(self) -> str:
        if self.pid is None:
            return "another process"
        return f"{self.name} (pid {self.pid})" + (f" of the stack of {self.home}" if self.home else "")

    @property
    def remedy(self) -> str:
        """How to get the port free, as the beginning of a sentence."""
        return f"Stop it with `{command_for(Path(self.home), 'down')}`" if self.home else "Stop it"


_QUIET = range(30100, 32768)
"""Below what systems give to outgoing connections: 32768 and up on Linux, 49152 and up elsewhere (IANA)."""


def free_port() -> int:
    """A TCP port that is free on 127.0.0.1 now, and that no outgoing connection takes before a server has started."""
    found = next((port for port in random.sample(_QUIET, 50) if is_free(port)), None)
    if found is not None:
        return found
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def is_listening(port: int) -> bool:
    """Whether something accepts connections on 127.0.0.1."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((HOST, port)) == 0


def is_free(port: int) -> bool:
    """Whether a server can listen on this port of 127.0.0.1 now."""
    if is_listening(port):
        return False
    with socket.socket() as probe:
        # As servers do: connections of an earlier server that linger must not count as taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def check_ports(needs: Iterable[PortNeed], *, offset: int, home: Path) -> None:
    """Check that every port can be had.

    Args:
        needs: The ports of the stack, `offset` included.
        offset: The offset that they have now, to suggest another one.
        home: The stack's state directory.

    Raises:
        PortTaken: Names each taken port, its purpose, the process that has it (where visible) and a free offset.
    """
    needs = list(needs)
    taken = [need for need in needs if not is_free(need.port)]
    if not taken:
        return
    owners = {need: port_owner(need.port) for need in taken}
    lines = [f"Port {need.port} ({need.purpose}) is taken by {owner}." for need, owner in owners.items()]
    suggestion = free_offset([need.port - offset for need in needs])
    if suggestion is not None:
        remedies = {owner.remedy for owner in owners.values()}
        stop = remedies.pop() if len(remedies) == 1 else "Stop them"
        lines.append(f"{stop}, or move every port of the stack: --port-offset {suggestion}")
    doctor = f"doctor ports --port-offset {offset}" if offset else "doctor ports"
    lines.append(f"`{command_for(home, doctor)}` says more.")
    raise PortTaken("\n".join(lines))


def free_offset(bases: Iterable[int]) -> int | None:
    """The smallest multiple of 100 at which every base port is free, or None."""
    bases = list(bases)
    largest = min(_LARGEST_OFFSET, _LARGEST_PORT - max(bases))
    for offset in range(_OFFSET_STEP, largest + 1, _OFFSET_STEP):
        if all(is_free(base + offset) for base in bases):
            return offset
    return None


def port_owner(port: int) -> Owner:
    """Who listens on the port, as far as this user may see it; never the command line, which may hold secrets."""
    try:
        for connection in psutil.net_connections(kind="tcp"):
            if connection.laddr and connection.laddr.port == port and connection.status == psutil.CONN_LISTEN:
                return _owner(connection.pid)
    except psutil.Error:
        pass
    return Owner()


def _owner(pid: int | None) -> Owner:
    if pid is None:
        return Owner()
    process = psutil.Process(pid)
    try:
        environment = process.environ()
    except (psutil.Error, OSError):  # another user's
        environment = {}
    return Owner(pid, process.name(), environment.get("WEATHER_HOME") if STACK_ID in environment else None)
