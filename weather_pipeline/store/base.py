"""A small object store, chosen by URL. Writers see nothing of each other's half-written objects, readers neither."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from weather_pipeline.errors import ConfigurationError
from weather_pipeline.store.s3_access import S3Access


class ObjectStore(Protocol):
    """Objects below one root. A key is a relative path with `/`, such as `bronze/weather/2026/11/21/10/….parquet`."""

    def put(self, key: str, data: bytes | Path) -> None:
        """Store bytes or a file under a key, all or nothing; an object that is there is replaced.

        Raises:
            StoreUnavailable: The store can't be written now; nothing of the object is visible.
            ConfigurationError: It may not be written: read-only, or wrong rights.
        """
        ...

    def get(self, key: str) -> bytes:
        """The object's bytes.

        Raises:
            ObjectNotFound: There is no such object.
        """
        ...

    def list(self, prefix: str = "") -> list[str]:
        """The keys that begin with a prefix, sorted."""
        ...

    def delete(self, key: str) -> None:
        """Remove an object; none there is fine."""
        ...

    def exists(self, key: str) -> bool:
        """Whether there is such an object."""
        ...

    def uri(self, key: str) -> str:
        """The object's absolute URI."""
        ...

    def local(self, key: str) -> AbstractContextManager[Path]:
        """A path at which DuckDB and Arrow can read the object while the context is open.

        Raises:
            ObjectNotFound: There is no such object.
            StoreUnavailable: It was replaced meanwhile (said at the end): what was read may be of two contents.
        """
        ...


def open_store(url: str, access: S3Access | None = None) -> ObjectStore:
    """The object store at a URL: `file:///path`, or `s3://host:port` of an S3 server.

    Args:
        url: Where it is.
        access: Key and secret for an S3 server.

    Raises:
        ConfigurationError: The scheme is not supported, the URL names no absolute path or more than a server, or the
            S3 server's key is missing.
    """
    from weather_pipeline.store.local import LocalStore

    parts = urlsplit(url)
    if parts.scheme == "s3":
        return _s3_store(url, access)
    if parts.scheme != "file":
        raise ConfigurationError(
            f"The lake's URL {url!r} is not supported. Supported: file:///absolute/path and s3://host:port."
        )
    path = Path(unquote(parts.path))
    if parts.netloc not in ("", "localhost") or not path.is_absolute():
        raise ConfigurationError(f"The lake's URL {url!r} names no absolute local path. Write file:///absolute/path.")
    return LocalStore(path)


def _s3_store(url: str, access: S3Access | None) -> ObjectStore:
    from weather_pipeline.store.s3 import S3Store

    parts = urlsplit(url)
    if not parts.hostname or parts.path.strip("/") or "@" in parts.netloc:
        raise ConfigurationError(
            f"The lake's URL {url.rpartition('@')[2]!r} must name the S3 server alone: s3://host:port. "
            "The buckets are bronze and silver; key and secret have settings of their own."
        )
    if access is None:
        raise ConfigurationError(f"{url} needs WEATHER_S3_ACCESS_KEY and WEATHER_S3_SECRET_KEY.")
    return S3Store(parts.netloc, access)
