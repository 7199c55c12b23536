"""Bronze and silver in the lake: zstd parquet, one file for each hour, replaced by a rerun."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from weather_pipeline.errors import BronzeReplaced, DataError
from weather_pipeline.store.base import ObjectStore
from weather_pipeline.weather.bronze import (
    BronzeFile,
    Fetched,
    UnreadableFile,
    check_pages,
    file_checksum,
    in_slices,
    read_bronze_file,
    read_checked,
    unreadable,
    with_metadata,
)
from weather_pipeline.weather.cleaning import check_usable, clean
from weather_pipeline.weather.hours import HOUR, hours_between
from weather_pipeline.weather.layout import bronze_key, silver_key
from weather_pipeline.weather.schema import OBSERVATION_SCHEMA, VARIABLES

_SILVER_METADATA = {"weather_pipeline": json.dumps({"units": {c.name: c.unit for c in VARIABLES}}, ensure_ascii=False)}

_WRITERS = 4
_CLEANERS = 2
"""Slices of bronze in memory at a time: DuckDB, Arrow and the store each leave a core idle now and then."""

T = TypeVar("T")
R = TypeVar("R")


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

    def write(hour: datetime) -> StoredFile:
        rows = fetched.table.filter(_equal(times, f"{hour:%Y-%m-%dT%H:%M}"))
        return _put(store, bronze_key(hour), with_metadata(rows, fetched), hour)

    return _each_hour(write, start, end)


@contextlib.contextmanager
def bronze_files(store: ObjectStore, start: datetime, end: datetime) -> Iterator[list[BronzeFile]]:
    """The bronze files of a range of hours, readable while the context is open.

    Raises:
        DataError: An hour has no file, or a file is not readable or does not say where its rows came from.
        StoreUnavailable: The store can't be read now, or a file was replaced while it was read.
    """
    keys = {hour: bronze_key(hour) for hour in hours_between(start, end)}
    _require(store, keys, _missing(store, keys), made_by="raw_weather_data")
    with contextlib.ExitStack() as opened:
        yield [read_bronze_file(key, opened.enter_context(store.local(key)), hour) for hour, key in keys.items()]


@contextlib.contextmanager
def bronze_to_judge(
    store: ObjectStore, start: datetime, end: datetime
) -> Iterator[tuple[list[BronzeFile], list[UnreadableFile]]]:
    """All that bronze has for a range of hours: the files that can be read whole, and those that can't.

    An hour without a file is in neither: the rules report it, as they report a damaged file, with every other hour's
    figures.

    Raises:
        StoreUnavailable: The store can't be read now, or a file was replaced while it was read.
    """
    readable: list[BronzeFile] = []
    damaged: list[UnreadableFile] = []
    with contextlib.ExitStack() as opened:
        for hour in hours_between(start, end):
            key = bronze_key(hour)
            if not store.exists(key):
                continue
            path = opened.enter_context(store.local(key))
            try:
                file = read_bronze_file(key, path, hour)
                check_pages(key, path)
            except DataError as error:
                damaged.append(UnreadableFile(key, hour, str(error)))
            else:
                readable.append(file)
        yield readable, damaged


def check_not_replaced(store: ObjectStore, checksums: Mapping[str, str]) -> None:
    """Make sure that bronze still is what something was made of, once that is stored.

    Runs in parallel may fetch the same hour. Who stores what he made of an older content after the newer one was
    judged would leave a quarantine, or silver, that fits no file any more: he looks again, and does it again.

    Args:
        store: The lake.
        checksums: Key of a bronze file → its checksum when it was read.

    Raises:
        BronzeReplaced: A file has another content by now.
        DataError: A file is damaged by now.
    """
    for key, checksum in checksums.items():
        with store.local(key) as path:
            if file_checksum(path) != checksum:
                check_pages(key, path)  # no run in parallel mends a damaged file
                raise BronzeReplaced(f"{key} was fetched again while its rows were worked on: this step is repeated.")


def write_clean(
    store: ObjectStore, files: Sequence[BronzeFile], quarantined: pa.Table, *, start: datetime, end: datetime
) -> list[StoredFile]:
    """Clean bronze into silver, some hours at a time: memory does not grow with the range.

    Args:
        store: The lake.
        files: The bronze files of the range.
        quarantined: Rows to leave out (`weather.cleaning.clean`).
        start: First hour, UTC.
        end: End of the range, exclusive.

    Raises:
        DataError: An hour has no file, a column is missing or a unit is unknown (before anything is written), or a
            row can't be used as it is.
        StoreUnavailable: The store can't be written now.
    """
    check_usable(files, start, end)

    def write(part: list[BronzeFile]) -> list[StoredFile]:
        first, last = part[0].hour, part[-1].hour + HOUR
        return write_silver(store, clean(part, quarantined, start=first, end=last), start=first, end=last)

    slices = in_slices(files)
    return [file for written in _side_by_side(write, slices, _CLEANERS) for file in written]


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

    def write(hour: datetime) -> StoredFile:
        return _put(store, silver_key(hour), table.filter(_equal(times, pa.scalar(hour, times.type))), hour)

    return _each_hour(write, start, end)


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
            yield from _silver_table(key, path).to_batches()


def _silver_table(key: str, path: Path) -> pa.Table:
    try:
        table = read_checked(path)
    except (pa.ArrowException, OSError) as error:
        raise DataError(unreadable(key, error, made_by="clean_weather_data")) from error
    # A column that is not found must not be taken for one of nulls.
    if table.schema.remove_metadata() != OBSERVATION_SCHEMA:
        raise DataError(
            f"{key} has other columns than an observation: {', '.join(table.schema.names)}. "
            "Run clean_weather_data for its hour again."
        )
    return table


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


def _each_hour(write: Callable[[datetime], StoredFile], start: datetime, end: datetime) -> list[StoredFile]:
    # Most of a small file's time is waiting for the disk or the network.
    return _side_by_side(write, hours_between(start, end), _WRITERS)


def _side_by_side(work: Callable[[T], R], items: Iterable[T], workers: int) -> list[R]:
    """Do the work for each item, some at a time; the results in the order of the items. An error stops what waits."""
    with ThreadPoolExecutor(workers, thread_name_prefix="lake") as pool:
        try:
            return list(pool.map(work, items))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _put(store: ObjectStore, key: str, rows: pa.Table, hour: datetime) -> StoredFile:
    buffer = pa.BufferOutputStream()
    pq.write_table(rows, buffer, compression="zstd", write_page_checksum=True)
    content = buffer.getvalue().to_pybytes()
    store.put(key, content)
    return StoredFile(key, store.uri(key), hour, rows.num_rows, len(content))
