"""Data to measure on: the recorded observations over as many places and hours as wanted, the same on every run."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from weather_pipeline.sources.recordings import STATIONS, readings
from weather_pipeline.store.base import ObjectStore
from weather_pipeline.store.lake import write_bronze
from weather_pipeline.weather.bronze import BRONZE, BRONZE_SCHEMA, Fetched
from weather_pipeline.weather.hours import HOUR, hours_between
from weather_pipeline.weather.schema import OBSERVATION_SCHEMA, VARIABLES

START = datetime(2026, 1, 1, tzinfo=UTC)
UNITS = {str(column.variable): str(column.unit) for column in VARIABLES} | {
    "wind_speed_10m": "km/h",
    "wind_gusts_10m": "km/h",
    "temperature_2m": "°F",
}
"""What Open-Meteo sends by default, and Fahrenheit: conversions with and without an offset."""

_DUPLICATES = 100
"""One row in so many comes twice."""


@functools.cache
def place_ids(places: int) -> pa.Array:
    """Ids of so many places, in the order in which they are asked for: not that of the alphabet."""
    numbers = np.random.default_rng(0).permutation(places)
    return pa.array([f"place-{number:06d}" for number in numbers])


def observation_batches(hours: int, places: int, *, shift: float = 0.0) -> Iterator[pa.RecordBatch]:
    """Clean observations, hour by hour.

    Args:
        hours: How many hours from `START`.
        places: Rows in each.
        shift: Added to every reading, for rows with the same key and other values.
    """
    ids = place_ids(places)
    for number in range(hours):
        found = _readings(places, number)
        columns: dict[str, Any] = {
            "location_id": ids,
            "observed_at": pa.repeat(pa.scalar(START + number * HOUR, pa.timestamp("us", tz="UTC")), places),
            "source": pa.repeat("replay", places),
            **{c.name: _call("add", found[str(c.variable)], shift) for c in VARIABLES},
        }
        yield pa.record_batch([columns[name] for name in OBSERVATION_SCHEMA.names], schema=OBSERVATION_SCHEMA)


def write_bronze_hours(store: ObjectStore, hours: int, places: int) -> int:
    """Write so many hours of bronze, one row in a hundred twice; returns the rows written."""
    rows = 0
    for number in range(hours):
        hour = START + number * HOUR
        received = pa.concat_tables([whole := _bronze(hour, number, places), whole.slice(0, places // _DUPLICATES)])
        fetched = Fetched(received, "replay", "http://127.0.0.1/", hour + HOUR, UNITS)
        write_bronze(store, fetched, start=hour, end=hour + HOUR)
        rows += received.num_rows
    return rows


def _bronze(hour: datetime, number: int, places: int) -> pa.Table:
    found = _readings(places, number)
    columns: dict[str, Any] = {
        "location_id": place_ids(places),
        "time": pa.repeat(f"{hour:%Y-%m-%dT%H:%M}", places),
        "source": pa.repeat("replay", places),
        **dict.fromkeys(("latitude", "longitude", "elevation"), pa.array(np.arange(places) % 9000 / 100)),
        **found,
        "temperature_2m": _call("add", _call("multiply", found["temperature_2m"], 1.8), 32.0),
        "wind_speed_10m": _call("multiply", found["wind_speed_10m"], 3.6),
        "wind_gusts_10m": _call("multiply", found["wind_gusts_10m"], 3.6),
    }
    return pa.table([columns[column.name] for column in BRONZE], schema=BRONZE_SCHEMA)


def _readings(places: int, number: int) -> dict[str, pa.Array]:
    recorded = _recorded()
    # Two primes: neighbours in place and hour are far apart in the recording.
    rows = pa.array((np.arange(places) * 7919 + number * 104_729) % recorded.num_rows)
    return {name: _call("take", recorded[name].combine_chunks(), rows) for name in recorded.column_names}


@functools.cache
def _recorded() -> pa.Table:
    year = hours_between(datetime(2013, 1, 1, tzinfo=UTC), datetime(2014, 1, 1, tzinfo=UTC))
    return pa.Table.from_pylist(
        [dict(reading) for station in range(len(STATIONS)) for hour in year for reading in readings(station, hour)],
        schema=pa.schema([(str(column.variable), pa.float64()) for column in VARIABLES]),
    )


def _call(function: str, *arguments: Any) -> pa.Array:
    return pc.call_function(function, list(arguments))
