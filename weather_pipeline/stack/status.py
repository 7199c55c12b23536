"""What runs for a state directory now, and the way to stop it from outside."""

from __future__ import annotations

import signal
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from weather_pipeline.errors import StackError
from weather_pipeline.stack.leftovers import lock_and_stop_leftovers
from weather_pipeline.stack.ports import is_listening
from weather_pipeline.stack.process import wait_for_end
from weather_pipeline.stack.state import UP, PartState, StackState, command_for, read_state

NOT_RUNNING, DEGRADED = "not running", "degraded"

_STOP_TIMEOUT = 120.0


@dataclass(frozen=True)
class PartStatus:
    """One part as it is now; `state` is up, starting, not answering or dead."""

    name: str
    pid: int
    port: int | None
    state: str
    uptime_seconds: float
    log: str


@dataclass(frozen=True)
class StackStatus:
    """The whole.

    Attributes:
        state: Up, starting, stopping, degraded or not running.
        lineage: Where lineage goes.
        lineage_alone: Whether it is `weather lineage serve`, which has no Dagster and no warehouse.
    """

    state: str
    home: str
    supervisor: int | None = None
    port_offset: int | None = None
    source: str | None = None
    lineage: str | None = None
    parts: tuple[PartStatus, ...] = ()
    lineage_alone: bool = False

    def as_json(self) -> dict[str, Any]:
        """The status as plain values."""
        return asdict(self)


def stack_status(home: Path) -> StackStatus:
    """What runs for this state directory."""
    state = read_state(home)
    if state is None:
        return StackStatus(NOT_RUNNING, str(home))
    parts = tuple(_part_status(part) for part in state.parts)
    supervisor = state.supervisor.process()
    if supervisor is None and all(part.state == "dead" for part in parts):
        return StackStatus(NOT_RUNNING, str(home))
    return StackStatus(
        state=_overall(state, parts, supervised=supervisor is not None),
        home=str(home),
        supervisor=supervisor.pid if supervisor else None,
        port_offset=state.port_offset,
        source=state.source,
        lineage=state.lineage,
        parts=parts,
        lineage_alone=state.lineage_alone,
    )


def stop_stack(home: Path) -> bool:
    """Stop what runs for a state directory: ask its supervisor, or clean up where that is gone.

    Returns:
        Whether anything was running.

    Raises:
        StackError: The supervisor is another user's, or did not stop in time.
    """
    if not home.is_dir():
        return False
    state = read_state(home)
    supervisor = state.supervisor.process() if state else None
    if supervisor is None:
        return lock_and_stop_leftovers(home)
    try:
        supervisor.send_signal(signal.SIGTERM)
    except psutil.AccessDenied as error:
        raise StackError(
            f"The stack's supervisor (process {supervisor.pid}) belongs to another user, who alone can stop it."
        ) from error
    except psutil.NoSuchProcess:
        return True  # it ended by itself meanwhile
    if wait_for_end([supervisor], deadline=time.monotonic() + _STOP_TIMEOUT):
        raise StackError(
            f"The stack's supervisor (process {supervisor.pid}) did not stop within {_STOP_TIMEOUT:.0f} s. "
            f"Kill it and run `{command_for(home, 'down')}` again, which ends what it leaves."
        )
    return True


def _overall(state: StackState, parts: tuple[PartStatus, ...], *, supervised: bool) -> str:
    if not supervised:
        return DEGRADED
    if state.phase != UP:
        return state.phase
    return UP if all(part.state == UP for part in parts) else DEGRADED


def _part_status(part: PartState) -> PartStatus:
    process = part.identity.process()
    found = "dead" if process is None else _process_state(part, process)
    uptime = round(time.time() - part.started, 1) if process else 0.0
    return PartStatus(part.name, part.identity.pid, part.port, found, uptime, part.log)


def _process_state(part: PartState, process: psutil.Process) -> str:
    try:
        stopped = process.status() == psutil.STATUS_STOPPED
    except psutil.NoSuchProcess:  # it ended after it was looked up
        return "dead"
    if part.ready is None:
        return "starting"
    if stopped or (part.port is not None and not is_listening(part.port)):
        return "not answering"
    return UP
