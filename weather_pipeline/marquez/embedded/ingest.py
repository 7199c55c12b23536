"""Storing events: all that are given in one transaction, one round trip to ask for names and one to store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from typing import Final, LiteralString
from uuid import UUID

from psycopg.errors import DeadlockDetected, SerializationFailure
from pydantic_core import to_json

from weather_pipeline.marquez.embedded.database import Connection
from weather_pipeline.marquez.embedded.events import Event
from weather_pipeline.marquez.embedded.posted import Known, KnownJob, alias_keys, dataset_keys, posted

_ATTEMPTS = 3

_RESOLVE: Final[LiteralString] = """
    SELECT 'alias' AS kind, id, dataset_id AS target, NULL AS namespace, NULL AS name
    FROM dataset_aliases WHERE id = ANY(%(datasets)s::uuid[])
    UNION ALL
    SELECT 'parent', r.id, j.id, j.namespace, j.name FROM runs r JOIN jobs j ON j.id = r.job_id
    WHERE r.id = ANY(%(parents)s::uuid[])
"""
# Bodies go in binary form: as text every quote in them would be escaped one by one.
_STORE: Final[LiteralString] = """
    SELECT count(store_event(event, body))
    FROM ROWS FROM (jsonb_array_elements(%(events)s::jsonb), unnest(%(bodies)b::text[])) AS posted (event, body)
"""


async def ingest(connection: Connection, events: Sequence[Event]) -> None:
    """Store events in their order and in one transaction; when this returns, every read shows them.

    Args:
        connection: In autocommit mode and without an open transaction.
        events: Validated events.

    Raises:
        psycopg.OperationalError: The database is away. Storing the same events again changes nothing but the raw log.
        psycopg.DataError: One of the events has a value that PostgreSQL can't store. None of them is stored.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            await _store(connection, events)
        except (DeadlockDetected, SerializationFailure):
            if attempt == _ATTEMPTS:
                raise
        else:
            return


async def _store(connection: Connection, events: Sequence[Event]) -> None:
    parts = list(independent(events))
    # A single statement is a transaction by itself, without two more round trips.
    async with connection.transaction() if len(parts) > 1 else nullcontext():
        for part in parts:
            known = await _resolve(connection, part)
            documents = to_json([posted(event, known) for event in part]).decode()
            await connection.execute(_STORE, {"events": documents, "bodies": [event.body for event in part]})


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
            known.parents[row["id"]] = KnownJob(row["target"], row["namespace"], row["name"])
    return known
