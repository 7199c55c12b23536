"""The Iceberg tables of the catalog that the settings name, read without a JVM."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from weather_pipeline.errors import ENTRY_REFUSED, ConfigurationError, StoreUnavailable
from weather_pipeline.settings import IcebergCatalog, Settings
from weather_pipeline.spark.catalog import Table
from weather_pipeline.urls import without_login

if TYPE_CHECKING:
    import pyiceberg.table
    from pyiceberg.catalog import Catalog
    from pyiceberg.io.pyarrow import PyArrowFileIO
    from sqlalchemy.exc import DBAPIError

_CONNECT_SECONDS = "10"
_METADATA_FILE = re.compile(r"v(\d+)\.metadata\.json")


class Tables(Protocol):
    """A catalog's tables."""

    def names(self) -> list[str]:
        """All tables, as NAMESPACE.TABLE."""
        ...

    def load(self, table: Table) -> pyiceberg.table.Table | None:
        """A table as it is now; None where there is none of this name."""
        ...


@contextmanager
def opened(settings: Settings, name: str) -> Iterator[Tables]:
    """The tables of a catalog, to be asked inside it.

    Args:
        settings: The settings, with the catalog's address where it has one.
        name: What SQL calls the catalog, as `demo`.

    Raises:
        ConfigurationError: An address is missing or can't be used, the catalog lets us not in, or a table's files are
            not where it says.
        StoreUnavailable: The catalog can't be reached.
    """
    if settings.iceberg_catalog is IcebergCatalog.HADOOP:
        yield _Directories(settings.effective_iceberg_warehouse)
        return
    if settings.iceberg_uri is None:
        raise ConfigurationError(
            f"The Iceberg catalog {settings.iceberg_catalog.value} needs an address: WEATHER_ICEBERG_URI, or a running "
            "stack, which has one. WEATHER_ICEBERG_CATALOG=hadoop needs none."
        )
    uri = settings.iceberg_uri.get_secret_value()
    with _explained(shown_address(uri)):
        if settings.iceberg_catalog is IcebergCatalog.REST:
            yield _Catalog(_rest(name, uri, settings.effective_iceberg_warehouse))
            return
        catalog, dispose = _sql(name, uri)
        try:
            yield _Catalog(catalog)
        finally:
            dispose()


def sql_address(uri: str) -> str:
    """The address of a JDBC catalog, as SQLAlchemy has it.

    Args:
        uri: postgresql://user:password@host:port/database, or sqlite:///FILE.

    Raises:
        ConfigurationError: It is of another kind. Its text is not in the message.
    """
    parts = urlsplit(uri)
    if parts.scheme == "sqlite":
        return uri
    if parts.scheme not in {"postgresql", "postgres"} or not parts.hostname:
        raise ConfigurationError(
            "WEATHER_ICEBERG_URI should be postgresql://user:password@host:port/database. Its scheme is "
            f"{parts.scheme!r}."
        )
    query = urlencode({"connect_timeout": _CONNECT_SECONDS, **dict(parse_qsl(parts.query))})
    return urlunsplit(("postgresql+psycopg", parts.netloc, parts.path, query, ""))


def shown_address(uri: str) -> str:
    """A catalog's address for people: without user, password and options."""
    return without_login(uri).partition("?")[0]


