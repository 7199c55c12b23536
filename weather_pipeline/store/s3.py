"""The object store on any S3 server, by the MinIO SDK. The first part of a key is the bucket.

A PUT is all or nothing on the server: what breaks off half-way is never visible, and what is there stays.
"""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import urllib3
from minio import Minio
from minio.error import InvalidResponseError, S3Error, ServerError

from weather_pipeline.errors import ConfigurationError, StoreUnavailable
from weather_pipeline.store.errors import ObjectNotFound
from weather_pipeline.store.s3_access import S3Access

BUCKETS = ("bronze", "silver")
"""The buckets that a lake has: its layers."""

_NOT_THERE = frozenset({"NoSuchKey", "NoSuchObject", "NotFound"})
_BAD_CREDENTIALS = frozenset(
    {
        "AccessDenied",
        "AuthorizationHeaderMalformed",
        "InvalidAccessKeyId",
        "SignatureDoesNotMatch",
        "XAdminUserNotFound",  # versitygw's word for an unknown access key
    }
)
_ALREADY_OURS = frozenset({"BucketAlreadyOwnedByYou", "BucketAlreadyExists"})
_CONNECT_TIMEOUT, _READ_TIMEOUT = 5.0, 60.0
_ATTEMPTS = 3


class S3Store:
    """Objects in buckets of an S3 server (see `ObjectStore`).

    Args:
        endpoint: `host:port` of the server, or its host.
        access: Who we are there.
        attempts: How often a request is tried.
        read_timeout: Seconds to wait for data.
    """

    def __init__(
        self, endpoint: str, access: S3Access, *, attempts: int = _ATTEMPTS, read_timeout: float = _READ_TIMEOUT
    ) -> None:
        self.endpoint, self.access = endpoint, access
        retry = urllib3.Retry(total=attempts - 1, backoff_factor=0.3, status_forcelist=(500, 502, 503, 504))
        pool = urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=_CONNECT_TIMEOUT, read=read_timeout), retries=retry, maxsize=8
        )
        self._client = Minio(
            endpoint,
            access_key=access.access_key,
            secret_key=access.secret_key,
            secure=access.secure,
            region=access.region or "us-east-1",
            http_client=pool,
        )

    def put(self, key: str, data: bytes | Path) -> None:
        """Store bytes or a file, all or nothing (see `ObjectStore.put`)."""
        bucket, name = _split(key)
        try:
            with self._errors(bucket):
                self._put(bucket, name, data)
        except _NoSuchBucket:
            if not self.access.create_buckets:
                raise
            self._make(bucket)
            with self._errors(bucket):
                self._put(bucket, name, data)

    def get(self, key: str) -> bytes:
        """The object's bytes (see `ObjectStore.get`)."""
        bucket, name = _split(key)
        with self._errors(bucket, key):
            response = self._client.get_object(bucket, name)
            try:
                return response.read()
            finally:
                response.close()
                response.release_conn()

    def list(self, prefix: str = "") -> list[str]:
        """The keys that begin with a prefix, sorted."""
        bucket, slash, start = prefix.partition("/")
        buckets = [bucket] if slash else [name for name in BUCKETS if name.startswith(bucket)]
        return sorted(key for name in buckets for key in self._keys(name, start))

    def delete(self, key: str) -> None:
        """Remove an object; none there is fine."""
        bucket, name = _split(key)
        with contextlib.suppress(ObjectNotFound), self._errors(bucket, key):
            self._client.remove_object(bucket, name)

    def exists(self, key: str) -> bool:
        """Whether there is such an object."""
        bucket, name = _split(key)
        try:
            with self._errors(bucket, key):
                self._client.stat_object(bucket, name)
        except ObjectNotFound:
            return False
        return True

    def uri(self, key: str) -> str:
        """The object's absolute URI: `s3://bucket/name`."""
        return f"s3://{key}"

    @contextlib.contextmanager
    def local(self, key: str) -> Iterator[Path]:
        """A copy in a temporary file (see `ObjectStore.local`)."""
        content = self.get(key)
        with contextlib.ExitStack() as opened:
            try:
                file = opened.enter_context(tempfile.NamedTemporaryFile(suffix=PurePosixPath(key).suffix))
                file.write(content)
                file.flush()
            except OSError as error:
                raise StoreUnavailable(
                    f"There is no place for a copy of {self.uri(key)}: {error}. "
                    "Free space for temporary files, or set TMPDIR to a directory with more."
                ) from error
            yield Path(file.name)

    def missing_buckets(self) -> list[str]:
        """Which of the lake's buckets are not there yet. Makes none.

        Raises:
            ConfigurationError: The server refuses the key.
            StoreUnavailable: The server does not answer.
        """
        missing = []
        for bucket in BUCKETS:
            with self._errors(bucket):
                if not self._client.bucket_exists(bucket):
                    missing.append(bucket)
        return missing

    def _put(self, bucket: str, name: str, data: bytes | Path) -> None:
        if isinstance(data, Path):
            self._client.fput_object(bucket, name, str(data))
        else:
            self._client.put_object(bucket, name, io.BytesIO(data), len(data))

    def _keys(self, bucket: str, start: str) -> Iterator[str]:
        with contextlib.suppress(_NoSuchBucket), self._errors(bucket):
            for found in self._client.list_objects(bucket, prefix=start, recursive=True):
                yield f"{bucket}/{found.object_name}"

    def _make(self, bucket: str) -> None:
        with self._errors(bucket):
            try:
                self._client.make_bucket(bucket)
            except S3Error as error:
                if error.code not in _ALREADY_OURS:  # else another run was faster
                    raise

    @contextlib.contextmanager
    def _errors(self, bucket: str, key: str | None = None) -> Iterator[None]:
        try:
            yield
        except S3Error as error:
            raise self._explained(error, bucket, key) from error
        except _OUTAGES as error:
            raise self._away(error) from error

    def _explained(self, error: S3Error, bucket: str, key: str | None = None) -> Exception:
        """One of our errors for an answer of the server, with its own words and what to check."""
        said = f"S3 server {self.endpoint}: {error.code}: {error.message}"
        if key is not None and error.code in {*_NOT_THERE, "NoSuchBucket"}:
            return ObjectNotFound(f"There is no object {self.uri(key)} on {self.endpoint}.")
        if error.code == "NoSuchBucket":
            return _NoSuchBucket(f"{said} Create bucket {bucket!r}, or set WEATHER_S3_CREATE_BUCKETS=true.")
        if error.code in _BAD_CREDENTIALS:
            return ConfigurationError(
                f"{said} (access key {self.access.access_key!r}, bucket {bucket!r}). "
                "Check WEATHER_S3_ACCESS_KEY, WEATHER_S3_SECRET_KEY and the key's rights."
            )
        return StoreUnavailable(f"{said} (bucket {bucket!r}).")

    def _away(self, error: Exception) -> StoreUnavailable:
        tls = "with TLS" if self.access.secure else "without TLS"
        return StoreUnavailable(
            f"The S3 server {self.endpoint} does not answer ({tls}): {error}. "
            "Check WEATHER_LAKE_URL, WEATHER_S3_SECURE, and that it runs."
        )


class _NoSuchBucket(ConfigurationError):
    pass


_OUTAGES = (urllib3.exceptions.HTTPError, OSError, ServerError, InvalidResponseError)


def _split(key: str) -> tuple[str, str]:
    parts = PurePosixPath(key).parts
    if len(parts) < 2 or parts[0] not in BUCKETS or ".." in parts:  # noqa: PLR2004  (bucket and name)
        raise ConfigurationError(f"{key!r} is no key of an object: one of {', '.join(BUCKETS)} / a relative path is.")
    return parts[0], key.split("/", 1)[1]
