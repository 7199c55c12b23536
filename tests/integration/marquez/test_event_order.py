"""What the service says does not depend on the order in which events arrive, nor on how often."""

from __future__ import annotations

import itertools
import json
import uuid
from collections.abc import Sequence
from typing import Any

import pytest

from tests.integration.marquez.arrivals import arrivals, named_run, run_lineage
from tests.integration.marquez.conftest import LineageService
from tests.integration.marquez.events import dataset, facet, run_event, schema

pytestmark = pytest.mark.integration

_DAY = "2026-03-01T"
_APART = [f"{_DAY}10:00:0{second}Z" for second in (0, 1, 5)]
_AT_ONCE = [f"{_DAY}10:00:00Z"] * 3


def _run_id() -> str:
    return str(uuid.uuid4())


def _story(namespace: str, run_id: str, times: Sequence[str] = _APART) -> list[dict[str, Any]]:
    """The events of one run, in the order in which they happened; hardly two say the same."""
    job = (namespace, "clean")
    columns = facet(fields={"a": {"inputFields": [{"namespace": namespace, "name": "raw", "field": "a"}]}})
    lake = facet(name=f"lake-{namespace}", uri="s3://lake")
    tidy = dataset(
        namespace,
        "tidy",
        {"schema": schema("a"), "columnLineage": columns, "documentation": facet(description="tidy at last")},
        outputFacets={"outputStatistics": facet(rowCount=3)},
    )
    return [
        run_event(
            "START",
            times[0],
            run_id,
            job,
            inputs=[
                dataset(namespace, "extra"),
                dataset(namespace, "raw", {"documentation": facet(description="old")}),
            ],
            outputs=[
                dataset(namespace, "tidy", {"schema": schema("a"), "documentation": facet(description="tidy to be")})
            ],
            run_facets={"progress": facet(percent=10), "nominalTime": facet(nominalStartTime=f"{_DAY}10:00:00Z")},
            job_facets={
                "sourceCodeLocation": facet(type="git", url="https://example.org/clean.py"),
                "documentation": facet(description="oldest"),
                "jobType": facet(processingType="STREAMING", integration="TEST", jobType="JOB"),
            },
        ),
        run_event(
            "RUNNING",
            times[1],
            run_id,
            job,
            inputs=[dataset(namespace, "raw", {"dataSource": lake})],
            run_facets={"progress": facet(percent=90)},
            job_facets={"documentation": facet(description="middle")},
        ),
        run_event(
            "COMPLETE",
            times[2],
            run_id,
            job,
            inputs=[dataset(namespace, "raw", {"schema": schema("a", "b"), "documentation": facet(description="new")})],
            outputs=[tidy],
            job_facets={"documentation": facet(description="newest")},
        ),
    ]


def _state(service: LineageService, namespace: str, run_id: str) -> str:
    """All that the API says about the run's namespace, without names and ids that differ from story to story."""
    base = f"/api/v1/namespaces/{namespace}"
    paths = [f"{base}/jobs/clean{rest}" for rest in ("", "/runs", "/versions")]
    paths += [f"{base}/datasets/{name}{rest}" for name in ("extra", "raw", "tidy") for rest in ("", "/versions")]
    paths += [f"/api/v1/jobs/runs/{run_id}/facets?type={kind}" for kind in ("run", "job")]
    paths += [
        f"/api/v1/jobs/runs/{run_id}",
        f"/api/v1/lineage?nodeId=job:{namespace}:clean",
        f"/api/v1/column-lineage?nodeId=dataset:{namespace}:tidy",
        f"/api/v1/runlineage/upstream?runId={run_id}",
    ]
    answers = [service.get(path) for path in paths]
    for answer in answers:
        for version in answer.get("versions", []):
            # Those of a job's version are in the order of ids, which names give.
            version.get("inputs", []).sort(key=str)
    text = json.dumps(answers, sort_keys=True)
    for change in (namespace, run_id, *_versions(answers)):
        text = text.replace(change, "<id>")
    return text


def _versions(answer: Any) -> set[str]:
    if isinstance(answer, dict):
        names = ("version", "currentVersion", "currentSchemaVersion", "datasetVersionUuid", "jobVersionUuid")
        own = {value for key, value in answer.items() if key in names and isinstance(value, str)}
        return own.union(*(_versions(value) for value in answer.values()))
    if isinstance(answer, list):
        return set[str]().union(*(_versions(value) for value in answer))
    return set()


@pytest.mark.parametrize("times", [_APART, _AT_ONCE], ids=["apart", "at once"])
def test_the_order_of_arrival_does_not_matter(service: LineageService, times: Sequence[str]) -> None:
    states = dict[str, tuple[int, ...]]()
    for order in itertools.permutations(range(3)):
        namespace, run_id = f"order-{uuid.uuid4().hex}", _run_id()
        story = _story(namespace, run_id, times)
        service.accept(*(story[position] for position in order))
        states.setdefault(_state(service, namespace, run_id), order)

    assert list(states.values()) == [(0, 1, 2)]


def test_sending_again_changes_nothing(service: LineageService) -> None:
    namespace, first, second = "again", _run_id(), _run_id()
    story = _story(namespace, first)
    rewrite = run_event(
        "COMPLETE", f"{_DAY}11:00:00Z", second, (namespace, "fetch"), outputs=[dataset(namespace, "raw")]
    )
    service.accept(*story, rewrite)
    before = _state(service, namespace, first)

    service.accept(*story, *reversed(story))

    assert _state(service, namespace, first) == before


