"""Sending recorded events from several connections at once; those of one run go one after another."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

CONNECTIONS = 8

Event = TypeVar("Event")


def send_runs(runs: Iterable[Sequence[Event]], send: Callable[[Iterator[Event]], None]) -> tuple[float, float]:
    """Send everything; returns the seconds that took, and this process's seconds of CPU.

    Args:
        runs: The events of each run.
        send: Sends the events that it is given, over one connection. Called once for each connection, at the same time.
    """
    waiting: queue.SimpleQueue[Sequence[Event]] = queue.SimpleQueue()
    for run in runs:
        waiting.put(run)

    def next_events() -> Iterator[Event]:
        while True:
            try:
                run = waiting.get_nowait()
            except queue.Empty:
                return
            yield from run

    threads = [threading.Thread(target=send, args=[next_events()]) for _ in range(CONNECTIONS)]
    began, cpu = time.monotonic(), time.process_time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.monotonic() - began, time.process_time() - cpu
