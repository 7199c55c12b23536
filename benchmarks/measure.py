"""Contestants that take turns, so that whatever else the machine does meets all of them alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import psutil


@dataclass(frozen=True)
class Contestant:
    """One way to do the work.

    Attributes:
        work: What is measured.
        before: What is not: brings the state that the work starts from.
    """

    work: Callable[[], object]
    before: Callable[[], object] = lambda: None


@dataclass
class Figures:
    """One contestant's turns.

    Attributes:
        seconds: Wall clock of each turn.
        cpu_seconds: CPU of each turn, of all processes that took part.
    """

    seconds: list[float] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)

    @property
    def wall(self) -> float:
        """Median wall clock, seconds."""
        return statistics.median(self.seconds)

    @property
    def cpu(self) -> float:
        """Median CPU, seconds. Tells more than the wall clock where other programs run."""
        return statistics.median(self.cpu_seconds)


def take_turns(
    contestants: Mapping[str, Contestant],
    rounds: int,
    *,
    server: psutil.Process | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> dict[str, Figures]:
    """Measure the contestants in turns: A B C, A B C.

    Args:
        contestants: Name → what to measure.
        rounds: Turns of each.
        server: A process whose CPU, and that of its children, counts too.
        say: Told each turn's figures.
    """
    figures = {name: Figures() for name in contestants}
    for number in range(rounds):
        for name, contestant in contestants.items():
            contestant.before()
            cpu, start = _cpu(server), time.perf_counter()
            contestant.work()
            figures[name].seconds.append(time.perf_counter() - start)
            figures[name].cpu_seconds.append(_cpu(server) - cpu)
            say(f"round {number + 1}, {name}: {figures[name].seconds[-1]:.2f} s")
    return figures


def _cpu(server: psutil.Process | None) -> float:
    own = time.process_time()
    while server is not None:
        try:
            return own + _with_children(server)
        except psutil.NoSuchProcess:
            continue  # a child ended just now: from here on its parent's account has it
    return own


def _with_children(process: psutil.Process) -> float:
    times = process.cpu_times()
    used = times.user + times.system + times.children_user + times.children_system
    for child in process.children():
        child_times = child.cpu_times()
        used += child_times.user + child_times.system
    return used
