"""A look into the buckets of a test's S3 server, by the SDK that the lake uses."""

from __future__ import annotations

from minio import Minio

from tests.integration.store.s3_server import ACCESS, S3ServerProcess


def make_bucket(server: S3ServerProcess, name: str) -> None:
    """Make a bucket."""
    _client(server).make_bucket(name)


def keys(server: S3ServerProcess, bucket: str) -> list[str]:
    """The names of all objects of a bucket."""
    return [each.object_name or "" for each in _client(server).list_objects(bucket, recursive=True)]


def _client(server: S3ServerProcess) -> Minio:
    address = server.url.removeprefix("s3://")
    return Minio(address, access_key=ACCESS.access_key, secret_key=ACCESS.secret_key, secure=ACCESS.secure)
