"""Whether the lineage that must be there is there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import requests

from weather_pipeline.cli.expected import ExpectedJob
from weather_pipeline.marquez.client import LineageRequestFailed, MarquezClient, Run
from weather_pipeline.marquez.graph import Graph

_CLOCK_TOLERANCE = 1.0
_ENDED_BADLY = frozenset({"FAILED", "ABORTED"})


@dataclass(frozen=True)
class Recorded:
    """What the lineage API has about some jobs.

    Attributes:
        runs: Node id of a job → its newest runs (Marquez gives ten), the newest first.
        graph: The jobs, their datasets, the edges between them.
    """

    runs: Mapping[str, Sequence[Run]]
    graph: Graph


@dataclass(frozen=True)
class Verification:
    """What of the expected lineage was found.

    Attributes:
        jobs: Node ids of the expected jobs that have a completed run.
        runs: State → number of runs of the expected jobs, of those that the API gives as the newest.
        datasets: Node ids of the expected datasets that the graph has.
        edges: Expected edges that the graph has.
        missing: What was expected and is not there, in words.
        failed: Jobs whose newest run ended badly, in words.
    """

    jobs: tuple[str, ...]
    runs: dict[str, int]
    datasets: tuple[str, ...]
    edges: tuple[tuple[str, str], ...]
    missing: tuple[str, ...]
    failed: tuple[str, ...]


def read(client: MarquezClient, expected: Sequence[ExpectedJob]) -> Recorded:
    """Ask the lineage API about the expected jobs; what it does not know (yet) is left out.

    Raises:
        LineageUnavailable: The API is away.
        LineageRequestFailed: It refuses, for another reason than not knowing.
    """
    runs, answers = {}, []
    for job in expected:
        try:
            found = client.job(job.namespace, job.name).latest_runs or ()
            answers.append(client.lineage(job.node, depth=1))
        except LineageRequestFailed as error:
            if error.status != requests.codes.not_found:
                raise
        else:
            runs[job.node] = sorted(found, key=_started, reverse=True)
    return Recorded(runs, Graph.of(*answers))


def verify(recorded: Recorded, expected: Sequence[ExpectedJob], *, since: float | None = None) -> Verification:
    """Compare what the lineage API has with what is expected.

    Args:
        recorded: What it has.
        expected: All jobs that must be there.
        since: Only runs that started at this time (POSIX seconds) or later count. None counts all, and blames none
            for a bad end: it is not known whose it was.
    """
    earliest = float("-inf") if since is None else since - _CLOCK_TOLERANCE
    runs = {job.node: [run for run in recorded.runs.get(job.node, ()) if _started(run) >= earliest] for job in expected}
    completed = [job.node for job in expected if any(run.state == "COMPLETED" for run in runs[job.node])]
    datasets = frozenset[str]().union(*(job.datasets for job in expected))
    edges = frozenset[tuple[str, str]]().union(*(job.edges for job in expected))
    nodes = recorded.graph.nodes.keys()
    missing = [f"a completed run of {job.node}" for job in expected if job.node not in completed]
    missing += [f"node {node}" for node in sorted((datasets | {job.node for job in expected}) - nodes)]
    missing += [f"edge {origin} → {target}" for origin, target in sorted(edges - recorded.graph.edges)]
    newest = {node: found[0].state for node, found in runs.items() if found and since is not None}
    return Verification(
        jobs=tuple(completed),
        runs=dict(Counter(run.state for found in runs.values() for run in found)),
        datasets=tuple(sorted(datasets & nodes)),
        edges=tuple(sorted(edges & recorded.graph.edges)),
        missing=tuple(missing),
        failed=tuple(f"{node} is {state}" for node, state in newest.items() if state in _ENDED_BADLY),
    )


def _started(run: Run) -> float:
    return (run.started_at or run.created_at).timestamp()
