"""The Iceberg catalog of Spark jobs, from the settings.

Names in lineage come from the catalog's own name (`naming.iceberg_table`), whatever its kind and address.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from weather_pipeline.errors import ConfigurationError
from weather_pipeline.settings import IcebergCatalog, Settings
from weather_pipeline.spark.catalog_address import database_address, no_address, server_address
from weather_pipeline.spark.warehouse import Properties, check_shared, file_access, is_on_s3

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_EXTENSIONS = "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions"


@dataclass(frozen=True)
class Table:
    """A table's full name.

    Attributes:
        catalog: The catalog.
        namespace: The namespace in it.
        name: The table.
    """

    catalog: str
    namespace: str
    name: str

    @classmethod
    def parsed(cls, text: str) -> Table:
        """The table of a name such as `demo.news.articles_raw`.

        Raises:
            ConfigurationError: It is not of that form.
        """
        parts = text.split(".")
        if len(parts) != 3 or not all(part.isidentifier() for part in parts):  # noqa: PLR2004
            raise ConfigurationError(
                f"{text!r} is no table: CATALOG.NAMESPACE.TABLE of letters, digits and _ is needed (ICEBERG_TABLE)."
            )
        return cls(*parts)

    def beside(self, name: str) -> Table:
        """Another table of the same namespace."""
        return Table(self.catalog, self.namespace, name)

    def __str__(self) -> str:
        return f"{self.catalog}.{self.namespace}.{self.name}"


@dataclass(frozen=True)
class Catalog:
    """Spark's settings of a catalog.

    Attributes:
        configuration: Those that a session starts with.
        secrets: Those that are set once it runs: what it starts with stands on Java's command line.
    """

    configuration: Mapping[str, str]
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)

    def log_in(self, spark: SparkSession) -> None:
        """Give a session the secrets, before it asks the catalog for anything."""
        for name, value in self.secrets.items():
            spark.conf.set(name, value)


def catalog_of(settings: Settings, name: str) -> Catalog:
    """The catalog of this name.

    Args:
        settings: The settings.
        name: What SQL calls it, as `demo`.

    Raises:
        ConfigurationError: It lacks an address, or has one of another kind; or its tables can't lie where they are to.
    """
    check_shared(settings, settings.iceberg_warehouse, "WEATHER_ICEBERG_WAREHOUSE", "Iceberg's tables")
    kind, files = settings.iceberg_catalog, file_access(settings)
    about = _about(settings, kind)
    prefix = f"spark.sql.catalog.{name}"
    return Catalog(
        {
            "spark.sql.extensions": _EXTENSIONS,
            "spark.sql.session.timeZone": "UTC",
            prefix: "org.apache.iceberg.spark.SparkCatalog",
            **{f"{prefix}.{key}": value for key, value in {**about.plain, **files.plain}.items()},
        },
        {f"{prefix}.{key}": value for key, value in {**about.secrets, **files.secrets}.items()},
    )


def _about(settings: Settings, kind: IcebergCatalog) -> Properties:
    """What the catalog is, and where."""
    warehouse = settings.effective_iceberg_warehouse
    if kind is IcebergCatalog.HADOOP:
        if is_on_s3(settings):
            raise ConfigurationError(
                f"The Iceberg catalog hadoop can't have its tables in {warehouse}: two writers on S3 would lose each "
                "other's rows. Use WEATHER_ICEBERG_CATALOG=jdbc or rest."
            )
        return Properties({"type": kind.value, "warehouse": warehouse})
    if settings.iceberg_uri is None:
        raise no_address(kind)
    uri = settings.iceberg_uri.get_secret_value()
    return rest_properties(settings, uri) if kind is IcebergCatalog.REST else _jdbc(uri, warehouse)


def rest_properties(settings: Settings, uri: str) -> Properties:
    """What a client of a REST catalog is told, under names that every client of Iceberg knows.

    Args:
        settings: The settings.
        uri: The catalog's address.

    Raises:
        ConfigurationError: The address is none, or holds a password.
    """
    # Where its tables lie is for the server to say, unless a warehouse is named.
    warehouse = {"warehouse": settings.iceberg_warehouse} if settings.iceberg_warehouse else {}
    logins = {"token": settings.iceberg_token, "credential": settings.iceberg_credential}
    return Properties(
        {"type": IcebergCatalog.REST.value, "uri": server_address(uri), **warehouse},
        {name: value.get_secret_value() for name, value in logins.items() if value},
    )


def _jdbc(uri: str, warehouse: str) -> Properties:
    at = database_address(uri)
    if "password" in at.options.lower():
        raise ConfigurationError(
            "WEATHER_ICEBERG_URI holds a password where other users of this machine could read it: among the options. "
            "It stands before the host (postgresql://user:password@host/database)."
        )
    options = f"?{at.options}" if at.options else ""
    address = f"jdbc:postgresql://{at.host}:{at.port or 5432}/{at.database}{options}"
    login = {"jdbc.user": at.user, "jdbc.password": at.password}
    return Properties(
        {"type": "jdbc", "uri": address, "jdbc.schema-version": "V1", "warehouse": warehouse},
        {name: value for name, value in login.items() if value},
    )
