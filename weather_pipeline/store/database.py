"""The warehouse's URL, and one connection for one transaction, which notices when the other end has gone."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.pq import Conninfo, ConninfoOption

from weather_pipeline.errors import ConfigurationError
from weather_pipeline.store.errors import database_errors

_NOTICES = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,  # milliseconds
}
"""A server whose machine or network is gone sends no farewell: without these, a step waits for hours, not a minute."""


def connection_options(url: str) -> list[ConninfoOption]:
    """What a connection URL says, as libpq understands it.

    Raises:
        ConfigurationError: The URL can't be used. Its text is not in the message, as it would be in the driver's.
    """
    try:
        return [option for option in Conninfo.parse(url.encode()) if option.val is not None]
    except psycopg.OperationalError:
        raise ConfigurationError(
            "WEATHER_DATABASE_URL can't be used: it should be postgresql://user:password@host:port/database, with "
            "special characters of the password as %XX."
        ) from None


def conninfo(url: str) -> str:
    """What to connect with: the URL's own options, and with them those that notice a lost server.

    Raises:
        ConfigurationError: The URL can't be used.
    """
    given = {option.keyword.decode(): (option.val or b"").decode() for option in connection_options(url)}
    return make_conninfo("", **{**_NOTICES, **given})


@contextlib.contextmanager
def connected(database_url: str) -> Iterator[psycopg.Connection]:
    """A connection whose transaction is committed at the end, or rolled back by an error.

    Args:
        database_url: postgresql://… of the warehouse; what it says of time-outs and keepalives stands.

    Raises:
        StoreUnavailable: See `database_errors`, as for the others.
        ConfigurationError: An unusable URL, wrong user, password, database or rights, or a missing table.
        LoadRejected: The database refused the rows.
    """
    with database_errors(), psycopg.connect(conninfo(database_url)) as connection:
        yield connection
