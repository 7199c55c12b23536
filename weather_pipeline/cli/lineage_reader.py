"""What the demo asks of the lineage API, Marquez or the embedded one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import requests

from weather_pipeline.marquez.client import LineageRequestFailed, MarquezClient


@dataclass(frozen=True)
class JobRun:
    """One OpenLineage run: Marquez's state (COMPLETED, FAILED, RUNNING, …) and its start in POSIX seconds."""

    run_id: str
    state: str
    started: float


class LineageReader(Protocol):
    """The two questions that the demo asks."""

    def newest_runs(self, namespace: str, job: str) -> list[JobRun]:
        """The newest runs of a job (Marquez gives ten), newest first; none where the job is unknown."""
        ...

    def graph(self, node: str) -> tuple[frozenset[str], frozenset[tuple[str, str]]]:
        """Node ids and edges (from, to) around a node; both empty where it is unknown."""
        ...


class MarquezReader:
    """`LineageReader` of a Marquez.

    Args:
        client: Asks it; its errors come through, but for 404.
    """

    def __init__(self, client: MarquezClient) -> None:
        self._client = client

    def newest_runs(self, namespace: str, job: str) -> list[JobRun]:
        """The newest runs of a job (Marquez gives ten), newest first; none where the job is unknown."""
        try:
            found = self._client.job(namespace, job).latest_runs or ()
        except LineageRequestFailed as error:
            _only_unknown(error)
            return []
        runs = [JobRun(run.id, run.state, (run.started_at or run.created_at).timestamp()) for run in found]
        return sorted(runs, key=lambda run: run.started, reverse=True)

    def graph(self, node: str) -> tuple[frozenset[str], frozenset[tuple[str, str]]]:
        """Node ids and edges (from, to) around a node; both empty where it is unknown."""
        try:
            nodes = self._client.lineage(node, depth=1).graph
        except LineageRequestFailed as error:
            _only_unknown(error)
            return frozenset(), frozenset()
        edges = [edge for found in nodes for edge in (*found.in_edges, *found.out_edges)]
        return frozenset(found.id for found in nodes), frozenset((edge.origin, edge.destination) for edge in edges)


def _only_unknown(error: LineageRequestFailed) -> None:
    if error.status != requests.codes.not_found:
        raise error
