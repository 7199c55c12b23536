"""Who we are on an S3 server."""

from __future__ import annotations

from dataclasses import dataclass, field

from weather_pipeline.settings import Settings


@dataclass(frozen=True)
class S3Access:
    """Who we are on an S3 server, and how we speak to it.

    Attributes:
        access_key: Name of the key.
        secret_key: Its secret.
        secure: Whether the server speaks TLS.
        region: The buckets' region, where the server wants one.
        create_buckets: Make a bucket that is missing.
    """

    access_key: str
    secret_key: str = field(repr=False)
    secure: bool = True
    region: str | None = None
    create_buckets: bool = True


def s3_access(settings: Settings) -> S3Access | None:
    """Who the settings say we are; None where they name no key or no secret."""
    if settings.s3_access_key is None or settings.s3_secret_key is None:
        return None
    return S3Access(
        access_key=settings.s3_access_key,
        secret_key=settings.s3_secret_key.get_secret_value(),
        secure=settings.s3_secure,
        region=settings.s3_region,
        create_buckets=settings.s3_create_buckets,
    )
