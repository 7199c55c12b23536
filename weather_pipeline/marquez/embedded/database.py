"""The connection pools, and the schema's numbered migrations."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from enum import StrEnum
from importlib.resources import files
from typing import Any, Final, LiteralString, cast

from psycopg import AsyncConnection, OperationalError
from psycopg.abc import Params
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from weather_pipeline.errors import ConfigurationError
from weather_pipeline.marquez.embedded import locks
from weather_pipeline.marquez.embedded.address import FOR_GOOD, explained
from weather_pipeline.marquez.embedded.limits import Limits

log = logging.getLogger(__name__)

Row = dict[str, Any]
Connection = AsyncConnection[Row]
"""A connection whose rows are dictionaries."""


class Use(StrEnum):
    """What a connection is for. Each use has a pool of its own: none waits until another is done."""

    REQUESTS = "requests"
    WRITER = "writer"
    """The one `Writer`, which stores events."""
    WATCH = "watch"
    """`/healthcheck` and `/metrics`, which tell of a database that is busy."""


_MOST_CONNECTIONS: Final = {Use.REQUESTS: 16, Use.WRITER: 1, Use.WATCH: 2}
_WAIT_FOR_CONNECTION = 3.0
_RECONNECT_TIMEOUT = 5.0
_ASKING = 0.9
"""Of the time for a request's queries; in what is left the database may end the query that it is told to cancel."""

_DEFAULTS: Final = {"connect_timeout": 5, "tcp_user_timeout": 20_000, "application_name": "weather-lineage"}
"""What a database's URL need not say. A server whose machine is gone sends no farewell."""

_SET: Final[LiteralString] = """
    SELECT set_config(name, value, false) FROM unnest(%s::text[], %s::text[]) AS s (name, value)
"""


class DatabaseTooSlow(OperationalError):
    """What was asked takes too long; it is given up."""


class Database:
    """The service's PostgreSQL.

    Args:
        url: `postgresql://user:password@host:port/database`.
        limits: How long queries may take.
    """

    def __init__(self, url: str, limits: Limits | None = None) -> None:
        self._url = url
        self.limits = limits = limits or Limits()
        usual = (limits.query_seconds, limits.request_seconds)
        watch = (limits.watch_seconds, limits.watch_seconds)
        self._seconds = {Use.REQUESTS: usual, Use.WRITER: usual, Use.WATCH: watch}
        self._pools = {use: self._pool(use) for use in Use}
        self._background: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Apply the migrations that the database lacks, open the pools.

        Raises:
            psycopg.OperationalError: The database is away.
            ConfigurationError: A newer version of the program has migrated it.
        """
        await migrate(self._url)
        for pool in self._pools.values():
            await pool.open()

    async def close(self) -> None:
        """Close every connection."""
        await asyncio.gather(*(pool.close() for pool in self._pools.values()))

    @asynccontextmanager
    async def connection(self, use: Use = Use.REQUESTS) -> AsyncIterator[Connection]:
        """A connection in autocommit mode.

        Raises:
            psycopg.OperationalError: The database is away, or a single query takes too long (`QueryCanceled`).
            DatabaseTooSlow: What was asked of it takes too long.
        """
        _, seconds = self._seconds[use]
        # The inner one makes psycopg cancel the query and wait for the database to say so; the outer ends that too.
        whole, asking = asyncio.timeout(seconds), asyncio.timeout(seconds * _ASKING)
        try:
            async with whole, asking, self._pools[use].connection() as connection:
                yield connection
        except TimeoutError as error:
            raise DatabaseTooSlow(f"no answer within {seconds:g} seconds") from error

    def pool_stats(self, use: Use) -> dict[str, int]:
        """What psycopg's pool says of itself."""
        return self._pools[use].get_stats()

    def check_soon(self) -> None:
        """Test every pooled connection in the background: the database went away, so most are broken."""
        for pool in self._pools.values():
            task = asyncio.create_task(pool.check())
            self._background.add(task)
            task.add_done_callback(self._background.discard)

    def _pool(self, use: Use) -> AsyncConnectionPool[Connection]:
        query_seconds, _ = self._seconds[use]

        async def configure(connection: Connection) -> None:
            await _configure(connection, self.limits, statement_timeout=_milliseconds(query_seconds))

        return AsyncConnectionPool(
            _conninfo(self._url),
            name=f"lineage-{use}",
            open=False,
            min_size=1,
            max_size=_MOST_CONNECTIONS[use],
            timeout=_WAIT_FOR_CONNECTION,
            # Short, because the pause between attempts doubles: after it, the next request starts a new attempt.
            reconnect_timeout=_RECONNECT_TIMEOUT,
            connection_class=cast("type[Connection]", AsyncConnection),
            kwargs={"row_factory": dict_row, "autocommit": True},
            configure=configure,
        )


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Connection]:
    """A connection of its own for work beside the requests, like those of the pool.

    Raises:
        psycopg.OperationalError: The database is away.
    """
    async with await Connection.connect(_conninfo(url), autocommit=True, row_factory=dict_row) as connection:
        await _configure(connection, Limits())
        yield connection


