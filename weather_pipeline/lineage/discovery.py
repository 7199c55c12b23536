"""Which Dagster runs have lineage to tell: found by their status changes or a sweep, admitted while there is room.

The one place where runs are opened. What finds no room stays in the event log: no position moves past it.
"""

from __future__ import annotations

from datetime import UTC, datetime

from dagster import DagsterInstance

from weather_pipeline.lineage import reader
from weather_pipeline.lineage.progress import OpenRun, Progress
from weather_pipeline.lineage.runless import open_reports

MAX_OPEN = 500
"""Open runs at once: bounds the cursor and the work of a tick."""
MAX_PARKED = 2000
"""Runs that are looked at seldom; with their places in the cursor, which Dagster keeps with every tick, some 150 kB."""
_COUNTED = 500
"""Changes of a kind that are looked through to count the runs that find no room."""
SWEEP_EVERY = 60.0
"""Seconds between two sweeps."""
SWEEP_BACK = 180.0
"""Seconds by which two sweeps overlap: a run record may become visible after a later one."""
REMEMBER_CLOSED = 4 * reader.LATE
"""Seconds for which a closed run is known: longer than any status change is read again."""
REMEMBER_AT_MOST = 2000


def discover(instance: DagsterInstance, progress: Progress, now: float, *, quick: bool = False) -> None:
    """Open the runs that have changed since the last look, as far as there is room.

    Args:
        instance: The Dagster instance.
        progress: Positions, open and closed runs; changed in place.
        now: The present, seconds since the epoch.
        quick: Not look for what has become visible late; another look seconds later does.
    """
    open_reports(progress)
    left_out: dict[str, float] = {}
    for kind in reader.STATUS_CHANGES:
        room = MAX_OPEN - len(progress.open)
        position, limit = progress.positions.get(kind, reader.BEGINNING), room if room > 0 else _COUNTED
        page = reader.changed_runs(instance, kind, position, now=now, since=progress.since, limit=limit, quick=quick)
        if room > 0:
            for change in page.changes:
                _admit(progress, change)
            progress.positions[kind] = page.position
        else:
            left_out |= {change.run_id: change.at for change in page.changes if _is_news(progress, change)}
    progress.undiscovered, progress.undiscovered_since = len(left_out), min(left_out.values(), default=None)
    _sweep(instance, progress, now)
    progress.forget_closed(now - REMEMBER_CLOSED, REMEMBER_AT_MOST)


def _sweep(instance: DagsterInstance, progress: Progress, now: float) -> None:
    """Look for runs by the time of their last update: the net under the status changes."""
    room = MAX_OPEN - len(progress.open)
    if room <= 0 or now - progress.swept_at <= SWEEP_EVERY:
        return
    since = max(progress.swept_at - SWEEP_BACK, progress.since)
    changes = reader.runs_updated_since(instance, datetime.fromtimestamp(since, UTC), room)
    for change in changes:
        if change.started:
            _admit(progress, change)
    # A full page is continued where it ended.
    progress.swept_at = now if len(changes) < room else changes[-1].at + SWEEP_BACK


def _admit(progress: Progress, change: reader.Change) -> None:
    """Open a run that has news."""
    if _is_news(progress, change):
        open_run(progress, change.run_id, change.at)


def _is_news(progress: Progress, change: reader.Change) -> bool:
    """Whether a change opens its run: it is not open, and was not closed or parked after this change."""
    if change.run_id in progress.open:
        return False
    parked = progress.parked.get(change.run_id)
    told_until = parked.at if parked else progress.closed.get(change.run_id, float("-inf"))
    return change.at > told_until


def open_run(progress: Progress, run_id: str, at: float) -> None:
    """Open a run of which something is due since a time (seconds since the epoch).

    What was sent of one that was parked is sent again, which changes nothing.
    """
    progress.closed.pop(run_id, None)
    progress.parked.pop(run_id, None)
    progress.open[run_id] = OpenRun(due_since=at)
