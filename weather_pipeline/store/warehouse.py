"""Observations and what is derived from them in PostgreSQL: COPY into a temporary table, then a merge.

Each function is one transaction. Two that write the same day wait for each other in the order of the days, so they
can't deadlock, and none meets a row that another inserted meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
from psycopg import sql

from weather_pipeline.errors import DataError
from weather_pipeline.store.copying import Cursor, OpenSession, Session, fastest_session
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
    open_session: OpenSession = fastest_session,
) -> LoadResult:
    """Load observations, all or none. Loading the same again changes nothing, not even `loaded_at`.

    The hours that are replaced are locked before the first batch is read: of loads in parallel, the last to commit has
    read last, so an older content of the lake never replaces a newer one.

    Hours known to be empty are filled by COPY alone; else rows are copied to a temporary table and merged from it.

    Args:
        database_url: postgresql://… of the warehouse (PostgreSQL 15 or newer).
        data: Observations with `OBSERVATION_SCHEMA`, one for each place and hour; batches are streamed.
        replace_hours: Half-open range of UTC hours of which `data` is all there is: other rows in it are deleted, and
            `data` has none outside.
        open_session: How rows are copied (`store.copying`).

    Raises:
        DataError: The data has other columns, or rows outside of the hours it replaces.
        LoadRejected: The database refused a row (unknown place, two rows for one key); its own message. Nothing is
            loaded.
        StoreUnavailable: The database is away or the connection was lost. Nothing is loaded.
    """
    if replace_hours is not None:
        check_hours(*replace_hours)
    given: Any = data
    rows = _Rows(given.to_batches() if isinstance(data, pa.Table) else given, replace_hours)
    with open_session(database_url) as session:
        if replace_hours is not None:
            _lock_days(session.cursor, _OBSERVATIONS_LOCK, replace_hours)
            if _count(session.cursor, replace_hours) == 0:
                session.copy("weather.observations", OBSERVATION_SCHEMA, rows)
                return LoadResult(rows.count, inserted=rows.count, updated=0, deleted=0)
        return _merge(session, rows, replace_hours)


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
        _lock_days(connection.cursor(), _NEAR_TOWERS_LOCK, (start, end))
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


class _Rows:
    """Batches, checked and counted on their way."""

    def __init__(self, batches: Iterable[pa.RecordBatch], hours: tuple[datetime, datetime] | None) -> None:
        self.count = 0
        self._batches = batches
        self._hours = hours

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        for batch in self._batches:
            if batch.schema.remove_metadata() != OBSERVATION_SCHEMA:
                raise DataError(f"Observations have the columns {OBSERVATION_SCHEMA.names}, not {batch.schema.names}.")
            if batch.num_rows and self._hours is not None:
                _check_within(batch, *self._hours)
            self.count += batch.num_rows
            yield batch


def _check_within(batch: pa.RecordBatch, start: datetime, end: datetime) -> None:
    found = pc.call_function("min_max", [batch.column("observed_at")]).as_py()
    for moment in (found["min"], found["max"]):
        if moment is not None and not start <= moment < end:
            raise DataError(
                f"An observation of {moment.isoformat()} does not belong to the hours that are replaced, "
                f"{start.isoformat()} to {end.isoformat()}. Load it with its own hours."
            )


def _lock_days(cursor: Cursor, table: int, hours: tuple[datetime, datetime]) -> None:
    """Lock every UTC day of a range, in order, until the transaction ends."""
    cursor.execute(
        b"SELECT pg_advisory_xact_lock(%(table)s, (extract(epoch FROM day) / 86400)::int) "
        b"FROM generate_series(date_trunc('day', %(start)s::timestamptz, 'UTC'), "
        b"%(end)s::timestamptz - interval '1 microsecond', interval '24 hours') AS day ORDER BY day",
        {"table": table, "start": hours[0], "end": hours[1]},
    )


def _count(cursor: Cursor, hours: tuple[datetime, datetime]) -> int:
    cursor.execute(
        b"SELECT count(*) FROM weather.observations WHERE observed_at >= %(start)s AND observed_at < %(end)s",
        {"start": hours[0], "end": hours[1]},
    )
    return cursor.fetchone()[0]


def _merge(session: Session, rows: _Rows, replace_hours: tuple[datetime, datetime] | None) -> LoadResult:
    cursor = session.cursor
    cursor.execute(b"CREATE TEMPORARY TABLE staged (LIKE weather.observations) ON COMMIT DROP")
    cursor.execute(b"ALTER TABLE staged DROP COLUMN loaded_at")
    session.copy("staged", OBSERVATION_SCHEMA, rows)
    if rows.count == 0 and replace_hours is None:
        return LoadResult(0, 0, 0, 0)
    hours = replace_hours
    if hours is None:
        cursor.execute(b"SELECT min(observed_at), max(observed_at) + interval '1 microsecond' FROM staged")
        hours = cursor.fetchone()
        _lock_days(cursor, _OBSERVATIONS_LOCK, hours)
    # What was loaded a moment ago is not in the statistics yet: to a planner that expects few rows, comparing each with
    # each seems cheapest. The memory is enough to join about a million rows without disk: a bound, no reservation.
    cursor.execute(b"SET LOCAL enable_nestloop = off")
    cursor.execute(b"SET LOCAL work_mem = '128MB'")
    parameters = {"start": hours[0], "end": hours[1]}
    deleted = 0
    if replace_hours is not None:
        cursor.execute(_DELETE_OTHERS.encode(), parameters)
        deleted = cursor.rowcount
    # Counting twice costs less than having every row written reported, and than asking which are there.
    before = _count(cursor, hours)
    cursor.execute(_MERGE.encode(), parameters)
    written = cursor.rowcount
    inserted = _count(cursor, hours) - before
    return LoadResult(rows.count, inserted, written - inserted, deleted)


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


def _assignments(names: Iterable[str], new: str = "EXCLUDED") -> str:
    return ", ".join(f"{name} = {new}.{name}" for name in names)


def _differs(names: Iterable[str], new: str = "EXCLUDED") -> str:
    columns = list(names)
    left, right = (", ".join(f"{side}.{name}" for name in columns) for side in ("old", new))
    return f"({left}) IS DISTINCT FROM ({right})"


# The range of the hours written: of a large table only that part is read.
_SAME_KEY = """
    old.location_id = new.location_id AND old.observed_at = new.observed_at
    AND old.observed_at >= %(start)s AND old.observed_at < %(end)s
"""
_DELETE_OTHERS = """
    DELETE FROM weather.observations AS old
    WHERE observed_at >= %(start)s AND observed_at < %(end)s AND NOT EXISTS (
        SELECT FROM staged WHERE staged.location_id = old.location_id AND staged.observed_at = old.observed_at
    )
"""
# MERGE finds the rows that are there by one join; ON CONFLICT would look for each by itself.
_MERGE = f"""
    MERGE INTO weather.observations AS old USING staged AS new ON {_SAME_KEY}
    WHEN NOT MATCHED THEN
        INSERT ({", ".join(OBSERVATION_SCHEMA.names)})
        VALUES ({", ".join(f"new.{name}" for name in OBSERVATION_SCHEMA.names)})
    WHEN MATCHED AND {_differs(_VALUES, "new")} THEN
        UPDATE SET {_assignments(_VALUES, "new")}, loaded_at = now()
"""  # noqa: S608  (every name is a constant of ours)
