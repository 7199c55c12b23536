"""A database that stands still: a request is given up in its time, and the next one is answered."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest

from weather_pipeline.marquez.embedded.database import Database, DatabaseTooSlow, Use
from weather_pipeline.marquez.embedded.limits import Limits

pytestmark = pytest.mark.integration

_LIMITS = Limits(request_seconds=1.0, watch_seconds=1.0)
_PSYCOPGS_PATIENCE = 5.0
"""Seconds for which psycopg waits for the answer to a query that it has cancelled."""


@contextmanager
def _standing_still(url: str) -> Iterator[None]:
    """Stop all that serves the service's connections."""
    with psycopg.connect(url) as connection:
        query = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        pids = [pid for (pid,) in connection.execute(query).fetchall()]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


async def _ask(database: Database, use: Use) -> None:
    async with database.connection(use) as connection:
        await connection.execute("SELECT 1")


@pytest.mark.parametrize("use", Use)
def test_it_is_given_up_before_psycopg_would(new_database: Callable[[], str], use: Use) -> None:
    url = new_database()

    async def ask() -> None:
        database = Database(url, _LIMITS)
        await database.open()
        await _ask(database, use)
        with _standing_still(url):
            asked = asyncio.create_task(_ask(database, use))
            longer = asyncio.create_task(asyncio.sleep(_PSYCOPGS_PATIENCE))
            first, _ = await asyncio.wait({asked, longer}, return_when=asyncio.FIRST_COMPLETED)
            with pytest.raises(DatabaseTooSlow):
                await asked
        await _ask(database, use)
        await longer
        await database.close()
        assert first == {asked}

    asyncio.run(ask())
