"""`POST /api/v1/lineage/batch`, as the OpenLineage API specifies it."""

from __future__ import annotations

import gzip
import json
import uuid
from typing import Any

import psycopg
import pytest
import requests
from psycopg import sql

from tests.integration.marquez.conftest import LineageService
from tests.integration.marquez.events import dataset, dataset_event, facet, job_event, run_event, schema

pytestmark = pytest.mark.integration

_TIME = "2026-03-01T10:00:00Z"


def _post(service: LineageService, body: Any) -> requests.Response:
    return requests.post(f"{service.url}/api/v1/lineage/batch", json=body, timeout=30)


def test_events_of_all_kinds_are_stored_and_shown(service: LineageService) -> None:
    run_id = str(uuid.uuid4())
    events = [
        run_event("START", _TIME, run_id, ("batch", "load")),
        run_event("COMPLETE", "2026-03-01T10:01:00Z", run_id, ("batch", "load"), outputs=[dataset("batch", "table")]),
        job_event(_TIME, ("batch", "static"), outputs=[dataset("batch", "view")]),
        dataset_event(_TIME, dataset("batch", "described", {"schema": schema("a")})),
    ]

    response = _post(service, events)

    assert response.status_code == 200
    assert response.json() == {
        "status": "success",
        "summary": {"received": 4, "successful": 4, "failed": 0, "retriable": 0, "non_retriable": 0},
        "failed_events": [],
    }
    assert service.get(f"/api/v1/jobs/runs/{run_id}")["state"] == "COMPLETED"
    assert service.get("/api/v1/namespaces/batch/jobs/static")["name"] == "static"
    assert service.get("/api/v1/namespaces/batch/datasets/described")["fields"][0]["name"] == "a"


def test_a_bad_event_is_named_and_the_others_are_stored(service: LineageService) -> None:
    run_id = str(uuid.uuid4())
    good = run_event("COMPLETE", _TIME, run_id, ("partly", "good"))
    bad = run_event("COMPLETE", "yesterday", str(uuid.uuid4()), ("partly", "bad"))

    response = _post(service, [bad, good, "no event", None])

    found = response.json()
    assert response.status_code == 200
    assert found["status"] == "partial_success"
    assert found["summary"] == {"received": 4, "successful": 1, "failed": 3, "retriable": 0, "non_retriable": 3}
    assert [event["index"] for event in found["failed_events"]] == [0, 2, 3]
    assert found["failed_events"][0]["reason"].startswith("eventTime must be an ISO 8601 time")
    assert not any(event["retriable"] for event in found["failed_events"])
    assert [job["name"] for job in service.get("/api/v1/namespaces/partly/jobs")["jobs"]] == ["good"]


def test_events_of_a_batch_find_the_names_that_earlier_ones_gave(service: LineageService) -> None:
    parent, child = str(uuid.uuid4()), str(uuid.uuid4())
    facets = {"parent": facet(run={"runId": parent}, job={"namespace": "names", "name": "application"})}
    linked = dataset("names", "table", {"symlinks": facet(identifiers=[{"namespace": "names", "name": "path"}])})

    response = _post(
        service,
        [
            run_event("START", _TIME, parent, ("names", "application")),
            run_event("COMPLETE", _TIME, child, ("names", "step"), outputs=[linked], run_facets=facets),
            run_event("COMPLETE", _TIME, str(uuid.uuid4()), ("names", "reader"), inputs=[dataset("names", "path")]),
        ],
    )

    assert response.json()["status"] == "success"
    names = {job["name"] for job in service.get("/api/v1/namespaces/names/jobs")["jobs"]}
    assert names == {"application", "application.step", "reader"}
    assert [entry["name"] for entry in service.get("/api/v1/namespaces/names/jobs/reader")["inputs"]] == ["table"]