async def count_rows(connection: Connection, source: LiteralString, parameters: Params | None = None) -> int:
    """How many rows there are.

    Args:
        connection: Where to ask.
        source: The rows, as SQL from FROM on.
        parameters: Its parameters.
    """
    row = await (await connection.execute("SELECT count(*) AS rows " + source, parameters)).fetchone()
    return row["rows"] if row else 0


def _conninfo(url: str) -> str:
    return make_conninfo("", **{**_DEFAULTS, **conninfo_to_dict(url)})


async def _configure(connection: AsyncConnection[Any], limits: Limits, **more: str) -> None:
    """Set what holds for as long as the connection lasts."""
    settings = {
        # In another zone the first and last moments that events may name lie outside the years that Python knows.
        "TimeZone": "UTC",
        # A service that is stopped, or whose machine is paused, holds its locks no longer than that.
        "idle_in_transaction_session_timeout": _milliseconds(limits.idle_seconds),
        **more,
    }
    await connection.execute(_SET, [[*settings], [*settings.values()]])


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f}"


async def wait_until_there(url: str, seconds: float) -> None:
    """Wait for a database that is not there yet.

    Raises:
        psycopg.OperationalError: No connection within so many seconds, or none that will ever be had.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            connection = await AsyncConnection.connect(_conninfo(url))
        except OperationalError as error:
            if time.monotonic() > deadline or FOR_GOOD.search(str(error)):
                raise
            log.warning("The lineage database can't be reached yet, trying again: %s", explained(str(error)))
            await asyncio.sleep(1.0)
        else:
            await connection.close()
            return


async def migrate(url: str) -> list[str]:
    """Apply the migrations that the database lacks, in order; returns their names.

    Raises:
        psycopg.Error: The database is away, or refuses one.
        ConfigurationError: It has one that is unknown or another one here.
    """
    applied: list[str] = []
    migrations = _migrations()
    async with await AsyncConnection.connect(_conninfo(url)) as connection:
        await _configure(connection, Limits())
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", [locks.MIGRATION])
        await connection.execute(
            "CREATE TABLE IF NOT EXISTS schema_migrations "
            "(name text PRIMARY KEY, checksum text, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        # Databases from before there were checksums have tables of another shape.
        await connection.execute("ALTER TABLE schema_migrations ADD COLUMN IF NOT EXISTS checksum text")
        rows = await (await connection.execute("SELECT name, checksum FROM schema_migrations")).fetchall()
        present: dict[str, str | None] = dict(rows)
        _check(migrations, present)
        for name, text in migrations.items():
            if name not in present:
                await connection.execute(cast("LiteralString", text))
                await connection.execute(
                    "INSERT INTO schema_migrations (name, checksum) VALUES (%s, %s)", [name, _checksum(text)]
                )
                applied.append(name)
    return applied


def _check(migrations: Mapping[str, str], present: Mapping[str, str | None]) -> None:
    if unknown := sorted(present.keys() - migrations.keys()):
        raise ConfigurationError(
            f"The lineage database has the migration {unknown[-1]}, unknown here: a newer version of "
            "weather-pipeline made it. Start that version, or give this one another database."
        )
    for name, checksum in sorted(present.items()):
        if checksum != _checksum(migrations[name]):
            raise ConfigurationError(
                f"The lineage database has another migration {name} than there is here: a version of weather-pipeline "
                "from before its first release made it. Give this one another database, or another state directory "
                "(--home). What the stack keeps of its own goes by weather down --delete-data."
            )


def _checksum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _migrations() -> dict[str, str]:
    """Name → statements, in order."""
    folder = files("weather_pipeline.marquez.embedded") / "migrations"
    found = [file for file in folder.iterdir() if file.name.endswith(".sql")]
    return {file.name: file.read_text("utf-8") for file in sorted(found, key=lambda file: file.name)}
