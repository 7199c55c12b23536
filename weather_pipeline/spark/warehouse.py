"""Where Iceberg's tables lie: directories, or an S3 server that Iceberg speaks to itself (S3FileIO), without Hadoop."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from weather_pipeline.errors import ConfigurationError
from weather_pipeline.settings import IcebergCatalog, Settings

_SCHEME = re.compile(r"s3[an]?")
_ANY_REGION = "us-east-1"
"""What servers that know no regions take."""


@dataclass(frozen=True)
class Properties:
    """Properties of a catalog.

    Attributes:
        plain: Those that others may see.
        secrets: The others.
    """

    plain: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


def file_access(settings: Settings) -> Properties:
    """How the catalog of the settings reaches its files.

    Raises:
        ConfigurationError: The warehouse names no bucket, or only one half of a key is set.
    """
    if not is_on_s3(settings):
        return Properties()
    _check_bucket(settings.iceberg_warehouse or "")
    endpoint = s3_endpoint(settings)
    region = settings.s3_region or (_ANY_REGION if endpoint else None)
    path_style = bool(endpoint) if settings.iceberg_s3_path_style is None else settings.iceberg_s3_path_style
    said = {
        "io-impl": "org.apache.iceberg.aws.s3.S3FileIO",
        "s3.endpoint": endpoint,
        "s3.path-style-access": str(path_style).lower(),
        "client.region": region,
    }
    return Properties({name: value for name, value in said.items() if value}, _keys(settings))


def check_shared(settings: Settings, place: str | None, setting: str, what: str) -> None:
    """Refuse a directory of this machine's state where executors run on other machines: each would have its own.

    Args:
        settings: The settings.
        place: Where it lies, as far as that is set.
        setting: The variable that sets it.
        what: What lies there, for people.

    Raises:
        ConfigurationError: It lies in the state directory, and the master is no local one.
    """
    master = settings.spark_master or "local"
    says_itself = setting == "WEATHER_ICEBERG_WAREHOUSE" and settings.iceberg_catalog is IcebergCatalog.REST
    if place is None and not master.startswith("local") and not says_itself:
        raise ConfigurationError(
            f"SPARK_MASTER is {master!r}, and {what} would lie in {settings.home} of each machine by itself. Set "
            f"{setting} to a place that all of them share: s3://bucket/path, or file:///path on a shared file system."
        )


def is_on_s3(settings: Settings) -> bool:
    """Whether tables lie on S3: by the warehouse, or, where a REST catalog says where they lie, by the endpoint."""
    warehouse = settings.iceberg_warehouse or ""
    if settings.iceberg_catalog is IcebergCatalog.REST and "://" not in warehouse:
        return settings.iceberg_s3_endpoint is not None
    return _SCHEME.fullmatch(urlsplit(warehouse).scheme) is not None


def s3_endpoint(settings: Settings) -> str | None:
    """The base URL of the warehouse's S3 server, which is the lake's where nothing else is said; None is AWS."""
    lake = urlsplit(settings.lake_url or "")
    if settings.iceberg_s3_endpoint or lake.scheme != "s3":
        return settings.iceberg_s3_endpoint
    return f"{'https' if settings.s3_secure else 'http'}://{lake.netloc}"


def _check_bucket(warehouse: str) -> None:
    if "://" in warehouse and not urlsplit(warehouse).hostname:
        raise ConfigurationError(
            f"WEATHER_ICEBERG_WAREHOUSE is {warehouse!r}: s3://bucket or s3://bucket/path is needed."
        )


def _keys(settings: Settings) -> dict[str, str]:
    """The key; none leaves it to AWS's own ways (`AWS_ACCESS_KEY_ID`, a profile, the machine's role)."""
    key, secret = settings.s3_access_key, settings.s3_secret_key
    if (key is None) != (secret is None):
        there, missing = ("WEATHER_S3_ACCESS_KEY", "WEATHER_S3_SECRET_KEY")[:: 1 if key else -1]
        raise ConfigurationError(f"{there} is set, and {missing} is not. Set both, or neither.")
    if key is None or secret is None:
        return {}
    return {"s3.access-key-id": key, "s3.secret-access-key": secret.get_secret_value()}
