"""Retention: the past goes, what is said about the present stays."""

from __future__ import annotations

import asyncio
import itertools
import signal
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, aclosing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests

from tests.integration.marquez.conftest import LineageService
from tests.integration.marquez.events import dataset, dataset_event, facet, job_event, run_event, schema
from tests.integration.marquez.present import present
from tests.integration.marquez.retention import counted, pruned, run_of, turn_taken
from weather_pipeline.marquez.embedded import retention
from weather_pipeline.marquez.embedded.database import Connection, connected, migrate
from weather_pipeline.marquez.embedded.retention import Limit, prune, pruned_regularly

pytestmark = pytest.mark.integration

_NOW = datetime.now(UTC).replace(microsecond=0)
_LIMIT = Limit(_NOW - timedelta(days=30))
_EVERYTHING = Limit(datetime(9000, 1, 1, tzinfo=UTC))

_RUNS = {
    name: str(uuid.uuid4())
    for name in (
        "load 60", "load 40", "read 45", "read 2", "produce 50", "produce 1", "good 50", "bad 45", "hung 50", "hung 45",
        "shift 50", "shift 40",
    )
}  # fmt: skip
"""Runs by job and age in days."""

_TURN = "Lineage older than"
"""What the service logs at the end of a turn."""

_GONE = {"load 60", "read 45", "produce 50", "hung 50", "shift 50"}


def _events_of(name: str, **sides: Any) -> list[dict[str, Any]]:
    job, days = name.split()
    job = {"good": "flaky", "bad": "flaky"}.get(job, job)
    return run_of(("shop", job), _NOW - timedelta(days=int(days)), _RUNS[name], **sides)


def _ago(days: int) -> str:
    return (_NOW - timedelta(days=days)).isoformat()


def _history() -> list[dict[str, Any]]:
    """The events of all runs, and of what was only described, in the order in which they happened."""
    columns = facet(fields={"a": {"inputFields": [{"namespace": "shop", "name": "raw", "field": "a"}]}})
    last_load = _events_of("load 40", reads=["raw"], writes=["table"])
    last_load[1]["outputs"][0]["facets"]["columnLineage"] = columns
    planned = [
        job_event(_ago(days), ("shop", "planned"), inputs=[dataset("shop", name)])
        for days, name in ((60, "first idea"), (50, "second idea"))
    ]
    described = [
        dataset_event(_ago(days), dataset("shop", "described", {"schema": schema(*columns)}))
        for days, columns in ((50, "a"), (40, "ab"))
    ]
    return [
        *planned,
        *described,
        *_events_of("load 60", reads=["raw"], writes=["table"]),
        *_events_of("produce 50", writes=["source"]),
        *_events_of("good 50", writes=["flat"]),
        *_events_of("hung 50", end=None),
        *_events_of("shift 50", reads=["before"]),
        *_events_of("read 45", reads=["table"]),
        *_events_of("bad 45", writes=["flat"], end="FAIL"),
        *_events_of("hung 45", end=None),
        *last_load,
        *_events_of("shift 40", reads=["after"]),
        *_events_of("read 2", reads=["source"]),
        *_events_of("produce 1", writes=["source"]),
    ]


@pytest.fixture
def shop(new_service: LineageService) -> LineageService:
    """A service that was told the history."""
    new_service.accept(*_history())
    requests.post(f"{new_service.url}/api/v1/namespaces/shop/datasets/table/tags/gold", timeout=30).raise_for_status()
    return new_service


def test_the_past_goes_and_the_present_stays(shop: LineageService) -> None:
    before = present(shop)
    expected = counted(shop.database_url, _LIMIT)

    deleted = pruned(shop.database_url, _LIMIT)

    old = sum(event["eventTime"] < _LIMIT.happened_before.isoformat() for event in _history())
    assert deleted == expected
    assert deleted == {"lineage_events": old, "runs": 5, "run_inputs": 3, "dataset_versions": 2, "job_versions": 3}
    assert present(shop) == before
    statuses = {
        name: requests.get(f"{shop.url}/api/v1/jobs/runs/{run_id}", timeout=30).status_code
        for name, run_id in _RUNS.items()
    }
    assert {name for name, status in statuses.items() if status == 404} == _GONE
    assert {name for name, status in statuses.items() if status == 200} == _RUNS.keys() - _GONE
    assert counted(shop.database_url, _LIMIT) == pruned(shop.database_url, _LIMIT) == {}


