"""A service that stands still while it stores (SIGSTOP, a paused machine) holds the others on its database up for a
while only, and goes on by itself."""

from __future__ import annotations

import asyncio
import json
import signal
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests

from tests.integration.marquez.conftest import LineageService
from tests.integration.marquez.events import facet, run_event
from weather_pipeline.marquez.embedded.database import Database, Use, connected
from weather_pipeline.marquez.embedded.limits import Limits

pytestmark = pytest.mark.integration

_LIMITS = Limits(query_seconds=60.0, request_seconds=120.0, turn_seconds=0.5, idle_seconds=1.0)
_WAITING = "SELECT count(*) FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted"
_NAMESPACE = "standing"


def _service(url: str, log: Path) -> LineageService:
    limits = ("--limits", json.dumps(asdict(_LIMITS)))
    return LineageService(url, log, module="tests.integration.marquez.impatient", arguments=limits)


def _event(job: str, minute: int, **facets: Any) -> dict[str, Any]:
    time = f"2026-03-01T10:{minute:02d}:00Z"
    return run_event("COMPLETE", time, str(uuid.uuid4()), (_NAMESPACE, job), run_facets=facets)


def _until(holds: Callable[[], bool], timeout: float = 60.0) -> None:
    deadline = time.monotonic() + timeout
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _parent(job: str) -> dict[str, Any]:
    return facet(run={"runId": str(uuid.uuid4())}, job={"namespace": _NAMESPACE, "name": job})


@pytest.mark.parametrize("in_one_call", [True, False])
def test_the_others_go_on_and_so_does_it_afterwards(
    new_database: Callable[[], str], tmp_path: Path, in_one_call: bool
) -> None:
    url = new_database()
    # Who a parent is has to be asked before the event is stored: so the transaction waits for this process.
    held = _event("top.held", 2) if in_one_call else _event("top.held", 2, parent=_parent("top"))
    kept = _event("other", 3)
    with (
        _service(url, tmp_path / "stopped.log") as stopped,
        _service(url, tmp_path / "other.log") as other,
        ThreadPoolExecutor(1) as sender,
        psycopg.connect(url) as holder,
    ):
        stopped.accept(_event("top.held", 1))
        # What stores the next event has its turn, and waits for this row: so it is stopped in the middle.
        holder.execute("SELECT FROM jobs WHERE name = 'top.held' FOR UPDATE")
        posted = sender.submit(stopped.post, held)
        _until(lambda: holder.execute(_WAITING).fetchone() == (1,))
        stopped.send(signal.SIGSTOP)
        try:
            refused = [other.post(kept), requests.delete(f"{other.url}/api/v1/namespaces/{_NAMESPACE}", timeout=30)]
            other.get("/healthcheck")
            holder.rollback()
            _until(lambda: other.post(kept).status_code == 201)
        finally:
            stopped.send(signal.SIGCONT)
        answer = posted.result()
        stored = holder.execute("SELECT run_id::text FROM lineage_events ORDER BY id").fetchall()
        stopped.accept(held)

        assert [(each.status_code, each.headers["Retry-After"]) for each in refused] == [(503, "10")] * 2
        assert "took too long" in refused[0].json()["message"]
        expected = (201, None) if in_one_call else (503, "1")
        assert (answer.status_code, answer.headers.get("Retry-After")) == expected
        assert ((held["run"]["runId"],) in stored) is in_one_call
        assert (kept["run"]["runId"],) in stored
        latest = stopped.get(f"/api/v1/namespaces/{_NAMESPACE}/jobs/top.held")["latestRun"]["id"]
        assert latest == held["run"]["runId"]
        assert not any("Traceback" in service.log() for service in (stopped, other))


def test_no_connection_holds_a_transaction_open(new_database: Callable[[], str]) -> None:
    url = new_database()
    show = "SELECT current_setting('idle_in_transaction_session_timeout') AS idle, current_setting('TimeZone') AS zone"

    async def settings() -> list[dict[str, Any] | None]:
        database = Database(url)
        await database.open()
        found: list[dict[str, Any] | None] = []
        for use in Use:
            async with database.connection(use) as connection:
                found.append(await (await connection.execute(show)).fetchone())
        await database.close()
        async with connected(url) as connection:
            found.append(await (await connection.execute(show)).fetchone())
        return found

    assert asyncio.run(settings()) == [{"idle": "10s", "zone": "UTC"}] * (len(Use) + 1)