class _Catalog:
    """Tables that a catalog knows."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def names(self) -> list[str]:
        spaces = self._catalog.list_namespaces()
        return sorted(".".join(found) for space in spaces for found in self._catalog.list_tables(space))

    def load(self, table: Table) -> pyiceberg.table.Table | None:
        from pyiceberg.exceptions import NoSuchTableError

        try:
            return self._catalog.load_table((table.namespace, table.name))
        except NoSuchTableError:
            return None


class _Directories:
    """Tables that their directories alone make: NAMESPACE/TABLE of a warehouse. pyiceberg has no catalog for them."""

    def __init__(self, warehouse: str) -> None:
        from pyiceberg.io.pyarrow import PyArrowFileIO

        self._io: PyArrowFileIO = PyArrowFileIO()
        self._warehouse = warehouse.rstrip("/")

    def names(self) -> list[str]:
        return sorted(
            f"{space}.{table}"
            for space in self._inside(self._warehouse)
            for table in self._inside(f"{self._warehouse}/{space}")
            if self._newest(f"{self._warehouse}/{space}/{table}")
        )

    def load(self, table: Table) -> pyiceberg.table.Table | None:
        from pyiceberg.table import StaticTable

        found = self._newest(f"{self._warehouse}/{table.namespace}/{table.name}")
        return None if found is None else StaticTable.from_metadata(found)

    def _newest(self, table: str) -> str | None:
        """The newest metadata file. `version-hint.text` may lag behind it."""
        versions = [
            int(found[1]) for name in self._inside(f"{table}/metadata") if (found := _METADATA_FILE.fullmatch(name))
        ]
        return f"{table}/metadata/v{max(versions)}.metadata.json" if versions else None

    def _inside(self, directory: str) -> list[str]:
        """The names in a directory, none where it is not there."""
        from pyarrow.fs import FileSelector

        scheme, netloc, path = self._io.parse_location(directory)
        found = self._io.fs_by_scheme(scheme, netloc).get_file_info(FileSelector(path, allow_not_found=True))
        return [each.base_name for each in found]


def _sql(name: str, uri: str) -> tuple[Catalog, Callable[[], None]]:
    """A catalog in a database, and what closes its connections."""
    from pyiceberg.catalog.sql import SqlCatalog

    # Who only reads makes no tables of the catalog's own.
    catalog = SqlCatalog(name, uri=sql_address(uri), init_catalog_tables="false")
    return catalog, catalog.engine.dispose


def _rest(name: str, uri: str, warehouse: str) -> Catalog:
    """A server of Iceberg's REST protocol; credentials come from pyiceberg's own configuration."""
    from pyiceberg.catalog import load_catalog

    return load_catalog(name, type="rest", uri=uri, warehouse=warehouse)


@contextmanager
def _explained(address: str) -> Iterator[None]:
    """Say what is wrong with a catalog without the password that its errors may hold.

    Raises:
        ConfigurationError: It has no tables yet, lets us not in, or its files are elsewhere.
        StoreUnavailable: It can't be reached.
    """
    import requests
    from pyiceberg.exceptions import ForbiddenError, RESTError, UnauthorizedError
    from sqlalchemy.exc import DBAPIError

    try:
        yield
    except DBAPIError as error:
        raise _database_trouble(address, error) from None
    except (UnauthorizedError, ForbiddenError):
        raise ConfigurationError(
            f"The Iceberg catalog {address} does not let us in: its token or credential goes into pyiceberg's "
            "configuration (PYICEBERG_CATALOG__NAME__TOKEN)."
        ) from None
    except (requests.RequestException, RESTError) as error:
        raise StoreUnavailable(
            f"The Iceberg catalog {address} can't be asked ({type(error).__name__}). Does its server run, and is the "
            "address right (WEATHER_ICEBERG_URI)?"
        ) from None
    except FileNotFoundError as error:
        raise ConfigurationError(
            f"The catalog knows the table, but its file is not here: {error}. Its warehouse lies on another machine, "
            "or was removed."
        ) from None


def _database_trouble(address: str, error: DBAPIError) -> ConfigurationError | StoreUnavailable:
    said = (str(error.orig).strip().splitlines() or [type(error).__name__])[0]
    if "iceberg_tables" in said:
        return ConfigurationError(
            f"The database {address} has no Iceberg catalog: no job has written a table yet, or WEATHER_ICEBERG_URI "
            "names another database."
        )
    if ENTRY_REFUSED.search(said):
        return ConfigurationError(f"The Iceberg catalog {address} does not let us in: {said}")
    return StoreUnavailable(
        f"The Iceberg catalog {address} can't be reached: {said}. Does its server run, and is the address right "
        "(WEATHER_ICEBERG_URI)?"
    )
