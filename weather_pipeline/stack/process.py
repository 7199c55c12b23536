"""Processes of the stack: started in sessions of their own, found again by a mark, ended with all they started.

Every process that the stack starts carries the stack's id and the part's name in its environment, and whatever it
starts inherits them: so a run worker, or a process whose parent died, is found without a guess.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

STACK_ID = "WEATHER_STACK_ID"
STACK_PART = "WEATHER_STACK_PART"

TERMINATE = signal.SIGTERM
_KILL_TIMEOUT = 10.0
_POLL = 0.05
_CLOCK_TOLERANCE = 2.0
"""Seconds by which a process's start may seem to move when the system clock is set."""


@dataclass(frozen=True)
class Identity:
    """A process that is told apart from a later one with the same number by its start."""

    pid: int
    created: float

    @classmethod
    def of(cls, pid: int) -> Identity | None:
        """The process that has this number now."""
        try:
            return cls(pid, psutil.Process(pid).create_time())
        except psutil.Error:
            return None

    @classmethod
    def current(cls) -> Identity:
        """This process."""
        return cls(os.getpid(), psutil.Process().create_time())

    def process(self) -> psutil.Process | None:
        """The process itself, if it still runs."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.created) < _CLOCK_TOLERANCE
            return process if same and runs(process) else None
        except psutil.Error:
            return None


def launch(
    name: str, command: Sequence[str], *, environment: Mapping[str, str], log_file: Path, stack_id: str
) -> subprocess.Popen[Any]:
    """Start a part; its output goes to the end of its log file."""
    log_file.parent.mkdir(parents=True, exist_ok=True)
    # Passed on as it is, not read: settings are settings.py's.
    inherited = dict(os.environ)
    for variable in ("no_proxy", "NO_PROXY"):
        inherited[variable] = ",".join(filter(None, [inherited.get(variable), "127.0.0.1,localhost"]))
    mark = {STACK_ID: stack_id, STACK_PART: name}
    with log_file.open("ab") as log:
        return subprocess.Popen(
            command,
            env={**inherited, **environment, **mark},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            # Ctrl-C in the terminal must reach the supervisor alone, which stops the parts in order.
            start_new_session=True,
        )


def members(stack_id: str, part: str | None = None) -> list[psutil.Process]:
    """All living processes of a stack, or of one part of it."""
    found = []
    for process in psutil.process_iter():
        try:
            environment = process.environ()
            if environment.get(STACK_ID) == stack_id and part in {None, environment.get(STACK_PART)}:
                found.append(process)
        except (psutil.Error, OSError):
            continue  # ended meanwhile, or another user's
    return found


def send(processes: Iterable[psutil.Process], number: signal.Signals) -> None:
    """Send a signal to those that still run."""
    for process in processes:
        try:
            process.send_signal(number)
        except psutil.Error:
            continue


def runs(process: psutil.Process) -> bool:
    """Whether a process does anything still; one that only waits to be reaped by its parent does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def wait_for_end(processes: Sequence[psutil.Process], *, deadline: float) -> list[psutil.Process]:
    """Wait until processes have ended, or the deadline (on the monotonic clock); returns those that still run."""
    # psutil's own wait counts a process as running until its parent has reaped it, which may be never.
    while left := [process for process in processes if runs(process)]:
        if time.monotonic() > deadline:
            return left
        time.sleep(_POLL)
    return []


def finish(processes: Sequence[psutil.Process], *, deadline: float) -> None:
    """Wait until processes have ended, and kill those that are left at the deadline (on the monotonic clock)."""
    left = wait_for_end(processes, deadline=deadline)
    send(left, signal.SIGKILL)
    wait_for_end(left, deadline=time.monotonic() + _KILL_TIMEOUT)


def end(processes: Sequence[psutil.Process], *, grace: float) -> None:
    """Ask processes to stop, wait, and kill those that are left after `grace` seconds."""
    send(processes, TERMINATE)
    finish(processes, deadline=time.monotonic() + grace)
