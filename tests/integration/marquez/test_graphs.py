"""Graphs around a node: how far a step goes, both directions, and runs by what they read and wrote."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterable, Sequence
from typing import Any

import pytest
import requests

from tests.integration.marquez.conftest import LineageService
from tests.integration.marquez.events import dataset, facet, run_event, schema

pytestmark = pytest.mark.integration

Job = tuple[str, Sequence[str], Sequence[str]]
"""A job with the names of what it reads and writes."""


def _run_id() -> str:
    return str(uuid.uuid4())


def _store(service: LineageService, namespace: str, jobs: Iterable[Job]) -> None:
    service.accept(
        *(
            run_event(
                "COMPLETE",
                "2026-03-01T10:00:00Z",
                _run_id(),
                (namespace, name),
                inputs=[dataset(namespace, read) for read in inputs],
                outputs=[dataset(namespace, written) for written in outputs],
            )
            for name, inputs, outputs in jobs
        )
    )


def _around(service: LineageService, node: str, depth: int) -> set[str]:
    graph = service.get(f"/api/v1/lineage?nodeId={node}&depth={depth}")["graph"]
    return {entry["data"]["name"] for entry in graph if entry["type"] == "JOB"}


def _expected(jobs: Sequence[Job], start: str, depth: int) -> set[str]:
    """The jobs within so many steps, by the plainest way to find them."""
    used = {name: {*inputs, *outputs} for name, inputs, outputs in jobs}
    found = {start}
    for _ in range(depth):
        found |= {name for name in used if any(used[name] & used[other] for other in found)}
    return found


@pytest.mark.parametrize("seed", range(4))
def test_a_step_goes_to_all_jobs_that_share_a_dataset(service: LineageService, seed: int) -> None:
    chance = random.Random(seed)
    tables = [f"t{number}" for number in range(14)]
    jobs = [(f"j{n}", chance.sample(tables, chance.randint(0, 2)), chance.sample(tables, 1)) for n in range(10)]
    _store(service, f"walk{seed}", jobs)

    for depth in range(5):
        for name, _, _ in jobs:
            assert _around(service, f"job:walk{seed}:{name}", depth) == _expected(jobs, name, depth)


def test_every_edge_of_a_graph_leads_to_one_of_its_nodes(service: LineageService) -> None:
    _store(service, "edges", [("first", ["a"], ["b"]), ("second", ["b", "x"], ["c"]), ("third", ["c"], [])])

    graph = service.get("/api/v1/lineage?nodeId=dataset:edges:b")["graph"]

    nodes = {node["id"] for node in graph}
    out = {(edge["origin"], edge["destination"]) for node in graph for edge in node["outEdges"]}
    into = {(edge["origin"], edge["destination"]) for node in graph for edge in node["inEdges"]}
    assert [node["id"] for node in graph] == sorted(nodes)
    assert out == into
    assert {end for edge in out for end in edge} == nodes
    assert len(nodes) == 7


def test_a_hidden_job_is_a_dead_end(service: LineageService) -> None:
    _store(service, "dead", [("first", ["a"], ["b"]), ("second", ["b"], ["c"]), ("third", ["c"], ["d"])])
    requests.delete(f"{service.url}/api/v1/namespaces/dead/jobs/second", timeout=30).raise_for_status()

    assert _around(service, "job:dead:first", 20) == {"first"}


def test_a_hidden_dataset_is_a_dead_end(service: LineageService) -> None:
    jobs = [("first", ["a"], ["b"]), ("second", ["b"], ["c"]), ("third", ["c"], ["d"])]
    _store(service, "shut", jobs)
    requests.delete(f"{service.url}/api/v1/namespaces/shut/datasets/b", timeout=30).raise_for_status()

    assert [_around(service, f"job:shut:{name}", 20) for name in ("first", "third")] == [{"first"}, {"second", "third"}]

    _store(service, "shut", jobs[:1])
    assert _around(service, "job:shut:first", 20) == {"first", "second", "third"}


def test_no_column_of_a_hidden_dataset_is_shown_or_followed(service: LineageService) -> None:
    def mapped(name: str, source: str) -> dict[str, Any]:
        fields = {"v": {"inputFields": [{"namespace": "veiled", "name": source, "field": "v"}]}}
        return dataset("veiled", name, {"schema": schema("v"), "columnLineage": facet(fields=fields)})

    chain = [dataset("veiled", "c0", {"schema": schema("v")}), *(mapped(f"c{n}", f"c{n - 1}") for n in range(1, 5))]
    event = run_event("COMPLETE", "2026-03-01T10:00:00Z", _run_id(), ("veiled", "j"), outputs=chain)
    service.accept(event)

    def columns(name: str) -> list[str]:
        path = f"/api/v1/column-lineage?nodeId=datasetField:veiled:{name}:v&withDownstream=true"
        return sorted(node["data"]["dataset"] for node in service.get(path)["graph"])

    assert columns("c1") == columns("c4") == ["c0", "c1", "c2", "c3", "c4"]
    requests.delete(f"{service.url}/api/v1/namespaces/veiled/datasets/c2", timeout=30).raise_for_status()
    assert (columns("c1"), columns("c3"), columns("c4")) == (["c0", "c1"], [], ["c3", "c4"])
    service.accept(event)
    assert columns("c1") == ["c0", "c1", "c2", "c3", "c4"]


def test_columns_are_followed_step_by_step(service: LineageService) -> None:
    def mapped(name: str, source: str) -> dict[str, Any]:
        fields = {"v": {"inputFields": [{"namespace": "steps", "name": source, "field": "v"}]}}
        return dataset("steps", name, {"schema": schema("v"), "columnLineage": facet(fields=fields)})

    first = dataset("steps", "c0", {"schema": schema("v")})
    chain = [mapped(f"c{number}", f"c{number - 1}") for number in range(1, 5)]
    # A column that is made of itself, and one of which nothing is known.
    loop, unknown = mapped("loop", "loop"), mapped("lonely", "never_described")
    service.accept(
        run_event("COMPLETE", "2026-03-01T10:00:00Z", _run_id(), ("steps", "j"), outputs=[first, *chain, loop, unknown])
    )

    def columns(name: str, depth: int, options: str = "") -> list[str]:
        path = f"/api/v1/column-lineage?nodeId=datasetField:steps:{name}:v&depth={depth}{options}"
        return sorted(node["data"]["dataset"] for node in service.get(path)["graph"])

    both = "&withDownstream=true"
    assert [columns("c2", depth) for depth in range(4)] == [[], ["c1", "c2"], ["c0", "c1", "c2"], ["c0", "c1", "c2"]]
    assert [columns("c2", depth, both) for depth in (1, 2, 3)] == [
        ["c1", "c2"],
        ["c0", "c1", "c2", "c3"],
        ["c0", "c1", "c2", "c3", "c4"],
    ]
    assert (columns("loop", 1000, both), columns("lonely", 20, both)) == (["loop"], [])


def test_runs_upstream_and_downstream_mirror_each_other(service: LineageService) -> None:
    runs = {name: _run_id() for name in ("ingest", "clean", "report", "alert", "archive")}
    steps: list[tuple[str, list[str], list[str]]] = [
        ("ingest", [], ["raw"]),
        ("clean", ["raw"], ["tidy"]),
        ("report", ["tidy", "raw"], ["chart"]),
        ("alert", ["tidy"], []),
        ("archive", ["chart"], ["tape"]),
    ]
    for second, (name, inputs, outputs) in enumerate(steps):
        service.accept(
            run_event(
                "COMPLETE",
                f"2026-03-01T10:00:0{second}Z",
                runs[name],
                ("flow", name),
                inputs=[dataset("flow", read) for read in inputs],
                outputs=[dataset("flow", written) for written in outputs],
            )
        )

    def found(direction: str, name: str, options: str = "") -> list[str]:
        answer = service.get(f"/api/v1/runlineage/{direction}?runId={runs[name]}{options}")["runs"]
        return [run["job"]["name"] for run in answer]

    downstream = {name: set(found("downstream", name)) for name in runs}
    upstream = {name: set(found("upstream", name)) for name in runs}
    assert downstream["ingest"] == set(runs)
    assert all((b in downstream[a]) == (a in upstream[b]) for a in runs for b in runs)
    # The nearest first, of equally near ones the newest.
    assert found("downstream", "ingest") == ["ingest", "report", "clean", "archive", "alert"]
    assert found("downstream", "ingest", "&depth=1") == ["ingest", "report", "clean"]
    assert found("downstream", "ingest", "&limit=2") == ["ingest", "report"]

    first = service.get(f"/api/v1/runlineage/downstream?runId={runs['ingest']}&depth=0")["runs"][0]
    [output] = first["outputs"]
    assert first["run"] == {
        "id": runs["ingest"],
        "start": None,
        "end": "2026-03-01T10:00:00Z",
        "status": "COMPLETED",
    }
    assert (output["namespace"], output["name"]) == ("flow", "raw")
    assert sorted(output["consumedByRunIds"]) == sorted([runs["clean"], runs["report"]])


def test_a_run_that_reads_what_it_wrote_is_answered_once(service: LineageService) -> None:
    run_id = _run_id()
    for event_type, second in (("RUNNING", 0), ("COMPLETE", 1)):
        table = [dataset("self", "counter", {"schema": schema("n")})]
        service.accept(
            run_event(event_type, f"2026-03-01T10:00:0{second}Z", run_id, ("self", "j"), inputs=table, outputs=table)
        )

    for direction in ("upstream", "downstream"):
        answer = service.get(f"/api/v1/runlineage/{direction}?runId={run_id}&depth=1000")["runs"]
        assert [run["run"]["id"] for run in answer] == [run_id]


@pytest.mark.parametrize(
    ("query", "status"), [(f"runId={uuid.UUID(int=1)}", 404), ("", 400), (f"runId={uuid.UUID(int=1)}&limit=0", 400)]
)
def test_runs_downstream_of_none(service: LineageService, query: str, status: int) -> None:
    assert requests.get(f"{service.url}/api/v1/runlineage/downstream?{query}", timeout=30).status_code == status
