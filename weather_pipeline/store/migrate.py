"""Numbered SQL migrations of the warehouse, each applied once, and the seeds of places and measuring sites."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import psycopg

from weather_pipeline.errors import ConfigurationError
from weather_pipeline.store.database import connected
from weather_pipeline.weather.locations import LOCATIONS
from weather_pipeline.weather.towers import TOWERS

MIGRATIONS = Path(__file__).parent / "migrations"

_LOCK = 0x57454154
"""Any number that no other program of ours locks: here the letters WEAT."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One migration file."""

    name: str
    statements: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the file."""
        return hashlib.sha256(self.statements.encode()).hexdigest()


def migrate(database_url: str, *, directory: Path = MIGRATIONS) -> list[str]:
    """Apply the migrations that are not applied yet, in order, and seed places and sites; all in one transaction.

    Programs that start together wait for each other (an advisory lock), and then find nothing to do.

    Args:
        database_url: postgresql://… of the warehouse.
        directory: Where the `NNNN_*.sql` files lie.

    Returns:
        Names of the migrations applied now.

    Raises:
        ConfigurationError: An applied migration's file was changed or is missing, or the database can't be entered.
        StoreUnavailable: The database is away.
    """
    with connected(database_url) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        connection.execute("CREATE SCHEMA IF NOT EXISTS weather")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS weather.schema_migrations ("
            "name text PRIMARY KEY, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        rows = connection.execute("SELECT name, checksum FROM weather.schema_migrations").fetchall()
        new = pending(load_migrations(directory), dict(rows))
        for migration in new:
            connection.execute(migration.statements.encode())
            connection.execute(
                "INSERT INTO weather.schema_migrations (name, checksum) VALUES (%s, %s)",
                [migration.name, migration.checksum],
            )
        _seed(connection)
    return [migration.name for migration in new]


def load_migrations(directory: Path) -> list[Migration]:
    """The migrations of a directory, in order."""
    return [Migration(path.stem, path.read_text()) for path in sorted(directory.glob("[0-9][0-9][0-9][0-9]_*.sql"))]


def pending(known: list[Migration], applied: dict[str, str]) -> list[Migration]:
    """Which migrations are still to apply.

    Args:
        known: The migrations of this version of the program.
        applied: Name → checksum of those applied.

    Raises:
        ConfigurationError: An applied one was changed, or is unknown: the database belongs to another version.
    """
    checksums = {migration.name: migration.checksum for migration in known}
    for name, checksum in applied.items():
        if name not in checksums:
            raise ConfigurationError(f"The database has the migration {name}, unknown here: a newer version made it.")
        if checksums[name] != checksum:
            raise ConfigurationError(
                f"Migration {name} was changed after it had been applied. Restore it, add a new one."
            )
    return [migration for migration in known if migration.name not in applied]


def _seed(connection: psycopg.Connection) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO weather.locations AS old (location_id, name, latitude, longitude) VALUES (%s, %s, %s, %s) "
            "ON CONFLICT (location_id) DO UPDATE SET name = EXCLUDED.name, latitude = EXCLUDED.latitude, "
            "longitude = EXCLUDED.longitude "
            "WHERE (old.name, old.latitude, old.longitude) "
            "IS DISTINCT FROM (EXCLUDED.name, EXCLUDED.latitude, EXCLUDED.longitude)",
            [(place.id, place.name, place.latitude, place.longitude) for place in LOCATIONS],
        )
        cursor.executemany(
            "INSERT INTO weather.towers AS old (tower_id, name, latitude, longitude, elevation_m, height_m, source) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s) "
            "ON CONFLICT (tower_id) DO UPDATE SET name = EXCLUDED.name, latitude = EXCLUDED.latitude, "
            "longitude = EXCLUDED.longitude, elevation_m = EXCLUDED.elevation_m, height_m = EXCLUDED.height_m, "
            "source = EXCLUDED.source "
            "WHERE (old.name, old.latitude, old.longitude, old.elevation_m, old.height_m, old.source) IS DISTINCT FROM "
            "(EXCLUDED.name, EXCLUDED.latitude, EXCLUDED.longitude, EXCLUDED.elevation_m, EXCLUDED.height_m, "
            "EXCLUDED.source)",
            [(t.id, t.name, t.latitude, t.longitude, t.elevation_m, t.height_m, t.source) for t in TOWERS],
        )
