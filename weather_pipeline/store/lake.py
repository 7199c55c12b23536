"""Bronze and silver in the lake: zstd parquet, one file for each hour, replaced by a rerun."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from weather_pipeline.errors import DataError
from weather_pipeline.store.base import ObjectStore
from weather_pipeline.store.layout import bronze_key, silver_key
from weather_pipeline.weather.bronze import BronzeFile, Fetched, read_bronze_file, with_metadata
from weather_pipeline.weather.hours import hours_between
from weather_pipeline.weather.schema import OBSERVATION_SCHEMA, VARIABLES

_SILVER_METADATA = {"weather_pipeline": json.dumps({"units": {c.name: c.unit for c in VARIABLES}}, ensure_ascii=False)}


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One file that was written.

    Attributes:
        key: Key in the store.
        uri: Absolute URI.
        hour: The hour it holds, UTC.
        rows: Rows in it.
        size_bytes: Size of the file.
    """

    key: str
    uri: str
    hour: datetime
    rows: int
    size_bytes: int


def write_bronze(store: ObjectStore, fetched: Fetched, *, start: datetime, end: datetime) -> list[StoredFile]:
    """Write what a source sent, one file for each hour of the range; an hour without rows gets an empty file.

    Raises:
        StoreUnavailable: The store can't be written now.
    """
    times = fetched.table["time"]
    files = []
    for hour in hours_between(start, end):
        rows = fetched.table.filter(_equal(times, f"{hour:%Y-%m-%dT%H:%M}"))
        files.append(_put(store, bronze_key(hour), with_metadata(rows, fetched), hour))
    return files


@contextlib.contextmanager
def bronze_files(
    store: ObjectStore, start: datetime, end: datetime, *, allow_missing: bool = False
) -> Iterator[list[BronzeFile]]:
    """The bronze files of a range of hours, readable while the context is open.

    Args:
        store: The lake.
        start: First hour, UTC.
        end: End of the range, exclusive.
        allow_missing: Leave out hours without a file, for who reports them.

    Raises:
        DataError: An hour has no file, or a file is not readable or does not say where its rows came from.
    """
    keys = {hour: bronze_key(hour) for hour in hours_between(start, end)}
    missing = _missing(store, keys)
    if not allow_missing:
        _require(store, keys, missing, made_by="raw_weather_data")
    with contextlib.ExitStack() as opened:
        files = []
        for hour, key in keys.items():
            if hour not in missing:
                files.append(read_bronze_file(key, opened.enter_context(store.local(key)), hour))
        yield files


def write_silver(store: ObjectStore, observations: pa.Table, *, start: datetime, end: datetime) -> list[StoredFile]:
    """Write clean observations, one file for each hour of the range; an hour without rows gets an empty file.

    Raises:
        DataError: The table has other columns than an observation.
        StoreUnavailable: The store can't be written now.
    """
    if observations.schema.remove_metadata() != OBSERVATION_SCHEMA:
        raise DataError(f"Silver holds observations with {OBSERVATION_SCHEMA.names}, not {observations.schema.names}.")
    table = observations.replace_schema_metadata(_SILVER_METADATA)
    times = table["observed_at"]
    files = []
    for hour in hours_between(start, end):
        rows = table.filter(_equal(times, pa.scalar(hour, times.type)))
        files.append(_put(store, silver_key(hour), rows, hour))
    return files


def silver_batches(store: ObjectStore, start: datetime, end: datetime) -> Iterator[pa.RecordBatch]:
    """Clean observations of a range of hours, hour by hour, in the order of time.

    Raises:
        DataError: An hour has no file (before the first batch), or a file is not readable.
    """
    keys = {hour: silver_key(hour) for hour in hours_between(start, end)}
    # An hour without rows has an empty file. To take a missing one for it would delete the hour where it is loaded.
    _require(store, keys, _missing(store, keys), made_by="clean_weather_data")
    for key in keys.values():
        with store.local(key) as path:
            try:
                table = pq.read_table(path, schema=OBSERVATION_SCHEMA)
            except (pa.ArrowInvalid, OSError) as error:
                raise DataError(f"{key} is no readable parquet file: {error}. Run clean_weather_data again.") from error
        yield from table.to_batches()


def _missing(store: ObjectStore, keys: Mapping[datetime, str]) -> list[datetime]:
    return [hour for hour, key in keys.items() if not store.exists(key)]


def _require(store: ObjectStore, keys: Mapping[datetime, str], missing: Sequence[datetime], *, made_by: str) -> None:
    if not missing:
        return
    first = missing[0]
    others = f" Of {len(keys)} hours {len(missing)} have none." if len(keys) > 1 else ""
    raise DataError(
        f"There is no file {store.uri(keys[first])}.{others} Run {made_by} for {first:%Y-%m-%dT%H:%M}Z first."
    )


def _equal(column: pa.ChunkedArray, value: object) -> pa.ChunkedArray:
    return pc.call_function("equal", [column, value])


def _put(store: ObjectStore, key: str, rows: pa.Table, hour: datetime) -> StoredFile:
    buffer = pa.BufferOutputStream()
    pq.write_table(rows, buffer, compression="zstd")
    content = buffer.getvalue().to_pybytes()
    store.put(key, content)
    return StoredFile(key, store.uri(key), hour, rows.num_rows, len(content))
