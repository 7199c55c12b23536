"""What the lineage service accepted in the storm: is it exact?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any

TERMINAL = {"COMPLETE", "FAIL", "ABORT"}


def findings(events: Sequence[dict[str, Any]], resent: Collection[str] = ()) -> list[str]:
    """What is wrong with the accepted events, in the order of their acceptance; empty where nothing is.

    * The first acceptance of START comes before the first acceptance of a terminal event, for each run id.
    * What was accepted twice is the same, byte for byte.
    * One run id belongs to one job, and a job has one run id for each Dagster run.

    Args:
        events: What was accepted.
        resent: The run ids of dead letters, which were sent again by hand: their START may have come last.
    """
    found: list[str] = []
    by_run: dict[str, list[dict[str, Any]]] = defaultdict(list)
    ids: dict[tuple[str, str], set[str]] = defaultdict(set)
    for event in events:
        if "run" in event:
            by_run[event["run"]["runId"]].append(event)
            dagster_run = event["run"]["facets"]["dagster_run"]["runId"]
            ids[dagster_run, event["job"]["name"]].add(event["run"]["runId"])
    for run_id, told in by_run.items():
        if len({event["job"]["name"] for event in told}) != 1:
            found.append(f"run {run_id} belongs to several jobs")
        first: dict[str, dict[str, Any]] = {}
        found += [
            f"run {run_id} was told differently when it was told again: {event['eventType']}"
            for event in told
            if first.setdefault(event["eventType"], event) != event
        ]
        kinds = sorted(first, key=lambda kind: kind != "START") if run_id in resent else list(first)
        if kinds[0] != "START" or len(kinds) != 2 or kinds[1] not in TERMINAL:
            found.append(f"run {run_id} was told as {kinds}")
    found += [
        f"{job} has several ids in Dagster run {run}: {known}" for (run, job), known in ids.items() if len(known) > 1
    ]
    return found


def duplicates(events: Sequence[dict[str, Any]]) -> int:
    """How many acceptances were repetitions."""
    told = [(event["run"]["runId"], event["eventType"]) for event in events if "run" in event]
    return len(told) - len(set(told))
