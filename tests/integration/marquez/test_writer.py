"""Events that wait together are stored together, and each request gets its own answer."""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from psycopg_pool import PoolTimeout
from pydantic_core import to_json

from tests.integration.marquez.events import facet, run_event
from weather_pipeline.marquez.embedded import ingest, locks, writer
from weather_pipeline.marquez.embedded.body import LARGE
from weather_pipeline.marquez.embedded.database import Database, Use, migrate
from weather_pipeline.marquez.embedded.events import Event
from weather_pipeline.marquez.embedded.ingest import TurnMissed
from weather_pipeline.marquez.embedded.limits import Limits
from weather_pipeline.marquez.embedded.reading import parse_event
from weather_pipeline.marquez.embedded.writer import Writer

pytestmark = pytest.mark.integration


def _event(number: int, size: int = 0) -> Event:
    document = run_event(
        "COMPLETE",
        "2026-03-01T10:00:00Z",
        str(uuid.UUID(int=number)),
        ("together", f"job{number}"),
        run_facets={"padding": facet(text="x" * size)},
    )
    return parse_event(document, to_json(document).decode())


@asynccontextmanager
async def _opened(url: str, limits: Limits | None = None) -> AsyncIterator[Database]:
    database = Database(url, limits)
    await database.open()
    try:
        yield database
    finally:
        await database.close()


