"""Bronze to observations: stored units, UTC, typed, one row for each place and hour.

DuckDB reads, converts and leaves out; Arrow sorts and drops duplicates, which are neighbours then. Both were measured
to be the fastest at it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from weather_pipeline.errors import DataError
from weather_pipeline.weather import duck
from weather_pipeline.weather.bronze import BRONZE, BronzeFile
from weather_pipeline.weather.hours import hours_between
from weather_pipeline.weather.schema import KEY, OBSERVATION_SCHEMA, VARIABLES
from weather_pipeline.weather.units import conversion

_QUARANTINED_KEY = pa.schema([("bronze_key", pa.string()), ("row_number", pa.int64())])

_ORDER = ("file_number", "row_number")
"""Of rows with the same key, the order in which they were received."""


def clean(files: Sequence[BronzeFile], quarantined: pa.Table, *, start: datetime, end: datetime) -> pa.Table:
    """Clean the hours of a range into one table, sorted by place and hour. Hours do not depend on each other.

    Args:
        files: The bronze files of these hours; an hour in which nothing was read has an empty one.
        quarantined: Rows to leave out, by `bronze_key` and `row_number` (further columns are ignored).
        start: First hour, UTC.
        end: End of the range, exclusive.

    Returns:
        Observations with `OBSERVATION_SCHEMA`, one for each place and hour. Of duplicates the last received stays, and
        of those the last row.

    Raises:
        DataError: An hour has no file, a column is missing, a unit is unknown, or a row that is not quarantined has
            no place or time, or not its file's hour.
    """
    check_usable(files, start, end)
    files = sorted(files, key=lambda file: (file.received_at, file.key))
    with duck.connect() as connection:
        duck.register_files(connection, files)
        connection.register("quarantined", quarantined.select(_QUARANTINED_KEY.names).cast(_QUARANTINED_KEY))
        rows = duck.query(connection, _clean_sql(files), duck.paths(files)).read_all()
    return _last_of_each_key(rows).select(OBSERVATION_SCHEMA.names).cast(OBSERVATION_SCHEMA)


def check_usable(files: Sequence[BronzeFile], start: datetime, end: datetime) -> None:
    """Check by their footers that bronze files can be cleaned.

    Raises:
        DataError: An hour of the range has no file, a column is missing, or a unit is unknown.
    """
    there = {file.hour for file in files}
    for hour in hours_between(start, end):
        if hour not in there:
            raise DataError(f"There is no bronze file for {hour:%Y-%m-%dT%H:%M}Z. Run raw_weather_data for it first.")
    for file in files:
        _check_file(file)


def _check_file(file: BronzeFile) -> None:
    missing = [column.name for column in BRONZE if column.name not in file.columns]
    if missing:
        raise DataError(f"{file.key} lacks {', '.join(missing)}. Run raw_weather_data for its hour again.")
    for column in VARIABLES:
        variable = str(column.variable)
        try:
            conversion(str(column.unit), file.units.get(variable, "(none)"), variable=variable)
        except DataError as error:
            raise DataError(f"{file.key}: {error}") from error


def _clean_sql(files: Sequence[BronzeFile]) -> str:
    names = ", ".join(column.name for column in VARIABLES)
    unkeyed = "error(concat(key, ' row ', row_number, ' has no place or no valid time and is not quarantined'))"
    astray = "error(concat(key, ' row ', row_number, ' is of another hour, ', time, ', and is not quarantined'))"
    return f"""
    WITH typed AS ({duck.typed_rows_sql(files)}),
    kept AS (
        SELECT * REPLACE (
            CASE
                WHEN location_id IS NULL OR observed_at IS NULL THEN {unkeyed}
                WHEN observed_at <> hour THEN {astray}
                ELSE location_id
            END AS location_id
        )
        FROM typed
        ANTI JOIN quarantined ON typed.key = quarantined.bronze_key AND typed.row_number = quarantined.row_number
    )
    SELECT location_id, observed_at, {names}, source, {", ".join(_ORDER)} FROM kept
    """  # noqa: S608  (every name is a constant of ours)


def _last_of_each_key(rows: pa.Table) -> pa.Table:
    """Sort by key, and of rows with the same key keep the last received."""
    order = pc.call_function("sort_indices", [rows], pc.SortOptions([(name, "ascending") for name in (*KEY, *_ORDER)]))
    if len(order) > 1:
        keys = [rows[name].take(order) for name in KEY]
        same = [pc.call_function("equal", [key.slice(0, len(order) - 1), key.slice(1)]) for key in keys]
        last = pc.call_function("invert", [pc.call_function("and", same)])
        order = order.filter(pa.concat_arrays([*last.chunks, pa.array([True])]))
    return rows.take(order)
