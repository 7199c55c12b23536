"""Storing events: all that are given in one transaction, and mostly in one round trip.

What is stored depends on what the store knows of the names in it: of datasets that have other names, and of runs that
are parents. Mostly it knows nothing of the kind, so that is tried first, in one call. Else it is asked, and what is
stored is made by its answer.

One transaction stores at a time, also where several services share a database. Events of the same jobs and datasets
would otherwise wait for each other's commit, and now and then in a circle.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final, LiteralString, TypeVar
from uuid import UUID

from psycopg.errors import LockNotAvailable
from pydantic_core import to_json

from weather_pipeline.marquez.embedded import locks
from weather_pipeline.marquez.embedded.body import LARGE
from weather_pipeline.marquez.embedded.database import Connection, DatabaseTooSlow
from weather_pipeline.marquez.embedded.events import Event
from weather_pipeline.marquez.embedded.limits import Limits
from weather_pipeline.marquez.embedded.posted import Known, KnownJob, alias_keys, dataset_keys, names, posted

_T = TypeVar("_T")

_WORKER: Final = ThreadPoolExecutor(max_workers=1, thread_name_prefix="lineage-ingest")
"""A thread of its own: while large bodies are being read the others are taken, and all services would wait for one that
has its turn."""

# A statement of its own, so that the next ones see what was stored until the lock was there. Only the wait for it is
# bounded so, not that for rows, which one batch of retention holds at most. Each connection plans the functions'
# statements once: while a store is new it would plan to read whole tables, and go on so as they grow.
_TAKE_TURN: Final[LiteralString] = """
    SELECT set_config('lock_timeout', %s, true), pg_advisory_xact_lock(%s), set_config('lock_timeout', '0', true),
        set_config('enable_seqscan', 'off', true)
"""
_HURRY: Final[LiteralString] = "SELECT set_config('statement_timeout', %s, true)"
_RESOLVE: Final[LiteralString] = """
    SELECT 'alias' AS kind, id, dataset_id AS target, NULL AS namespace, NULL AS name, NULL AS named_at
    FROM dataset_aliases WHERE id = ANY(%(datasets)s::uuid[])
    UNION ALL
    SELECT 'parent', r.id, j.id, j.namespace, j.name, CASE WHEN r.event_order IS NULL THEN r.created_at END
    FROM runs r JOIN jobs j ON j.id = r.job_id
    WHERE r.id = ANY(%(parents)s::uuid[])
"""
# Bodies go in binary form: as text every quote in them would be escaped one by one.
_STORE_AT_ONCE: Final[LiteralString] = """
    SELECT store_at_once(
        %(patience)s, %(turn)s, %(datasets)s::uuid[], %(parents)s::uuid[], %(names)s::jsonb, %(events)s::jsonb,
        %(bodies)b::text[]
    ) AS is_stored
"""
_STORE: Final[LiteralString] = """
    SELECT store_names(%(names)s::jsonb), count(store_event(event, body))
    FROM ROWS FROM (jsonb_array_elements(%(events)s::jsonb), unnest(%(bodies)b::text[])) AS posted (event, body)