def test_a_version_stays_while_a_run_names_it_and_tells_that_its_writer_is_gone(shop: LineageService) -> None:
    pruned(shop.database_url, _LIMIT)

    (reader,) = shop.get(f"/api/v1/runlineage/upstream?runId={_RUNS['read 2']}")["runs"]
    (source,) = reader["inputs"]
    version = shop.get(f"/api/v1/namespaces/shop/datasets/source/versions/{source['version']}")
    versions = shop.get("/api/v1/namespaces/shop/datasets/source/versions")["versions"]

    assert source["producedByRunId"] is None
    assert (version["createdByRun"], version["fields"][0]["name"]) == (None, "a")
    assert len(versions) == 2


def test_what_is_sent_again_is_there_again(shop: LineageService) -> None:
    pruned(shop.database_url, _LIMIT)
    before = present(shop)

    shop.accept(*_events_of("load 60", reads=["raw"], writes=["table"]))

    run = shop.get(f"/api/v1/jobs/runs/{_RUNS['load 60']}")
    assert (run["state"], len(run["outputDatasetVersions"])) == ("COMPLETED", 1)
    assert present(shop) == before


def test_an_end_after_every_batch_leaves_the_present_as_it_was(
    shop: LineageService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "_BATCH", 2)
    before, url = present(shop), shop.database_url

    async def stop_after(number: int) -> Counter[str]:
        total = Counter[str]()
        async with connected(url) as connection, aclosing(prune(connection, _LIMIT)) as batches:
            async for deleted in batches:
                total += deleted
                number -= 1
                if number == 0:
                    break
        return total

    expected, total = counted(url, _LIMIT), Counter[str]()
    for number in itertools.count(1):
        total += asyncio.run(stop_after(number))
        assert present(shop) == before
        assert counted(url, _LIMIT) == expected - total
        if total == expected:
            break


