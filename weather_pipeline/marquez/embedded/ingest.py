"""Storing events: all that are given in one transaction, one round trip to ask for names and one to store.

One transaction stores at a time, also where several services share a database. Events of the same jobs and datasets
would otherwise wait for each other's commit, and now and then in a circle.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, LiteralString
from uuid import UUID

from pydantic_core import to_json

from weather_pipeline.marquez.embedded import locks
from weather_pipeline.marquez.embedded.database import Connection
from weather_pipeline.marquez.embedded.events import Event
from weather_pipeline.marquez.embedded.posted import Known, KnownJob, alias_keys, dataset_keys, names, posted

# A statement of its own, so that the next ones see what was stored until the lock was there. Each connection plans the
# functions' statements once: while a store is new it would plan to read whole tables, and go on so as they grow.
_TAKE_TURN: Final[LiteralString] = "SELECT pg_advisory_xact_lock(%s), set_config('enable_seqscan', 'off', true)"
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
_STORE: Final[LiteralString] = """
    SELECT store_names(%(names)s::jsonb), count(store_event(event, body))
    FROM ROWS FROM (jsonb_array_elements(%(events)s::jsonb), unnest(%(bodies)b::text[])) AS posted (event, body)
"""


async def ingest(connection: Connection, events: Sequence[Event], seconds: float | None = None) -> None:
    """Store events in their order and in one transaction; when this returns, every read shows them.

    Args:
        connection: In autocommit mode and without an open transaction.
        events: Validated events.
        seconds: How long a statement may take, where that is not as the connection has it.

    Raises:
        psycopg.OperationalError: The database is away. Storing the same events again changes nothing but the raw log.
        psycopg.errors.QueryCanceled: It took too long; the same holds.
        psycopg.DataError: One of the events has a value that PostgreSQL can't store. None of them is stored.
    """
    async with connection.transaction():
        if seconds is not None:
            await connection.execute(_HURRY, [f"{seconds * 1000:.0f}"])
        await connection.execute(_TAKE_TURN, [locks.INGEST])
        for part in independent(events):
            known = await _resolve(connection, part)
            documents = to_json([posted(event, known) for event in part]).decode()
            parameters = {
                "names": to_json(names(part)).decode(),
                "events": documents,
                "bodies": [event.body for event in part],
            }
            await connection.execute(_STORE, parameters)


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


async def _resolve(connection: Connection, events: Sequence[Event]) -> Known:
    datasets = set[UUID]().union(*(dataset_keys(event) for event in events))
    parents = {event.parent.run_id for event in events if event.parent}
    if not datasets and not parents:
        return Known()
    cursor = await connection.execute(_RESOLVE, {"datasets": list(datasets), "parents": list(parents)})
    known = Known()
    for row in await cursor.fetchall():
        if row["kind"] == "alias":
            known.aliases[row["id"]] = row["target"]
        else:
            known.parents[row["id"]] = KnownJob(row["target"], row["namespace"], row["name"], row["named_at"])
    return known
