"""What is old goes, in small batches and beside the requests; what an answer about the present needs stays.

Rows of one kind go from the oldest on. A batch is one short transaction: it locks the next old rows that nothing needs,
passing over those that an event is writing, and deletes the ones that still are not needed. Whatever makes such a row
needed again writes that row too, so it comes before the lock and is seen, or after it and writes the row anew. Which
runs stay for what they started is found before the first batch, and once more in each for the events that have come
(`past.py`); only a run for which the first of these comes in that moment is gone, until its own next event. Nothing
waits for a row that another process holds, so nothing deadlocks, and an event that needs a locked row waits for one
batch.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, LiteralString

import psycopg

from weather_pipeline.marquez.embedded import locks
from weather_pipeline.marquez.embedded.database import Connection, Row, connected
from weather_pipeline.marquez.embedded.past import (
    IS_NO_KEPT_STARTER,
    OLD,
    PAST_RUN,
    KeptStarters,
    Limit,
)

log = logging.getLogger(__name__)

_BATCH = 1_000
"""Rows that a transaction deletes."""

_REST = 3.0
"""How long to rest after a batch, in times of what it took: deleting takes a quarter of one core at most."""

_INTERVAL = 3_600.0
"""Seconds between two turns of the service."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """Rows that can go.

    Attributes:
        table: Their table.
        column: The time that makes them old.
        unneeded: Which of them may go, as SQL about the row `t`; `{runs}` are the runs that stay.
    """

    table: LiteralString
    column: LiteralString
    unneeded: LiteralString

    @property
    def old(self) -> LiteralString:
        """SQL: the row `t` is old."""
        return OLD.format(row="t", column=self.column)

    @property
    def window(self) -> LiteralString:
        """SQL: lock the next rows that may go; those that stay are not written, as a lock would."""
        text: LiteralString = """
            SELECT t.id, t.{column} AS at FROM {table} t
            WHERE {old} AND (t.{column}, t.id) > (%(at)s, %(id)s) AND {unneeded}
            ORDER BY t.{column}, t.id LIMIT %(batch)s FOR UPDATE SKIP LOCKED
        """
        return text.format(table=self.table, column=self.column, old=self.old, unneeded=self._unneeded_now)

    @property
    def delete(self) -> LiteralString:
        """SQL: of these rows delete those that may go."""
        text: LiteralString = "DELETE FROM {} t WHERE t.id = ANY(%(ids)s) AND {} RETURNING t.id"
        return text.format(self.table, self._unneeded_now)

    @property
    def _unneeded_now(self) -> LiteralString:
        return self.unneeded.format(runs="runs")


_EVENTS = _Kind("lineage_events", "event_at", "true")
_RUNS = _Kind("runs", "state_at", f"{PAST_RUN} AND {IS_NO_KEPT_STARTER}")
_DATASET_VERSIONS = _Kind(
    "dataset_versions",
    "created_at",
    """
    NOT EXISTS (SELECT FROM datasets d WHERE d.id = t.dataset_id AND d.version_id = t.id)
    AND NOT EXISTS (SELECT FROM {runs} r WHERE r.id = t.run_id)
    AND NOT EXISTS (SELECT FROM run_inputs i JOIN {runs} r ON r.id = i.run_id WHERE i.version_id = t.id)
    """,
)
_JOB_VERSIONS = _Kind(
    "job_versions",
    "latest_at",
    """
    NOT EXISTS (SELECT FROM jobs j WHERE j.id = t.job_id AND j.version_id = t.id)
    AND NOT EXISTS (SELECT FROM {runs} r WHERE r.job_version_id = t.id)
    """,
)

_RUN_INPUTS = "run_inputs"
_DELETE_INPUTS: Final[LiteralString] = "DELETE FROM run_inputs WHERE run_id = ANY(%s)"

# What a run read is written without its row where a write of what it read arrives late: those runs are passed over too.
_WITH_FREE_INPUTS: Final[LiteralString] = """
    WITH locked AS MATERIALIZED (
        SELECT run_id, dataset_id FROM run_inputs WHERE run_id = ANY(%(ids)s::uuid[]) FOR UPDATE SKIP LOCKED
    )
    SELECT unnest(%(ids)s::uuid[]) AS id
    EXCEPT
    SELECT i.run_id FROM run_inputs i WHERE i.run_id = ANY(%(ids)s::uuid[])
      AND NOT EXISTS (SELECT FROM locked WHERE locked.run_id = i.run_id AND locked.dataset_id = i.dataset_id)
"""

TABLES: Final = (_EVENTS.table, _RUNS.table, _RUN_INPUTS, _DATASET_VERSIONS.table, _JOB_VERSIONS.table)
"""The tables that retention deletes from."""

_COUNT_TEMPLATE: Final[LiteralString] = """
    WITH gone_runs AS MATERIALIZED (SELECT t.id FROM runs t WHERE {old_runs} AND {unneeded_runs}),
    kept_runs AS MATERIALIZED (
        SELECT r.id, r.job_id, r.job_version_id FROM runs r
        WHERE NOT EXISTS (SELECT FROM gone_runs g WHERE g.id = r.id)
    )
    SELECT
        (SELECT count(*) FROM lineage_events t WHERE {old_events}) AS lineage_events,
        (SELECT count(*) FROM gone_runs) AS runs,
        (SELECT count(*) FROM run_inputs i JOIN gone_runs g ON g.id = i.run_id) AS run_inputs,
        (SELECT count(*) FROM dataset_versions t WHERE {old_dataset_versions} AND {unneeded_dataset_versions})
            AS dataset_versions,
        (SELECT count(*) FROM job_versions t WHERE {old_job_versions} AND {unneeded_job_versions}) AS job_versions
