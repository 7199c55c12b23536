"""One pass of the pipeline: launch what is missing, follow it to its end, wait for its lineage."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import TypeVar

from weather_pipeline.cli.expected import ExpectedJob
from weather_pipeline.cli.hours import missing_ranges, partition_key
from weather_pipeline.cli.progress import Progress
from weather_pipeline.cli.verify import Verification, read, verify
from weather_pipeline.errors import LineageApiError, StackError, Transient
from weather_pipeline.marquez.client import MarquezClient
from weather_pipeline.stack.dagster_api import DagsterApi, DagsterRun, DagsterUnavailable
from weather_pipeline.urls import without_login

JOB = "weather_hourly"

_POLL = 0.5
_DAGSTER_TIMEOUT = 120.0
"""Seconds without an answer of the webserver, which may be starting again, after which waiting on makes no sense."""
_LINEAGE_TIMEOUT = 120.0
_OLD_LINEAGE_TIMEOUT = 30.0
"""Seconds for lineage of runs that an earlier start made: little can still be on its way."""

_OLD_LINEAGE_HINT = (
    "\nNothing was run, since an earlier start had run these hours, and what went to another backend then is not sent "
    "again. Use a new state directory (--home DIR), or materialize the assets again in Dagster."
)

_AnswerT = TypeVar("_AnswerT")

Watch = Callable[[], None]
"""Called at every poll; raises where waiting on makes no sense, because a part of the stack died."""


def launch_missing(api: DagsterApi, hours: Sequence[datetime], assets: Sequence[str], watch: Watch) -> list[str]:
    """Launch one run for each unbroken range of hours that some asset lacks; returns the runs' ids.

    A launch whose answer was lost is made again: a second run of an hour changes nothing.
    """
    ranges = missing_ranges(hours, patiently(lambda: api.materialized_ranges(assets), watch))
    keys = [(partition_key(first), partition_key(last)) for first, last in ranges]
    return [patiently(partial(api.launch_range, JOB, *span), watch) for span in keys]


def follow(
    api: DagsterApi,
    run_ids: Sequence[str],
    steps: int,
    progress: Progress,
    watch: Watch,
    *,
    what: str = "Running the pipeline",
) -> list[DagsterRun]:
    """Wait until the runs have ended well.

    Args:
        api: Dagster.
        run_ids: The runs to wait for.
        steps: How many steps each run has.
        progress: Shows how far they are.
        watch: Called at every poll.
        what: What is shown of it.

    Raises:
        StackError: A run failed; carries the error of each failed step and the run's address.
        DagsterUnavailable: The webserver has not answered for two minutes.
    """
    while run_ids:
        watch()
        runs = patiently(lambda: [api.run(run_id) for run_id in run_ids], watch)
        done = sum(run.steps_succeeded for run in runs)
        progress.update(f"{what}: {done} of {steps * len(runs)} steps, {_states(runs)}")
        for run in runs:
            if run.finished and run.status != "SUCCESS":
                failures = patiently(partial(api.failures, run.run_id), watch)
                reasons = "\n".join(failures) or "no step has failed"
                raise StackError(f"Run {run.run_id} of {run.job} ended as {run.status}:\n{reasons}")
        if all(run.finished for run in runs):
            return runs
        time.sleep(_POLL)
    return []


def await_lineage(
    client: MarquezClient, expected: Sequence[ExpectedJob], *, since: float | None, progress: Progress, watch: Watch
) -> Verification:
    """Wait until all expected lineage has arrived.

    Args:
        client: Asks the lineage API.
        expected: What must be there.
        since: Only runs from this time (POSIX seconds) on count; None where nothing was launched.
        progress: Shows how much is there.
        watch: Called at every poll.

    Raises:
        LineageApiError: Some of it is still missing after two minutes (half a minute where nothing was launched), or
            a job's run failed; lists what.
    """
    timeout = _OLD_LINEAGE_TIMEOUT if since is None else _LINEAGE_TIMEOUT
    deadline = time.monotonic() + timeout
    while True:
        watch()
        try:
            found = verify(read(client, expected), expected, since=since)
        except Transient as error:
            state, missing = "the lineage API does not answer", [str(error)]
        else:
            if found.failed:
                raise LineageApiError("Lineage has runs that did not complete:\n" + "\n".join(found.failed))
            if not found.missing:
                return found
            state, missing = f"{len(found.jobs)} of {len(expected)} jobs complete", found.missing
        if time.monotonic() > deadline:
            hint = _OLD_LINEAGE_HINT if since is None else ""
            raise LineageApiError(
                f"{without_login(client.base_url)} lacks after {timeout:.0f} s:\n" + "\n".join(missing) + hint
            )
        progress.update(f"Waiting for lineage: {state}")
        time.sleep(_POLL)


def patiently(
    ask: Callable[[], _AnswerT],
    watch: Watch,
    passing: type[Exception] | tuple[type[Exception], ...] = DagsterUnavailable,
) -> _AnswerT:
    """Ask Dagster, again and again while its webserver is being started anew.

    Args:
        ask: The question.
        watch: Called between two attempts.
        passing: The errors that may pass. One of those is raised where it has not passed for two minutes.
    """
    deadline = time.monotonic() + _DAGSTER_TIMEOUT
    while True:
        try:
            return ask()
        except passing:
            if time.monotonic() > deadline:
                raise
        watch()
        time.sleep(_POLL)


def _states(runs: Sequence[DagsterRun]) -> str:
    return ", ".join(run.status.lower() for run in runs)
