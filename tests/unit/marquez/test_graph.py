"""Walking a lineage graph."""

from __future__ import annotations

import pytest

from weather_pipeline.marquez.client import Edge, LineageGraph, Node
from weather_pipeline.marquez.graph import Graph


def _answer(*edges: tuple[str, str]) -> LineageGraph:
    """An answer with the nodes of these edges, each node with its own."""
    ids = sorted({node for edge in edges for node in edge})
    return LineageGraph(
        graph=tuple(
            Node(
                id=node,
                type="JOB" if node.startswith("job:") else "DATASET",
                in_edges=tuple(Edge(origin=a, destination=b) for a, b in edges if b == node),
                out_edges=tuple(Edge(origin=a, destination=b) for a, b in edges if a == node),
            )
            for node in ids
        )
    )


_CHAIN = (
    ("dataset:w:raw", "job:w:clean"),
    ("job:w:clean", "dataset:w:tidy"),
    ("dataset:w:tidy", "job:w:load"),
    ("dataset:w:places", "job:w:load"),
    ("job:w:load", "dataset:w:table"),
)


def test_edges_and_nodes() -> None:
    graph = Graph.of(_answer(*_CHAIN))

    assert graph.edges == set(_CHAIN)
    assert [node.id for node in graph.jobs] == ["job:w:clean", "job:w:load"]
    assert [node.id for node in graph.datasets] == [
        "dataset:w:places",
        "dataset:w:raw",
        "dataset:w:table",
        "dataset:w:tidy",
    ]


def test_upstream_and_downstream_are_nearest_first() -> None:
    graph = Graph.of(_answer(*_CHAIN))

    assert graph.upstream("job:w:load") == ["dataset:w:places", "dataset:w:tidy", "job:w:clean", "dataset:w:raw"]
    assert graph.downstream("dataset:w:tidy") == ["job:w:load", "dataset:w:table"]
    assert graph.upstream("job:w:load", depth=1) == ["dataset:w:places", "dataset:w:tidy"]
    assert graph.downstream("dataset:w:table") == []


def test_a_cycle_ends() -> None:
    graph = Graph.of(_answer(("dataset:w:a", "job:w:j"), ("job:w:j", "dataset:w:a")))

    assert graph.downstream("job:w:j") == ["dataset:w:a"]
    assert graph.upstream("job:w:j") == ["dataset:w:a"]


def test_answers_are_joined() -> None:
    whole, joined = Graph.of(_answer(*_CHAIN)), Graph.of(_answer(*_CHAIN[:2]), _answer(*_CHAIN[2:]))

    assert (joined.nodes.keys(), joined.edges) == (whole.nodes.keys(), whole.edges)


def test_an_edge_to_an_unknown_node_is_left_out() -> None:
    node = Node(id="job:w:j", type="JOB", in_edges=(Edge(origin="dataset:w:gone", destination="job:w:j"),))

    assert Graph.of(LineageGraph(graph=(node,))).edges == frozenset()


def test_an_unknown_start_is_an_error() -> None:
    with pytest.raises(KeyError):
        Graph.of(_answer(*_CHAIN)).upstream("job:w:other")
