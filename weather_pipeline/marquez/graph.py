"""A lineage graph to walk: nodes, edges, what lies upstream and downstream. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Self

from weather_pipeline.marquez.client import LineageGraph, Node


@dataclass(frozen=True)
class Graph:
    """Jobs and datasets by node id, and the edges between them.

    Attributes:
        nodes: Every node by its id, `job:NAMESPACE:NAME` or `dataset:NAMESPACE:NAME`.
        edges: (origin, destination): a dataset feeds a job, a job writes a dataset.
    """

    nodes: Mapping[str, Node]
    edges: frozenset[tuple[str, str]]

    @classmethod
    def of(cls, *answers: LineageGraph) -> Self:
        """The graph of one or more answers of the lineage endpoint; what two of them share is there once.

        An edge to a node that no answer describes is left out.
        """
        nodes = {node.id: node for answer in answers for node in answer.graph}
        edges = {
            (edge.origin, edge.destination)
            for answer in answers
            for node in answer.graph
            for edge in (*node.in_edges, *node.out_edges)
            if edge.origin in nodes and edge.destination in nodes
        }
        return cls(MappingProxyType(nodes), frozenset(edges))

    @property
    def jobs(self) -> list[Node]:
        """The jobs, by id."""
        return self._of_type("JOB")

    @property
    def datasets(self) -> list[Node]:
        """The datasets, by id."""
        return self._of_type("DATASET")

    def upstream(self, node_id: str, depth: int | None = None) -> list[str]:
        """Everything that a node is made from, the nearest first.

        Args:
            node_id: Where to begin; not part of the answer.
            depth: Most edges to walk; None walks to the ends.

        Raises:
            KeyError: The graph has no such node.
        """
        return self._walk(node_id, self._sources, depth)

    def downstream(self, node_id: str, depth: int | None = None) -> list[str]:
        """Everything that is made from a node, the nearest first; arguments as for `upstream`."""
        return self._walk(node_id, self._targets, depth)

    @cached_property
    def _sources(self) -> Mapping[str, list[str]]:
        return _neighbours((destination, origin) for origin, destination in self.edges)

    @cached_property
    def _targets(self) -> Mapping[str, list[str]]:
        return _neighbours(self.edges)

    def _of_type(self, node_type: str) -> list[Node]:
        return [self.nodes[key] for key in sorted(self.nodes) if self.nodes[key].type == node_type]

    def _walk(self, start: str, neighbours: Mapping[str, list[str]], depth: int | None) -> list[str]:
        if start not in self.nodes:
            raise KeyError(start)
        distance = {start: 0}
        queue = deque([start])
        while queue:
            node = queue.popleft()
            if depth is not None and distance[node] >= depth:
                continue
            for other in neighbours.get(node, ()):
                if other not in distance:
                    distance[other] = distance[node] + 1
                    queue.append(other)
        return [node for node in distance if node != start]


def _neighbours(edges: Iterable[tuple[str, str]]) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for origin, destination in sorted(edges):
        found.setdefault(origin, []).append(destination)
    return found
