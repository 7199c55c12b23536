"""What events make of the store: edges, naming, and what is refused."""

from __future__ import annotations

import gzip
import json
import uuid
from typing import Any

import pytest
import requests

from tests.integration.marquez.conftest import LineageService
from tests.integration.marquez.events import dataset, dataset_event, facet, job_event, run_event, schema

pytestmark = pytest.mark.integration

_DAY = "2026-03-01T"


def _run_id() -> str:
    return str(uuid.uuid4())


def test_the_newest_complete_gives_a_job_its_edges(service: LineageService) -> None:
    namespace, job = "edges", ("edges", "shifty")
    old = run_event("COMPLETE", f"{_DAY}10:00:00Z", _run_id(), job, inputs=[dataset(namespace, "old")])
    new = run_event("COMPLETE", f"{_DAY}11:00:00Z", _run_id(), job, inputs=[dataset(namespace, "new")])
    service.accept(old, new, old)

    answer = service.get("/api/v1/namespaces/edges/jobs/shifty/versions")
    graph = service.get("/api/v1/lineage?nodeId=job:edges:shifty&depth=1")["graph"]

    assert [[name["name"] for name in version["inputs"]] for version in answer["versions"]] == [["new"], ["old"]]
    assert sorted(node["id"] for node in graph) == ["dataset:edges:new", "job:edges:shifty"]


def test_a_failed_run_does_not_make_its_output_current(service: LineageService) -> None:
    good, bad = _run_id(), _run_id()
    written = [dataset("fail", "table", {"schema": schema("a")})]
    service.accept(
        run_event("COMPLETE", f"{_DAY}10:00:00Z", good, ("fail", "load"), outputs=written),
        run_event(
            "FAIL",
            f"{_DAY}11:00:00Z",
            bad,
            ("fail", "load"),
            outputs=[dataset("fail", "table")],
            run_facets={"errorMessage": facet(message="violates foreign key", programmingLanguage="SQL")},
        ),
    )

    table = service.get("/api/v1/namespaces/fail/datasets/table")
    run = service.get(f"/api/v1/jobs/runs/{bad}")

    assert [field["name"] for field in table["fields"]] == ["a"]
    assert (run["state"], run["facets"]["errorMessage"]["message"]) == ("FAILED", "violates foreign key")


def test_a_job_with_a_parent_is_named_after_it(service: LineageService) -> None:
    parent_run, child_run = _run_id(), _run_id()
    parent = facet(run={"runId": parent_run}, job={"namespace": "family", "name": "nightly"})
    service.accept(
        run_event("START", f"{_DAY}10:00:00Z", child_run, ("family", "step"), run_facets={"parent": parent}),
        run_event("COMPLETE", f"{_DAY}10:00:01Z", child_run, ("family", "nightly.step"), run_facets={"parent": parent}),
    )

    jobs = service.get("/api/v1/namespaces/family/jobs")["jobs"]

    assert {(job["name"], job["simpleName"], job["parentJobName"]) for job in jobs} == {
        ("nightly", "nightly", None),
        ("nightly.step", "step", "nightly"),
    }


def test_a_symlink_is_another_name_of_the_same_dataset(service: LineageService) -> None:
    links = facet(identifiers=[{"namespace": "catalog", "name": "demo.table", "type": "TABLE"}])
    writer = run_event(
        "COMPLETE",
        f"{_DAY}10:00:00Z",
        _run_id(),
        ("links", "write"),
        outputs=[dataset("file", "/warehouse/table", {"symlinks": links, "schema": schema("a")})],
    )
    reader = run_event(
        "COMPLETE", f"{_DAY}11:00:00Z", _run_id(), ("links", "read"), inputs=[dataset("catalog", "demo.table")]
    )
    service.accept(writer, reader)

    graph = service.get("/api/v1/lineage?nodeId=dataset:catalog:demo.table")["graph"]

    assert [node["id"] for node in graph] == ["dataset:file:/warehouse/table", "job:links:read", "job:links:write"]


def test_events_without_a_run(service: LineageService) -> None:
    service.accept(
        dataset_event(f"{_DAY}10:00:00Z", dataset("static", "towers", {"schema": schema("height")})),
        job_event(
            f"{_DAY}10:00:01Z",
            ("static", "near"),
            inputs=[dataset("static", "towers")],
            outputs=[dataset("static", "near_towers")],
        ),
    )

    job = service.get("/api/v1/namespaces/static/jobs/near")
    towers = service.get("/api/v1/namespaces/static/datasets/towers")

    assert ([name["name"] for name in job["inputs"]], [name["name"] for name in job["outputs"]]) == (
        ["towers"],
        ["near_towers"],
    )
    assert (job["latestRun"], [field["name"] for field in towers["fields"]]) == (None, ["height"])


