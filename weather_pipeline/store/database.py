"""One connection to the warehouse for one transaction, which notices when the other end has gone."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

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

UNUSABLE_URL = (
    "WEATHER_DATABASE_URL can't be used: it should be postgresql://user:password@host:port/database, with special "
    "characters of the password as %XX."
)
"""Said of a URL that can't be parsed, in place of the driver's words, which quote it."""


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
    try:
        options = {**_NOTICES, **conninfo_to_dict(database_url)}
    except psycopg.ProgrammingError:
        raise ConfigurationError(UNUSABLE_URL) from None
    with database_errors(), psycopg.connect(make_conninfo("", **options)) as connection:
        yield connection
