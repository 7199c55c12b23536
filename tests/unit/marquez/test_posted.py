"""What of events goes to the database together, and under which names."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from pydantic_core import to_json

from tests.integration.marquez.events import dataset, facet, run_event
from weather_pipeline.marquez.embedded.events import Event
from weather_pipeline.marquez.embedded.identity import dataset_key, job_key, unwritten_version_key
from weather_pipeline.marquez.embedded.ingest import independent
from weather_pipeline.marquez.embedded.posted import Known, KnownJob, names, posted
from weather_pipeline.marquez.embedded.reading import parse_event

_TIME = "2026-03-01T10:00:00Z"
_JOB = ("weather", "load")
_RUN, _PARENT = str(uuid.UUID(int=1)), str(uuid.UUID(int=2))


def _event(run_id: str = _RUN, job: tuple[str, str] = _JOB, time: str = _TIME, **parts: Any) -> Event:
    document = run_event("COMPLETE", time, run_id, job, **parts)
    return parse_event(document, to_json(document).decode())


def _parent(run_id: str, name: str) -> dict[str, Any]:
    return {"parent": facet(run={"runId": run_id}, job={"namespace": "weather", "name": name})}


def _sizes(*events: Event) -> list[int]:
    return [len(part) for part in independent(events)]


def test_events_that_share_nothing_but_jobs_and_datasets_go_together() -> None:
    table = dataset("db", "table")

    assert _sizes(_event(outputs=[table]), _event(outputs=[table]), _event(str(uuid.UUID(int=3)), inputs=[table])) == [
        3
    ]


def test_nothing_goes_as_nothing() -> None:
    assert _sizes() == []


def test_a_name_that_an_earlier_event_gave_a_dataset_is_asked_for_first() -> None:
    linked = dataset("db", "table", {"symlinks": facet(identifiers=[{"namespace": "s3://lake", "name": "path"}])})

    assert _sizes(_event(outputs=[linked]), _event(inputs=[dataset("s3://lake", "path")])) == [1, 1]
    assert _sizes(_event(inputs=[dataset("s3://lake", "path")]), _event(outputs=[linked])) == [2]


def test_a_parent_that_came_before_is_asked_for_first() -> None:
    parent = _event(_PARENT, ("weather", "application"))
    child = _event(run_facets=_parent(_PARENT, "application"))

    assert _sizes(parent, child) == [1, 1]


def test_children_that_call_their_parent_alike_go_together() -> None:
    children = [_event(str(uuid.UUID(int=n)), run_facets=_parent(_PARENT, "application")) for n in (5, 6, 7)]
    other = _event(str(uuid.UUID(int=8)), run_facets=_parent(_PARENT, "another"))

    assert _sizes(*children) == [3]
    assert _sizes(*children, other) == [3, 1]


def test_a_dataset_goes_under_the_key_of_what_its_name_stands_for() -> None:
    target = dataset_key("db", "table")
    known = Known(aliases={dataset_key("s3://lake", "path"): target})

    found = posted(_event(inputs=[dataset("s3://lake", "path")]), known)

    assert found["datasets"][0]["dataset_id"] == target


def test_a_job_is_named_after_the_job_that_its_parents_run_really_has() -> None:
    event = _event(run_facets=_parent(_PARENT, "application"))
    known = KnownJob(job_key("weather", "outer.application"), "weather", "outer.application")

    unknown, found = posted(event, Known()), posted(event, Known(parents={uuid.UUID(_PARENT): known}))

    assert unknown["job"]["name"] == "application.load"
    assert unknown["parent"]["name"] == "application"
    assert found["job"]["name"] == "outer.application.load"
    assert "parent" not in found


def test_what_an_event_lacks_is_not_posted() -> None:
    found = posted(_event(), Known())

    assert found.keys().isdisjoint({"aliases", "columns", "parent"})
    assert names([_event()]).keys() == {"namespaces"}


def test_what_is_read_and_what_is_written_of_a_dataset_are_never_one_version() -> None:
    table = dataset("db", "table")
    key = dataset_key("db", "table")

    read, written = posted(_event(inputs=[table], outputs=[table]), Known())["datasets"]
    other = posted(_event(str(uuid.UUID(int=3)), inputs=[table]), Known())["datasets"][0]

    assert read["version_id"] == other["version_id"] == unwritten_version_key(key) != written["version_id"]
    assert (read["is_read"], written["is_read"], other["is_read"]) == (True, True, True)
    assert posted(_event(outputs=[table]), Known())["datasets"][0]["is_read"] is False


def test_a_parent_without_events_of_its_own_is_posted_again_by_an_older_child() -> None:
    job = KnownJob(job_key("weather", "application"), "weather", "application", datetime(2026, 3, 1, 10, tzinfo=UTC))
    known = Known(parents={uuid.UUID(_PARENT): job})
    own = Known(parents={uuid.UUID(_PARENT): job._replace(named_at=None)})

    def child(time: str) -> Event:
        return _event(time=time, run_facets=_parent(_PARENT, "application"))

    older, newer = child("2026-03-01T09:59:59Z"), child("2026-03-01T10:00:01Z")
    assert ["parent" in posted(event, known) for event in (older, newer)] == [True, False]
    assert ["parent" in posted(event, own) for event in (older, newer)] == [False, False]


def test_namespaces_and_sources_are_named_once_with_the_newest_address() -> None:
    def event(hour: int, **source: str) -> Event:
        lake = dataset("db", f"table{hour}", {"dataSource": facet(name="lake", **source)})
        return _event(time=f"2026-03-01T{hour}:00:00Z", outputs=[lake])

    events = [event(11, uri="s3://old"), event(13), event(12, uri="s3://new"), event(10, uri="s3://oldest")]
    first, last = events[3].at, events[1].at

    found = names(events)

    assert {row["name"] for row in found["namespaces"]} == {"weather", "db"}
    assert {(row["first_at"], row["last_at"]) for row in found["namespaces"]} == {(first, last)}
    assert found["sources"] == [
        {"name": "lake", "first_at": first, "last_at": last, "url": "s3://new", "url_order": events[2].order}
    ]


def test_the_job_of_a_run_that_calls_itself_its_parent_keeps_its_name() -> None:
    event = _event(run_facets=_parent(_RUN, "load"))
    known = KnownJob(job_key("weather", "load.load"), "weather", "load.load")

    found = [posted(event, each)["job"]["name"] for each in (Known(), Known(parents={uuid.UUID(_RUN): known}))]

    assert found == ["load.load", "load.load"]
