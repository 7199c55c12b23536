"""Silver for tests: hours of a night, each with the temperature of two places."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from tests.unit.weather.bronze_rows import NO_ROWS_QUARANTINED, UNITS, row
from weather_pipeline.store.lake import bronze_files, write_bronze, write_clean
from weather_pipeline.store.local import LocalStore
from weather_pipeline.weather.bronze import BRONZE_SCHEMA, Fetched
from weather_pipeline.weather.hours import HOUR

PLACES = ("amsterdam", "utrecht")
NIGHT = datetime(2026, 2, 12, 22, tzinfo=UTC)
"""The first of four hours: two of one day, and two of the next."""


def write_silver(home: Path, temperatures: Mapping[int, float]) -> None:
    """Write hours of the night into a home's lake, as the assets do."""
    lake = LocalStore(home / "lake")
    for index, temperature in temperatures.items():
        start = NIGHT + index * HOUR
        rows = [row(location_id=place, time=f"{start:%Y-%m-%dT%H:%M}", temperature_2m=temperature) for place in PLACES]
        table = pa.Table.from_pylist(rows, schema=BRONZE_SCHEMA)
        write_bronze(lake, Fetched(table, "test", "http://test/", start, UNITS), start=start, end=start + HOUR)
        with bronze_files(lake, start, start + HOUR) as bronze:
            write_clean(lake, bronze, NO_ROWS_QUARANTINED, start=start, end=start + HOUR)
