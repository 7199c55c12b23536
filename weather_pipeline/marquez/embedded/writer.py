"""One writer for all requests: events that arrive while it stores are stored together next.

A commit waits for the disk and holds its rows until then. Events of the same jobs and datasets, each in a transaction
of its own, would wait for each other's commit; here they share one.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import psycopg
from psycopg.errors import QueryCanceled

from weather_pipeline.marquez.embedded.database import Database, Use
from weather_pipeline.marquez.embedded.events import Event
from weather_pipeline.marquez.embedded.ingest import TurnMissed, ingest

MOST_TOGETHER = 64
MOST_EVENTS = 1_000
MOST_CHARACTERS = 4_000_000
"""Requests, their events, and characters of these, that share a transaction at most: what a request can delay is
bounded. A single request may have more characters, but no more events."""

ALONE_SECONDS = 5.0
"""How long a statement may take that stores one request again, by itself: what it was stored with took too long."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    events: Sequence[Event]
    stored: asyncio.Future[None]

    @property
    def size(self) -> int:
        return sum(len(event.body) for event in self.events)


class Writer:
    """Stores what requests bring, in the order in which they bring it.

    Args:
        database: Where to. A connection is taken only while there is something to store.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._queue: deque[_Waiting] = deque()
        self._task: asyncio.Task[None] | None = None

    async def store(self, events: Sequence[Event]) -> None:
        """Store events in one transaction; when this returns they are there for good, and every read shows them.

        Raises:
            psycopg.OperationalError: The database is away; nothing of these events is acknowledged.
            psycopg.errors.QueryCanceled: They take too long; the same holds.
            TurnMissed: Another service on the same database does not end storing; the same holds.
            psycopg.DataError: PostgreSQL can't store a value of one of these events; none of them is stored.
        """
        waiting = _Waiting(events, asyncio.get_running_loop().create_future())
        self._queue.append(waiting)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._drain())
        await waiting.stored

    async def close(self) -> None:
        """Wait until all that requests brought is stored or refused."""
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)

    async def _drain(self) -> None:
        while self._queue:
            together = self._next()
            try:
                await self._store(together)
            except TurnMissed as error:
                # Who waits behind these has waited too: each lot in its turn, they would wait for minutes.
                _settle([*together, *self._queue], error)
                self._queue.clear()
            finally:
                for waiting in together:
                    # Only where this task was cancelled: no request may wait for ever.
                    waiting.stored.cancel()

    def _next(self) -> list[_Waiting]:
        together = [self._queue.popleft()]
        events, size = len(together[0].events), together[0].size
        while self._queue and len(together) < MOST_TOGETHER:
            events += len(self._queue[0].events)
            size += self._queue[0].size
            if events > MOST_EVENTS or size > MOST_CHARACTERS:
                break
            together.append(self._queue.popleft())
        return together

    async def _store(self, together: Sequence[_Waiting], seconds: float | None = None) -> None:
        try:
            async with self._database.connection(Use.WRITER) as connection:
                events = [event for waiting in together for event in waiting.events]
                await ingest(connection, events, seconds, turn_seconds=self._database.limits.turn_seconds)
        except TurnMissed:
            raise
        except Exception as error:  # noqa: BLE001  (whatever it is, it is the answer to these requests)
            if len(together) > 1 and (is_the_events_fault(error) or isinstance(error, QueryCanceled)):
                # Each gets a transaction of its own, and its own answer.
                for waiting in together:
                    await self._store([waiting], ALONE_SECONDS)
            else:
                _settle(together, error)
        else:
            _settle(together, None)


def is_the_events_fault(error: Exception) -> bool:
    """Whether it is a value of an event that PostgreSQL refuses, and not the database that fails."""
    # The second is of the kind `OperationalError`: a value too long for an index.
    return isinstance(error, psycopg.DataError | psycopg.errors.ProgramLimitExceeded)


def _settle(together: Sequence[_Waiting], error: Exception | None) -> None:
    for waiting in together:
        if waiting.stored.done():  # The request was cancelled.
            continue
        if error is None:
            waiting.stored.set_result(None)
        else:
            waiting.stored.set_exception(error)