"""


class TurnMissed(DatabaseTooSlow):
    """Another transaction stores for too long; mostly it is that of another service, which stands still."""


@dataclass(frozen=True, slots=True)
class _Part:
    """Events that are stored by one statement, and the names in them that the store may know."""

    events: Sequence[Event]
    datasets: Sequence[UUID]
    parents: Sequence[UUID]


async def ingest(
    connection: Connection,
    events: Sequence[Event],
    seconds: float | None = None,
    *,
    turn_seconds: float = Limits.turn_seconds,
) -> None:
    """Store events in their order and in one transaction; when this returns, every read shows them.

    Args:
        connection: In autocommit mode and without an open transaction.
        events: Validated events.
        seconds: How long a statement may take, where that is not as the connection has it.
        turn_seconds: How long to wait while another service stores.

    Raises:
        TurnMissed: The other one did not end by then. None of the events is stored.
        psycopg.OperationalError: The database is away. Storing the same events again changes nothing but the raw log.
        psycopg.errors.QueryCanceled: It took too long; the same holds.
        psycopg.DataError: One of the events has a value that PostgreSQL can't store. None of them is stored.
    """
    parts = await _aside(events, partial(_parts, events))
    if seconds is None and len(parts) == 1 and not parts[0].parents:
        # A parent is mostly known.
        with _turn_missed(turn_seconds):
            if await _store_at_once(connection, parts[0], turn_seconds):
                return
    async with connection.transaction():
        await take_turn(connection, turn_seconds)
        if seconds is not None:
            await connection.execute(_HURRY, [_milliseconds(seconds)])
        for part in parts:
            known = await _resolve(connection, part)
            await connection.execute(_STORE, await _aside(part.events, partial(_documents, part.events, known)))


async def take_turn(connection: Connection, seconds: float) -> None:
    """Be the one transaction that stores, until it ends.

    Args:
        connection: In a transaction that has done nothing yet.
        seconds: How long to wait for another one's end.

    Raises:
        TurnMissed: It did not end by then.
    """
    with _turn_missed(seconds):
        await connection.execute(_TAKE_TURN, [_milliseconds(seconds), locks.INGEST])


def independent(events: Sequence[Event]) -> Iterator[Sequence[Event]]:
    """Cut events into parts within which none needs a name that an earlier one of the same part makes known."""
    first = 0
    aliases = set[UUID]()
    jobs: dict[UUID, tuple[str, str] | None] = {}
    for position, event in enumerate(events):
        parent = event.parent
        names = (parent.namespace, parent.name) if parent else None
        is_named_otherwise = parent is not None and jobs.get(parent.run_id, names) != names
        if is_named_otherwise or not aliases.isdisjoint(dataset_keys(event)):
            yield events[first:position]
            first, aliases, jobs = position, set(), {}
        aliases |= alias_keys(event)
        if parent:
            jobs[parent.run_id] = names
        if event.run_id:
            # What its job is called depends on its own parent: only the store can tell.
            jobs[event.run_id] = None
    if first < len(events):
        yield events[first:]


async def _store_at_once(connection: Connection, part: _Part, turn_seconds: float) -> bool:
    """Whether the events were stored: they were not where the store knows some of their names otherwise."""
    documents = await _aside(part.events, partial(_documents, part.events, Known()))
    known = {"datasets": part.datasets, "parents": part.parents}
    turn = {"patience": _milliseconds(turn_seconds), "turn": locks.INGEST}
    row = await (await connection.execute(_STORE_AT_ONCE, {**turn, **known, **documents})).fetchone()
    return bool(row and row["is_stored"])


@contextmanager
def _turn_missed(seconds: float) -> Iterator[None]:
    """Say so where the turn does not come: no other lock is waited for so."""
    try:
        yield
    except LockNotAvailable as error:
        raise TurnMissed(f"another transaction has been storing for more than {seconds:g} seconds") from error


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f}"


async def _aside(events: Sequence[Event], work: Callable[[], _T]) -> _T:
    """Do what large events make long without keeping requests waiting."""
    if sum(len(event.body) for event in events) < LARGE:
        return work()
    return await asyncio.get_running_loop().run_in_executor(_WORKER, work)


def _parts(events: Sequence[Event]) -> list[_Part]:
    return [
        _Part(
            events=part,
            datasets=list(set[UUID]().union(*(dataset_keys(event) for event in part))),
            parents=list({event.parent.run_id for event in part if event.parent}),
        )
        for part in independent(events)
    ]


def _documents(events: Sequence[Event], known: Known) -> dict[str, str | list[str]]:
    return {
        "names": to_json(names(events)).decode(),
        "events": to_json([posted(event, known) for event in events]).decode(),
        "bodies": [event.body for event in events],
    }


async def _resolve(connection: Connection, part: _Part) -> Known:
    if not part.datasets and not part.parents:
        return Known()
    cursor = await connection.execute(_RESOLVE, {"datasets": part.datasets, "parents": part.parents})
    known = Known()
    for row in await cursor.fetchall():
        if row["kind"] == "alias":
            known.aliases[row["id"]] = row["target"]
        else:
            known.parents[row["id"]] = KnownJob(row["target"], row["namespace"], row["name"], row["named_at"])
    return known
