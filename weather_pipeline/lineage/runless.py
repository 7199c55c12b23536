"""What was reported about assets without any run: through Dagster's API, by an external system, or by hand.

No job ran, so there is no run to tell: a materialization or an observation becomes an event about the dataset, a check
evaluation a run of the asset's checks that began and ended when it was reported.

Dagster keeps these records as the log of a run without an id, which every storage reads cheaply. The last ids are read
again like those of status changes, and for the same reasons (see `reader`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dagster import DagsterInstance

from weather_pipeline.lineage import dagster_internals, reader
from weather_pipeline.lineage.events import EventBuilder
from weather_pipeline.lineage.model import Reported
from weather_pipeline.lineage.progress import OpenRun, Progress
from weather_pipeline.lineage.story import Story, story_of_reports
from weather_pipeline.lineage.translation import REPORTED, translate

NO_RUN = ""
"""Dagster's run id of what was reported without a run; it is open while something of it is due."""

POSITION = "reported"
"""The name of its position."""

_PAGE = 500


@dataclass(frozen=True)
class Report:
    """One record, and what identifies it: ids may be used again."""

    key: str
    storage_id: int
    event: Reported


@dataclass(frozen=True)
class Page:
    """Records found in one read, oldest first, and the position after it."""

    reports: tuple[Report, ...]
    position: reader.Position
    is_last: bool


def begin(instance: DagsterInstance) -> reader.Position:
    """The position after everything reported so far."""
    newest = _records(instance, None, 1, ascending=False)
    return _position(newest[0], newest[0].timestamp) if newest else reader.BEGINNING


def open_reports(progress: Progress) -> None:
    """Let the next pass look for reports."""
    progress.open.setdefault(NO_RUN, OpenRun())


def look(instance: DagsterInstance, builder: EventBuilder, progress: Progress, *, now: float) -> Story:
    """What was reported and is not told yet; moves the position past what is.

    Args:
        instance: The Dagster instance.
        builder: Builds events from what the definitions say.
        progress: Positions and what was told; changed in place.
        now: The present, seconds since the epoch.

    Raises:
        StorageUnavailable: Dagster's storage can't be read now.
    """
    while True:
        page = read_reports(instance, progress.positions.get(POSITION, reader.BEGINNING), now=now, since=progress.since)
        told = set(progress.reported)
        fresh = [report.event for report in page.reports if report.key not in told]
        story = story_of_reports((event for event in fresh if builder.tells_report_on(event.path)), builder)
        sent = progress.open[NO_RUN].sent
        due = Story(
            [message for message in story.messages if message.key not in sent],
            [problem for problem in story.problems if f"withheld:{problem.about}" not in sent],
        )
        if due.messages or due.problems:
            return due
        _move(progress, page)
        if page.is_last:
            return due


def read_reports(
    instance: DagsterInstance, position: reader.Position, *, now: float, since: float, limit: int = _PAGE
) -> Page:
    """Reports after the position, and those that became visible late before it.

    Args:
        instance: The Dagster instance.
        position: Where the last read ended.
        now: The present, seconds since the epoch.
        since: Reports before this time (seconds since the epoch) are not of interest.
        limit: At most so many new records.
    """
    late = now - position.moved_at <= reader.LATE
    after = max(0, position.storage_id - (reader.OVERLAP if late else 1))
    records = _records(instance, after, limit + reader.OVERLAP)
    is_last = len(records) < limit + reader.OVERLAP
    visible = since
    if position != reader.BEGINNING and not any(_is_at(record, position) for record in records):
        # The record at the position was deleted, and its id may have been used again.
        records, is_last = _newest_since(instance, position.at - reader.REWIND), True
    else:
        # What was older when the position came there had been visible before: it is told, and may be forgotten.
        visible = max(since, position.moved_at - reader.LATE)
    kept = [
        record
        for record in records
        if record.timestamp >= (visible if record.storage_id < position.storage_id else since)
    ]
    reports = tuple(
        Report(f"{record.storage_id}:{record.timestamp}", record.storage_id, event)
        for record in kept
        for event in translate(record)
        if isinstance(event, Reported)
    )
    last = max(records, key=lambda record: record.storage_id, default=None)
    if last is None or _is_at(last, position):
        return Page(reports, position, is_last)
    return Page(reports, _position(last, now), is_last)


def _move(progress: Progress, page: Page) -> None:
    progress.positions[POSITION] = page.position
    again = page.position.storage_id - reader.OVERLAP
    progress.reported = [report.key for report in page.reports if report.storage_id > again]


def _newest_since(instance: DagsterInstance, since: float) -> list[Any]:
    found: list[Any] = []
    limit = _PAGE
    while True:
        records = _records(instance, None, limit, ascending=False)
        found = [record for record in records if record.timestamp >= since]
        if len(found) < limit:
            return found[::-1]
        limit *= 2


def _records(instance: DagsterInstance, after: int | None, limit: int, *, ascending: bool = True) -> Sequence[Any]:
    cursor = dagster_internals.log_cursor(after) if after is not None else None
    return dagster_internals.run_records(
        instance, NO_RUN, cursor=cursor, of_type=REPORTED, limit=limit, ascending=ascending
    ).records


def _is_at(record: Any, position: reader.Position) -> bool:
    return record.storage_id == position.storage_id and record.timestamp == position.at


def _position(record: Any, moved_at: float) -> reader.Position:
    return reader.Position(record.storage_id, NO_RUN, record.timestamp, moved_at)
