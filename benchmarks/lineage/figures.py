"""From what Dagster recorded and what the backend accepted to the figures of a table. Pure."""

from __future__ import annotations

import json
import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

START, COMPLETE = "START", "COMPLETE"


@dataclass(frozen=True)
class Ran:
    """A Dagster run that is over; all times in seconds since the epoch.

    Attributes:
        run_id: Dagster's id.
        requested: When it was asked for.
        started: When it started.
        ended: When it ended.
        step_ends: Step → when it succeeded. A step is named as its asset.
    """

    run_id: str
    requested: float
    started: float
    ended: float
    step_ends: Mapping[str, float]

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.ended - self.started

    @property
    def wait_seconds(self) -> float:
        """How long whoever asked for it waited for its end: being made, queued, launched and run."""
        return self.ended - self.requested


@dataclass(frozen=True)
class Told:
    """A run event that the backend accepted.

    Attributes:
        at: When, in seconds since the epoch.
        kind: The event's type.
        run_id: OpenLineage's run id.
        job: The job's namespace and name.
        dagster_run_id: The Dagster run that it is about.
        asset: The asset that it is about; the job's name where it is about something else.
        edges: (input, output) of its datasets' names.
    """

    at: float
    kind: str
    run_id: str
    job: tuple[str, str]
    dagster_run_id: str
    asset: str
    edges: frozenset[tuple[str, str]]


def told(at: float, body: str, *, job_suffix: str = "_dagster") -> Told | None:
    """An accepted event; None where it is about no run.

    Args:
        at: When it was accepted.
        body: The event as JSON.
        job_suffix: What an exporter appends to an asset's name.
    """
    event = json.loads(body)
    if "eventType" not in event:
        return None
    run, job = event["run"], event["job"]
    # Where an exporter has run ids of its own, a facet says which Dagster run it is.
    dagster_run = (run.get("facets") or {}).get("dagster_run") or {}
    inputs, outputs = ([each["name"] for each in event.get(key) or ()] for key in ("inputs", "outputs"))
    return Told(
        at=at,
        kind=event["eventType"],
        run_id=run["runId"],
        job=(job["namespace"], job["name"]),
        dagster_run_id=dagster_run.get("runId", run["runId"]),
        asset=job["name"].removesuffix(job_suffix),
        edges=frozenset((upstream, downstream) for upstream in inputs for downstream in outputs),
    )


def edges_delivered(runs: Iterable[Ran], events: Iterable[Told], edges: frozenset[tuple[str, str]]) -> int:
    """How many of the edges of these runs stand in the COMPLETE event of the downstream asset."""
    found = defaultdict(set)
    for event in events:
        if event.kind == COMPLETE:
            own = {(upstream, downstream) for upstream, downstream in event.edges if downstream == event.asset}
            found[event.dagster_run_id] |= own & edges
    return sum(len(found[run.run_id]) for run in runs)


def jobs_of_run_ids(events: Iterable[Told]) -> dict[str, int]:
    """OpenLineage run id → how many jobs it is the run of: one, in a valid sequence."""
    jobs = defaultdict(set)
    for event in events:
        jobs[event.run_id].add(event.job)
    return {run_id: len(names) for run_id, names in jobs.items()}


def lost(runs: Iterable[Ran], events: Iterable[Told], assets: Sequence[str]) -> int:
    """How many of START and COMPLETE of every asset of every run were never accepted."""
    accepted = {(event.dagster_run_id, event.asset, event.kind) for event in events}
    return sum(
        (run.run_id, asset, kind) not in accepted for run in runs for asset in assets for kind in (START, COMPLETE)
    )


def delays(runs: Iterable[Ran], events: Iterable[Told]) -> list[float]:
    """Seconds from each step's end to the first acceptance of its COMPLETE, of those that were accepted."""
    first: dict[tuple[str, str], float] = {}
    for event in events:
        if event.kind == COMPLETE:
            key = event.dagster_run_id, event.asset
            first[key] = min(event.at, first.get(key, math.inf))
    ends = ((run.run_id, step, at) for run in runs for step, at in run.step_ends.items())
    return [first[run_id, step] - at for run_id, step, at in ends if (run_id, step) in first]


def percentile(values: Sequence[float], percent: int) -> float | None:
    """The value below or at which so many percent lie (nearest rank); None of nothing."""
    if not values:
        return None
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


def median(values: Sequence[float]) -> float | None:
    """The median; None of nothing."""
    return statistics.median(values) if values else None


def shown(value: float | None, digits: int = 2) -> str:
    """A figure of a table; a dash where there is none."""
    return "-" if value is None else f"{value:,.{digits}f}"
