"""Which hours a run covers: partition keys, complete hours, and what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

HOUR = timedelta(hours=1)


def partition_key(hour: datetime) -> str:
    """Dagster's key of an hourly partition, such as `2026-11-21-10:00`."""
    return hour.astimezone(UTC).strftime("%Y-%m-%d-%H:00")


def complete_hours(now: datetime, count: int) -> list[datetime]:
    """The last `count` hours (their beginnings) that have ended by `now`, oldest first."""
    current = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return [current - HOUR * back for back in range(count, 0, -1)]


def missing_ranges(
    hours: Sequence[datetime], materialized: Mapping[str, Sequence[tuple[float, float]]]
) -> list[tuple[datetime, datetime]]:
    """The hours that some asset lacks, as (first, last) of each unbroken range.

    Args:
        hours: The hours that are wanted, oldest first.
        materialized: For each asset the half-open spans that it has, in POSIX seconds.
    """
    ranges: list[tuple[datetime, datetime]] = []
    for hour in hours:
        if all(_covers(spans, hour) for spans in materialized.values()):
            continue
        if ranges and ranges[-1][1] + HOUR == hour:
            ranges[-1] = (ranges[-1][0], hour)
        else:
            ranges.append((hour, hour))
    return ranges


def _covers(spans: Sequence[tuple[float, float]], hour: datetime) -> bool:
    return any(start <= hour.timestamp() < end for start, end in spans)
