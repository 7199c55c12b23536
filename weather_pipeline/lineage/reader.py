"""Reads of Dagster's storage: which runs have changed, and what a run's own log holds.

What is read, and why so, was measured on Dagster 1.13: run-status changes are the index by which runs are found; a
run's own log is read run by run, because only that query is cheap on every storage; on PostgreSQL ids become visible
out of order, so the last ids are read again; on SQLite ids are used again after a deletion, so the newest known
record is looked for on every read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from heapq import merge
from itertools import groupby
from typing import Any

import dagster as dg
from dagster import DagsterEventType, DagsterInstance, EventLogRecord, RunsFilter

from weather_pipeline.lineage import dagster_internals
from weather_pipeline.lineage.model import LogEvent, RunInfo
from weather_pipeline.lineage.runlog import RunLog
from weather_pipeline.lineage.translation import READ_TYPES, translate

STATUS_CHANGES = {
    "started": DagsterEventType.RUN_START,
    "succeeded": DagsterEventType.RUN_SUCCESS,
    "failed": DagsterEventType.RUN_FAILURE,
    "canceled": DagsterEventType.RUN_CANCELED,
}
"""The run-status changes by which runs are found, each with a position of its own."""

OVERLAP = 256
"""How many ids before the position are read again (ids may become visible out of order)."""

LATE = 900.0
"""Seconds after which a record that is written has become visible on every storage."""

REWIND = 600.0
"""Seconds before the last known record from which runs are looked for when ids have been used again."""

_UNFINISHED = (dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING)
"""States of runs that may have done something, and may do more."""
_PAGE = 500
_LOOKED_THROUGH = 5_000
"""Runs among which one is looked for by the beginning of its id."""


@dataclass(frozen=True)
class Position:
    """How far one kind of run-status change has been read; `run_id` is the run of the record with that id."""

    storage_id: int = 0
    run_id: str | None = None
    at: float = 0.0
    """The record's time, seconds since the epoch."""
    moved_at: float = 0.0
    """When the position came here, seconds since the epoch."""


BEGINNING = Position()
"""Before everything recorded."""


@dataclass(frozen=True)
class Change:
    """A run changed: its id, when (seconds since the epoch), and whether it has started or ended at all."""

    run_id: str
    at: float
    started: bool = True


@dataclass(frozen=True)
class Page:
    """Changes found in one read, oldest first, and the position after it."""

    changes: tuple[Change, ...]
    position: Position


def changed_runs(
    instance: DagsterInstance,
    kind: str,
    position: Position,
    *,
    now: float,
    since: float = 0.0,
    limit: int = _PAGE,
    quick: bool = False,
) -> Page:
    """Runs with a status change of this kind after the position, and those that became visible late before it.

    Args:
        instance: The Dagster instance.
        kind: A key of `STATUS_CHANGES`.
        position: Where the last read ended.
        now: The present, seconds since the epoch.
        since: Changes before this time (seconds since the epoch) are not of interest.
        limit: At most so many new records.
        quick: Leave what becomes visible late to the next look that is not.
    """
    if position == BEGINNING:
        return _page(_status_records(instance, kind, 0, limit, after_time=since), position, now, since)
    # Once the position has stood still for long, nothing before it can become visible any more.
    late = now - position.moved_at <= LATE and not quick
    after = max(0, position.storage_id - (OVERLAP if late else 1))
    records = _status_records(instance, kind, after, limit + OVERLAP)
    if not any(record.storage_id == position.storage_id and record.run_id == position.run_id for record in records):
        # The record at the position was deleted, and its id may have been used again.
        records = _status_records(instance, kind, 0, limit + OVERLAP, after_time=position.at - REWIND)
        return _page(records, newest_position(instance, kind), now, since)
    earliest = max(since, position.moved_at - LATE)
    before = [r for r in records if r.storage_id < position.storage_id and r.timestamp >= earliest]
    new = [r for r in records if r.storage_id > position.storage_id][:limit]
    page = _page(new, position, now, since)
    return Page((*map(_change, before), *page.changes), page.position)


def _page(records: Sequence[EventLogRecord], otherwise: Position, now: float, since: float) -> Page:
    changes = tuple(_change(record) for record in records if record.timestamp >= since)
    return Page(changes, _position(records[-1], now) if records else otherwise)


def newest_position(instance: DagsterInstance, kind: str) -> Position:
    """The position after everything recorded so far."""
    result = instance.fetch_run_status_changes(STATUS_CHANGES[kind], limit=1, ascending=False)
    return _position(result.records[0], result.records[0].timestamp) if result.records else Position()


def runs_updated_since(instance: DagsterInstance, since: datetime, limit: int) -> list[Change]:
    """Runs whose record changed after a time, oldest change first: the net under `changed_runs`."""
    records = instance.get_run_records(
        RunsFilter(updated_after=since), limit=limit, order_by="update_timestamp", ascending=True
    )
    return [
        Change(
            record.dagster_run.run_id,
            record.update_timestamp.timestamp(),
            record.start_time is not None or record.dagster_run.is_finished,
        )
        for record in records
    ]


