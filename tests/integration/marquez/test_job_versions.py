"""The versions of jobs: what tells of each, in whatever order, and that nothing else does."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from tests.integration.marquez.arrivals import arrivals, named_run
from tests.integration.marquez.conftest import LineageService
from tests.integration.marquez.events import dataset, facet, job_event, run_event
from tests.integration.marquez.retention import pruned
from weather_pipeline.marquez.embedded.retention import Limit

pytestmark = pytest.mark.integration

_DAY = "2026-03-01T"


class _Job:
    """Events of the job `job` of a namespace."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace

    def run(
        self, event_type: str, time: str, run: str, reads: str = "", writes: str = "", **more: Any
    ) -> dict[str, Any]:
        run_id = named_run(self.namespace, run)
        return run_event(event_type, time, run_id, (self.namespace, "job"), **self._sides(reads, writes), **more)

    def described(self, time: str, *, reads: str = "", writes: str = "", **more: Any) -> dict[str, Any]:
        return job_event(time, (self.namespace, "job"), **self._sides(reads, writes), **more)

    def _sides(self, reads: str, writes: str) -> dict[str, Any]:
        return {
            "inputs": [dataset(self.namespace, name) for name in reads],
            "outputs": [dataset(self.namespace, name) for name in writes],
        }


def _versions(service: LineageService, namespace: str) -> list[tuple[Any, ...]]:
    """What a job's versions read and write, when they were told of first, and their newest run."""
    names = {named_run(namespace, name): name for name in ("one", "two", "three", "old")}
    return [
        (
            "".join(sorted(entry["name"] for entry in version["inputs"])),
            "".join(entry["name"] for entry in version["outputs"]),
            version["createdAt"].removeprefix(_DAY),
            names[version["latestRun"]["id"]] if version["latestRun"] else None,
        )
        for version in service.get(f"/api/v1/namespaces/{namespace}/jobs/job/versions")["versions"]
    ]


def _edges(service: LineageService, namespace: str) -> list[str]:
    graph = service.get(f"/api/v1/lineage?nodeId=job:{namespace}:job&depth=0")["graph"]
    return [node["data"]["name"] for node in graph if node["type"] == "DATASET"]


def _versions_and_edges(service: LineageService, namespace: str) -> tuple[list[tuple[Any, ...]], list[str]]:
    return _versions(service, namespace), _edges(service, namespace)


def test_a_version_that_a_run_only_seemed_to_be_of_leaves_no_trace(service: LineageService) -> None:
    def story(namespace: str) -> list[dict[str, Any]]:
        job = _Job(namespace)
        return [
            job.run("START", f"{_DAY}09:00:00Z", "one", reads="a"),
            job.run("COMPLETE", f"{_DAY}09:05:00Z", "one", writes="z"),
            job.run("RUNNING", f"{_DAY}09:02:00Z", "one", reads="b"),
            # Whose version is what the first run seems to be of without its start.
            job.run("COMPLETE", f"{_DAY}09:04:00Z", "two", reads="b", writes="z"),
        ]

    expected = [("ab", "z", "09:05:00Z", "one"), ("b", "z", "09:04:00Z", "two")], ["a", "b", "z"]
    assert arrivals(service, story, partial(_versions_and_edges, service)) == [expected]


def test_what_a_job_event_tells_stays_when_a_run_leaves(service: LineageService) -> None:
    def story(namespace: str) -> list[dict[str, Any]]:
        job = _Job(namespace)
        return [
            job.run("START", f"{_DAY}09:00:00Z", "one", reads="a"),
            job.run("COMPLETE", f"{_DAY}09:05:00Z", "one", writes="z"),
            job.described(f"{_DAY}09:03:00Z", writes="z"),
            job.run("COMPLETE", f"{_DAY}09:01:00Z", "two", writes="z"),
        ]

    expected = [("a", "z", "09:05:00Z", "one"), ("", "z", "09:01:00Z", "two")], ["a", "z"]
    assert arrivals(service, story, partial(_versions_and_edges, service)) == [expected]


def test_a_version_has_its_newest_run_whatever_job_events_tell(service: LineageService) -> None:
    def story(namespace: str) -> list[dict[str, Any]]:
        job = _Job(namespace)
        return [
            job.run("COMPLETE", f"{_DAY}09:01:00Z", "one", writes="z"),
            job.described(f"{_DAY}09:05:00Z", writes="z"),
            job.run("COMPLETE", f"{_DAY}09:03:00Z", "two", writes="z"),
        ]

    assert arrivals(service, story, lambda namespace: _versions(service, namespace)) == [
        [("", "z", "09:01:00Z", "two")]
    ]


