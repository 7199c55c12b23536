"""The storm's plan: which fault begins after which run. The same seed always gives the same plan."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum


class Fault(StrEnum):
    """What goes wrong."""

    REFUSE = "refuse"
    """The backend's port is closed."""
    HANG = "hang"
    """It takes the request and never answers."""
    ERROR = "500"
    BUSY = "429"
    LOCKED_OUT = "401"
    BAD = "400"
    PARTLY = "400 for some"
    """It answers 400 to the events of one job (`REFUSED_JOB`), and takes all others."""
    KILLED = "killed"
    """The lineage service is killed; it is started again when the fault ends."""


DAEMON_KILLS = 5


@dataclass(frozen=True)
class Plan:
    """What happens after which run, counted from 0."""

    faults: dict[int, Fault | None]
    """From here on this fault; None: all is well."""
    daemon_kills: frozenset[int]


def plan(seed: int, runs: int) -> Plan:
    """A plan in which every fault occurs, and the daemon is killed five times.

    Raises:
        ValueError: There are too few runs for that.
    """
    if runs < 2 * len(Fault):
        raise ValueError(f"{runs} runs: at least {2 * len(Fault)} are needed for every fault to occur.")
    dice = random.Random(seed)
    longest = max(1, runs // 20)
    faults: dict[int, Fault | None] = {}
    waiting: list[Fault] = []
    at = 0
    while at < runs:
        if not waiting:
            waiting = dice.sample(list(Fault), len(Fault))
        faults[at] = waiting.pop()
        at += dice.randint(1, longest)
        faults[at] = None
        at += dice.randint(1, longest)
    return Plan(faults, frozenset(dice.sample(range(1, runs - 1), DAEMON_KILLS)))
