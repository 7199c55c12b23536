"""Retention of runs that other runs started: a run stays as long as what it started, or what that started."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
import requests

from tests.integration.marquez.conftest import LineageService
from tests.integration.marquez.events import facet, run_event
from tests.integration.marquez.retention import counted, pruned
from weather_pipeline.marquez.embedded import retention
from weather_pipeline.marquez.embedded.database import connected
from weather_pipeline.marquez.embedded.retention import Limit, prune

pytestmark = pytest.mark.integration

_NOW = datetime.now(UTC).replace(microsecond=0)
_LIMIT = Limit(_NOW - timedelta(days=30))
_JOBS = ("launcher", "application", "task")


def _ago(days: int) -> str:
    return (_NOW - timedelta(days=days)).isoformat()


def _job(place: int) -> str:
    return _JOBS[place] if place < len(_JOBS) else "step"


def _started_by(run_id: str, job: str) -> dict[str, Any]:
    return {"parent": facet(run={"runId": run_id}, job={"namespace": "house", "name": job})}


class _Family:
    """A run that started a run that started a run, and so on.

    Args:
        ages: How many days ago each of them ended.
    """

    def __init__(self, *ages: int) -> None:
        self.ids = [str(uuid.uuid4()) for _ in ages]
        self.events = [self.end(place, age) for place, age in enumerate(ages)]

    def end(self, place: int, age: int) -> dict[str, Any]:
        """The end of one of the runs; it calls the run that started it as that one calls itself."""
        parent = {}
        if place > 0:
            parent = _started_by(self.ids[place - 1], _job(place - 1))
        return run_event("COMPLETE", _ago(age), self.ids[place], ("house", _job(place)), run_facets=parent)

    def child(self) -> dict[str, Any]:
        """The start, now, of a further run that the last one starts."""
        parent = _started_by(self.ids[-1], _job(len(self.ids) - 1))
        return run_event("START", _ago(0), str(uuid.uuid4()), ("house", "late"), run_facets=parent)

    def statuses(self, service: LineageService) -> list[int]:
        """What the service answers about each of the runs."""
        return [requests.get(f"{service.url}/api/v1/jobs/runs/{run}", timeout=30).status_code for run in self.ids]


def test_a_run_stays_as_long_as_what_it_started(new_service: LineageService) -> None:
    # The newest runs of these jobs are those of the last family: only they would stay otherwise.
    living, past, newest = _Family(60, 60, 2), _Family(52, 51, 50), _Family(1, 1, 1)
    new_service.accept(*living.events, *past.events, *newest.events)
    expected = counted(new_service.database_url, _LIMIT)

    deleted = pruned(new_service.database_url, _LIMIT)

    assert deleted == expected == {"lineage_events": 5, "runs": 3}
    assert [family.statuses(new_service) for family in (living, past, newest)] == [[200] * 3, [404] * 3, [200] * 3]
    assert counted(new_service.database_url, _LIMIT) == pruned(new_service.database_url, _LIMIT) == {}


def test_a_living_run_belongs_to_the_same_job_after_its_starter_has_grown_old(new_service: LineageService) -> None:
    living, newest = _Family(60, 60, 2), _Family(1, 1, 1)
    new_service.accept(*living.events, *newest.events)

    def jobs() -> set[str]:
        return {job["name"] for job in new_service.get("/api/v1/namespaces/house/jobs")["jobs"]}

    before = jobs()
    pruned(new_service.database_url, _LIMIT)
    new_service.accept(living.end(2, 0))

    assert jobs() == before == {"launcher", "launcher.application", "launcher.application.task"}


def test_a_run_that_calls_itself_its_parent_goes(new_service: LineageService) -> None:
    odd, newest = str(uuid.uuid4()), str(uuid.uuid4())
    for run, age in ((odd, 60), (newest, 1)):
        itself = {"parent": facet(run={"runId": run}, job={"namespace": "ring", "name": "job"})}
        at = (_NOW - timedelta(days=age)).isoformat()
        new_service.accept(run_event("COMPLETE", at, run, ("ring", "job"), run_facets=itself))

    assert pruned(new_service.database_url, _LIMIT) == {"lineage_events": 1, "runs": 1}


def test_what_stays_is_not_written(new_service: LineageService) -> None:
    """A lock is a write too, and the rows that stay are looked at every hour."""
    new_service.accept(*_Family(60, 60, 2).events, *_Family(50, 50, 50).events)

    def rows() -> set[tuple[Any, ...]]:
        tables = ("runs", "dataset_versions", "job_versions", "lineage_events")
        query = " UNION ALL ".join(
            f"SELECT '{table}', id::text, xmin::text, xmax::text FROM {table}" for table in tables
        )
        with psycopg.connect(new_service.database_url) as connection:
            return set(connection.execute(query.encode()).fetchall())

    before = rows()
    pruned(new_service.database_url, _LIMIT)
    after = rows()

    assert after < before
    assert {table for table, *_ in after} >= {"runs", "job_versions", "lineage_events"}


def test_runs_that_call_each_other_their_parent_go(new_service: LineageService) -> None:
    for age in (60, 1):
        first, second = str(uuid.uuid4()), str(uuid.uuid4())
        for run_id, job, starter, starters_job in ((first, "one", second, "two"), (second, "two", first, "one")):
            facets = _started_by(starter, starters_job)
            new_service.accept(run_event("COMPLETE", _ago(age), run_id, ("house", job), run_facets=facets))
    expected = counted(new_service.database_url, _LIMIT)

    assert pruned(new_service.database_url, _LIMIT) == expected == {"lineage_events": 2, "runs": 2}


@pytest.mark.parametrize("late", ["end", "child"])
def test_what_an_event_makes_new_meanwhile_keeps_all_that_led_to_it(
    new_service: LineageService, monkeypatch: pytest.MonkeyPatch, late: str
) -> None:
    monkeypatch.setattr(retention, "_BATCH", 3)
    past, revived, newest = _Family(70, 70, 70), _Family(50, 50, 50), _Family(1, 1, 1)
    new_service.accept(*past.events, *revived.events, *newest.events)

    async def prune_and_hear() -> Counter[str]:
        """An event comes after the first runs are deleted: the next ones were found not to be needed."""
        total = Counter[str]()
        async with connected(new_service.database_url) as connection, aclosing(prune(connection, _LIMIT)) as batches:
            async for deleted in batches:
                if deleted["runs"] and not total["runs"]:
                    event = revived.end(2, 0) if late == "end" else revived.child()
                    await asyncio.to_thread(new_service.accept, event)
                total += deleted
        return total

    deleted = asyncio.run(prune_and_hear())

    assert deleted["runs"] == 3
    assert [family.statuses(new_service) for family in (past, revived, newest)] == [[404] * 3, [200] * 3, [200] * 3]
    assert counted(new_service.database_url, _LIMIT) == {}


def test_what_is_read_grows_with_a_family_and_not_with_its_square(new_service: LineageService) -> None:
    size = 150
    living, past, newest = _Family(*[60] * (size - 1), 2), _Family(*[50] * size), _Family(*[1] * size)
    for family in (living, past, newest):
        answer = requests.post(f"{new_service.url}/api/v1/lineage/batch", json=family.events, timeout=60)
        assert answer.json()["summary"]["successful"] == size
    url = new_service.database_url
    new_service.stop()

    def rows_read() -> int:
        with psycopg.connect(url) as connection:
            # A server counts what happened in a connection at the latest when that ends.
            here = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            while connection.execute(here).fetchone() != (1,):
                connection.rollback()
            row = connection.execute(
                "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_user_tables WHERE relname = 'runs'"
            ).fetchone()
        return row[0] if row else 0

    before = rows_read()
    deleted = pruned(url, _LIMIT)
    read = rows_read() - before

    assert deleted == {"lineage_events": 2 * size - 1, "runs": size}
    assert read < 100 * size < size**2
