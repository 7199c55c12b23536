"""Bronze to observations: stored units, UTC, typed, one row for each place and hour; in one DuckDB pass."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import pyarrow as pa

from weather_pipeline.errors import DataError
from weather_pipeline.weather import duck
from weather_pipeline.weather.bronze import BRONZE, BronzeFile
from weather_pipeline.weather.hours import hours_between, naive_utc
from weather_pipeline.weather.schema import OBSERVATION_SCHEMA, VARIABLES
from weather_pipeline.weather.units import conversion

_QUARANTINED_KEY = pa.schema([("bronze_key", pa.string()), ("row_number", pa.int64())])


def clean(files: Sequence[BronzeFile], quarantined: pa.Table, *, start: datetime, end: datetime) -> pa.Table:
    """Clean the hours of a range into one table, sorted by place and hour.

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
            no place or time.
    """
    _check_complete(files, start, end)
    for file in files:
        _check_usable(file)
    parameters = {**duck.paths(files), "start": naive_utc(start), "end": naive_utc(end)}
    with duck.connect() as connection:
        duck.register_files(connection, files)
        connection.register("quarantined", quarantined.select(_QUARANTINED_KEY.names).cast(_QUARANTINED_KEY))
        return duck.query(connection, _clean_sql(files), parameters).read_all().cast(OBSERVATION_SCHEMA)


def _check_complete(files: Sequence[BronzeFile], start: datetime, end: datetime) -> None:
    there = {file.hour for file in files}
    for hour in hours_between(start, end):
        if hour not in there:
            raise DataError(f"There is no bronze file for {hour:%Y-%m-%dT%H:%M}Z. Run raw_weather_data for it first.")


def _check_usable(file: BronzeFile) -> None:
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
    return f"""
    WITH typed AS ({duck.typed_rows_sql(files)}),
    kept AS (
        SELECT * REPLACE (
            CASE WHEN location_id IS NULL OR observed_at IS NULL THEN {unkeyed} ELSE location_id END AS location_id
        )
        FROM typed
        ANTI JOIN quarantined ON typed.key = quarantined.bronze_key AND typed.row_number = quarantined.row_number
        WHERE observed_at IS NULL OR (observed_at >= $start AND observed_at < $end)
    )
    SELECT location_id, observed_at, {names}, source
    FROM kept
    QUALIFY row_number() OVER (
        PARTITION BY location_id, observed_at ORDER BY received_at DESC, key DESC, kept.row_number DESC
    ) = 1
    ORDER BY location_id, observed_at
    """  # noqa: S608  (every name is a constant of ours)
