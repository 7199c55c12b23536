"""The Iceberg tables of the catalog that the settings name, read without a JVM."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from weather_pipeline.cli.iceberg.reading import readable
from weather_pipeline.errors import ENTRY_REFUSED, ConfigurationError, StoreUnavailable
from weather_pipeline.settings import IcebergCatalog, Settings
from weather_pipeline.spark.catalog import Table, rest_properties
from weather_pipeline.spark.catalog_address import database_address, no_address, server_address
from weather_pipeline.spark.warehouse import file_access

if TYPE_CHECKING:
    import pyiceberg.table
    from pyiceberg.catalog import Catalog
    from pyiceberg.catalog.sql import SqlCatalog
    from pyiceberg.io.pyarrow import PyArrowFileIO
    from sqlalchemy.exc import DBAPIError

_CONNECT_SECONDS = "10"
_METADATA_FILE = re.compile(r"v(\d+)(\.gz)?\.metadata\.json")
_SQLITE = "sqlite:///"
_UNKNOWN_OPTION = re.compile(r'invalid connection option "(.+)"')


class Tables(Protocol):
    """A catalog's tables."""

    def names(self) -> list[str]:
        """All tables, as NAMESPACE.TABLE."""
        ...

    def load(self, table: Table) -> pyiceberg.table.Table | None:
        """A table as it is now; None where there is none of this name.

        Raises:
            DataError: Its metadata can't be read.
        """
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
    files = file_properties(settings)
    if settings.iceberg_catalog is IcebergCatalog.HADOOP:
        yield _Directories(_directory(settings.effective_iceberg_warehouse), files)
        return
    if settings.iceberg_uri is None:
        raise no_address(settings.iceberg_catalog)
    uri = settings.iceberg_uri.get_secret_value()
    if settings.iceberg_catalog is IcebergCatalog.REST:
        about, address = rest_properties(settings, uri), server_address(uri)
        with _explained(address):
            catalog = _rest(name, {**about.plain, **about.secrets, **files})
            yield _Catalog(catalog, lambda _: f"what its catalog {address} answers")
        return
    with _explained(shown_database(uri)):
        database = _sql(name, sql_address(uri), files)
        try:
            yield _Catalog(database, lambda table: _metadata_file(database, table))
        finally:
            database.engine.dispose()


def file_properties(settings: Settings) -> dict[str, str]:
    """How pyiceberg reaches the files: as Spark does, under pyiceberg's names.

    Raises:
        ConfigurationError: The warehouse names no bucket, or only one half of a key is set.
    """
    access = file_access(settings)
    said = {**access.plain, **access.secrets}
    said.pop("io-impl", None)  # a class of Java
    if path_style := said.pop("s3.path-style-access", None):
        said["s3.force-virtual-addressing"] = "false" if path_style == "true" else "true"
    return said


def _directory(warehouse: str) -> str:
    """The warehouse, which must be a directory: of others pyiceberg wants a Java, or asks for minutes who we are.

    Raises:
        ConfigurationError: It lies elsewhere.
    """
    if urlsplit(warehouse).scheme not in ("", "file"):
        raise ConfigurationError(
            f"WEATHER_ICEBERG_WAREHOUSE is {warehouse}: without Spark the catalog hadoop is read from a directory "
            "alone, as file:///path. Mount it here, or keep the tables in a catalog jdbc or rest."
        )
    return warehouse


def sql_address(uri: str) -> str:
    """The address of a JDBC catalog, as SQLAlchemy has it.

    Args:
        uri: postgresql://user:password@host:port/database, or sqlite:///FILE.

    Raises:
        ConfigurationError: It is of another kind. Its text is not in the message.
    """
    if uri.startswith(_SQLITE):
        return uri
    at = database_address(uri)
    login = ":".join(quote(each, safe="") for each in (at.user, at.password) if each is not None)
    place = str(at).removeprefix("postgresql://")
    options = urlencode({"connect_timeout": _CONNECT_SECONDS, **dict(parse_qsl(at.options))})
    return f"postgresql+psycopg://{login}{'@' if login else ''}{place}?{options}"


def shown_database(uri: str) -> str:
    """The address of a JDBC catalog for people: without user, password and options.

    Raises:
        ConfigurationError: It is of another kind. Its text is not in the message.
    """
    return uri.partition("?")[0] if uri.startswith(_SQLITE) else str(database_address(uri))