def test_columns_are_followed_both_ways(service: LineageService) -> None:
    def mapped(source: str) -> dict[str, Any]:
        fields = {"t": {"inputFields": [{"namespace": "cols", "name": source, "field": "t"}]}}
        return {"schema": schema("t"), "columnLineage": facet(fields=fields)}

    def step(source: str, target: str, hour: int) -> dict[str, Any]:
        inputs = [dataset("cols", source, {"schema": schema("t")})]
        outputs = [dataset("cols", target, mapped(source))]
        return run_event(
            "COMPLETE", f"{_DAY}{hour}:00:00Z", _run_id(), ("cols", target), inputs=inputs, outputs=outputs
        )

    service.accept(step("bronze", "silver", 10), step("silver", "gold", 11))
    query = "/api/v1/column-lineage?nodeId=datasetField:cols:silver:t"

    upstream = {node["id"] for node in service.get(query)["graph"]}
    both = {node["id"] for node in service.get(f"{query}&withDownstream=true")["graph"]}

    assert upstream == {"datasetField:cols:bronze:t", "datasetField:cols:silver:t"}
    assert both == upstream | {"datasetField:cols:gold:t"}


def test_a_column_that_is_made_of_nothing_any_more_keeps_no_old_source(service: LineageService) -> None:
    def made_of(hour: int, *sources: str) -> dict[str, Any]:
        columns = [{"namespace": "emptied", "name": name, "field": "t"} for name in sources]
        lineage = facet(fields={"t": {"inputFields": columns}, "u": {"inputFields": []}})
        outputs = [dataset("emptied", "target", {"schema": schema("t", "u"), "columnLineage": lineage})]
        inputs = [dataset("emptied", name, {"schema": schema("t")}) for name in ("a", "b")]
        return run_event(
            "COMPLETE", f"{_DAY}{hour}:00:00Z", _run_id(), ("emptied", "j"), inputs=inputs, outputs=outputs
        )

    def sources() -> set[str]:
        graph = service.get("/api/v1/column-lineage?nodeId=dataset:emptied:target")["graph"]
        return {node["data"]["dataset"] for node in graph}

    full, empty, full_again = made_of(10, "a", "b"), made_of(11), made_of(12, "b")
    found: list[set[str]] = []
    for event in (full, empty, full, full_again, empty):
        service.accept(event)
        found.append(sources())

    assert found == [{"target", "a", "b"}, set(), set(), {"target", "b"}, {"target", "b"}]


def test_sources_without_a_url_are_listed(service: LineageService) -> None:
    source = facet(name="lake", uri="s3://lake")
    service.accept(
        run_event(
            "COMPLETE",
            f"{_DAY}10:00:00Z",
            _run_id(),
            ("sources", "job"),
            inputs=[dataset("sources", "unnamed"), dataset("sources", "named", {"dataSource": source})],
        )
    )

    sources = {entry["name"]: entry["connectionUrl"] for entry in service.get("/api/v1/sources")["sources"]}

    assert (sources["default"], sources["lake"]) == ("", "s3://lake")


def test_a_column_type_of_any_shape_is_shown_as_text(service: LineageService) -> None:
    types = ["double", ["null", "string"], {"type": "struct", "fields": []}, 5, True, None]
    fields = [{"name": f"c{i}", "type": kind} for i, kind in enumerate(types)]
    table = dataset("types", "table", {"schema": facet(fields=fields)})
    service.accept(run_event("COMPLETE", f"{_DAY}10:00:00Z", _run_id(), ("types", "job"), outputs=[table]))
    shown = ["double", '["null", "string"]', '{"type": "struct", "fields": []}', "5", "true", None]

    one = service.get("/api/v1/namespaces/types/datasets/table")
    (version,) = service.get("/api/v1/namespaces/types/datasets/table/versions")["versions"]
    graph = service.get("/api/v1/lineage?nodeId=dataset:types:table")["graph"]

    assert [field["type"] for field in one["fields"]] == shown
    assert one["facets"]["schema"]["fields"][1]["type"] == ["null", "string"]
    assert [field["type"] for field in version["fields"]] == shown
    assert [field["type"] for field in graph[0]["data"]["fields"]] == shown


