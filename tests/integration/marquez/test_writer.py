"""Events that wait together are stored together, and each request gets its own answer."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from pydantic_core import to_json

from tests.integration.marquez.events import run_event
from weather_pipeline.marquez.embedded import writer
from weather_pipeline.marquez.embedded.database import Database
from weather_pipeline.marquez.embedded.events import Event
from weather_pipeline.marquez.embedded.reading import parse_event
from weather_pipeline.marquez.embedded.writer import Writer

pytestmark = pytest.mark.integration


def _event(number: int) -> Event:
    document = run_event("COMPLETE", "2026-03-01T10:00:00Z", str(uuid.UUID(int=number)), ("together", f"job{number}"))
    return parse_event(document, to_json(document).decode())


def _stored(url: str, *requests: list[Event]) -> list[Any]:
    """Bring all at once to a writer; what each got for an answer."""

    async def bring() -> list[Any]:
        database = Database(url)
        await database.open()
        under_test = Writer(database)
        answers = await asyncio.gather(*(under_test.store(events) for events in requests), return_exceptions=True)
        await under_test.close()
        await database.close()
        return answers

    return asyncio.run(bring())


def _rows(url: str, statement: str) -> list[Any]:
    with psycopg.connect(url) as connection:
        return connection.execute(statement.encode()).fetchall()


def test_what_waits_together_shares_a_transaction(new_database: Callable[[], str]) -> None:
    url = new_database()

    answers = _stored(url, *([_event(number)] for number in range(1, 9)))

    assert answers == [None] * 8
    transactions = _rows(url, "SELECT count(*) FROM lineage_events GROUP BY xmin::text ORDER BY 1")
    assert transactions == [(8,)]


def test_large_events_share_no_transaction(new_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "MOST_CHARACTERS", int(2.5 * len(_event(1).body)))
    url = new_database()

    _stored(url, *([_event(number)] for number in range(1, 6)))

    transactions = _rows(url, "SELECT count(*) FROM lineage_events GROUP BY xmin::text ORDER BY 1 DESC")
    assert transactions == [(2,), (2,), (1,)]


def test_an_event_that_cant_be_stored_takes_no_other_with_it(new_database: Callable[[], str]) -> None:
    url = new_database()
    bad = replace(_event(3), body="no JSON")

    first, second, third = _stored(url, [_event(1)], [_event(2), bad], [_event(4)])

    assert (first, third) == (None, None)
    assert isinstance(second, psycopg.DataError)
    assert _rows(url, "SELECT name FROM jobs ORDER BY name") == [("job1",), ("job4",)]


def test_nothing_is_acknowledged_without_a_database(new_database: Callable[[], str]) -> None:
    url = new_database()

    async def bring() -> list[Any]:
        database = Database(url)
        await database.open()
        await database.close()
        under_test = Writer(database)
        return list(await asyncio.gather(*(under_test.store([_event(n)]) for n in (1, 2)), return_exceptions=True))

    answers = asyncio.run(bring())

    assert all(isinstance(answer, psycopg.OperationalError) for answer in answers)
