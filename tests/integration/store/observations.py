"""Observations for tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pyarrow as pa

from weather_pipeline.weather.schema import OBSERVATION_SCHEMA, VARIABLES

HOUR = datetime(2026, 2, 12, 8, tzinfo=UTC)
NEXT = HOUR + timedelta(hours=1)


def observation(location_id: str = "amsterdam", observed_at: datetime = HOUR, **values: float | None) -> dict[str, Any]:
    """One observation."""
    readings = dict.fromkeys((column.name for column in VARIABLES), 5.0)
    return {"location_id": location_id, "observed_at": observed_at, "source": "test", **readings, **values}


def table(*rows: dict[str, Any]) -> pa.Table:
    """Observations as Arrow."""
    return pa.Table.from_pylist(list(rows), schema=OBSERVATION_SCHEMA)


def query(url: str, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
    """The rows of a query."""
    with psycopg.connect(url) as connection:
        return connection.execute(statement.encode(), parameters).fetchall()


def execute(url: str, statement: str) -> None:
    """Run a statement outside a transaction."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())