def test_a_gzipped_event_is_accepted(service: LineageService) -> None:
    run_id = _run_id()
    body = gzip.compress(json.dumps(run_event("START", f"{_DAY}10:00:00Z", run_id, ("zip", "job"))).encode())
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}

    response = requests.post(f"{service.url}/api/v1/lineage", body, headers=headers, timeout=30)

    assert response.status_code == 201
    assert service.get(f"/api/v1/jobs/runs/{run_id}")["state"] == "RUNNING"


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b" " * (8 * 1024 * 1024 + 1), {}, 413),
        (gzip.compress(b" " * (8 * 1024 * 1024 + 1)), {"Content-Encoding": "gzip"}, 413),
        (b"not gzip", {"Content-Encoding": "gzip"}, 422),
        (b"{}", {"Content-Encoding": "br"}, 415),
        (b"{not json", {}, 422),
        (b'{"eventTime": NaN}', {}, 422),
        (b'{"eventTime": "\xff"}', {}, 422),
        (b'{"eventTime": "\\ud800"}', {}, 422),
        ("{}".encode("utf-16"), {}, 422),
        (b"[" * 100_000, {}, 422),
        (gzip.compress(b"{}")[:-4], {"Content-Encoding": "gzip"}, 422),
        (b"[]", {}, 422),
        (b"", {}, 422),
    ],
    ids=[
        "too large",
        "too large unzipped",
        "no gzip",
        "brotli",
        "no JSON",
        "NaN",
        "no UTF-8",
        "half a character",
        "UTF-16",
        "deep",
        "half a gzip",
        "array",
        "empty",
    ],
)
def test_a_bad_body_is_refused(service: LineageService, body: bytes, headers: dict[str, str], status: int) -> None:
    headers = {"Content-Type": "application/json", **headers}
    before = service.get("/api/v1/events/lineage?limit=0")["totalCount"]

    response = requests.post(f"{service.url}/api/v1/lineage", body, headers=headers, timeout=30)

    assert response.status_code == status
    assert "Traceback" not in response.text
    assert service.get("/api/v1/events/lineage?limit=0")["totalCount"] == before


_POISON = {
    "space in the namespace": ({"job": {"namespace": "po ison", "name": "job"}}, "job.namespace"),
    "accent in the namespace": ({"job": {"namespace": "poisön", "name": "job"}}, "job.namespace"),
    "empty namespace": ({"job": {"namespace": "", "name": "job"}}, "job.namespace"),
    "endless namespace": ({"job": {"namespace": "n" * 1025, "name": "job"}}, "job.namespace"),
    "empty job name": ({"job": {"namespace": "poison", "name": ""}}, "job.name"),
    "blank job name": ({"job": {"namespace": "poison", "name": " \t"}}, "job.name"),
    "endless job name": ({"job": {"namespace": "poison", "name": "n" * 4001}}, "job.name"),
    "NUL in the job name": ({"job": {"namespace": "poison", "name": "a\0b"}}, "NUL"),
    "blank run id": ({"run": {"runId": " "}}, "run.runId"),
    "space in an input's namespace": ({"inputs": [dataset("po ison", "d")]}, "inputs[0].namespace"),
    "blank output name": ({"outputs": [dataset("poison", " ")]}, "outputs[0].name"),
    "bad symlink": (
        {"outputs": [dataset("poison", "d", {"symlinks": facet(identifiers=[{"namespace": "a b", "name": "n"}])})]},
        "outputs[0].facets.symlinks.identifiers[0].namespace",
    ),
    "bad parent": (
        {"run": {"runId": "x", "facets": {"parent": facet(run={"runId": "y"}, job={"namespace": "a b", "name": "p"})}}},
        "run.facets.parent.job.namespace",
    ),
    "time without an offset": ({"eventTime": "2026-03-01T10:00:00"}, "eventTime"),
    "description of a column that is no text": (
        {"outputs": [dataset("poison", "d", {"schema": facet(fields=[{"name": "a", "description": 5}])})]},
        "schema.fields[0].description",
    ),
    "transformation that is no text": (
        {
            "outputs": [
                dataset(
                    "poison",
                    "d",
                    {"columnLineage": facet(fields={"a": {"inputFields": [], "transformationType": ["x"]}})},
                )
            ]
        },
        "columnLineage.fields.a.transformationType",
    ),
    "name of a source that no index holds": (
        {"inputs": [dataset("poison", "d", {"dataSource": facet(name="".join(map(chr, range(5000, 9000))))})]},
        "dataSource.name",
    ),
    "schema that is no list": ({"inputs": [dataset("poison", "d", {"schema": facet(fields={})})]}, "schema.fields"),
}


@pytest.mark.parametrize(("change", "field"), _POISON.values(), ids=_POISON.keys())
def test_a_poisonous_event_is_refused_and_leaves_nothing(
    service: LineageService, change: dict[str, Any], field: str
) -> None:
    lists = ("/api/v1/namespaces", "/api/v1/jobs", "/api/v1/events/lineage", "/api/v1/jobs/runs")
    before = [service.get(path) for path in lists]

    response = service.post(run_event("COMPLETE", f"{_DAY}10:00:00Z", _run_id(), ("poison", "job")) | change)

    assert response.status_code == 422
    assert any(field in error for error in response.json()["errors"])
    assert [service.get(path) for path in lists] == before


