"""One pass of the pipeline: launch what is missing, follow it to its end, wait for its lineage."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime

from weather_pipeline.cli.expected import ExpectedJob
from weather_pipeline.cli.hours import missing_ranges, partition_key
from weather_pipeline.cli.lineage_reader import LineageReader
from weather_pipeline.cli.progress import Progress
from weather_pipeline.cli.verify import Verification, verify
from weather_pipeline.errors import LineageApiError, StackError, Transient
from weather_pipeline.stack.dagster_api import DagsterApi, DagsterRun

JOB = "weather_hourly"

_POLL = 0.5
_LINEAGE_TIMEOUT = 120.0

Watch = Callable[[], None]
"""Called at every poll; raises where waiting on makes no sense, because a part of the stack died."""


def launch_missing(api: DagsterApi, hours: Sequence[datetime], assets: Sequence[str]) -> list[str]:
    """Launch one run for each unbroken range of hours that some asset lacks; returns the runs' ids."""
    ranges = missing_ranges(hours, api.materialized_ranges(assets))
    return [api.launch_range(JOB, partition_key(first), partition_key(last)) for first, last in ranges]


def follow(api: DagsterApi, run_ids: Sequence[str], steps: int, progress: Progress, watch: Watch) -> list[DagsterRun]:
    """Wait until the runs have ended well.

    Args:
        api: Dagster.
        run_ids: The runs to wait for.
        steps: How many steps each run has.
        progress: Shows how far they are.
        watch: Called at every poll.

    Raises:
        StackError: A run failed; carries the error of each failed step and the run's address.
    """
    while run_ids:
        watch()
        runs = [api.run(run_id) for run_id in run_ids]
        done = sum(run.steps_succeeded for run in runs)
        progress.update(f"Running the pipeline: {done} of {steps * len(runs)} steps, {_states(runs)}")
        for run in runs:
            if run.finished and run.status != "SUCCESS":
                reasons = "\n".join(api.failures(run.run_id)) or "no step has failed"
                raise StackError(f"Run {run.run_id} of {run.job} ended as {run.status}:\n{reasons}")
        if all(run.finished for run in runs):
            return runs
        time.sleep(_POLL)
    return []


def await_lineage(
    reader: LineageReader, expected: Sequence[ExpectedJob], *, since: float, progress: Progress, watch: Watch
) -> Verification:
    """Wait until all expected lineage has arrived.

    Raises:
        LineageApiError: Some of it is still missing after two minutes, or a job's run failed; lists what.
    """
    deadline = time.monotonic() + _LINEAGE_TIMEOUT
    while True:
        watch()
        try:
            found = verify(reader, expected, since=since)
        except Transient as error:
            state, missing = "the lineage API does not answer", [str(error)]
        else:
            if found.failed:
                raise LineageApiError("Lineage has runs that did not complete:\n" + "\n".join(found.failed))
            if not found.missing:
                return found
            state, missing = f"{len(found.jobs)} of {len(expected)} jobs complete", found.missing
        if time.monotonic() > deadline:
            raise LineageApiError(f"Lineage lacks after {_LINEAGE_TIMEOUT:.0f} s:\n" + "\n".join(missing))
        progress.update(f"Waiting for lineage: {state}")
        time.sleep(_POLL)


def _states(runs: Sequence[DagsterRun]) -> str:
    return ", ".join(run.status.lower() for run in runs)