def test_a_version_of_a_job_that_no_run_is_of_is_not_listed(service: LineageService) -> None:
    """A run whose end arrives before its start seems to have read less than it did."""
    job = ("seeming", "job")

    def run(hour: int, *, late_start: bool) -> None:
        run_id = _run_id()
        events = [
            run_event("START", f"{_DAY}{hour}:00:00Z", run_id, job, inputs=[dataset("seeming", "in")]),
            run_event("COMPLETE", f"{_DAY}{hour}:00:05Z", run_id, job, outputs=[dataset("seeming", "out")]),
        ]
        service.accept(*(reversed(events) if late_start else events))

    run(10, late_start=True)
    run(11, late_start=False)
    run(12, late_start=True)
    seemed = _run_id()
    service.accept(run_event("COMPLETE", f"{_DAY}13:00:00Z", seemed, job, outputs=[dataset("seeming", "out")]))
    run(14, late_start=True)

    versions = service.get("/api/v1/namespaces/seeming/jobs/job/versions")["versions"]

    assert [[name["name"] for name in version["inputs"]] for version in versions] == [[], ["in"]]
    assert versions[0]["latestRun"]["id"] == seemed


def test_a_run_read_what_was_current_at_its_time(service: LineageService) -> None:
    def story(namespace: str) -> list[dict[str, Any]]:
        def event(event_type: str, time: str, run: str, **sides: Any) -> dict[str, Any]:
            return run_event(event_type, _DAY + time, named_run(namespace, run), (namespace, run), **sides)

        table = [dataset(namespace, "table")]
        return [
            event("COMPLETE", "10:00:00Z", "first", outputs=table),
            event("START", "11:00:00Z", "reader", inputs=table),
            event("COMPLETE", "12:00:00Z", "second", outputs=table),
            event("COMPLETE", "13:00:00Z", "reader", inputs=table),
        ]

    def shown(namespace: str) -> Any:
        run = service.get(f"/api/v1/jobs/runs/{named_run(namespace, 'reader')}")
        current = service.get(f"/api/v1/namespaces/{namespace}/datasets/table")["currentVersion"]
        inputs = [entry["datasetVersionId"]["version"] != current for entry in run["inputDatasetVersions"]]
        return inputs, run_lineage(service, "upstream", namespace, "reader", "first", "second")

    assert arrivals(service, story, shown) == [([True], ["reader", "first"])]


def test_nobody_wrote_what_was_read_before_the_first_write(service: LineageService) -> None:
    def story(namespace: str) -> list[dict[str, Any]]:
        table = [dataset(namespace, "table")]
        jobs = [(namespace, name) for name in ("reader", "writer")]
        return [
            run_event("COMPLETE", f"{_DAY}09:00:00Z", named_run(namespace, "reader"), jobs[0], inputs=table),
            run_event("COMPLETE", f"{_DAY}10:00:00Z", named_run(namespace, "writer"), jobs[1], outputs=table),
        ]

    def shown(namespace: str) -> Any:
        versions = service.get(f"/api/v1/namespaces/{namespace}/datasets/table/versions")["versions"]
        written = [version["createdByRun"] is not None for version in versions]
        return written, run_lineage(service, "upstream", namespace, "reader", "writer")

    assert arrivals(service, story, shown) == [([True, False], ["reader"])]


def test_a_run_does_not_read_what_it_writes_itself(service: LineageService) -> None:
    def story(namespace: str) -> list[dict[str, Any]]:
        def event(event_type: str, time: str, run: str, **sides: Any) -> dict[str, Any]:
            return run_event(event_type, _DAY + time, named_run(namespace, run), (namespace, "append"), **sides)

        table = [dataset(namespace, "table")]
        return [
            event("COMPLETE", "10:00:00Z", "before", outputs=table),
            event("RUNNING", "11:00:00Z", "append", inputs=table),
            event("COMPLETE", "11:00:00Z", "append", outputs=table),
        ]

    found = arrivals(service, story, lambda namespace: run_lineage(service, "upstream", namespace, "append", "before"))

    assert found == [["append", "before"]]


def test_a_parent_is_what_its_own_events_say(service: LineageService) -> None:
    def story(namespace: str) -> list[dict[str, Any]]:
        parent_id, parent = named_run(namespace, "parent"), (namespace, "parent")
        named = {"parent": facet(run={"runId": parent_id}, job={"namespace": namespace, "name": "parent"})}
        child = (named_run(namespace, "child"), (namespace, "child"))
        about = {"documentation": facet(description="nightly")}
        return [
            run_event("START", f"{_DAY}10:00:00Z", parent_id, parent, job_facets=about),
            run_event("COMPLETE", f"{_DAY}10:04:00Z", parent_id, parent, job_facets=about),
            run_event("COMPLETE", f"{_DAY}10:05:00Z", *child, run_facets=named),
        ]

    def shown(namespace: str) -> Any:
        run = service.get(f"/api/v1/jobs/runs/{named_run(namespace, 'parent')}")
        job = service.get(f"/api/v1/namespaces/{namespace}/jobs/parent")
        return run["state"], run["startedAt"], run["endedAt"], job["description"]

    expected = ("COMPLETED", f"{_DAY}10:00:00Z", f"{_DAY}10:04:00Z", "nightly")
    assert arrivals(service, story, shown) == [expected]


def test_an_old_event_does_not_bring_a_sources_old_address_back(service: LineageService) -> None:
    def written(time: str, url: str) -> dict[str, Any]:
        source = facet(name="moved-store", uri=url)
        table = dataset("moved", "table", {"dataSource": source})
        return run_event("COMPLETE", time, str(uuid.uuid4()), ("moved", "job"), outputs=[table])

    old, new = written("2026-03-01T10:00:00Z", "s3://old"), written("2026-03-02T10:00:00Z", "s3://new")
    service.accept(old, new, old)

    assert service.get("/api/v1/sources/moved-store")["connectionUrl"] == "s3://new"
