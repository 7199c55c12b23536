"""Errors of the stores, and the one place where psycopg's errors become ours."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import psycopg
from psycopg import errors

from weather_pipeline.errors import ENTRY_REFUSED, ConfigurationError, DataError, LoadRejected, StoreUnavailable


class ObjectNotFound(DataError):
    """There is no such object in the store."""


_REMEDY: dict[type[psycopg.Error], str] = {
    errors.DiskFull: "Free space on the database server.",
    errors.ReadOnlySqlTransaction: "Check that WEATHER_DATABASE_URL names the primary server.",
}


@contextlib.contextmanager
def database_errors() -> Iterator[None]:
    """Turn psycopg's errors into ours, with the database's own words.

    Raises:
        StoreUnavailable: The server is away or a read-only copy, its disk is full, the connection was lost, or a lock
            or a resource is lacking for now.
        ConfigurationError: Wrong user, password, database or rights, or a missing table.
        LoadRejected: The database refused the rows.
    """
    try:
        yield
    except (
        errors.InvalidPassword,
        errors.InvalidAuthorizationSpecification,
        errors.InvalidCatalogName,
        errors.InsufficientPrivilege,
        errors.UndefinedTable,
        errors.UndefinedColumn,
        errors.InvalidSchemaName,
    ) as error:
        message = f"{words(error)} Check WEATHER_DATABASE_URL, and that the migrations have been applied."
        raise ConfigurationError(message) from error
    except (errors.DiskFull, errors.ReadOnlySqlTransaction) as error:
        raise StoreUnavailable(f"The database can't be written: {words(error)} {_REMEDY[type(error)]}") from error
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        if ENTRY_REFUSED.search(str(error)):
            raise ConfigurationError(f"{words(error)} Check WEATHER_DATABASE_URL.") from error
        message = f"The database is not available: {words(error)} Check WEATHER_DATABASE_URL, and that it runs."
        raise StoreUnavailable(message) from error
    except psycopg.Error as error:
        raise LoadRejected(words(error)) from error


def words(error: Any) -> str:
    """The database's message with its detail, on one line, as sentences; from an error of psycopg or psycopg2."""
    message = error.diag.message_primary or str(error)
    return " ".join(_sentence(part) for part in (message, error.diag.message_detail or "") if part)


def _sentence(text: str) -> str:
    words = " ".join(text.split())
    return words if words.endswith((".", "?", "!")) else f"{words}."
