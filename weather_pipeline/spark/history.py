"""The table of weather's history: its name, its columns, and the files of silver that it is made of. Without Spark."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pyarrow as pa
import pyarrow.parquet as pq

from weather_pipeline.errors import ConfigurationError, DataError
from weather_pipeline.settings import Settings
from weather_pipeline.spark.catalog import Table
from weather_pipeline.spark.spool_record import Place
from weather_pipeline.spark.warehouse import check_shared
from weather_pipeline.weather.datasets import dataset
from weather_pipeline.weather.hours import hours_between
from weather_pipeline.weather.layout import SILVER_PREFIX, silver_hour, silver_key
from weather_pipeline.weather.schema import DOUBLE, OBSERVATION_SCHEMA, OBSERVATIONS, TIMESTAMP, Column

COLUMNS: tuple[Column, ...] = OBSERVATIONS
"""The columns, which are silver's."""

TIME = "observed_at"
"""The column by whose days the table is partitioned."""

SPARK_TYPES: Mapping[str, str] = {"text": "string", DOUBLE: "double", TIMESTAMP: "timestamp"}
"""A column's type → its type in Spark's SQL."""


@dataclass(frozen=True, slots=True)
class SilverFile:
    """The file of an hour.

    Attributes:
        hour: The hour, UTC.
        path: Where it lies.
        rows: Rows in it.
    """

    hour: datetime
    path: Path
    rows: int


def history_table(settings: Settings) -> Table:
    """The table, in the catalog of the articles' table."""
    return Table(Table.parsed(settings.iceberg_table).catalog, "weather", "history")


def silver_place(settings: Settings) -> Place:
    """Where silver lies on this machine, and what every producer calls it.

    Raises:
        ConfigurationError: It lies on an S3 server, or where a cluster's executors don't see it.
    """
    check_shared(settings, settings.lake_url, "WEATHER_LAKE_URL", "the lake")
    named = dataset("silver", lake_url=settings.effective_lake_url, warehouse_authority=settings.warehouse_authority)
    return ("file", str(lake_directory(settings) / SILVER_PREFIX)), named


def lake_directory(settings: Settings) -> Path:
    """The lake's directory.

    Raises:
        ConfigurationError: It lies on an S3 server.
    """
    parts = urlsplit(settings.effective_lake_url)
    if parts.scheme != "file":
        raise ConfigurationError(
            f"WEATHER_LAKE_URL is {settings.effective_lake_url!r}: the history is made of a lake of files, "
            "file:///absolute/path. Spark lacks the jars to read one on an S3 server."
        )
    return Path(unquote(parts.path))


def silver_files(lake: Path, hours: tuple[datetime, datetime] | None) -> list[SilverFile]:
    """The files of a range of hours, in the order of time; without a range all that are there.

    Args:
        lake: The lake's directory.
        hours: First hour, and end of the range, exclusive.

    Raises:
        DataError: An hour of the range has no file, there is none at all, or one can't be read or has other columns.
        ValueError: It is no range of whole UTC hours.
    """
    if hours is not None:
        paths = {hour: lake / silver_key(hour) for hour in hours_between(*hours)}
        if missing := [hour for hour, path in paths.items() if not path.is_file()]:
            raise DataError(
                f"There is no file {paths[missing[0]]}. Of {len(paths)} hours {len(missing)} have none. Run "
                f"clean_weather_data for {missing[0]:%Y-%m-%dT%H:%M}Z first."
            )
    else:
        found = sorted((lake / SILVER_PREFIX).glob("*/*/*/*.parquet"))
        named = ((silver_hour(path.relative_to(lake).as_posix()), path) for path in found)
        paths = {hour: path for hour, path in named if hour is not None}
        if not paths:
            raise DataError(f"There is no file of silver in {lake / SILVER_PREFIX}. Run clean_weather_data first.")
    return [SilverFile(hour, path, _rows(path)) for hour, path in paths.items()]


def _rows(path: Path) -> int:
    """How many rows a file has. One with other columns is refused: a column that lacks would be one of nulls."""
    try:
        # Opened by Python: a path may hold what Arrow takes for an address.
        with path.open("rb") as file:
            footer = pq.read_metadata(file)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path} can't be read ({error}). Run clean_weather_data for its hour again.") from error
    if footer.schema.to_arrow_schema().remove_metadata() != OBSERVATION_SCHEMA:
        raise DataError(
            f"{path} has other columns than an observation: {', '.join(footer.schema.names)}. "
            "Run clean_weather_data for its hour again."
        )
    return footer.num_rows
