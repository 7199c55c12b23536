"""Runs in progress when the stack ends: they must not stay in progress for ever."""

from __future__ import annotations

import time

from weather_pipeline.stack.dagster_api import IN_PROGRESS, DagsterApi, DagsterApiError, DagsterUnavailable

_CANCEL_TIMEOUT = 15.0


def cancel_runs(api: DagsterApi) -> int:
    """Let runs in progress end as cancelled, while all they need still runs; a killed run could not say so itself.

    Returns:
        How many there were; 0 where Dagster does not answer, since stopping goes on whatever becomes of them.
    """
    deadline = time.monotonic() + _CANCEL_TIMEOUT
    try:
        running = found = api.runs(IN_PROGRESS)
        api.cancel([run.run_id for run in running])
        while running and time.monotonic() < deadline:
            time.sleep(0.2)
            running = api.runs(IN_PROGRESS)
    except (DagsterApiError, DagsterUnavailable):
        return 0
    return len(found)


def end_stranded_runs(api: DagsterApi, started: float) -> int:
    """Mark runs as cancelled whose processes are gone: in progress, but untouched since before the stack started.

    Args:
        api: The stack's Dagster.
        started: When the stack started, in POSIX seconds.
    """
    stranded = api.runs(IN_PROGRESS, updated_before=started)
    api.cancel([run.run_id for run in stranded], processes_gone=True)
    return len(stranded)
