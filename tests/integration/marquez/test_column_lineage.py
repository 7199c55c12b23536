"""What columns are made of: very many of them, and the newest event that maps a column."""

from __future__ import annotations

import itertools
import uuid
from typing import Any

import pytest

from tests.integration.marquez.arrivals import arrivals, named_run
from tests.integration.marquez.conftest import LineageService
from tests.integration.marquez.events import dataset, facet, run_event, schema

pytestmark = pytest.mark.integration

_DAY = "2026-03-01T"


def _mapped(namespace: str, columns: dict[str, list[str]], **about: str) -> dict[str, Any]:
    """The table `target` whose columns are made of columns of the table `source`."""
    fields = {
        column: {
            "inputFields": [{"namespace": namespace, "name": "source", "field": name} for name in sources],
            **about,
        }
        for column, sources in columns.items()
    }
    names = dict.fromkeys([*columns, "x", "y"])
    return dataset(namespace, "target", {"schema": schema(*names), "columnLineage": facet(fields=fields)})


def _of_source(namespace: str, columns: list[str]) -> list[dict[str, str]]:
    return [{"namespace": namespace, "name": "source", "field": column} for column in columns]


def _write(
    namespace: str, event_type: str, time: str, run: str, target: dict[str, Any], *, job: str = "map"
) -> dict[str, Any]:
    sources = [dataset(namespace, "source", {"schema": schema("a", "b")})]
    return run_event(
        event_type, _DAY + time, named_run(namespace, run), (namespace, job), inputs=sources, outputs=[target]
    )


def _made_of(service: LineageService, namespace: str, column: str) -> dict[str, Any]:
    """A column's node, or nothing where it has no graph."""
    path = f"/api/v1/column-lineage?nodeId=datasetField:{namespace}:target:{column}"
    nodes = {node["id"]: node["data"] for node in service.get(path)["graph"]}
    return nodes.get(f"datasetField:{namespace}:target:{column}", {"inputFields": []})


def test_a_hundred_columns_of_a_hundred_each_are_stored_again_and_replaced(service: LineageService) -> None:
    ins, outs = ([f"{side}{number}" for number in range(100)] for side in ("i", "o"))
    every, few = dict.fromkeys(outs, ins), dict.fromkeys(outs, ins[:1])

    for hour, columns in enumerate((every, every, few)):
        run_id = str(uuid.uuid4())
        event = run_event(
            "COMPLETE", f"{_DAY}1{hour}:00:00Z", run_id, ("square", "map"), outputs=[_mapped("square", columns)]
        )
        event["inputs"] = [dataset("square", "source", {"schema": schema(*ins)})]
        for _ in range(2):
            assert service.post(event).status_code == 201
        graph = service.get("/api/v1/column-lineage?nodeId=dataset:square:target&withDownstream=true")["graph"]
        assert sum(len(node["inEdges"]) for node in graph) == sum(map(len, columns.values()))


def test_columns_with_names_that_no_index_takes(service: LineageService) -> None:
    """An entry of a B-tree holds 2,700 bytes, after compression."""
    long = "".join(map(chr, range(5000, 8500)))
    for hour, source in ((10, "a"), (11, long)):
        target = _mapped("long", {long: [source], long[:-1]: ["b"]})
        service.accept(_write("long", "COMPLETE", f"{hour}:00:00Z", f"run{hour}", target))

    graph = service.get("/api/v1/column-lineage?nodeId=dataset:long:target")["graph"]

    columns = {
        node["data"]["field"]: [entry["field"] for entry in node["data"]["inputFields"]]
        for node in graph
        if node["data"]["dataset"] == "target"
    }
    assert (columns[long], columns[long[:-1]]) == ([long], ["b"])


def test_the_newest_event_that_maps_a_column_counts(service: LineageService) -> None:
    def story(namespace: str) -> list[dict[str, Any]]:
        return [
            _write(namespace, "COMPLETE", "10:00:00Z", "first", _mapped(namespace, {"x": ["a"], "y": ["a"]})),
            # It says nothing about y.
            _write(namespace, "COMPLETE", "11:00:00Z", "second", _mapped(namespace, {"x": ["b"]})),
            _write(namespace, "COMPLETE", "10:30:00Z", "third", _mapped(namespace, {"x": ["a", "b"], "y": ["b"]})),
        ]

    def shown(namespace: str) -> list[list[str]]:
        nodes = [_made_of(service, namespace, column) for column in ("x", "y")]
        return [[source["field"] for source in node["inputFields"]] for node in nodes]

    assert arrivals(service, story, shown) == [[["b"], ["b"]]]


