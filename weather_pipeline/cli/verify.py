"""Whether the lineage that must be there is there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from weather_pipeline.cli.expected import ExpectedJob
from weather_pipeline.cli.lineage_reader import JobRun, LineageReader

_CLOCK_TOLERANCE = 1.0


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


def verify(reader: LineageReader, expected: Sequence[ExpectedJob], *, since: float = 0.0) -> Verification:
    """Compare the lineage API's content with what is expected.

    Args:
        reader: The lineage API.
        expected: All jobs that must be there.
        since: Only runs that started at this time (POSIX seconds) or later count.
    """
    runs = {job.node: _since(reader.newest_runs(job.namespace, job.name), since) for job in expected}
    nodes, edges = _graph(reader, expected)
    completed = [job.node for job in expected if any(run.state == "COMPLETED" for run in runs[job.node])]
    wanted_datasets = frozenset[str]().union(*(job.datasets for job in expected))
    wanted_edges = frozenset[tuple[str, str]]().union(*(job.edges for job in expected))
    missing = [f"a completed run of {job.node}" for job in expected if job.node not in completed]
    missing += [f"node {node}" for node in sorted((wanted_datasets | {job.node for job in expected}) - nodes)]
    missing += [f"edge {origin} → {target}" for origin, target in sorted(wanted_edges - edges)]
    newest = {node: found[0].state for node, found in runs.items() if found}
    return Verification(
        jobs=tuple(completed),
        runs=dict(Counter(run.state for found in runs.values() for run in found)),
        datasets=tuple(sorted(wanted_datasets & nodes)),
        edges=tuple(sorted(wanted_edges & edges)),
        missing=tuple(missing),
        failed=tuple(f"{node} is {state}" for node, state in newest.items() if state in {"FAILED", "ABORTED"}),
    )


def _since(runs: Sequence[JobRun], since: float) -> list[JobRun]:
    return [run for run in runs if run.started >= since - _CLOCK_TOLERANCE]


def _graph(reader: LineageReader, expected: Sequence[ExpectedJob]) -> tuple[frozenset[str], frozenset[tuple[str, str]]]:
    graphs = [reader.graph(job.node) for job in expected]
    nodes = frozenset[str]().union(*(nodes for nodes, _ in graphs))
    return nodes, frozenset[tuple[str, str]]().union(*(edges for _, edges in graphs))
