"""Bronze files for tests, made from a few named values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from weather_pipeline.weather.bronze import BRONZE_SCHEMA, BronzeFile, Fetched, read_bronze_file, with_metadata
from weather_pipeline.weather.layout import bronze_key

HOUR = datetime(2026, 2, 12, 8, tzinfo=UTC)
NEXT = datetime(2026, 2, 12, 9, tzinfo=UTC)
AFTERNOON = datetime(2026, 2, 12, 14, tzinfo=UTC)

UNITS: Mapping[str, str] = {
    "temperature_2m": "°C",
    "relative_humidity_2m": "%",
    "dew_point_2m": "°C",
    "wind_speed_10m": "km/h",
    "wind_direction_10m": "°",
    "wind_gusts_10m": "km/h",
    "precipitation": "mm",
    "pressure_msl": "hPa",
    "visibility": "m",
}

NO_ROWS_QUARANTINED = pa.table({"bronze_key": pa.array([], pa.string()), "row_number": pa.array([], pa.int64())})

_GOOD: Mapping[str, Any] = {
    "location_id": "amsterdam",
    "time": "2026-02-12T08:00",
    "latitude": 52.37,
    "longitude": 4.89,
    "elevation": 2.0,
    "temperature_2m": 5.0,
    "relative_humidity_2m": 80,
    "dew_point_2m": 1.8,
    "wind_speed_10m": 18.0,
    "wind_direction_10m": 260,
    "wind_gusts_10m": 36.0,
    "precipitation": 0.2,
    "pressure_msl": 1012.5,
    "visibility": 24000.0,
    "source": "test",
}


def row(**values: Any) -> dict[str, Any]:
    """A good reading with some values changed."""
    return {**_GOOD, **values}


def quarantined(*entries: tuple[str, int]) -> pa.Table:
    """Quarantined rows by key and number."""
    return pa.table(
        {
            "bronze_key": pa.array([key for key, _ in entries], pa.string()),
            "row_number": pa.array([number for _, number in entries], pa.int64()),
        }
    )


def bronze_file(
    directory: Path,
    rows: Sequence[Mapping[str, Any]],
    *,
    hour: datetime = HOUR,
    units: Mapping[str, str] = UNITS,
    received_at: datetime = AFTERNOON,
    schema: pa.Schema = BRONZE_SCHEMA,
) -> BronzeFile:
    """Write rows as a bronze file and read its footer."""
    fetched = Fetched(pa.Table.from_pylist(list(rows), schema=schema), "test", "http://test/", received_at, units)
    key = bronze_key(hour)
    path = directory / key.replace("/", "-")
    pq.write_table(with_metadata(fetched.table, fetched), path)
    return read_bronze_file(key, path, hour)