"""
_COUNT = _COUNT_TEMPLATE.format(
    old_events=_EVENTS.old,
    old_runs=_RUNS.old,
    unneeded_runs=_RUNS.unneeded,
    old_dataset_versions=_DATASET_VERSIONS.old,
    unneeded_dataset_versions=_DATASET_VERSIONS.unneeded.format(runs="kept_runs"),
    old_job_versions=_JOB_VERSIONS.old,
    unneeded_job_versions=_JOB_VERSIONS.unneeded.format(runs="kept_runs"),
)


async def count(connection: Connection, limit: Limit) -> Counter[str]:
    """How many rows of each table `prune` would delete now; changes nothing and keeps no event waiting.

    Args:
        connection: In autocommit mode.
        limit: What counts as old.
    """
    await KeptStarters.begun(connection, limit)
    row = await (await connection.execute(_COUNT, limit.parameters)).fetchone()
    return Counter(row)


async def prune(connection: Connection, limit: Limit) -> AsyncGenerator[Counter[str], None]:
    """Delete what is old and not needed; yields what each batch has deleted for good, by table.

    Versions go after the runs that name them, so one pass leaves nothing for a second.

    Args:
        connection: In autocommit mode, with `take_turn` done.
        limit: What counts as old.
    """
    for kind in (_EVENTS, _RUNS, _DATASET_VERSIONS, _JOB_VERSIONS):
        # A row comparison with NULL is decided by the time alone.
        last: Row = {"at": "-infinity", "id": None}
        starters = await KeptStarters.begun(connection, limit) if kind is _RUNS else None
        while True:
            started = time.monotonic()
            async with connection.transaction():
                parameters = limit.parameters | last | {"batch": _BATCH}
                window = await (await connection.execute(kind.window, parameters)).fetchall()
                if starters:
                    await starters.add_late()
                deleted = await _delete(connection, kind, parameters | {"ids": [row["id"] for row in window]})
            took = time.monotonic() - started
            yield deleted
            if len(window) < _BATCH:
                break
            last = window[-1]
            await asyncio.sleep(_REST * took)


async def take_turn(connection: Connection, *, wait: bool = False) -> bool:
    """Whether this process may prune, which it then may until its connection is closed.

    Args:
        connection: The connection that will prune.
        wait: Wait for another process to end, instead of giving up.
    """
    if wait:
        await connection.execute("SELECT pg_advisory_lock(%s)", [locks.RETENTION])
        return True
    cursor = await connection.execute("SELECT pg_try_advisory_lock(%s) AS taken", [locks.RETENTION])
    row = await cursor.fetchone()
    return bool(row and row["taken"])


@asynccontextmanager
async def pruned_regularly(url: str, days: int) -> AsyncIterator[None]:
    """Prune at once and then every hour while the context is open; 0 days keep everything.

    What arrived within these days stays too, however long ago it happened: history that is sent to the service would
    otherwise be gone within the hour.

    Args:
        url: The database.
        days: The retention.
    """
    if days == 0:
        yield
        return
    task = asyncio.create_task(_prune_regularly(url, timedelta(days=days)))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _prune_regularly(url: str, retention: timedelta) -> None:
    while True:
        before = datetime.now(UTC) - retention
        try:
            await _prune_once(url, Limit(happened_before=before, arrived_before=before))
        except psycopg.Error as error:
            log.warning("Old lineage could not be deleted, trying again in an hour: %s", str(error).strip())
        except Exception:
            log.exception("Old lineage could not be deleted, trying again in an hour.")
        await asyncio.sleep(_INTERVAL)


async def _prune_once(url: str, limit: Limit) -> None:
    async with connected(url) as connection:
        if not await take_turn(connection):
            log.info("Another process deletes old lineage of this database.")
            return
        total = Counter[str]()
        async with aclosing(prune(connection, limit)) as batches:
            async for deleted in batches:
                total += deleted
    rows = ", ".join(f"{total[table]:,} {table}" for table in TABLES if total[table])
    log.info("Lineage older than %s deleted: %s", limit.happened_before.isoformat(timespec="seconds"), rows or "none")


async def _delete(connection: Connection, kind: _Kind, parameters: Row) -> Counter[str]:
    """Delete what may go of the rows that are locked.

    A statement of its own, after the lock: it sees all that was stored until the rows were locked.
    """
    if kind is _RUNS:
        free = await (await connection.execute(_WITH_FREE_INPUTS, parameters)).fetchall()
        parameters = parameters | {"ids": [row["id"] for row in free]}
    rows = await (await connection.execute(kind.delete, parameters)).fetchall()
    deleted = Counter({kind.table: len(rows)})
    if kind is _RUNS:
        deleted[_RUN_INPUTS] = (await connection.execute(_DELETE_INPUTS, [[row["id"] for row in rows]])).rowcount
    return deleted