def test_the_last_end_of_a_run_counts(service: LineageService) -> None:
    def story(namespace: str) -> list[dict[str, Any]]:
        job = _Job(namespace)
        return [
            job.run("COMPLETE", f"{_DAY}09:01:00Z", "one", writes="z"),
            job.run("FAIL", f"{_DAY}09:05:00Z", "one"),
            job.run("COMPLETE", f"{_DAY}09:03:00Z", "two", writes="z"),
            job.run("COMPLETE", f"{_DAY}09:04:00Z", "three", writes="y"),
        ]

    assert arrivals(service, story, partial(_versions_and_edges, service)) == [
        ([("", "y", "09:04:00Z", "three"), ("", "z", "09:03:00Z", "one")], ["z"])
    ]


def test_where_a_jobs_code_lies_is_part_of_its_version(service: LineageService) -> None:
    def located(url: str) -> dict[str, Any]:
        return {"job_facets": {"sourceCodeLocation": facet(type="git", url=url)}}

    def story(namespace: str) -> list[dict[str, Any]]:
        job = _Job(namespace)
        return [
            job.run("START", f"{_DAY}09:00:00Z", "one", **located("https://example.org/old")),
            job.run("COMPLETE", f"{_DAY}09:05:00Z", "one", writes="z"),
            job.run("RUNNING", f"{_DAY}09:02:00Z", "one", **located("https://example.org/new")),
        ]

    def shown(namespace: str) -> Any:
        versions = service.get(f"/api/v1/namespaces/{namespace}/jobs/job/versions")["versions"]
        return [version["location"] for version in versions]

    assert arrivals(service, story, shown) == [["https://example.org/new"]]


def test_runs_that_are_deleted_told_of_their_version(new_service: LineageService) -> None:
    job = _Job("deleted")
    new_service.accept(
        job.run("COMPLETE", "2025-12-01T09:00:00Z", "old", writes="z"),
        job.run("COMPLETE", f"{_DAY}08:00:00Z", "two", writes="z"),
        job.run("COMPLETE", f"{_DAY}10:00:00Z", "three", writes="y"),
    )
    assert pruned(new_service.database_url, Limit(datetime(2026, 2, 1, tzinfo=UTC)))["runs"] == 1
    told = [("", "y", "10:00:00Z", "three"), ("", "z", "2025-12-01T09:00:00Z", "two")]
    assert _versions(new_service, "deleted") == told

    new_service.accept(
        job.run("COMPLETE", f"{_DAY}09:05:00Z", "one", writes="z"),
        job.run("START", f"{_DAY}09:00:00Z", "one", reads="a"),
    )

    assert _versions(new_service, "deleted") == [told[0], ("a", "z", "09:05:00Z", "one"), told[1]]


def _in_other_job(event: dict[str, Any]) -> dict[str, Any]:
    return event | {"job": event["job"] | {"name": "other"}}


def test_the_job_that_a_runs_end_names_has_its_version(service: LineageService) -> None:
    """As where only the START names a parent; the run itself is that of the job that its oldest event names."""

    def story(namespace: str) -> list[dict[str, Any]]:
        job = _Job(namespace)
        return [
            _in_other_job(job.run("START", f"{_DAY}09:00:00Z", "one", reads="a")),
            job.run("COMPLETE", f"{_DAY}09:05:00Z", "one", writes="z"),
            _in_other_job(job.run("RUNNING", f"{_DAY}09:02:00Z", "one", reads="b")),
        ]

    def shown(namespace: str) -> Any:
        base = f"/api/v1/namespaces/{namespace}/jobs"
        run = service.get(f"/api/v1/jobs/runs/{named_run(namespace, 'one')}")
        (version,) = service.get(f"{base}/job/versions")["versions"]
        assert run["jobVersion"]["version"] == version["version"]
        return (
            _versions(service, namespace),
            _edges(service, namespace),
            len(service.get(f"{base}/other/versions")["versions"]),
            [len(service.get(f"{base}/{name}/runs")["runs"]) for name in ("job", "other")],
        )

    assert arrivals(service, story, shown) == [([("ab", "z", "09:05:00Z", "one")], ["a", "b", "z"], 0, [0, 1])]


def test_a_job_that_loses_its_run_shows_the_version_before(service: LineageService) -> None:
    def story(namespace: str) -> list[dict[str, Any]]:
        job = _Job(namespace)
        return [
            job.run("COMPLETE", f"{_DAY}09:01:00Z", "two", writes="y"),
            job.run("COMPLETE", f"{_DAY}09:05:00Z", "one", writes="z"),
            _in_other_job(job.run("FAIL", f"{_DAY}09:06:00Z", "one")),
        ]

    def alone(namespace: str) -> list[dict[str, Any]]:
        return story(namespace)[1:]

    assert arrivals(service, story, partial(_versions_and_edges, service)) == [([("", "y", "09:01:00Z", "two")], ["y"])]
    assert arrivals(service, alone, partial(_versions_and_edges, service)) == [([], [])]
