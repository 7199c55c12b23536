"""Observations and what is derived from them in PostgreSQL: binary COPY into a temporary table, then an upsert.

Each function is one transaction. Two that write the same day wait for each other in the order of the days, so they
can't deadlock.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
import pyarrow as pa
from pgpq import ArrowToPostgresBinaryEncoder
from psycopg import sql

from weather_pipeline.errors import DataError
from weather_pipeline.store.database import connected
from weather_pipeline.weather.hours import check_hours
from weather_pipeline.weather.locations import LOCATIONS
from weather_pipeline.weather.schema import KEY, OBSERVATION_SCHEMA, OBSERVATIONS
from weather_pipeline.weather.tables import NEAR_TOWERS, TABLES

EARTH_RADIUS_KM = 6371.0088
"""Mean radius of the Earth, IUGG."""

_OBSERVATIONS_LOCK, _NEAR_TOWERS_LOCK = 1, 2
_VALUES = tuple(column.name for column in OBSERVATIONS if column.name not in KEY)
_NEAR_VALUES = tuple(column.name for column in NEAR_TOWERS if column.name not in ("tower_id", "observed_at"))


@dataclass(frozen=True, slots=True)
class LoadResult:
    """What a load did.

    Attributes:
        received: Rows given.
        inserted: Rows that were new.
        updated: Rows that were there with other values.
        deleted: Rows of the replaced hours that are no longer given.
    """

    received: int
    inserted: int
    updated: int
    deleted: int

    @property
    def unchanged(self) -> int:
        """Rows that were there just so."""
        return self.received - self.inserted - self.updated


def upsert_observations(
    database_url: str,
    data: pa.Table | Iterable[pa.RecordBatch],
    *,
    replace_hours: tuple[datetime, datetime] | None = None,
) -> LoadResult:
    """Load observations, all or none. Loading the same again changes nothing, not even `loaded_at`.

    Args:
        database_url: postgresql://… of the warehouse.
        data: Observations with `OBSERVATION_SCHEMA`, one for each place and hour; batches are streamed.
        replace_hours: Half-open range of UTC hours of which `data` is all there is: other rows in it are deleted.

    Raises:
        DataError: The data has other columns.
        LoadRejected: The database refused a row (unknown place, two rows for one key); its own message. Nothing is
            loaded.
        StoreUnavailable: The database is away or the connection was lost. Nothing is loaded.
    """
    if replace_hours is not None:
        check_hours(*replace_hours)
    with connected(database_url) as connection:
        connection.execute("CREATE TEMPORARY TABLE staged (LIKE weather.observations) ON COMMIT DROP")
        connection.execute("ALTER TABLE staged DROP COLUMN loaded_at")
        received = _copy(connection, data)
        _lock_days(connection, _OBSERVATIONS_LOCK, replace_hours)
        deleted = 0 if replace_hours is None else _delete_others(connection, replace_hours)
        inserted, updated = _upsert_staged(connection)
    return LoadResult(received, inserted, updated, deleted)


def refresh_near_towers(database_url: str, start: datetime, end: datetime) -> int:
    """For each measuring site and hour, take the nearest place that has an observation in that hour.

    The distance is the haversine on a sphere of `EARTH_RADIUS_KM`, computed in SQL from the towers' coordinates and
    `LOCATIONS`: observations and towers are all that is read.

    Args:
        database_url: postgresql://… of the warehouse.
        start: First hour, UTC.
        end: End of the range, exclusive.

    Returns:
        Rows in the table for these hours afterwards.
    """
    check_hours(start, end)
    hours = {"start": start, "end": end}
    with connected(database_url) as connection:
        _lock_days(connection, _NEAR_TOWERS_LOCK, (start, end), staged=False)
        connection.execute(
            "DELETE FROM weather.weather_near_towers AS old "
            "WHERE observed_at >= %(start)s AND observed_at < %(end)s AND NOT EXISTS "
            "(SELECT FROM weather.observations AS o WHERE o.observed_at = old.observed_at)",
            hours,
        )
        places = {
            "places": [place.id for place in LOCATIONS],
            "latitudes": [place.latitude for place in LOCATIONS],
            "longitudes": [place.longitude for place in LOCATIONS],
        }
        connection.execute(_near_towers_sql().encode(), {**hours, **places, "radius": EARTH_RADIUS_KM})
        count = connection.execute(
            "SELECT count(*) FROM weather.weather_near_towers WHERE observed_at >= %(start)s AND observed_at < %(end)s",
            hours,
        ).fetchone()
    return count[0] if count else 0


def table_counts(database_url: str) -> dict[str, int]:
    """Rows in each table of the warehouse, by name without schema."""
    with connected(database_url) as connection:
        return {
            table: _scalar(connection, sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier("weather", table)))
            for table in TABLES
            if table not in ("bronze", "silver")
        }


def _scalar(connection: psycopg.Connection, query: sql.Composed) -> int:
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0


def _copy(connection: psycopg.Connection, data: pa.Table | Iterable[pa.RecordBatch]) -> int:
    given: Any = data
    batches = given.to_batches() if isinstance(data, pa.Table) else given
    encoder = ArrowToPostgresBinaryEncoder(OBSERVATION_SCHEMA)
    columns = sql.SQL(", ").join(map(sql.Identifier, OBSERVATION_SCHEMA.names))
    statement = sql.SQL("COPY staged ({}) FROM STDIN WITH (FORMAT BINARY)").format(columns)
    rows = 0
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(encoder.write_header())
        for batch in batches:
            if batch.schema.remove_metadata() != OBSERVATION_SCHEMA:
                raise DataError(f"Observations have the columns {OBSERVATION_SCHEMA.names}, not {batch.schema.names}.")
            copy.write(encoder.write_batch(batch))
            rows += batch.num_rows
        copy.write(encoder.finish())
    connection.execute("ANALYZE staged")
    return rows


def _lock_days(
    connection: psycopg.Connection, table: int, hours: tuple[datetime, datetime] | None, *, staged: bool = True
) -> None:
    """Lock every UTC day that is written, in order, until the transaction ends."""
    days = []
    if staged:
        days.append("SELECT date_trunc('day', observed_at, 'UTC') AS day FROM staged")
    if hours is not None:
        days.append(
            "SELECT generate_series(date_trunc('day', %(start)s::timestamptz, 'UTC'), "
            "%(end)s::timestamptz - interval '1 microsecond', interval '24 hours') AS day"
        )
    start, end = hours or (None, None)
    statement = f"""
    SELECT pg_advisory_xact_lock(%(table)s, (extract(epoch FROM day) / 86400)::int)
    FROM (SELECT DISTINCT day FROM ({" UNION ".join(days)}) AS written ORDER BY day) AS ordered
    """  # noqa: S608  (constants)
    connection.execute(statement.encode(), {"table": table, "start": start, "end": end})


def _delete_others(connection: psycopg.Connection, hours: tuple[datetime, datetime]) -> int:
    return connection.execute(
        "DELETE FROM weather.observations AS old WHERE observed_at >= %s AND observed_at < %s AND NOT EXISTS "
        "(SELECT FROM staged WHERE staged.location_id = old.location_id AND staged.observed_at = old.observed_at)",
        hours,
    ).rowcount


def _upsert_staged(connection: psycopg.Connection) -> tuple[int, int]:
    names = ", ".join(OBSERVATION_SCHEMA.names)
    # In the order of the key, so that other writers who do the same can't deadlock with us.
    # xmax is 0 in a row version that replaced none: one that was inserted.
    statement = f"""
    WITH written AS (
        INSERT INTO weather.observations AS old ({names})
        SELECT {names} FROM staged ORDER BY location_id, observed_at
        ON CONFLICT (location_id, observed_at) DO UPDATE SET {_assignments(_VALUES)}, loaded_at = now()
        WHERE {_differs(_VALUES)}
        RETURNING xmax = 0 AS is_new
    )
    SELECT count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE NOT is_new) FROM written
    """  # noqa: S608  (every name is a constant of ours)
    row = connection.execute(statement.encode()).fetchone()
    return (row[0], row[1]) if row else (0, 0)


def _near_towers_sql() -> str:
    names = ", ".join(column.name for column in NEAR_TOWERS)
    readings = ", ".join(f"o.{name}" for name in _NEAR_VALUES if name not in ("location_id", "distance_km"))
    return f"""
    WITH distances AS (
        SELECT t.tower_id, l.location_id, 2 * %(radius)s * asin(sqrt(
            sin(radians(l.latitude - t.latitude) / 2) ^ 2
            + cos(radians(t.latitude)) * cos(radians(l.latitude)) * sin(radians(l.longitude - t.longitude) / 2) ^ 2
        )) AS distance_km
        FROM weather.towers AS t
        CROSS JOIN unnest(%(places)s::text[], %(latitudes)s::float8[], %(longitudes)s::float8[])
            AS l (location_id, latitude, longitude)
    )
    INSERT INTO weather.weather_near_towers AS old ({names})
    SELECT DISTINCT ON (d.tower_id, o.observed_at) d.tower_id, o.observed_at, o.location_id, d.distance_km, {readings}
    FROM distances AS d JOIN weather.observations AS o USING (location_id)
    WHERE o.observed_at >= %(start)s AND o.observed_at < %(end)s
    ORDER BY d.tower_id, o.observed_at, d.distance_km, o.location_id
    ON CONFLICT (tower_id, observed_at) DO UPDATE SET {_assignments(_NEAR_VALUES)} WHERE {_differs(_NEAR_VALUES)}
    """  # noqa: S608  (every name is a constant of ours)


def _assignments(names: Iterable[str]) -> str:
    return ", ".join(f"{name} = EXCLUDED.{name}" for name in names)


def _differs(names: Iterable[str]) -> str:
    columns = list(names)
    old, new = (", ".join(f"{side}.{name}" for name in columns) for side in ("old", "EXCLUDED"))
    return f"({old}) IS DISTINCT FROM ({new})"
