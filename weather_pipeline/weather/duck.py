"""DuckDB over bronze files: one connection's settings, and the rows as received beside their stored units.

Times are TIMESTAMP and always mean UTC: no session time zone can change them.
"""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence

import duckdb
import pyarrow as pa

from weather_pipeline.errors import DataError, StoreUnavailable
from weather_pipeline.weather.bronze import BRONZE, BronzeFile
from weather_pipeline.weather.hours import naive_utc
from weather_pipeline.weather.schema import VARIABLES
from weather_pipeline.weather.units import conversion

BATCH_ROWS = 65_536


@contextlib.contextmanager
def connect() -> Iterator[duckdb.DuckDBPyConnection]:
    """An in-memory DuckDB that downloads nothing and spills to a directory that is removed at the end.

    Raises:
        DataError: A statement failed on the data it read.
        StoreUnavailable: There is too little memory and space for temporary files.
    """
    with _spill_directory() as spill:
        config: dict[str, str | bool | int | float | list[str]] = {
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "temp_directory": spill,
        }
        connection = duckdb.connect(config=config)
        try:
            yield connection
        except duckdb.Error as error:
            if isinstance(error, duckdb.OutOfMemoryException) or os.strerror(errno.ENOSPC) in str(error):
                raise _no_space(str(error).partition("\n")[0]) from error
            raise DataError(str(error)) from error
        finally:
            connection.close()


@contextlib.contextmanager
def _spill_directory() -> Iterator[str]:
    with contextlib.ExitStack() as opened:
        try:
            directory = opened.enter_context(tempfile.TemporaryDirectory(prefix="weather-duckdb-"))
        except OSError as error:
            raise _no_space(str(error)) from error
        yield directory


def _no_space(words: str) -> StoreUnavailable:
    return StoreUnavailable(
        f"DuckDB has too little memory and space for temporary files: {words} "
        "Free space there, or set TMPDIR to a directory with more."
    )


def register_files(connection: duckdb.DuckDBPyConnection, files: Sequence[BronzeFile]) -> None:
    """Make a table `files`: position and origin of each, and every variable's scale and offset from the unit received.

    An unknown unit becomes NULL, so that a rule can report it.
    """
    columns: dict[str, list[object]] = {
        "number": list(range(len(files))),
        "path": [str(file.path) for file in files],
        "key": [file.key for file in files],
        "hour": [naive_utc(file.hour) for file in files],
        "source": [file.source for file in files],
        "received_at": [naive_utc(file.received_at) for file in files],
    }
    fields = [("number", pa.int64()), ("path", pa.string()), ("key", pa.string()), ("hour", pa.timestamp("us"))]
    fields += [("source", pa.string()), ("received_at", pa.timestamp("us"))]
    for column in VARIABLES:
        known = [_scale_and_offset(file, str(column.variable), str(column.unit)) for file in files]
        for position, part in enumerate(("scale", "offset")):
            columns[f"{column.name}_{part}"] = [pair[position] for pair in known]
            fields.append((f"{column.name}_{part}", pa.float64()))
    connection.register("files", pa.table(columns, schema=pa.schema(fields)))


def typed_rows_sql(files: Sequence[BronzeFile]) -> str:
    """SQL of all rows: origin, key, hour, and each variable as received (`raw_…`) and in its stored unit.

    A column that no file has is NULL and one of another type is cast where it can be, so that rules can judge the rest.
    Takes the parameter `$paths`; needs `register_files`.
    """
    present = {name for file in files for name in file.columns}
    raw = {
        c.name: f"TRY_CAST(r.{c.name} AS {'DOUBLE' if c.variable else 'VARCHAR'})" if c.name in present else "NULL"
        for c in BRONZE
    }
    readings = ",\n".join(
        f"        CAST({raw[str(c.variable)]} AS DOUBLE) AS raw_{c.name},\n"
        f"        raw_{c.name} * f.{c.name}_scale + f.{c.name}_offset AS {c.name}"
        for c in VARIABLES
    )
    return f"""
    SELECT
        f.number AS file_number, f.key, f.hour, f.source, f.received_at, r.file_row_number AS row_number,
        CAST({raw["location_id"]} AS VARCHAR) AS location_id,
        CAST({raw["time"]} AS VARCHAR) AS time,
        try_strptime(CAST({raw["time"]} AS VARCHAR), '%Y-%m-%dT%H:%M') AS observed_at,
{readings}
    FROM read_parquet($paths, union_by_name = true, filename = true, file_row_number = true) AS r
    JOIN files AS f ON r.filename = f.path
    """  # noqa: S608  (column names are our own constants)


def query(connection: duckdb.DuckDBPyConnection, sql: str, parameters: Mapping[str, object]) -> pa.RecordBatchReader:
    """Run a query whose result is read batch by batch."""
    reader = connection.sql(sql, params=dict(parameters)).to_arrow_reader(BATCH_ROWS)
    if reader is None:
        raise AssertionError("a SELECT has a result")
    return reader


def paths(files: Sequence[BronzeFile]) -> dict[str, list[str]]:
    """The parameters of `typed_rows_sql`."""
    return {"paths": [str(file.path) for file in files]}


def _scale_and_offset(file: BronzeFile, variable: str, unit: str) -> tuple[float | None, float | None]:
    try:
        known = conversion(unit, file.units.get(variable, "(none)"), variable=variable)
    except DataError:
        return None, None
    return known.scale, known.offset