@asynccontextmanager
async def _nothing_stored(url: str) -> AsyncIterator[None]:
    """While this is open, what is to be stored waits."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute("SELECT pg_advisory_lock(%s)", [locks.INGEST])
        yield


def _stored(url: str, *requests: list[Event], limits: Limits | None = None) -> list[Any]:
    """Bring all at once to a writer; what each got for an answer."""

    async def bring() -> list[Any]:
        async with _opened(url, limits) as database:
            under_test = Writer(database)
            answers = await asyncio.gather(*(under_test.store(events) for events in requests), return_exceptions=True)
            await under_test.close()
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


def test_many_events_share_no_transaction(new_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "MOST_EVENTS", 3)
    url = new_database()

    _stored(url, [_event(1), _event(2)], [_event(3)], [_event(n) for n in range(4, 8)], [_event(8)])

    transactions = _rows(url, "SELECT count(*) FROM lineage_events GROUP BY xmin::text ORDER BY 1 DESC")
    assert transactions == [(4,), (3,), (1,)]


def test_an_event_that_takes_too_long_takes_no_other_with_it(
    new_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "ALONE_SECONDS", 0.5)
    url = new_database()
    asyncio.run(migrate(url))
    with psycopg.connect(url) as connection:
        connection.execute(
            "CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(60); END $$"
        )
        connection.execute(
            "CREATE TRIGGER dawdle BEFORE INSERT ON jobs FOR EACH ROW WHEN (NEW.name = 'job2') "
            "EXECUTE FUNCTION dawdle()"
        )

    first, slow, third = _stored(url, [_event(1)], [_event(2)], [_event(3)], limits=Limits(query_seconds=1.0))

    assert (first, third) == (None, None)
    assert isinstance(slow, psycopg.errors.QueryCanceled)
    assert _rows(url, "SELECT name FROM jobs ORDER BY name") == [("job1",), ("job3",)]


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


def test_clients_that_go_away_take_nobody_with_them(new_database: Callable[[], str]) -> None:
    url = new_database()

    async def bring() -> list[Any]:
        async with _opened(url) as database:
            under_test = Writer(database)
            async with _nothing_stored(url):
                gone = [asyncio.create_task(under_test.store([_event(1)]))]
                await asyncio.sleep(0)  # The first is being stored, the others wait for it.
                gone.append(asyncio.create_task(under_test.store([_event(2)])))
                stays = asyncio.create_task(under_test.store([_event(3)]))
                await asyncio.sleep(0)
                for task in gone:
                    task.cancel()
                await asyncio.sleep(0)
            answers = await asyncio.gather(*gone, stays, return_exceptions=True)
            await under_test.store([_event(4)])
            await under_test.close()
            return answers

    first, second, third = asyncio.run(bring())

    assert isinstance(first, asyncio.CancelledError)
    assert isinstance(second, asyncio.CancelledError)
    assert third is None
    assert {("job3",), ("job4",)} <= {*_rows(url, "SELECT name FROM jobs")}


def test_what_waits_is_stored_before_the_writer_closes(new_database: Callable[[], str]) -> None:
    url = new_database()

    async def bring() -> list[Any]:
        async with _opened(url) as database:
            under_test = Writer(database)
            async with _nothing_stored(url):
                waiting = [asyncio.create_task(under_test.store([_event(number)])) for number in (1, 2)]
                await asyncio.sleep(0)
                closing = asyncio.create_task(under_test.close())
                await asyncio.sleep(0)
            await closing
            return await asyncio.gather(*waiting)

    assert asyncio.run(bring()) == [None, None]
    assert _rows(url, "SELECT count(*) FROM lineage_events") == [(2,)]


def test_what_can_not_be_stored_is_answered_before_the_writer_closes(
    new_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "ALONE_SECONDS", 0.1)
    url = new_database()

    async def bring() -> list[Any]:
        async with _opened(url, Limits(query_seconds=0.1)) as database, _nothing_stored(url):
            under_test = Writer(database)
            waiting = [asyncio.create_task(under_test.store([_event(number)])) for number in (1, 2)]
            await asyncio.sleep(0)
            await under_test.close()
            assert all(task.done() for task in waiting)
            return await asyncio.gather(*waiting, return_exceptions=True)

    answers = asyncio.run(bring())

    assert [type(answer) for answer in answers] == [psycopg.errors.QueryCanceled] * 2
    assert _rows(url, "SELECT count(*) FROM lineage_events") == [(0,)]


def test_events_that_get_no_connection_are_answered_and_later_ones_stored(new_database: Callable[[], str]) -> None:
    url = new_database()

    async def bring() -> list[Any]:
        async with _opened(url) as database:
            under_test = Writer(database)
            async with AsyncExitStack() as taken:
                for _ in range(database.pool_stats(Use.WRITER)["pool_max"]):
                    await taken.enter_async_context(database.connection(Use.WRITER))
                answers = await asyncio.gather(
                    *(under_test.store([_event(number)]) for number in (1, 2)), return_exceptions=True
                )
            await under_test.store([_event(3)])
            return answers

    answers = asyncio.run(bring())

    assert [type(answer) for answer in answers] == [PoolTimeout] * 2
    assert _rows(url, "SELECT name FROM jobs") == [("job3",)]


def test_while_another_one_stores_for_long_nobody_waits_behind_those_who_wait(
    new_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "MOST_TOGETHER", 1)
    url = new_database()

    async def bring() -> tuple[list[Any], int]:
        async with _opened(url, Limits(turn_seconds=0.2)) as database:
            under_test = Writer(database)
            async with _nothing_stored(url):
                before = database.pool_stats(Use.WRITER).get("requests_num", 0)
                answers = await asyncio.gather(
                    *(under_test.store([_event(number)]) for number in (1, 2, 3)), return_exceptions=True
                )
                attempts = database.pool_stats(Use.WRITER).get("requests_num", 0) - before
            await under_test.store([_event(4)])
            return answers, attempts

    answers, attempts = asyncio.run(bring())

    assert [type(answer) for answer in answers] == [TurnMissed] * 3
    assert attempts == 1
    assert _rows(url, "SELECT name FROM jobs") == [("job4",)]


def test_those_that_are_stored_by_themselves_do_not_wait_one_after_the_other(
    new_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first transaction is refused for one event; then another service takes the turn and keeps it."""
    url = new_database()
    attempts = list[int]()

    async def bring() -> list[Any]:
        async with _opened(url, Limits(turn_seconds=0.2)) as database, AsyncExitStack() as taken:
            under_test = Writer(database)
            store = writer.ingest

            async def then_held(connection: Any, events: list[Event], *arguments: Any, **named: Any) -> None:
                attempts.append(len(events))
                try:
                    await store(connection, events, *arguments, **named)
                except psycopg.DataError:
                    await taken.enter_async_context(_nothing_stored(url))
                    raise

            monkeypatch.setattr(writer, "ingest", then_held)
            events = [_event(1), replace(_event(2), body="no JSON"), _event(3)]
            return await asyncio.gather(*(under_test.store([event]) for event in events), return_exceptions=True)

    answers = asyncio.run(bring())

    assert [type(answer) for answer in answers] == [TurnMissed] * 3
    assert attempts == [3, 1]


@pytest.mark.parametrize("step", ["dataset_keys", "posted"])
def test_requests_are_answered_while_a_large_event_is_made_ready(
    new_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    url = new_database()
    begun, go_on = threading.Event(), threading.Event()
    work = getattr(ingest, step)

    def held(*arguments: Any) -> Any:
        begun.set()
        assert go_on.wait(30)
        return work(*arguments)

    monkeypatch.setattr(ingest, step, held)

    async def bring() -> None:
        async with _opened(url) as database:
            storing = asyncio.create_task(Writer(database).store([_event(1, LARGE)]))
            assert await asyncio.to_thread(begun.wait, 30)
            async with database.connection(Use.WATCH) as connection:
                await connection.execute("SELECT 1")
            go_on.set()
            await storing

    asyncio.run(bring())

    assert _rows(url, "SELECT name FROM jobs") == [("job1",)]
