"""Retention while an event arrives late: it waits for none of the rows that the event writes."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
import requests
from psycopg.conninfo import make_conninfo

from tests.integration.marquez.conftest import LineageService
from tests.integration.marquez.events import dataset, run_event
from tests.integration.marquez.retention import counted, pruned, run_of
from weather_pipeline.marquez.embedded.retention import Limit

pytestmark = pytest.mark.integration

_NOW = datetime.now(UTC).replace(microsecond=0)
_LIMIT = Limit(_NOW - timedelta(days=30))
_IMPATIENT = "-c lock_timeout=5s"


def test_a_run_whose_reads_are_being_corrected_is_passed_over(new_service: LineageService) -> None:
    runs = {days: str(uuid.uuid4()) for days in (60, 50, 1)}
    for days, run_id in runs.items():
        new_service.accept(*run_of(("late", "read"), _NOW - timedelta(days=days), run_id, reads=["table", "other"]))
    url = new_service.database_url

    def statuses() -> list[int]:
        paths = [f"{new_service.url}/api/v1/jobs/runs/{run_id}" for run_id in runs.values()]
        return [requests.get(path, timeout=30).status_code for path in paths]

    # As a write of what it read would, which arrives late; such a transaction may write the run that is deleted next.
    with psycopg.connect(url, options=_IMPATIENT) as writing:
        writing.execute("UPDATE run_inputs SET read_at = read_at WHERE run_id = %s", [runs[60]])
        deleted = pruned(make_conninfo(url, options=_IMPATIENT), _LIMIT)
        writing.execute("UPDATE runs SET state = state WHERE id = %s", [runs[50]])

    assert (deleted["runs"], deleted["run_inputs"]) == (1, 2)
    assert statuses() == [200, 404, 200]
    assert counted(url, _LIMIT) == pruned(url, _LIMIT) == {"runs": 1, "run_inputs": 2}
    assert statuses() == [404, 404, 200]


def test_a_late_write_after_its_readers_are_gone(new_service: LineageService) -> None:
    runs = {days: str(uuid.uuid4()) for days in (60, 1)}
    for days, run_id in runs.items():
        new_service.accept(*run_of(("gone", "read"), _NOW - timedelta(days=days), run_id, reads=["table"]))
    pruned(new_service.database_url, _LIMIT)
    written = (_NOW - timedelta(days=70)).isoformat()
    writer = str(uuid.uuid4())

    new_service.accept(run_event("COMPLETE", written, writer, ("gone", "write"), outputs=[dataset("gone", "table")]))

    upstream = new_service.get(f"/api/v1/runlineage/upstream?runId={runs[1]}")["runs"]
    versions = new_service.get("/api/v1/namespaces/gone/datasets/table/versions")["versions"]
    assert [run["run"]["id"] for run in upstream] == [runs[1], writer]
    assert [version["createdByRun"]["id"] for version in versions] == [writer]
