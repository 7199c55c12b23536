"""Many writers, restarts, and a database that goes away."""

from __future__ import annotations

import signal
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
import requests
from psycopg import sql

from benchmarks.service.killing import Load, kill, missing
from tests.integration.marquez.conftest import LineageService
from tests.integration.marquez.events import dataset, facet, run_event, schema
from weather_pipeline.stack.postgres import EmbeddedPostgres

pytestmark = pytest.mark.integration

_CONNECTIONS = 8
_RUNS = 25
_TIME = "2026-03-01T10:00:00Z"
_MORE = 200
"""Events that are accepted between two kills."""
_SEARCH = "/api/v2beta/search/jobs?q=job"
"""Answered from tables that a crash empties."""


def _story(writer: int, number: int) -> list[dict[str, object]]:
    """A run that shares its job and its datasets with every other writer, named in another order by each."""
    run_id = str(uuid.UUID(int=writer << 32 | number))
    names = [f"d{(writer + position) % _CONNECTIONS}" for position in range(_CONNECTIONS)]
    source = facet(name=f"source{writer % 2}", uri=f"s3://source{writer % 2}")
    inputs = [dataset("load", name, {"schema": schema("a"), "dataSource": source}) for name in names]
    job = ("load", f"job{number % 3}")
    return [
        run_event("START", f"2026-03-01T10:00:{number:02d}Z", run_id, job, inputs=inputs),
        run_event(
            "COMPLETE", f"2026-03-01T11:00:{number:02d}Z", run_id, job, inputs=inputs, outputs=inputs[: number % 4]
        ),
    ]


def test_concurrent_writers_lose_nothing(new_service: LineageService) -> None:
    def write(writer: int) -> set[int]:
        with requests.Session() as session:
            events = [event for number in range(_RUNS) for event in _story(writer, number)]
            url = f"{new_service.url}/api/v1/lineage"
            return {session.post(url, json=event, timeout=60).status_code for event in events}

    with ThreadPoolExecutor(_CONNECTIONS) as pool:
        statuses = set().union(*pool.map(write, range(_CONNECTIONS)))

    jobs = new_service.get("/api/v1/namespaces/load/jobs")["jobs"]
    runs = [
        run
        for job in jobs
        for run in new_service.get(f"/api/v1/namespaces/load/jobs/{job['name']}/runs?limit=1000")["runs"]
    ]
    assert statuses == {201}
    assert new_service.get("/api/v1/events/lineage?limit=1")["totalCount"] == _CONNECTIONS * _RUNS * 2
    assert len({run["id"] for run in runs}) == _CONNECTIONS * _RUNS
    assert {run["state"] for run in runs} == {"COMPLETED"}
    assert new_service.get("/api/v1/namespaces/load/datasets")["totalCount"] == _CONNECTIONS


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_restart_keeps_all_and_ends_well(new_service: LineageService, number: int) -> None:
    run_id = str(uuid.uuid4())
    new_service.accept(run_event("COMPLETE", _TIME, run_id, ("keep", "job"), outputs=[dataset("keep", "table")]))
    before = new_service.get("/api/v1/namespaces/keep/jobs")

    status = new_service.stop(number)
    new_service.start()

    assert status == 0
    assert new_service.get("/api/v1/namespaces/keep/jobs") == before
    assert new_service.get(f"/api/v1/jobs/runs/{run_id}")["state"] == "COMPLETED"


def test_what_was_accepted_survives_the_service_being_killed(new_service: LineageService) -> None:
    run_id = str(uuid.uuid4())
    new_service.accept(run_event("COMPLETE", _TIME, run_id, ("kill", "job")))

    new_service.stop(signal.SIGKILL)
    new_service.start()

    assert new_service.get(f"/api/v1/jobs/runs/{run_id}")["state"] == "COMPLETED"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """A server for one test, which may stop and start it."""
    # As root the data lies outside the directory, found by its path: a name that no earlier run had.
    server = EmbeddedPostgres(tmp_path / uuid.uuid4().hex, log_file=tmp_path / "postgres.log")
    try:
        yield server
    finally:
        server.destroy()


