"""Late events about reads, parents, sources and columns: what is said in the end is what they say in order."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.marquez.arrivals import arrivals, named_run, run_lineage
from tests.integration.marquez.conftest import LineageService
from tests.integration.marquez.events import dataset, dataset_event, facet, job_event, run_event, schema

pytestmark = pytest.mark.integration

_DAY = "2026-03-01T"


def _event(namespace: str, event_type: str, time: str, run: str, **parts: Any) -> dict[str, Any]:
    """An event of a run of the job of the same name."""
    return run_event(event_type, _DAY + time, named_run(namespace, run), (namespace, run), **parts)


def _versions(service: LineageService, namespace: str, *runs: str) -> list[tuple[str | None, str]]:
    """Which run wrote each version of the table, and since when it is known."""
    names = {named_run(namespace, name): name for name in runs}
    return [
        (
            names[version["createdByRun"]["id"]] if version["createdByRun"] else None,
            version["createdAt"].removeprefix(_DAY),
        )
        for version in service.get(f"/api/v1/namespaces/{namespace}/datasets/table/versions")["versions"]
    ]


def test_a_run_that_reads_and_writes_a_table_is_not_upstream_of_earlier_readers(service: LineageService) -> None:
    def story(namespace: str) -> list[dict[str, Any]]:
        table = [dataset(namespace, "table", {"schema": schema("a")})]
        return [
            _event(namespace, "COMPLETE", "09:00:00Z", "early", inputs=table),
            _event(namespace, "START", "10:00:00Z", "merge", inputs=table, outputs=table),
            _event(namespace, "COMPLETE", "10:01:00Z", "merge", inputs=table, outputs=table),
            _event(namespace, "COMPLETE", "11:00:00Z", "late", inputs=table),
        ]

    def shown(namespace: str) -> Any:
        runs = ("early", "merge", "late")
        upstream = [run_lineage(service, "upstream", namespace, run, *runs) for run in runs]
        return upstream, _versions(service, namespace, *runs)

    expected = [["early"], ["merge"], ["late", "merge"]], [("merge", "10:00:00Z"), (None, "09:00:00Z")]
    assert arrivals(service, story, shown) == [expected]


def test_a_run_that_wrote_a_version_reads_the_one_before(service: LineageService) -> None:
    """Also where it names the table as an input only later, and where what it read arrives last."""

    def story(namespace: str) -> list[dict[str, Any]]:
        table = [dataset(namespace, "table", {"schema": schema("a")})]
        return [
            _event(namespace, "COMPLETE", "09:00:00Z", "first", outputs=table),
            _event(namespace, "COMPLETE", "10:00:00Z", "merge", outputs=table),
            _event(namespace, "OTHER", "11:00:00Z", "merge", inputs=table),
            _event(namespace, "COMPLETE", "10:30:00Z", "second", outputs=table),
        ]

    def shown(namespace: str) -> Any:
        return run_lineage(service, "upstream", namespace, "merge", "first", "second")

    assert arrivals(service, story, shown) == [["merge", "second"]]
    assert arrivals(service, lambda namespace: story(namespace)[:3], shown) == [["merge", "first"]]
    assert arrivals(service, lambda namespace: story(namespace)[1:3], shown) == [["merge"]]


def test_who_reads_at_the_moment_of_a_write_reads_what_was_written(service: LineageService) -> None:
    def story(namespace: str) -> list[dict[str, Any]]:
        table = [dataset(namespace, "table")]
        return [
            _event(namespace, "COMPLETE", "10:00:00Z", "writer", inputs=table, outputs=table),
            _event(namespace, "START", "10:00:00Z", "reader", inputs=table),
            _event(namespace, "START", "10:00:00Z", "other", inputs=table),
        ]

    def shown(namespace: str) -> Any:
        return [run_lineage(service, "upstream", namespace, run, "writer") for run in ("reader", "other", "writer")]

    assert arrivals(service, story, shown) == [[["reader", "writer"], ["other", "writer"], ["writer"]]]


def test_what_readers_said_of_a_version_that_was_written_late_is_said_of_it(service: LineageService) -> None:
    def story(namespace: str) -> list[dict[str, Any]]:
        read = dataset(namespace, "table", {"schema": schema("b", "a"), "documentation": facet(description="read")})
        written = dataset(namespace, "table", {"schema": schema("a")})
        return [
            _event(namespace, "COMPLETE", "09:00:00Z", "writer", outputs=[written]),
            _event(namespace, "COMPLETE", "10:00:00Z", "reader", inputs=[read]),
            job_event(f"{_DAY}11:00:00Z", (namespace, "static"), inputs=[dataset(namespace, "table")]),
        ]

    def shown(namespace: str) -> Any:
        table = service.get(f"/api/v1/namespaces/{namespace}/datasets/table")
        fields = [field["name"] for field in table["fields"]]
        documentation = table["facets"]["documentation"]["description"]
        return _versions(service, namespace, "writer"), fields, documentation

    assert arrivals(service, story, shown) == [([("writer", "09:00:00Z")], ["a", "b"], "read")]


def test_a_version_that_nobody_wrote_stays_for_those_who_read_it(service: LineageService) -> None:
    def story(namespace: str) -> list[dict[str, Any]]:
        table = [dataset(namespace, "table")]
        return [
            job_event(f"{_DAY}08:00:00Z", (namespace, "static"), inputs=table),
            _event(namespace, "COMPLETE", "09:00:00Z", "writer", outputs=table),
            _event(namespace, "RUNNING", "10:00:00Z", "reader", inputs=table),
            _event(namespace, "START", "09:30:00Z", "reader", inputs=table),
        ]

    def shown(namespace: str) -> Any:
        return _versions(service, namespace, "writer"), run_lineage(service, "upstream", namespace, "reader", "writer")

    expected = [("writer", "09:00:00Z"), (None, "08:00:00Z")], ["reader", "writer"]
    assert arrivals(service, story, shown) == [expected]


def test_columns_that_only_readers_name_stand_as_the_oldest_of_them_says(service: LineageService) -> None:
    def story(namespace: str) -> list[dict[str, Any]]:
        def table(kind: str, *names: str) -> list[dict[str, Any]]:
            return [dataset(namespace, "table", {"schema": facet(fields=[{"name": n, "type": kind} for n in names])})]

        return [
            _event(namespace, "COMPLETE", "11:00:00Z", "r1", inputs=table("one", "b", "a")),
            _event(namespace, "COMPLETE", "12:00:00Z", "r2", inputs=table("two", "d", "b", "c")),
            _event(namespace, "COMPLETE", "13:00:00Z", "r3", inputs=table("three", "c", "e", "a")),
        ]

    def written(namespace: str) -> list[dict[str, Any]]:
        table = [dataset(namespace, "table", {"schema": schema("c")})]
        return [_event(namespace, "COMPLETE", "10:00:00Z", "writer", outputs=table), *story(namespace)]

    def shown(namespace: str) -> Any:
        fields = service.get(f"/api/v1/namespaces/{namespace}/datasets/table")["fields"]
        return " ".join(f"{field['name']}:{field['type']}" for field in fields)

    assert arrivals(service, story, shown) == ["b:one a:one d:two c:two e:three"]
    assert arrivals(service, written, shown) == ["c:double b:one a:one d:two e:three"]


def _child(namespace: str, time: str, child: tuple[str, str], parent: tuple[str, str]) -> dict[str, Any]:
    """The start of a run (its name and that of its job) that calls another its parent."""
    named = facet(run={"runId": named_run(namespace, parent[0])}, job={"namespace": namespace, "name": parent[1]})
    return run_event(
        "START", _DAY + time, named_run(namespace, child[0]), (namespace, child[1]), run_facets={"parent": named}
    )


def test_a_job_that_a_child_named_first_is_what_its_own_events_say(service: LineageService) -> None:
    def story(namespace: str) -> list[dict[str, Any]]:
        return [
            _child(namespace, "10:02:00Z", ("step", "step"), ("app", "app")),
            _child(namespace, "10:05:00Z", ("child", "task"), ("step", "app.step")),
            # Another run says that the job has no parent; it is older.
            run_event("START", f"{_DAY}09:00:00Z", named_run(namespace, "alone"), (namespace, "app.step")),
        ]

    def shown(namespace: str) -> Any:
        jobs = service.get(f"/api/v1/namespaces/{namespace}/jobs")["jobs"]
        return {job["name"]: (job["simpleName"], job["parentJobName"], job["createdAt"][11:16]) for job in jobs}

    expected = {
        "app": ("app", None, "10:02"),
        "app.step": ("step", "app", "09:00"),
        "app.step.task": ("task", "app.step", "10:05"),
    }
    assert arrivals(service, story, shown) == [expected]


def test_a_parent_that_is_known_by_name_only_is_as_old_as_its_oldest_child(service: LineageService) -> None:
    def story(namespace: str) -> list[dict[str, Any]]:
        return [
            _child(namespace, f"10:0{minute}:00Z", (f"child{minute}", "task"), ("parent", "parent"))
            for minute in (5, 3, 4)
        ]

    def shown(namespace: str) -> Any:
        run = service.get(f"/api/v1/jobs/runs/{named_run(namespace, 'parent')}")
        job = service.get(f"/api/v1/namespaces/{namespace}/jobs/parent")
        times = [run[name] for name in ("createdAt", "updatedAt", "startedAt")] + [job["createdAt"], job["updatedAt"]]
        return run["state"], {time.removeprefix(_DAY) for time in times}

    def told(namespace: str) -> list[dict[str, Any]]:
        own = _event(namespace, "START", "10:06:00Z", "parent")
        return [*story(namespace), own]

    assert arrivals(service, story, shown) == [("RUNNING", {"10:03:00Z"})]
    assert arrivals(service, told, shown) == [("RUNNING", {"10:06:00Z"})]


def test_sources_and_namespaces_are_as_old_and_new_as_the_events_that_name_them(service: LineageService) -> None:
    def story(namespace: str) -> list[dict[str, Any]]:
        def written(time: str, **source: str) -> dict[str, Any]:
            lake = facet(name=f"lake-{namespace}", **source)
            return _event(
                namespace, "COMPLETE", time, f"r{time}", outputs=[dataset(namespace, "table", {"dataSource": lake})]
            )

        return [
            written("09:00:00Z", uri="s3://oldest"),
            written("10:00:00Z", uri="s3://old"),
            written("11:00:00Z", uri="s3://new"),
            written("12:00:00Z"),
        ]

    def shown(namespace: str) -> Any:
        source = service.get(f"/api/v1/sources/lake-{namespace}")
        known = service.get(f"/api/v1/namespaces/{namespace}")
        times = [(answer["createdAt"], answer["updatedAt"]) for answer in (source, known)]
        return source["connectionUrl"], times

    times = (f"{_DAY}09:00:00Z", f"{_DAY}12:00:00Z")
    assert arrivals(service, story, shown) == [("s3://new", [times, times])]


def test_a_dataset_has_the_source_that_the_newest_event_names(service: LineageService) -> None:
    def story(namespace: str) -> list[dict[str, Any]]:
        def described(time: str, **facets: Any) -> dict[str, Any]:
            return dataset_event(_DAY + time, dataset(namespace, "table", facets))

        return [
            described("09:00:00Z", dataSource=facet(name="first")),
            described("10:00:00Z", dataSource=facet(name="second")),
            described("11:00:00Z", schema=schema("a")),
        ]

    def shown(namespace: str) -> str:
        return service.get(f"/api/v1/namespaces/{namespace}/datasets/table")["sourceName"]

    assert arrivals(service, story, shown) == ["second"]


def test_a_described_dataset_is_not_one_that_nobody_wrote_because_a_job_reads_it(service: LineageService) -> None:
    def story(namespace: str) -> list[dict[str, Any]]:
        table = dataset(namespace, "table", {"schema": schema("a")})
        return [
            job_event(f"{_DAY}09:00:00Z", (namespace, "static"), inputs=[table]),
            dataset_event(f"{_DAY}10:00:00Z", table),
            _event(namespace, "COMPLETE", "09:30:00Z", "reader", inputs=[table]),
        ]

    def shown(namespace: str) -> Any:
        run = service.get(f"/api/v1/jobs/runs/{named_run(namespace, 'reader')}")
        current = service.get(f"/api/v1/namespaces/{namespace}/datasets/table")["currentVersion"]
        read = [entry["datasetVersionId"]["version"] == current for entry in run["inputDatasetVersions"]]
        return _versions(service, namespace), read

    assert arrivals(service, story, shown) == [([(None, "10:00:00Z"), (None, "09:00:00Z")], [False])]


def test_a_run_that_a_child_named_first_is_of_the_job_that_it_names_itself(service: LineageService) -> None:
    def story(namespace: str) -> list[dict[str, Any]]:
        return [
            _child(namespace, "10:02:00Z", ("app", "app"), ("outer", "outer")),
            _child(namespace, "10:05:00Z", ("child", "task"), ("app", "app")),
        ]

    def shown(namespace: str) -> list[bool]:
        runs = service.get(f"/api/v1/namespaces/{namespace}/jobs/outer.app/runs")["runs"]
        return [run["id"] == named_run(namespace, "app") for run in runs]

    assert arrivals(service, story, shown) == [[True]]