def test_a_hidden_namespace_comes_back_with_its_next_event(service: LineageService) -> None:
    event = run_event("COMPLETE", f"{_DAY}10:00:00Z", _run_id(), ("hide", "job"), outputs=[dataset("hide", "table")])
    service.accept(event)
    requests.delete(f"{service.url}/api/v1/namespaces/hide", timeout=30).raise_for_status()
    hidden = service.get("/api/v1/namespaces/hide/jobs")

    service.accept(event)

    assert hidden["totalCount"] == 0
    assert service.get("/api/v1/namespaces/hide")["isHidden"] is False
    assert service.get("/api/v1/namespaces/hide/jobs")["totalCount"] == 1
    assert service.get("/api/v1/namespaces/hide/datasets")["totalCount"] == 1


def test_the_newest_runs_come_first(service: LineageService) -> None:
    runs = [_run_id() for _ in range(3)]
    for hour, run_id in enumerate(runs):
        service.accept(run_event("START", f"2031-01-01T0{hour}:00:00Z", run_id, ("recent", f"job{hour}")))

    answer = service.get("/api/v1/jobs/runs?limit=3")["runs"]

    assert [run["id"] for run in answer] == runs[::-1]
    assert answer[0]["job"] == {"namespace": "recent", "name": "job2"}


def test_runs_of_hidden_jobs_are_neither_listed_nor_counted(service: LineageService) -> None:
    before = service.get("/api/v1/jobs/runs?limit=0")["totalCount"]
    runs = [_run_id() for _ in range(3)]
    for run_id, name in zip(runs, ("seen", "unseen", "unseen"), strict=True):
        service.accept(run_event("START", f"{_DAY}10:00:00Z", run_id, ("countable", name)))
    requests.delete(f"{service.url}/api/v1/namespaces/countable/jobs/unseen", timeout=30).raise_for_status()

    listed = service.get("/api/v1/jobs/runs?limit=10000")

    assert listed["totalCount"] == before + 1
    assert [run["id"] for run in listed["runs"] if run["id"] in runs] == runs[:1]
    # What was found by its id before is still.
    assert service.get(f"/api/v1/jobs/runs/{runs[1]}")["state"] == "RUNNING"
    assert service.get(f"/api/v1/runlineage/upstream?runId={runs[1]}")["runs"][0]["job"]["name"] == "unseen"


def test_every_page_of_versions_says_how_many_there_are(service: LineageService) -> None:
    for hour in (10, 11, 12):
        table = dataset("paged", "table", {"schema": schema("t")})
        service.accept(run_event("COMPLETE", f"{_DAY}{hour}:00:00Z", _run_id(), ("paged", "j"), outputs=[table]))

    pages = [service.get(f"/api/v1/namespaces/paged/datasets/table/versions?limit=2&offset={at}") for at in (0, 2, 4)]

    assert [(len(page["versions"]), page["totalCount"]) for page in pages] == [(2, 3), (1, 3), (0, 3)]


def test_runs_of_the_same_time_are_paged_without_gap_or_repeat(service: LineageService) -> None:
    """A list in no fixed order repeats some of the rows that tie, and leaves others out, between two pages."""
    runs = {_run_id() for _ in range(12)}
    for run_id in runs:
        service.accept(run_event("START", "2031-02-01T00:00:00Z", run_id, ("tied", "job")))
    paths = ("/api/v1/jobs/runs", "/api/v1/namespaces/tied/jobs/job/runs")

    # An update moves a row to another place of the table, which is what an unfixed order follows.
    for run_id in sorted(runs)[::3]:
        service.accept(run_event("RUNNING", "2031-02-01T00:00:00Z", run_id, ("tied", "job")))
    pages = {path: [service.get(f"{path}?limit=1&offset={at}")["runs"][0]["id"] for at in range(12)] for path in paths}

    assert pages == {path: sorted(runs, reverse=True) for path in paths}


def test_thousands_of_columns_that_are_read_are_stored(service: LineageService) -> None:
    names = [f"c{number}" for number in range(10_000)]
    wide = dataset("wide", "table", {"schema": schema(*names)})

    run_id = _run_id()
    for second, event_type in enumerate(("START", "COMPLETE")):
        service.accept(run_event(event_type, f"{_DAY}10:00:0{second}Z", run_id, ("wide", "job"), inputs=[wide]))

    fields = service.get("/api/v1/namespaces/wide/datasets/table")["fields"]
    assert [field["name"] for field in fields] == names
