"""Keys in the lake. An hour always has the same key, so that a rerun replaces what the run before wrote. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

BRONZE_PREFIX = "bronze/weather"
SILVER_PREFIX = "silver/weather"

_STAMP = "%Y%m%dT%H00Z"
_SILVER_NAME = f"weather_clean_{_STAMP}.parquet"


def bronze_key(hour: datetime) -> str:
    """The key of an hour's bronze file."""
    return f"{BRONZE_PREFIX}/{hour:%Y/%m/%d/%H}/weather_{hour:{_STAMP}}.parquet"


def silver_key(hour: datetime) -> str:
    """The key of an hour's silver file; a day's hours lie together."""
    return f"{SILVER_PREFIX}/{hour:%Y/%m/%d}/{hour:{_SILVER_NAME}}"


def silver_hour(key: str) -> datetime | None:
    """The hour of a silver file; None of any other."""
    try:
        hour = datetime.strptime(key.rpartition("/")[2], _SILVER_NAME).replace(tzinfo=UTC)
    except ValueError:
        return None
    return hour if key == silver_key(hour) else None
