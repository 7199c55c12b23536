"""The addresses of Iceberg catalogs, checked. Nothing of one that is refused is shown: it may be a password."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from weather_pipeline.errors import ConfigurationError
from weather_pipeline.settings import IcebergCatalog
from weather_pipeline.urls import check_http_url

_ESCAPES = "In user and password / is written %2F, ? %3F, # %23, @ %40, [ %5B, ] %5D, % %25."


@dataclass(frozen=True)
class DatabaseAddress:
    """A PostgreSQL database with a catalog. As text it is for people: without login and options.

    Attributes:
        host: The host, in brackets where it is an IPv6 address.
        port: The port, where one is named.
        database: The database, as the address has it.
        user: The user, where one is named.
        password: Its password.
        options: What stands behind `?`.
    """

    host: str
    port: int | None
    database: str
    user: str | None
    password: str | None = field(repr=False)
    options: str = field(repr=False)

    def __str__(self) -> str:
        port = "" if self.port is None else f":{self.port}"
        return f"postgresql://{self.host}{port}/{self.database}"


def database_address(uri: str) -> DatabaseAddress:
    """The address of a JDBC catalog.

    Args:
        uri: postgresql://user:password@host:port/database.

    Raises:
        ConfigurationError: It is of another form. Its text is not in the message.
    """
    try:
        parts = urlsplit(uri)
        host, port, database = parts.hostname, parts.port, parts.path.strip("/")
    except ValueError:  # a port that is no number, half an IPv6 address: or a password's / or [
        raise _no_database(_ESCAPES) from None
    if "@" in parts.path + parts.query + parts.fragment:
        raise _no_database(_ESCAPES)
    if parts.scheme not in {"postgresql", "postgres"} or not host or not database:
        raise _no_database(f"Its scheme is {parts.scheme!r}.")
    return DatabaseAddress(
        host=f"[{host}]" if ":" in host else host,
        port=port,
        database=database,
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        options=parts.query,
    )


def server_address(uri: str) -> str:
    """The base URL of a REST catalog, without a slash at its end.

    Raises:
        ConfigurationError: It is none, or holds a login. Its text is not in the message.
    """
    if "@" in uri:
        raise ConfigurationError(
            "WEATHER_ICEBERG_URI holds a password where others could read it. A REST catalog's goes into "
            "WEATHER_ICEBERG_CREDENTIAL or WEATHER_ICEBERG_TOKEN."
        )
    try:
        return check_http_url(uri)
    except ValueError as error:
        raise ConfigurationError(f"WEATHER_ICEBERG_URI can't be a REST catalog's address. {error}.") from None


def no_address(kind: IcebergCatalog) -> ConfigurationError:
    """What to say where a catalog has no address."""
    if kind is IcebergCatalog.REST:
        where = "WEATHER_ICEBERG_URI=http://host:port"
    else:
        where = (
            "WEATHER_ICEBERG_URI=postgresql://user:password@host/database. A running stack has one "
            '(`weather up`, then `eval "$(weather env)"`)'
        )
    return ConfigurationError(
        f"The Iceberg catalog {kind.value} needs an address: {where}. WEATHER_ICEBERG_CATALOG=hadoop needs none."
    )


def _no_database(why: str) -> ConfigurationError:
    return ConfigurationError(f"WEATHER_ICEBERG_URI should be postgresql://user:password@host:port/database. {why}")