def test_the_service_outlives_its_database(database: EmbeddedPostgres, tmp_path: Path) -> None:
    database.start()
    with LineageService(database.ensure_database("lineage"), tmp_path / "service.log") as service:
        first, refused, last = (_complete(f"2026-03-01T1{hour}:00:00Z") for hour in range(3))
        service.accept(first)

        database.stop()
        posted = service.post(refused)
        asked = requests.get(f"{service.url}/api/v1/jobs", timeout=30)
        database.start()
        _until(lambda: service.post(last).ok)

        assert (posted.status_code, asked.status_code) == (503, 503)
        assert (int(posted.headers["Retry-After"]), int(asked.headers["Retry-After"])) == (1, 1)
        assert "Traceback" not in posted.text + asked.text
        assert service.get("/api/v1/namespaces/away/jobs/job/runs")["totalCount"] == 2


def test_the_service_waits_for_a_database_that_starts_later(database: EmbeddedPostgres, tmp_path: Path) -> None:
    with database:
        url = database.ensure_database("lineage")
    service = LineageService(url, tmp_path / "service.log")
    service.launch()
    with service:
        _until(lambda: "can't be reached yet" in service.log())
        with database:
            service.wait()
            names = [entry["name"] for entry in service.get("/api/v1/namespaces")["namespaces"]]
            assert names == ["default"]


def test_what_was_answered_with_201_survives_both_being_killed_under_load(
    database: EmbeddedPostgres, tmp_path: Path
) -> None:
    """The service, then PostgreSQL with all its processes, then both: SIGKILL, while eight connections write."""
    database.start()
    service = LineageService(database.ensure_database("lineage"), tmp_path / "service.log")
    load = Load(service.url)
    with service, load:
        load.go_on(_MORE)
        service.stop(signal.SIGKILL)
        service.start()
        load.go_on(_MORE)
        kill(database)
        database.start()
        load.go_on(_MORE)
        kill(database)
        service.stop(signal.SIGKILL)
        database.start()
        service.start()
        load.go_on(_MORE)
        load.stop()

        assert load.statuses == {201, 503}
        assert missing(service.url, load.accepted) == []


def test_the_service_goes_on_after_its_database_was_killed(database: EmbeddedPostgres, tmp_path: Path) -> None:
    database.start()
    with LineageService(database.ensure_database("lineage"), tmp_path / "service.log") as service:
        first, refused, last = (_complete(f"2026-03-01T1{hour}:00:00Z") for hour in range(3))
        service.accept(first)
        searched = [hit["name"] for hit in service.get(_SEARCH)["hits"]]

        kill(database)
        posted = service.post(refused)
        asked = requests.get(f"{service.url}/healthcheck", timeout=30)
        database.start()
        _until(lambda: service.post(last).ok)

        assert [(answer.status_code, int(answer.headers["Retry-After"])) for answer in (posted, asked)] == [
            (503, 1)
        ] * 2
        assert service.get("/api/v1/namespaces/away/jobs/job/runs")["totalCount"] == 2
        assert [hit["name"] for hit in service.get(_SEARCH)["hits"]] == searched == ["job"]


@pytest.mark.parametrize(
    ("zone", "moment"),
    [("America/New_York", "0001-01-01T00:00:00Z"), ("Asia/Tokyo", "9999-12-31T23:59:59.999999Z")],
)
def test_the_first_and_last_moments_are_shown_whatever_the_databases_time_zone(
    new_database: Callable[[], str], tmp_path: Path, zone: str, moment: str
) -> None:
    url = new_database()
    with psycopg.connect(url, autocommit=True) as connection:
        name = sql.Identifier(connection.info.dbname)
        connection.execute(sql.SQL("ALTER DATABASE {} SET timezone = {}").format(name, sql.Literal(zone)))
    with LineageService(url, tmp_path / "service.log") as service:
        service.accept(_complete(moment))

        (job,) = service.get("/api/v1/namespaces/away/jobs")["jobs"]

        assert job["latestRun"]["endedAt"] == moment


def _complete(time_of_event: str) -> dict[str, object]:
    return run_event("COMPLETE", time_of_event, str(uuid.uuid4()), ("away", "job"))


def _until(holds: Callable[[], bool], timeout: float = 60.0) -> None:
    deadline = time.monotonic() + timeout
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)
