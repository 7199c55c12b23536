"""Which hours a run covers: partition keys, complete hours, and what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from weather_pipeline.weather.hours import FIRST_HOUR, HOUR, hours_between, unbroken

_DAY = 24 * HOUR
_DAY_FORMAT = "%Y-%m-%d"
_HOUR_FORMATS = ("%Y-%m-%dT%H", "%Y-%m-%dT%H:00", "%Y-%m-%dT%H:00Z", "%Y-%m-%dT%HZ", "%Y-%m-%d-%H:00")


def partition_key(hour: datetime) -> str:
    """Dagster's key of an hourly partition, such as `2026-11-21-10:00`."""
    return hour.astimezone(UTC).strftime("%Y-%m-%d-%H:00")


def hour_of(key: str) -> datetime:
    """The hour of a partition key."""
    return datetime.strptime(key, _HOUR_FORMATS[-1]).replace(tzinfo=UTC)


def hours_of_range(first: str, last: str, now: datetime) -> list[datetime]:
    """The complete hours that a user names by a first and a last day or hour, both included, oldest first.

    A range that ends today ends with the last complete hour.

    Args:
        first: A day as 2026-10-01, from its first hour; or an hour as 2026-10-01T05. UTC.
        last: A day, to its last hour; or an hour.
        now: The present moment.

    Raises:
        ValueError: A text is neither, the range is reversed, or begins before the platform's first hour, or reaches
            into hours that are not over; in words for the user.
    """
    start, _ = _span(first)
    given, end = _span(last)
    newest = complete_hours(now, 1)[0]
    if start >= end:
        raise ValueError(f"the range is reversed: {first} is after {last}")
    if start < FIRST_HOUR:
        raise ValueError(f"{first} is before the first hour that there is, {FIRST_HOUR:%Y-%m-%dT%H}")
    last_begin = newest if end - given == HOUR else newest + HOUR  # a day may have begun, an hour must be over
    if start > newest or given > last_begin:
        late, begin = (first, start) if start > newest else (last, given)
        problem = f"{late} lies in the future" if begin > now else f"no hour of {late} is over yet"
        raise ValueError(f"{problem}: the last hour that is over is {newest:%Y-%m-%dT%H} (UTC)")
    return hours_between(start, min(end, newest + HOUR))


def _span(text: str) -> tuple[datetime, datetime]:
    """The half-open span of a day or an hour."""
    day = _parsed(text, _DAY_FORMAT)
    if day is not None:
        return day, day + _DAY
    for style in _HOUR_FORMATS:
        hour = _parsed(text, style)
        if hour is not None:
            return hour, hour + HOUR
    raise ValueError(f"{text!r} is neither a day, as 2026-10-01, nor an hour, as 2026-10-01T05")


def _parsed(text: str, style: str) -> datetime | None:
    try:
        return datetime.strptime(text.strip(), style).replace(tzinfo=UTC)
    except ValueError:
        return None


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
    return [(start, end - HOUR) for start, end in unbroken(missing_hours(hours, materialized), HOUR)]


def missing_hours(
    hours: Sequence[datetime], materialized: Mapping[str, Sequence[tuple[float, float]]]
) -> list[datetime]:
    """The hours that some asset lacks; arguments as of `missing_ranges`."""
    return [hour for hour in hours if not all(_covers(spans, hour) for spans in materialized.values())]


def _covers(spans: Sequence[tuple[float, float]], hour: datetime) -> bool:
    return any(start <= hour.timestamp() < end for start, end in spans)
