"""Half-open ranges of whole UTC hours, the unit in which the platform works."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

HOUR = timedelta(hours=1)

FIRST_HOUR = datetime(2026, 1, 1, tzinfo=UTC)
"""The platform's first hour: nothing before it is loaded."""


def check_hours(start: datetime, end: datetime) -> None:
    """Refuse what is not a non-empty half-open range of whole UTC hours.

    Raises:
        ValueError: Naive, not UTC, not on the hour, or empty. A mistake of the caller, not of the data.
    """
    for name, moment in (("start", start), ("end", end)):
        if moment.utcoffset() != timedelta(0):
            raise ValueError(f"{name} must be a timezone-aware UTC datetime, not {moment!r}")
        if moment.minute or moment.second or moment.microsecond:
            raise ValueError(f"{name} must be on the hour, not {moment.isoformat()}")
    if start >= end:
        raise ValueError(f"The range is half-open: start {start.isoformat()} must lie before end {end.isoformat()}")


def hours_between(start: datetime, end: datetime) -> list[datetime]:
    """The hours of the half-open range [start, end)."""
    check_hours(start, end)
    return [start + HOUR * index for index in range((end - start) // HOUR)]


def naive_utc(moment: datetime) -> datetime:
    """The same moment without its zone, for DuckDB's TIMESTAMP, which we always mean as UTC."""
    return moment.astimezone(UTC).replace(tzinfo=None)


def unbroken(moments: Iterable[datetime], step: timedelta) -> list[tuple[datetime, datetime]]:
    """The half-open ranges that moments make, each of which stands for the time until the next step; in order.

    Args:
        moments: The beginnings of hours, of days, …
        step: How long one is.
    """
    ranges: list[tuple[datetime, datetime]] = []
    for moment in sorted(set(moments)):
        if ranges and ranges[-1][1] == moment:
            ranges[-1] = (ranges[-1][0], moment + step)
        else:
            ranges.append((moment, moment + step))
    return ranges
