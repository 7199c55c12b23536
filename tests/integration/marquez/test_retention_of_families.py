"""Retention of runs that other runs started: a run stays as long as what it started, or what that started."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
import requests

from tests.integration.marquez.conftest import LineageService
from tests.integration.marquez.events import facet, run_event
from tests.integration.marquez.retention import counted, pruned
from weather_pipeline.marquez.embedded.retention import Limit

pytestmark = pytest.mark.integration

_NOW = datetime.now(UTC).replace(microsecond=0)
_LIMIT = Limit(_NOW - timedelta(days=30))
_JOBS = ("launcher", "application", "task")


class _Family:
    """A run that started a run that started a run.

    Args:
        ages: How many days ago each of them ended.
    """

    def __init__(self, *ages: int) -> None:
        self.ids = [str(uuid.uuid4()) for _ in _JOBS]
        self.events = [self.end(place, age) for place, age in enumerate(ages)]

    def end(self, place: int, age: int) -> dict[str, Any]:
        """The end of one of the runs; it calls the run that started it as that one calls itself."""
        parent = {}
        if place > 0:
            run, job = {"runId": self.ids[place - 1]}, {"namespace": "house", "name": _JOBS[place - 1]}
            parent = {"parent": facet(run=run, job=job)}
        at = (_NOW - timedelta(days=age)).isoformat()
        return run_event("COMPLETE", at, self.ids[place], ("house", _JOBS[place]), run_facets=parent)

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