def test_events_come_in_while_all_that_is_not_needed_goes(
    new_service: LineageService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit lies ahead: a run goes as soon as another of its job is newer, also in the middle of its events."""
    monkeypatch.setattr(retention, "_BATCH", 10)
    monkeypatch.setattr(retention, "_REST", 0.0)
    writers, runs, tables = 8, 20, [f"table{number}" for number in range(4)]

    def story(writer: int, number: int) -> list[dict[str, Any]]:
        start = _NOW + timedelta(hours=number, minutes=3 * writer)
        reads, writes = tables[writer % 4 :], tables[: 1 + number % 4]
        return run_of(
            ("busy", f"job{writer % 3}"), start, str(uuid.UUID(int=writer << 32 | number)), reads=reads, writes=writes
        )

    def write(writer: int) -> set[int]:
        with requests.Session() as session:
            events = [event for number in range(runs) for event in story(writer, number)]
            return {
                session.post(f"{new_service.url}/api/v1/lineage", json=event, timeout=60).status_code
                for event in events
            }

    done = threading.Event()

    def prune_on_and_on() -> int:
        deleted = 0
        while not done.is_set():
            deleted += pruned(new_service.database_url, _EVERYTHING).total()
        return deleted

    with ThreadPoolExecutor(writers + 1) as pool:
        pruning = pool.submit(prune_on_and_on)
        try:
            statuses = set[int]().union(*pool.map(write, range(writers)))
        finally:
            done.set()
    deleted = pruning.result() + pruned(new_service.database_url, _EVERYTHING).total()

    assert statuses == {201}
    assert deleted > writers * runs
    assert "Traceback" not in new_service.log()
    for job in range(3):
        newest = str(uuid.UUID(int=max(writer for writer in range(writers) if writer % 3 == job) << 32 | runs - 1))
        assert new_service.get(f"/api/v1/namespaces/busy/jobs/job{job}")["latestRun"]["id"] == newest
    for number, table in enumerate(tables):
        found = new_service.get(f"/api/v1/namespaces/busy/datasets/{table}")
        version = new_service.get(f"/api/v1/namespaces/busy/datasets/{table}/versions/{found['currentVersion']}")
        last = max(run for run in range(runs) if run % 4 >= number)
        assert version["createdByRun"]["id"] == str(uuid.UUID(int=writers - 1 << 32 | last))
        assert [field["name"] for field in found["fields"]] == ["a"]
    graph = new_service.get("/api/v1/lineage?nodeId=job:busy:job0")["graph"]
    assert len(graph) == 3 + len(tables)
    assert counted(new_service.database_url, _EVERYTHING) == {}


def test_the_service_deletes_what_happened_and_arrived_long_ago(shop: LineageService) -> None:
    before = present(shop)

    _restart_and_prune(shop)
    assert _stored_events(shop.database_url) == len(_history()), "they have only just arrived"

    _arrived_earlier(shop.database_url, timedelta(days=31))
    _restart_and_prune(shop)
    assert "5 runs" in shop.log()
    assert present(shop) == before
    assert counted(shop.database_url, _LIMIT) == {}


def test_without_retention_nothing_runs_in_the_background(new_database: Callable[[], str]) -> None:
    async def tasks(days: int) -> int:
        async with pruned_regularly(new_database(), days):
            return len(asyncio.all_tasks())

    assert asyncio.run(tasks(0)) == 1
    assert asyncio.run(tasks(1)) == 2


def test_a_stop_ends_the_deleting_at_once(new_service: LineageService) -> None:
    _fill(new_service.database_url, 100_000)
    new_service.stop()

    new_service.start()
    _until(lambda: _stored_events(new_service.database_url) < 100_000)
    status = new_service.stop(signal.SIGTERM)

    assert status == 0
    assert _stored_events(new_service.database_url) > 0
    assert "Traceback" not in new_service.log()


def test_one_process_deletes_at_a_time(new_database: Callable[[], str], tmp_path: Path) -> None:
    url = new_database()
    with LineageService(url, tmp_path / "first.log") as first:
        first.stop()
    with turn_taken(url), LineageService(url, tmp_path / "second.log") as second:
        _until(lambda: "Another process deletes old lineage" in second.log())


def test_searches_and_events_do_not_wait_while_old_lineage_is_deleted(new_service: LineageService) -> None:
    with turn_taken(new_service.database_url):
        new_service.accept(run_event("COMPLETE", _NOW.isoformat(), str(uuid.uuid4()), ("busy", "gardening")))

        found = new_service.get("/api/v2beta/search/jobs?q=gardening")

    assert [hit["name"] for hit in found["hits"]] == ["gardening"]


def test_a_database_that_cannot_be_pruned_is_said_and_serves_on(
    new_database: Callable[[], str], tmp_path: Path
) -> None:
    url = new_database()
    with LineageService(url, tmp_path / "service.log") as service:
        service.stop()
        with psycopg.connect(url) as connection:
            connection.execute("ALTER TABLE job_versions RENAME COLUMN latest_at TO hidden")
        service.start()
        _until(lambda: "could not be deleted" in service.log())

        assert service.get("/api/v1/namespaces")["namespaces"]
        assert "Traceback" not in service.log()


def test_after_an_error_of_any_kind_the_next_turn_comes(
    new_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    url = new_database()
    errors = iter([OSError("Too many open files")])

    def fail_first(address: str) -> AbstractAsyncContextManager[Connection]:
        for error in errors:
            raise error
        return connected(address)

    monkeypatch.setattr(retention, "connected", fail_first)
    monkeypatch.setattr(retention, "_INTERVAL", 0.01)

    async def serve_until_pruned() -> None:
        await migrate(url)
        async with pruned_regularly(url, 30):
            while _TURN not in caplog.text:
                await asyncio.sleep(0.05)

    with caplog.at_level("INFO"):
        asyncio.run(asyncio.wait_for(serve_until_pruned(), 60))

    assert "Too many open files" in caplog.text


def test_the_first_and_last_moments_are_pruned_too(new_service: LineageService) -> None:
    for moment in ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"):
        table = dataset("ends", "table", {"schema": schema("a")})
        new_service.accept(
            *(run_event("COMPLETE", moment, str(uuid.uuid4()), ("ends", "job"), outputs=[table]) for _ in range(2))
        )

    deleted = pruned(new_service.database_url, _LIMIT)

    assert deleted == {"lineage_events": 2, "runs": 2, "dataset_versions": 2}


def _restart_and_prune(service: LineageService) -> None:
    """Start the service anew, and wait until its first turn is over."""
    service.stop()
    turns = service.log().count(_TURN)
    service.start()
    _until(lambda: service.log().count(_TURN) > turns)


def _stored_events(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM lineage_events").fetchone()
    return row[0] if row else 0


def _arrived_earlier(url: str, by: timedelta) -> None:
    with psycopg.connect(url) as connection:
        for table in ("lineage_events", "runs", "dataset_versions", "job_versions"):
            connection.execute(f"UPDATE {table} SET received_at = received_at - %s".encode(), [by])


def _fill(url: str, events: int) -> None:
    """Events that happened and arrived long ago."""
    with psycopg.connect(url) as connection:
        connection.execute(
            "INSERT INTO lineage_events (event_at, received_at, event_type, body) "
            "SELECT moment, moment, 'START', '{}' FROM generate_series(1, %s) AS number "
            "CROSS JOIN LATERAL (SELECT now() - interval '90 days' + number * interval '1 second') AS t (moment)",
            [events],
        )


def _until(holds: Callable[[], bool], timeout: float = 60.0) -> None:
    deadline = time.monotonic() + timeout
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)
