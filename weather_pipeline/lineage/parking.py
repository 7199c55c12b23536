"""Runs that are looked at seldom, so that those with news have room and a tick's work stays small.

Two kinds: runs of which nothing is due for now, when there are more open ones than there is room for; and runs that
ended before a step of theirs did, whose late writers may still add to what was told.
"""

from __future__ import annotations

import logging
import time
from datetime import timedelta

from dagster import DagsterInstance

from weather_pipeline.lineage import discovery, reader
from weather_pipeline.lineage.dagster_internals import log_cursor, log_position
from weather_pipeline.lineage.progress import Parked, Progress

AT_ONCE = 50
"""Parked runs that a tick looks at."""


def park(progress: Progress, run_id: str, cursor: str | None, at: float, *, is_over: bool) -> bool:
    """Look at a run seldom from now on; False where there is no room for it.

    Args:
        progress: Open and parked runs; changed in place.
        run_id: The Dagster run.
        cursor: How far its log has been read.
        at: Until when it has been told, seconds since the epoch.
        is_over: Whether it has ended.
    """
    if cursor is None or len(progress.parked) >= discovery.MAX_PARKED:
        return False
    progress.open.pop(run_id, None)
    progress.parked[run_id] = Parked(log_position(cursor), at, is_over)
    return True


def open_changed(
    instance: DagsterInstance,
    progress: Progress,
    now: float,
    max_runtime: timedelta,
    log: logging.Logger,
    *,
    until: float,
) -> None:
    """Open the parked runs whose log has grown, and those that are to be taken as dead: looks at some of them.

    Args:
        instance: The Dagster instance.
        progress: Open and parked runs; changed in place.
        now: The present, seconds since the epoch.
        max_runtime: How long a run is waited for.
        log: Hears of a run that can't be read; it is looked at again when its turn comes.
        until: `time.monotonic()` after which no further run is looked at.
    """
    for run_id in list(progress.parked)[:AT_ONCE]:
        if len(progress.open) >= discovery.MAX_OPEN or time.monotonic() >= until:
            return
        parked = progress.parked.pop(run_id)
        is_old = now - parked.at > max_runtime.total_seconds()
        if is_old and parked.is_over:
            continue
        try:
            has_grown = is_old or bool(reader.read_page(instance, run_id, log_cursor(parked.position)).events)
        except Exception as error:  # noqa: BLE001  (any trouble with one run's log: the others go on)
            progress.parked[run_id] = parked
            log.warning("Dagster run %s can't be read, and is tried again: %s", run_id, error)
            return
        if has_grown:
            discovery.open_run(progress, run_id, parked.at)
        else:
            progress.parked[run_id] = parked
