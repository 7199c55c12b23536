"""Bronze: readings as they were received, one file for each hour, with where and when they came from.

The rows have Open-Meteo's variable names, whichever source sent them (KNMI's parameters are put under them), and the
units received; the file's metadata names those units, so that a file explains itself without the program that wrote it.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from weather_pipeline.errors import DataError
from weather_pipeline.weather.schema import DOUBLE, VARIABLES, Column, arrow_schema

BRONZE: tuple[Column, ...] = (
    Column("location_id", "text", "Place asked for", derived_from=("source.latitude", "source.longitude")),
    Column("time", "text", "Hour of the reading as received, ISO 8601, UTC", derived_from=("source.time",)),
    Column("latitude", DOUBLE, "Latitude of the cell or station that answered", "°", True, None, ("source.latitude",)),
    Column(
        "longitude", DOUBLE, "Longitude of the cell or station that answered", "°", True, None, ("source.longitude",)
    ),
    Column("elevation", DOUBLE, "Elevation of the cell that answered", "m", True, None, ("source.elevation",)),
    *(
        Column(
            name=str(column.variable),
            sql_type=DOUBLE,
            description=f"{column.description}, as received",
            nullable=True,
            variable=column.variable,
            derived_from=(f"source.{column.variable}",),
        )
        for column in VARIABLES
    ),
    Column("source", "text", "Where the reading came from, as WEATHER_SOURCE names it"),
)
"""One reading as received. The unit of a variable is in the file's metadata, because the source decides it."""

BRONZE_SCHEMA: pa.Schema = arrow_schema(BRONZE)

SLICE_ROWS = 250_000
"""Rows taken into memory at a time, where an hour has no more."""

_METADATA_KEY = b"weather_pipeline"


@dataclass(frozen=True, slots=True)
class Lack:
    """What an answer lacks for one place, while the rest of it is whole.

    Attributes:
        location_id: The place.
        reason: What is missing, and why, in words.
    """

    location_id: str
    reason: str

    def __str__(self) -> str:
        return f"{self.location_id}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a source sent for a range of hours.

    Attributes:
        table: Rows as received, `BRONZE_SCHEMA`; nothing is dropped, converted or put right.
        source: Name of the source.
        request_url: The request, without secrets.
        received_at: When the answer had arrived, UTC.
        units: Variable → unit as the source named it.
        attribution: Licence and origin that travel with the data.
        lacks: What the source had not, place by place; all else is there.
    """

    table: pa.Table
    source: str
    request_url: str
    received_at: datetime
    units: Mapping[str, str]
    attribution: str = ""
    lacks: tuple[Lack, ...] = ()


@dataclass(frozen=True, slots=True)
class BronzeFile:
    """One bronze file and what its footer says, without its rows.

    Attributes:
        key: Key in the object store.
        path: Where DuckDB can read it.
        hour: The hour it holds, UTC.
        checksum: SHA-256 of the whole file.
        rows: Number of rows.
        columns: Column → Arrow type, as text.
        source: Name of the source.
        request_url: The request.
        received_at: When the answer had arrived, UTC.
        units: Variable → unit received.
    """

    key: str
    path: Path
    hour: datetime
    checksum: str
    rows: int
    columns: Mapping[str, str]
    source: str
    request_url: str
    received_at: datetime
    units: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class UnreadableFile:
    """A bronze file that is there and can't be read.

    Attributes:
        key: Key in the object store.
        hour: The hour it holds, UTC.
        reason: Why, in words, with what to do.
    """

    key: str
    hour: datetime
    reason: str


def with_metadata(table: pa.Table, fetched: Fetched) -> pa.Table:
    """A part of what was fetched, with its origin in the schema's metadata (which parquet keeps)."""
    origin = {
        "source": fetched.source,
        "request_url": fetched.request_url,
        "received_at": fetched.received_at.isoformat(),
        "units": dict(fetched.units),
        "attribution": fetched.attribution,
        "lacks": [str(lack) for lack in fetched.lacks],
    }
    return table.replace_schema_metadata({_METADATA_KEY: json.dumps(origin, ensure_ascii=False, sort_keys=True)})


def read_bronze_file(key: str, path: Path, hour: datetime) -> BronzeFile:
    """Read the footer of a bronze file, and its checksum.

    Raises:
        DataError: Not a parquet file, or none of ours: no record of source, time and units.
    """
    try:
        with pq.ParquetFile(path) as file:
            schema, rows = file.schema_arrow, file.metadata.num_rows
        checksum = file_checksum(path)
    except (pa.ArrowException, OSError) as error:
        raise DataError(unreadable(key, error, made_by="raw_weather_data")) from error
    try:
        origin = json.loads((schema.metadata or {})[_METADATA_KEY])
        return BronzeFile(
            key=key,
            path=path,
            hour=hour,
            checksum=checksum,
            rows=rows,
            columns={field.name: str(field.type) for field in schema},
            source=origin["source"],
            request_url=origin["request_url"],
            received_at=datetime.fromisoformat(origin["received_at"]),
            units=origin["units"],
        )
    except (KeyError, ValueError) as error:
        raise DataError(
            f"{key} does not say where its rows came from ({error!r}): it is no bronze file. "
            "Run raw_weather_data for its hour again."
        ) from error


def in_slices(files: Sequence[BronzeFile], rows: int = SLICE_ROWS) -> Iterator[list[BronzeFile]]:
    """The files in the order of their hours, in groups of at most so many rows; an hour's files stay together."""
    group: list[BronzeFile] = []
    for _, of_hour in itertools.groupby(sorted(files, key=lambda file: file.hour), key=lambda file: file.hour):
        hour = list(of_hour)
        if group and sum(file.rows for file in (*group, *hour)) > rows:
            yield group
            group = []
        group += hour
    if group:
        yield group


def check_pages(key: str, path: Path) -> None:
    """Read a bronze file whole and compare its pages with their checksums: a flipped bit must not become a reading.

    Raises:
        DataError: A page is damaged.
    """
    try:
        read_checked(path)
    except (pa.ArrowException, OSError) as error:
        raise DataError(unreadable(key, error, made_by="raw_weather_data")) from error


def read_checked(path: Path) -> pa.Table:
    """A parquet file's table, each page compared with its checksum."""
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        return file.read()


def unreadable(key: str, error: Exception, *, made_by: str) -> str:
    """What to say of a damaged file: which, why, and which asset writes it anew."""
    why = " ".join(str(error).split()).rstrip(".")
    return f"{key} is no readable parquet file: {why}. Run {made_by} for its hour again."


def file_checksum(path: Path) -> str:
    """The checksum by which a bronze file's content is known."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
