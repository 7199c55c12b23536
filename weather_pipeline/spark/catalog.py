"""The Iceberg catalog of Spark jobs, from the settings.

OpenLineage's listener drops every table of a catalog whose type it reads as `jdbc` (OpenLineage issue 4677). Iceberg
takes its keys in any case, the listener in lower case only: so they are written in upper case, and the listener, which
then takes the catalog for Hive's, finds the tables by their metadata. What it calls the catalog ends here: names come
from the catalog's own name (`naming.iceberg_table`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from weather_pipeline.errors import ConfigurationError
from weather_pipeline.settings import IcebergCatalog, Settings
from weather_pipeline.spark.warehouse import Properties, check_shared, file_access, is_on_s3

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
    hive = {"spark.hadoop.hive.metastore.uris": f"thrift://{name}-catalog:0"} if kind is IcebergCatalog.JDBC else {}
    prefix = f"spark.sql.catalog.{name}"
    return Catalog(
        {
            "spark.sql.extensions": _EXTENSIONS,
            "spark.sql.session.timeZone": "UTC",
            prefix: "org.apache.iceberg.spark.SparkCatalog",
            **{f"{prefix}.{key}": value for key, value in {**about.plain, **files.plain}.items()},
            # Without a metastore's address the listener gives up on what it takes for Hive's catalog.
            **hive,
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
        raise ConfigurationError(
            f"The Iceberg catalog {kind.value} needs an address: WEATHER_ICEBERG_URI. With the stack running "
            '`eval "$(weather env)"` sets it; WEATHER_ICEBERG_CATALOG=hadoop needs none.'
        )
    uri = settings.iceberg_uri.get_secret_value()
    _check_secrets(uri, kind)
    return _rest(settings, uri) if kind is IcebergCatalog.REST else _jdbc(uri, warehouse)


def _check_secrets(uri: str, kind: IcebergCatalog) -> None:
    """Refuse secrets where they would stand on Java's command line."""
    parts = urlsplit(uri)
    if "password" in parts.query.lower() or (kind is IcebergCatalog.REST and "@" in parts.netloc):
        raise ConfigurationError(
            "WEATHER_ICEBERG_URI holds a password where other users of this machine could read it. For jdbc it stands "
            "before the host (postgresql://user:password@host/database); a REST catalog's goes into "
            "WEATHER_ICEBERG_CREDENTIAL or WEATHER_ICEBERG_TOKEN."
        )


def _rest(settings: Settings, uri: str) -> Properties:
    # Where its tables lie is for the server to say, unless a warehouse is named.
    warehouse = {"warehouse": settings.iceberg_warehouse} if settings.iceberg_warehouse else {}
    logins = {"token": settings.iceberg_token, "credential": settings.iceberg_credential}
    return Properties(
        {"type": IcebergCatalog.REST.value, "uri": uri, **warehouse},
        {name: value.get_secret_value() for name, value in logins.items() if value},
    )


def _jdbc(uri: str, warehouse: str) -> Properties:
    parts = urlsplit(uri)
    if parts.scheme not in {"postgresql", "postgres"} or not parts.hostname or not parts.path.strip("/"):
        raise ConfigurationError(
            f"WEATHER_ICEBERG_URI should be postgresql://user:password@host:port/database. Its scheme is "
            f"{parts.scheme!r}."
        )
    query = f"?{parts.query}" if parts.query else ""
    address = f"jdbc:postgresql://{parts.hostname}:{parts.port or 5432}{parts.path}{query}"
    login = {"jdbc.user": parts.username, "jdbc.password": parts.password}
    return Properties(
        {"TYPE": "jdbc", "URI": address, "jdbc.schema-version": "V1", "warehouse": warehouse},
        {name: unquote(value) for name, value in login.items() if value},
    )