def test_of_two_jobs_that_write_a_column_each_says_what_it_made(service: LineageService) -> None:
    def story(namespace: str) -> list[dict[str, Any]]:
        both = _mapped(namespace, {"x": ["a", "b"], "y": ["a"]}, transformationType="FIRST")
        batch = _mapped(namespace, {"x": ["b"], "y": ["a"]}, transformationType="SECOND")
        return [
            _write(namespace, "COMPLETE", "10:00:00Z", "early", both, job="batch"),
            _write(namespace, "COMPLETE", "11:00:00Z", "late", batch, job="batch"),
            _write(namespace, "COMPLETE", "10:30:00Z", "other", _mapped(namespace, {"x": ["a", "b"]}), job="stream"),
        ]

    def shown(namespace: str) -> Any:
        nodes = [_made_of(service, namespace, column)["inputFields"] for column in ("x", "y")]
        return [[(source["field"], source["transformationType"]) for source in node] for node in nodes]

    # Of what both say of x and b the newest word holds, and is told once.
    assert arrivals(service, story, shown) == [[[("a", None), ("b", "SECOND")], [("a", "SECOND")]]]


def test_at_the_same_time_a_runs_end_maps_the_column(service: LineageService) -> None:
    def story(namespace: str) -> list[dict[str, Any]]:
        planned = _mapped(namespace, {"x": ["a"]}, transformationDescription="zero", transformationType="PLANNED")
        done = _mapped(namespace, {"x": ["a"]}, transformationDescription="one", transformationType="DONE")
        return [
            _write(namespace, "START", "10:00:00Z", "run", planned),
            _write(namespace, "RUNNING", "10:00:00Z", "run", _mapped(namespace, {"x": ["b"]})),
            _write(namespace, "COMPLETE", "10:00:00Z", "run", done),
        ]

    def shown(namespace: str) -> Any:
        node = _made_of(service, namespace, "x")
        told = (node["transformationDescription"], node["transformationType"])
        return told, [source["field"] for source in node["inputFields"]]

    assert arrivals(service, story, shown) == [(("one", "DONE"), ["a"])]


def test_what_events_of_the_same_order_say_is_put_together(service: LineageService) -> None:
    def story(namespace: str) -> list[dict[str, Any]]:
        tables = [
            _mapped(namespace, {"x": ["a"]}, transformationDescription="one", transformationType="SUM"),
            _mapped(namespace, {"x": ["b", "a"]}, transformationDescription="two", transformationType="SUM"),
        ]
        return [
            _write(namespace, "COMPLETE", "10:00:00Z", f"run{number}", table)
            for number, table in enumerate([*tables, tables[0]])
        ]

    def shown(namespace: str) -> Any:
        return [
            (source["field"], source["transformationDescription"])
            for source in _made_of(service, namespace, "x")["inputFields"]
        ]

    assert arrivals(service, story, shown) == [[("a", "two"), ("b", "two")]]


def test_wide_tables_in_a_row_are_walked(service: LineageService) -> None:
    """Each step finds thousands of edges of a few columns."""
    columns = [f"c{number}" for number in range(30)]
    namespace = "rows"
    for number, (source, target) in enumerate(itertools.pairwise(["t0", "t1", "t2", "t3"])):
        fields = {
            column: {"inputFields": [{"namespace": namespace, "name": source, "field": name} for name in columns]}
            for column in columns
        }
        made = dataset(namespace, target, {"schema": schema(*columns), "columnLineage": facet(fields=fields)})
        service.accept(
            run_event(
                "COMPLETE",
                f"{_DAY}10:00:0{number}Z",
                str(uuid.uuid4()),
                (namespace, target),
                inputs=[dataset(namespace, source, {"schema": schema(*columns)})],
                outputs=[made],
            )
        )

    for start, downstream in (("t3", "false"), ("t1", "true")):
        path = f"/api/v1/column-lineage?nodeId=dataset:{namespace}:{start}&withDownstream={downstream}"
        graph = service.get(path)["graph"]
        assert len(graph) == 4 * 30
        assert sum(len(node["inEdges"]) for node in graph) == 3 * 30 * 30
