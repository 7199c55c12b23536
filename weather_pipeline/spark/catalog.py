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
        ConfigurationError: It lacks an address, or has one of another kind.
    """
    prefix = f"spark.sql.catalog.{name}"
    common = {
        "spark.sql.extensions": _EXTENSIONS,
        "spark.sql.session.timeZone": "UTC",
        prefix: "org.apache.iceberg.spark.SparkCatalog",
        f"{prefix}.warehouse": settings.effective_iceberg_warehouse,
    }
    kind = settings.iceberg_catalog
    if kind is IcebergCatalog.HADOOP:
        return Catalog({**common, f"{prefix}.type": kind.value})
    if settings.iceberg_uri is None:
        raise ConfigurationError(
            f"The Iceberg catalog {kind.value} needs an address: WEATHER_ICEBERG_URI. With the stack running "
            '`eval "$(weather env)"` sets it; WEATHER_ICEBERG_CATALOG=hadoop needs none.'
        )
    uri = settings.iceberg_uri.get_secret_value()
    _check_secrets(uri, kind)
    if kind is IcebergCatalog.REST:
        return Catalog({**common, f"{prefix}.type": kind.value, f"{prefix}.uri": uri})
    return _jdbc(common, prefix, name, uri)


def _check_secrets(uri: str, kind: IcebergCatalog) -> None:
    """Refuse secrets where they would stand on Java's command line."""
    parts = urlsplit(uri)
    if "password" in parts.query.lower() or (kind is IcebergCatalog.REST and "@" in parts.netloc):
        raise ConfigurationError(
            "WEATHER_ICEBERG_URI holds a password where other users of this machine could read it. For jdbc it stands "
            "before the host (postgresql://user:password@host/database); a REST catalog's goes into Spark's own "
            "configuration (spark.sql.catalog.NAME.credential in spark-defaults.conf)."
        )


def _jdbc(common: Mapping[str, str], prefix: str, name: str, uri: str) -> Catalog:
    parts = urlsplit(uri)
    if parts.scheme not in {"postgresql", "postgres"} or not parts.hostname or not parts.path.strip("/"):
        raise ConfigurationError(
            f"WEATHER_ICEBERG_URI should be postgresql://user:password@host:port/database. Its scheme is "
            f"{parts.scheme!r}."
        )
    query = f"?{parts.query}" if parts.query else ""
    address = f"jdbc:postgresql://{parts.hostname}:{parts.port or 5432}{parts.path}{query}"
    secrets = {f"{prefix}.jdbc.{key}": unquote(value) for key, value in _login(parts.username, parts.password)}
    return Catalog(
        {
            **common,
            f"{prefix}.TYPE": "jdbc",
            f"{prefix}.URI": address,
            f"{prefix}.jdbc.schema-version": "V1",
            # Without a metastore's address the listener gives up on what it takes for Hive's catalog.
            "spark.hadoop.hive.metastore.uris": f"thrift://{name}-catalog:0",
        },
        secrets,
    )


def _login(user: str | None, password: str | None) -> list[tuple[str, str]]:
    return [(key, value) for key, value in (("user", user), ("password", password)) if value]