def run_info(instance: DagsterInstance, run_id: str) -> tuple[RunInfo, dg.DagsterRun] | None:
    """The run's own record, None where it was deleted."""
    return run_infos(instance, [run_id]).get(run_id)


def run_infos(instance: DagsterInstance, run_ids: Sequence[str]) -> dict[str, tuple[RunInfo, dg.DagsterRun]]:
    """The records of several runs, read with one query; those that were deleted are left out."""
    records = instance.get_run_records(RunsFilter(run_ids=list(run_ids))) if run_ids else ()
    return {record.dagster_run.run_id: (_info(record), record.dagster_run) for record in records}


def runs_between(instance: DagsterInstance, since: datetime, until: datetime) -> Iterator[RunInfo]:
    """The runs that were there in a span of time (both ends timezone-aware), in the order of their creation.

    A run that ended before the span, or was created after it, is none of them.
    """
    # Dagster reads a time without its offset.
    since, until = since.astimezone(UTC), until.astimezone(UTC)
    # A run that goes on changes its log, but not its record. These come first: one that ends now is changed then.
    going_on = list(_run_pages(instance, RunsFilter(statuses=list(_UNFINISHED), created_before=until)))
    changed = _run_pages(instance, RunsFilter(updated_after=since, created_before=until))
    for _, same in groupby(merge(going_on, changed, key=_storage_id), _storage_id):
        yield _info(next(same))


def _run_pages(instance: DagsterInstance, runs_filter: RunsFilter) -> Iterator[dg.RunRecord]:
    cursor = None
    while True:
        page = instance.get_run_records(runs_filter, limit=_PAGE, ascending=True, cursor=cursor)
        yield from page
        if len(page) < _PAGE:
            return
        cursor = page[-1].dagster_run.run_id


def _storage_id(record: dg.RunRecord) -> int:
    return record.storage_id


def runs_beginning_with(instance: DagsterInstance, prefix: str, *, most: int) -> list[RunInfo]:
    """The newest runs whose id begins so, at most so many; looks among the newest few thousand."""
    found: list[RunInfo] = []
    cursor = None
    for _ in range(_LOOKED_THROUGH // _PAGE):
        page = instance.get_run_records(limit=_PAGE, cursor=cursor)
        found += [_info(record) for record in page if record.dagster_run.run_id.startswith(prefix)]
        if len(found) >= most or len(page) < _PAGE:
            break
        cursor = page[-1].dagster_run.run_id
    return found[:most]


def _info(record: dg.RunRecord) -> RunInfo:
    run = record.dagster_run
    location = dagster_internals.location_of_run(run)
    return RunInfo(
        run_id=run.run_id,
        job_name=run.job_name,
        created_at=record.create_timestamp,
        tags=dict(run.tags),
        location=location.name,
        repository=location.repository,
        config=run.run_config or {},
        parent_run_id=run.parent_run_id,
    )


@dataclass(frozen=True)
class LogPage:
    """Some of a run's log events, in the order of the log, and the cursor after them."""

    events: list[LogEvent]
    cursor: str | None
    is_last: bool


def read_page(instance: DagsterInstance, run_id: str, cursor: str | None) -> LogPage:
    """The next of a run's log events after a cursor."""
    page = dagster_internals.run_records(instance, run_id, cursor=cursor, of_type=READ_TYPES, limit=_PAGE)
    events = [event for record in page.records for event in translate(record)]
    return LogPage(events, page.cursor, not page.has_more)


def read_run(instance: DagsterInstance, run_id: str, cursor: str | None) -> tuple[list[LogEvent], str | None]:
    """The run's log events after a cursor, in the order of the log, and the cursor after them."""
    events: list[LogEvent] = []
    while True:
        page = read_page(instance, run_id, cursor)
        events += page.events
        cursor = page.cursor
        if page.is_last:
            return events, cursor


def listen(instance: DagsterInstance, run_id: str, log: RunLog, *, now: datetime, max_runtime: timedelta) -> None:
    """Before a run is taken as dead: any record of its log is a sign of life, also those that say nothing of lineage.

    Args:
        instance: The Dagster instance.
        run_id: The run.
        log: Its folded log, which learns of the newest sign of life.
        now: The present.
        max_runtime: How long a run may stay open without any.
    """
    if log.ended or log.last_at is None or now - log.last_at <= max_runtime:
        return
    newest = dagster_internals.run_records(
        instance, run_id, cursor=None, of_type=None, limit=1, ascending=False
    ).records
    if newest:
        log.last_at = max(log.last_at, datetime.fromtimestamp(newest[0].timestamp, UTC))


def _position(record: EventLogRecord, moved_at: float) -> Position:
    return Position(record.storage_id, record.run_id, record.timestamp, moved_at)


def _change(record: EventLogRecord) -> Change:
    return Change(record.run_id, record.timestamp)


def _status_records(
    instance: DagsterInstance, kind: str, after: int, limit: int, *, after_time: float | None = None
) -> Sequence[EventLogRecord]:
    event_type: Any = STATUS_CHANGES[kind]
    records_filter = dg.RunStatusChangeRecordsFilter(event_type, after_timestamp=after_time, after_storage_id=after)
    return instance.fetch_run_status_changes(records_filter, limit=limit, ascending=True).records