class _Catalog:
    """Tables that a catalog knows.

    Args:
        catalog: The catalog.
        source: Where it has a table's metadata, for people.
    """

    def __init__(self, catalog: Catalog, source: Callable[[Table], str]) -> None:
        self._catalog, self._source = catalog, source

    def names(self) -> list[str]:
        spaces = self._catalog.list_namespaces()
        return sorted(".".join(found) for space in spaces for found in self._catalog.list_tables(space))

    def load(self, table: Table) -> pyiceberg.table.Table | None:
        from pyiceberg.exceptions import NoSuchTableError

        try:
            with readable(str(table), lambda: self._source(table)):
                return self._catalog.load_table((table.namespace, table.name))
        except NoSuchTableError:
            return None


class _Directories:
    """Tables that their directories alone make: NAMESPACE/TABLE of a warehouse. pyiceberg has no catalog for them."""

    def __init__(self, warehouse: str, files: Mapping[str, str]) -> None:
        from pyiceberg.io.pyarrow import PyArrowFileIO

        self._files = dict(files)
        self._io: PyArrowFileIO = PyArrowFileIO(self._files)
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
        if found is None:
            return None
        with readable(str(table), lambda: found):
            return StaticTable.from_metadata(found, self._files)

    def _newest(self, table: str) -> str | None:
        """The newest metadata file. `version-hint.text` may lag behind it."""
        versions = {
            int(found[1]): name
            for name in self._inside(f"{table}/metadata")
            if (found := _METADATA_FILE.fullmatch(name))
        }
        return f"{table}/metadata/{versions[max(versions)]}" if versions else None

    def _inside(self, directory: str) -> list[str]:
        """The names in a directory, none where it is not there."""
        from pyarrow.fs import FileSelector

        scheme, netloc, path = self._io.parse_location(directory)
        found = self._io.fs_by_scheme(scheme, netloc).get_file_info(FileSelector(path, allow_not_found=True))
        return [each.base_name for each in found]


def _sql(name: str, address: str, files: Mapping[str, str]) -> SqlCatalog:
    """A catalog in a database, whose connections are to be closed."""
    from pyiceberg.catalog.sql import SqlCatalog

    # Who only reads makes no tables of the catalog's own.
    return SqlCatalog(name, uri=address, init_catalog_tables="false", **files)


def _metadata_file(catalog: SqlCatalog, table: Table) -> str:
    """The metadata file that a catalog in a database has for a table."""
    from pyiceberg.catalog.sql import IcebergTables
    from sqlalchemy import select

    wanted = select(IcebergTables.metadata_location).filter_by(
        catalog_name=catalog.name, table_namespace=table.namespace, table_name=table.name
    )
    with catalog.engine.connect() as connection:
        return connection.scalar(wanted) or "its catalog"


def _rest(name: str, properties: Mapping[str, str]) -> Catalog:
    """A server of Iceberg's REST protocol."""
    from pyiceberg.catalog import load_catalog

    return load_catalog(name, **properties)


@contextmanager
def _explained(address: str) -> Iterator[None]:
    """Say what is wrong with a catalog without the password that its errors may hold.

    Raises:
        ConfigurationError: It has no tables yet, lets us not in, or its files are elsewhere.
        StoreUnavailable: It can't be reached.
    """
    import requests
    from pydantic import ValidationError
    from pyiceberg.exceptions import ForbiddenError, OAuthError, RESTError, UnauthorizedError
    from sqlalchemy.exc import DBAPIError

    try:
        yield
    except DBAPIError as error:
        raise _database_trouble(address, error) from None
    except (UnauthorizedError, ForbiddenError, OAuthError):
        raise ConfigurationError(
            f"The Iceberg catalog {address} does not let us in: WEATHER_ICEBERG_TOKEN or WEATHER_ICEBERG_CREDENTIAL is "
            "missing, or is not what it wants."
        ) from None
    except ValidationError:
        raise ConfigurationError(
            f"What {address} answers is not Iceberg's REST protocol. Is the address right (WEATHER_ICEBERG_URI), with "
            "its path?"
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
    if unknown := _UNKNOWN_OPTION.search(said):
        return ConfigurationError(
            f"WEATHER_ICEBERG_URI has the option {unknown[1]}, which `list` and `show` don't know: they read {address} "
            "with libpq, Spark with JDBC. Take one that both know: options=-csearch_path%3DNAME for currentSchema."
        )
    if ENTRY_REFUSED.search(said):
        return ConfigurationError(f"The Iceberg catalog {address} does not let us in: {said}")
    return StoreUnavailable(
        f"The Iceberg catalog {address} can't be reached: {said}. Does its server run, and is the address right "
        "(WEATHER_ICEBERG_URI)?"
    )
