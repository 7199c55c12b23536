"""What tests of retention share: events of long ago, and pruning in this process."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import aclosing, contextmanager
from datetime import datetime, timedelta
from typing import Any

from tests.integration.marquez.events import dataset, run_event, schema
from weather_pipeline.marquez.embedded.database import connected
from weather_pipeline.marquez.embedded.retention import Limit, count, prune, take_turn


def run_of(
    job: tuple[str, str],
    start: datetime,
    run_id: str,
    *,
    reads: Iterable[str] = (),
    writes: Iterable[str] = (),
    end: str | None = "COMPLETE",
) -> list[dict[str, Any]]:
    """A run's events, a minute apart: its start, and its end unless that is None."""
    inputs = [dataset(job[0], name, {"schema": schema("a")}) for name in reads]
    outputs = [dataset(job[0], name, {"schema": schema("a")}) for name in writes]
    events = [run_event("START", start.isoformat(), run_id, job, inputs=inputs)]
    if end is not None:
        at = start + timedelta(minutes=1)
        events.append(run_event(end, at.isoformat(), run_id, job, inputs=inputs, outputs=outputs))
    return events


def counted(url: str, limit: Limit) -> Counter[str]:
    """What would be deleted, without the tables that lose nothing."""

    async def ask() -> Counter[str]:
        async with connected(url) as connection:
            return +await count(connection, limit)

    return asyncio.run(ask())


def pruned(url: str, limit: Limit) -> Counter[str]:
    """Delete, and say what was, likewise."""

    async def delete() -> Counter[str]:
        total = Counter[str]()
        async with connected(url) as connection, aclosing(prune(connection, limit)) as batches:
            async for deleted in batches:
                total += deleted
        return total

    return asyncio.run(delete())


@contextmanager
def turn_taken(url: str) -> Iterator[Callable[[], None]]:
    """Hold the turn as another process would, until the end or until what it yields is called."""
    held, released = threading.Event(), threading.Event()

    async def hold() -> None:
        async with connected(url) as connection:
            assert await take_turn(connection, wait=True)
            held.set()
            await asyncio.to_thread(released.wait)

    thread = threading.Thread(target=lambda: asyncio.run(hold()))
    thread.start()
    try:
        assert held.wait(30)
        yield released.set
    finally:
        released.set()
        thread.join()
