"""A backfill from its launch to its last lineage run: Dagster's daemon does the work, this looks on."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

import requests

from weather_pipeline.cli.hours import HOUR, hour_of
from weather_pipeline.cli.pipeline import Watch, patiently
from weather_pipeline.cli.progress import Progress
from weather_pipeline.errors import LineageApiError, Terminal, Transient, WeatherPipelineError
from weather_pipeline.marquez.client import LineageRequestFailed, MarquezClient
from weather_pipeline.stack.dagster_api import (
    ALL_LOADED,
    IN_PROGRESS,
    RUNS_FAILED,
    Backfill,
    BackfillRun,
    DagsterApi,
    DagsterApiError,
    DagsterUnavailable,
)

_POLL = 2.0
_LAUNCH_TIMEOUT = 20.0
"""Seconds that Dagster may still work on a launch whose answer nobody waits for any more."""
_CANCEL_TIMEOUT = 120.0
_LINEAGE_TIMEOUT = 120.0
"""Seconds in which no further lineage run arrives, after which waiting on makes no sense."""

_REQUEST_TAG = "weather/request"
"""Tells a backfill whose launch was not answered from one that never began."""

_AnswerT = TypeVar("_AnswerT")

_ENDED = {"SUCCESS": frozenset({"COMPLETED"})}
_ENDED_BADLY = frozenset({"FAILED", "ABORTED"})


@dataclass(frozen=True)
class FailedRun:
    """A run that did not succeed, and whose retries did not either.

    Attributes:
        errors: The error of each failed step, or the run's own.
    """

    run_id: str
    status: str
    first: str
    last: str
    errors: tuple[str, ...]


@dataclass(frozen=True)
class ExpectedRun:
    """A lineage run that a step must leave behind.

    Attributes:
        run_id: The id that the exporter gives it.
        asset: The asset, which is also the step.
        states: Lineage states, one of which it must end in.
    """

    run_id: str
    asset: str
    states: frozenset[str]


@dataclass(frozen=True)
class LineageFound:
    """What the lineage API has of a backfill.

    Attributes:
        expected: How many lineage runs must be there.
        states: State → number of runs that are there.
        missing: What is not there, or not in the state it must be in, in words.
        error: What the lineage API answered last where something is missing; None where it answered well.
    """

    expected: int
    states: dict[str, int]
    missing: tuple[str, ...]
    error: str | None = None


def launch(api: DagsterApi, assets: Sequence[str], partitions: Sequence[str], progress: Progress, watch: Watch) -> str:
    """Launch a backfill, once, however often the webserver breaks off; returns its id.

    One that is interrupted while it is being launched is cancelled, though Dagster has not yet named it.
    """
    request = uuid.uuid4().hex
    asked = False

    def ask() -> str:
        nonlocal asked
        if asked and (known := api.backfill_ids(_REQUEST_TAG, request)):
            return known[0]
        asked = True
        return api.launch_backfill(assets, partitions, tags={_REQUEST_TAG: request})

    try:
        return patiently(ask, watch)
    except KeyboardInterrupt:
        if asked and (backfill_id := _launched(api, request, watch)):
            cancel(api, backfill_id, len(partitions), progress, watch)
        raise


def _launched(api: DagsterApi, request: str, watch: Watch) -> str | None:
    """The backfill of a request, which Dagster may still be writing down; None where it had not begun."""
    deadline = time.monotonic() + _LAUNCH_TIMEOUT
    while not (known := _insist(lambda: api.backfill_ids(_REQUEST_TAG, request), watch)):
        if time.monotonic() > deadline:
            return None
        time.sleep(_POLL)
    return known[0]


def _insist(ask: Callable[[], _AnswerT], watch: Watch) -> _AnswerT:
    """Ask of what Dagster is known to have: an error that it answers is one of its database, and may pass as well."""
    return patiently(ask, watch, (DagsterUnavailable, DagsterApiError))


def follow(api: DagsterApi, backfill_id: str, hours: int, progress: Progress, watch: Watch) -> Backfill:
    """Wait until Dagster is done with a backfill, well or not.

    Args:
        api: Dagster.
        backfill_id: The backfill.
        hours: How many hours it has.
        progress: Shows how far it is.
        watch: Called at every poll.

    Raises:
        DagsterUnavailable: The webserver has not answered for two minutes.
        DagsterApiError: It has answered with errors for two minutes.
    """
    began, done, pace = time.monotonic(), 0, None
    while True:
        watch()
        found = _insist(lambda: api.backfill(backfill_id), watch)
        if (loaded := len(hours_of(found, "SUCCESS"))) != done:  # so that a log has a line for each change only
            done, pace = loaded, loaded / (time.monotonic() - began)
        progress.update(progress_text(found, hours, pace))
        if done == hours and all(run.finished for run in found.runs):
            has_failed = any(run.status != "SUCCESS" for run in found.runs)
            if found.status == RUNS_FAILED and has_failed and not _failed_for_good(found):
                progress.note(
                    f"Dagster calls backfill {backfill_id} failed: it looked while a failed run was being tried again. "
                    f"All {hours} hours are loaded."
                )
                return replace(found, status=ALL_LOADED)
            if not found.finished:
                # Dagster's daemon says so when it looks next, up to half a minute later: nothing changes until then.
                return replace(found, status=ALL_LOADED)
        if found.finished:
            return found
        time.sleep(_POLL)


def _failed_for_good(backfill: Backfill) -> list[BackfillRun]:
    """The runs that did not succeed and were not tried again."""
    retried = {run.retry_of for run in backfill.runs}
    return [run for run in backfill.runs if run.status != "SUCCESS" and run.run_id not in retried]


def cancel(api: DagsterApi, backfill_id: str, hours: int, progress: Progress, watch: Watch) -> None:
    """Cancel a backfill, wait until its runs have ended, for two minutes at most, and say what was loaded.

    Args:
        api: Dagster.
        backfill_id: The backfill.
        hours: How many hours it has.
        progress: Shows what happens.
        watch: Called at every poll.
    """
    deadline = time.monotonic() + _CANCEL_TIMEOUT
    found = _insist(lambda: api.backfill(backfill_id), watch)
    if not found.finished:
        patiently(lambda: api.cancel_backfill(backfill_id), watch)
    while not found.finished and time.monotonic() < deadline:
        running = [run for run in found.runs if not run.finished]
        # The daemon looks once in half a minute: until then queued runs would begin, and running ones go on.
        patiently(partial(api.cancel, [run.run_id for run in running if run.status != "CANCELING"]), watch)
        waits = f"{len(running)} runs have not ended yet" if running else "Dagster closes the backfill"
        progress.update(f"Cancelling: {waits}")
        time.sleep(_POLL)
        found = _insist(lambda: api.backfill(backfill_id), watch)
    loaded = len(hours_of(found, "SUCCESS"))
    state = "is cancelled" if found.finished else f"is still {found.status.lower()} in Dagster"
    progress.note(
        f"Backfill {backfill_id} {state}: {loaded} of {hours} hours are loaded. The same command goes on there."
    )


def progress_text(backfill: Backfill, hours: int, pace: float | None) -> str:
    """How far a backfill is, in one line.

    Args:
        backfill: Its state.
        hours: How many hours it has.
        pace: Hours that were loaded a second; None before the first.
    """
    done, failed = len(hours_of(backfill, "SUCCESS")), len(hours_of(backfill, "FAILURE"))
    counts = Counter(_shown_state(run) for run in backfill.runs)
    parts = [f"{done} of {hours} hours"]
    if failed:
        parts.append(f"{failed} failed")
    parts += [f"{counts[state]} runs {state}" for state in ("running", "queued", "done") if counts[state]]
    if pace and done < hours:
        parts.append(f"{pace * 60:.0f} hours a minute, about {_duration((hours - done) / pace)} left")
    return f"Backfill {backfill.backfill_id}: {', '.join(parts)}"


def hours_of(backfill: Backfill, status: str) -> set[datetime]:
    """The hours whose runs have a status; one that a later run has loaded is not one of a failure."""
    found = {hour for run in backfill.runs if run.status == status for hour in _hours(run)}
    return found if status == "SUCCESS" else found - hours_of(backfill, "SUCCESS")


def failed_runs(api: DagsterApi, backfill: Backfill, watch: Watch) -> list[FailedRun]:
    """The runs of a finished backfill that failed for good, in the order of their hours."""
    return [
        FailedRun(
            run_id=run.run_id,
            status=run.status,
            first=run.first,
            last=run.last,
            errors=tuple(_insist(partial(api.failures, run.run_id), watch)),
        )
        for run in sorted(_failed_for_good(backfill), key=lambda run: run.first)
    ]


def expected_runs(api: DagsterApi, backfill: Backfill, watch: Watch) -> list[ExpectedRun]:
    """The lineage runs that a finished backfill must leave behind: one for each asset whose step has begun."""
    # Slow to import, and wanted at the end only.
    from weather_pipeline.lineage.identity import run_id_for

    expected = []
    for run in backfill.runs:
        steps = _insist(partial(api.run_steps, run.run_id), watch)
        created = datetime.fromtimestamp(steps.created, UTC)
        expected += [
            ExpectedRun(run_id_for(run.run_id, created, asset.split("/")), asset, _ENDED.get(state, _ENDED_BADLY))
            for asset, state in steps.states.items()
        ]
    return expected


def await_lineage(
    client: MarquezClient, expected: Sequence[ExpectedRun], progress: Progress, watch: Watch
) -> LineageFound:
    """Wait until all lineage runs are there and have ended.

    Gives up when nothing arrives for two minutes, or the lineage API refuses to answer (it wants a login).
    """
    states: dict[str, str] = {}
    trouble: WeatherPipelineError | None = None
    open_runs, deadline = list(expected), time.monotonic() + _LINEAGE_TIMEOUT
    while open_runs and time.monotonic() < deadline and not isinstance(trouble, Terminal):
        watch()
        before, trouble = len(open_runs), None
        try:
            for run in open_runs:
                states[run.run_id] = _state(client, run.run_id)
        except (Transient, LineageApiError) as error:  # away for now: the deadline decides
            trouble = error
        open_runs = [run for run in open_runs if states.get(run.run_id) not in run.states]
        progress.update(f"Waiting for lineage: {len(expected) - len(open_runs)} of {len(expected)} runs are there")
        if len(open_runs) < before:
            deadline = time.monotonic() + _LINEAGE_TIMEOUT
        elif open_runs and not isinstance(trouble, Terminal):
            time.sleep(_POLL)
    return LineageFound(
        expected=len(expected),
        states=dict(Counter(state for state in states.values() if state)),
        missing=tuple(
            f"run {run.run_id} of {run.asset}: {states.get(run.run_id) or 'not there'}, "
            f"not {' or '.join(sorted(run.states))}"
            for run in open_runs
        ),
        error=str(trouble) if open_runs and trouble is not None else None,
    )


def _state(client: MarquezClient, run_id: str) -> str:
    """A lineage run's state; empty where there is none (yet)."""
    try:
        return client.run(run_id).state
    except LineageRequestFailed as error:
        if error.status != requests.codes.not_found:
            raise
        return ""


def _hours(run: BackfillRun) -> list[datetime]:
    if not run.first:
        return []
    first, last = hour_of(run.first), hour_of(run.last)
    return [first + HOUR * number for number in range((last - first) // HOUR + 1)]


def _shown_state(run: BackfillRun) -> str:
    if run.finished:
        return "done"
    return "running" if run.status in IN_PROGRESS else "queued"


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"  # noqa: PLR2004  (two minutes)
