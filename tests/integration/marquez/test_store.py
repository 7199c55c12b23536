"""Migrations, and that an event is stored wholly or not at all."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.resources import files

import psycopg
import pytest

from weather_pipeline.marquez.embedded.database import Database, migrate
from weather_pipeline.marquez.embedded.events import Dataset, Event, Kind
from weather_pipeline.marquez.embedded.ingest import ingest

pytestmark = pytest.mark.integration

_TABLES = ("jobs", "runs", "datasets", "dataset_versions", "run_inputs", "job_versions", "job_edges", "lineage_events")


def test_migrations_are_applied_once_by_whoever_comes_first(new_database: Callable[[], str]) -> None:
    url = new_database()

    async def all_at_once() -> list[list[str]]:
        return await asyncio.gather(*(migrate(url) for _ in range(4)))

    applied = asyncio.run(all_at_once())

    names = sorted(file.name for file in (files("weather_pipeline.marquez.embedded") / "migrations").iterdir())
    assert names
    assert sorted(applied) == [[], [], [], names]


def test_an_event_is_stored_wholly_or_not_at_all(new_database: Callable[[], str]) -> None:
    url = new_database()
    # The raw event is stored last; PostgreSQL refuses this one.
    event = Event(
        kind=Kind.RUN,
        event_type="COMPLETE",
        at=datetime(2026, 3, 1, tzinfo=UTC),
        body="{no json",
        run_id=uuid.uuid4(),
        job_namespace="n",
        job_name="j",
        datasets=(Dataset(namespace="n", name="d", is_output=True, facets={}, io_facets={}),),
    )

    async def store() -> None:
        database = Database(url)
        await database.open()
        try:
            async with database.connection() as connection:
                await ingest(connection, [event])
        finally:
            await database.close()

    with pytest.raises(psycopg.DataError):
        asyncio.run(store())

    with psycopg.connect(url) as connection:
        query = " UNION ALL ".join(f"SELECT count(*) FROM {table}" for table in _TABLES)
        counts = connection.execute(query.encode()).fetchall()
        names = connection.execute("SELECT name FROM namespaces").fetchall()
    assert counts == [(0,)] * len(_TABLES)
    assert names == [("default",)]
