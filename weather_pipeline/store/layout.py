"""Keys in the lake. An hour always has the same key, so that a rerun replaces what the run before wrote."""

from __future__ import annotations

from datetime import datetime

BRONZE_PREFIX = "bronze/weather"
SILVER_PREFIX = "silver/weather"


def bronze_key(hour: datetime) -> str:
    """The key of an hour's bronze file."""
    return f"{BRONZE_PREFIX}/{hour:%Y/%m/%d/%H}/weather_{_stamp(hour)}.parquet"


def silver_key(hour: datetime) -> str:
    """The key of an hour's silver file; a day's hours lie together."""
    return f"{SILVER_PREFIX}/{hour:%Y/%m/%d}/weather_clean_{_stamp(hour)}.parquet"


def _stamp(hour: datetime) -> str:
    return f"{hour:%Y%m%dT%H00Z}"
