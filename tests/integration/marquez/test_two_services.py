"""Two services on one database store as one would: neither waits for the other in a circle."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests

from tests.integration.marquez.conftest import LineageService
from tests.integration.marquez.events import dataset, run_event

pytestmark = pytest.mark.integration

_EVENTS = 600
_SENDERS = 16
_NAMES = 6
_HIDDEN = "two"


def _events() -> list[dict[str, Any]]:
    """Events of few jobs and datasets, each in an order of its own: transactions of several want the same rows."""
    chosen = random.Random(7)
    names = [f"name{number}" for number in range(_NAMES)]
    found = list[dict[str, Any]]()
    for number in range(_EVENTS):
        read, *written = chosen.sample(names, 3)
        found.append(
            run_event(
                "COMPLETE",
                f"2026-03-01T10:{number // 60:02d}:{number % 60:02d}Z",
                str(uuid.uuid4()),
                (_HIDDEN, chosen.choice(names)),
                inputs=[dataset(_HIDDEN, read)],
                outputs=[dataset(_HIDDEN, name) for name in written],
            )
        )
    return found


def _one(connection: psycopg.Connection, statement: str) -> Any:
    return connection.execute(statement.encode()).fetchone()


def test_every_event_is_stored_once_and_nothing_deadlocks(new_database: Callable[[], str], tmp_path: Path) -> None:
    url = new_database()
    events = _events()
    with LineageService(url, tmp_path / "one.log") as one, LineageService(url, tmp_path / "two.log") as two:
        services = (one, two)

        def send(number: int) -> int:
            service = services[number % 2]
            if number % 50 == 0:
                requests.delete(f"{service.url}/api/v1/namespaces/{_HIDDEN}", timeout=30)
            return service.post(events[number]).status_code

        with ThreadPoolExecutor(_SENDERS) as senders:
            statuses = list(senders.map(send, range(_EVENTS)))
        # A server counts what happened in a connection at the latest when that ends.
        assert [service.stop() for service in services] == [0, 0]

    assert statuses == [201] * _EVENTS
    with psycopg.connect(url) as connection:
        stored = _one(connection, "SELECT count(*), count(DISTINCT run_id) FROM lineage_events")
        deadlocks = _one(connection, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    assert stored == (_EVENTS, _EVENTS)
    assert deadlocks == (0,)