def test_the_answer_after_a_batch_is_that_after_its_events_one_by_one(service: LineageService) -> None:
    def story(namespace: str) -> list[dict[str, Any]]:
        runs = [str(uuid.uuid5(uuid.NAMESPACE_OID, f"{namespace}{n}")) for n in range(2)]
        table = dataset(namespace, "table", {"schema": schema("a", "b")})
        return [
            run_event("START", "2026-03-01T10:00:00Z", runs[0], (namespace, "write")),
            run_event("COMPLETE", "2026-03-01T10:00:05Z", runs[0], (namespace, "write"), outputs=[table]),
            run_event("START", "2026-03-01T10:00:06Z", runs[1], (namespace, "read"), inputs=[table]),
            run_event("FAIL", "2026-03-01T10:00:07Z", runs[1], (namespace, "read"), inputs=[table]),
        ]

    _post(service, story("together"))
    service.accept(*story("single"))

    def shown(namespace: str) -> str:
        paths = (f"/api/v1/namespaces/{namespace}/{kind}" for kind in ("jobs", "datasets"))
        text = json.dumps([service.get(path) for path in paths]).replace(namespace, "")
        found = {str(uuid.uuid5(uuid.NAMESPACE_OID, f"{namespace}{n}")): f"run {n}" for n in range(2)}
        for run_id, name in found.items():
            text = text.replace(run_id, name)
        return _without_versions(text)

    assert shown("together") == shown("single")


def _without_versions(text: str) -> str:
    def plain(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {name: plain(member, name) for name, member in value.items()}
        if isinstance(value, list):
            return [plain(member, key) for member in value]
        return "version" if key in {"version", "currentVersion"} else value

    return json.dumps(plain(json.loads(text)))


def test_what_a_database_refuses_for_now_is_no_events_fault(new_service: LineageService) -> None:
    event = run_event("COMPLETE", _TIME, str(uuid.uuid4()), ("replica", "job"))
    new_service.stop()
    with psycopg.connect(new_service.database_url, autocommit=True) as connection:
        name = sql.Identifier(connection.info.dbname)
        new_service.start()
        connection.execute(sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = on").format(name))
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        answers = [_post(new_service, [event]), new_service.post(event)]
        connection.execute(sql.SQL("ALTER DATABASE {} RESET default_transaction_read_only").format(name))

    assert [(answer.status_code, answer.headers.get("Retry-After")) for answer in answers] == [(503, "1")] * 2
    assert new_service.get("/api/v1/events/lineage")["totalCount"] == 0


def test_a_batch_that_is_too_long_is_refused_before_it_is_read(service: LineageService) -> None:
    before = service.get("/api/v1/events/lineage?limit=0")["totalCount"]
    event = run_event("COMPLETE", _TIME, str(uuid.uuid4()), ("long", "job"))

    most, too_many = _post(service, [event] + [None] * 999), _post(service, [event] * 1001)

    assert (most.json()["summary"]["successful"], most.json()["summary"]["failed"]) == (1, 999)
    assert too_many.status_code == 413
    assert too_many.json()["message"] == "A batch may have 1000 events: got 1001."
    assert service.get("/api/v1/events/lineage?limit=0")["totalCount"] == before + 1


def test_an_empty_batch_is_received(service: LineageService) -> None:
    assert _post(service, []).json()["summary"]["received"] == 0


def test_gzip_is_understood(service: LineageService) -> None:
    body = gzip.compress(json.dumps([run_event("COMPLETE", _TIME, str(uuid.uuid4()), ("zip", "job"))]).encode())
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}

    response = requests.post(f"{service.url}/api/v1/lineage/batch", data=body, headers=headers, timeout=30)

    assert response.json()["status"] == "success"


@pytest.mark.parametrize("body", [{"events": []}, "text", 1])
def test_what_is_no_array_is_refused(service: LineageService, body: Any) -> None:
    response = _post(service, body)

    assert response.status_code == 422
    assert response.json() == {"errors": ["The request body must be a JSON array of events"]}
