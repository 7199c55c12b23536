"""Counts over the last day by hour, and over the last week by day."""

from __future__ import annotations

from typing import Final, LiteralString
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import APIRouter

from weather_pipeline.marquez.embedded.errors import Refused
from weather_pipeline.marquez.embedded.models import EventCount, TotalCount
from weather_pipeline.marquez.embedded.parameters import Choice, Connected

router = APIRouter(prefix="/api/v1/stats", tags=["stats"])


class Period(Choice):
    """How far back."""

    DAY = "DAY"
    WEEK = "WEEK"


# A day ends with the current hour, a week with the current day of the caller's time zone.
_INTERVALS: Final[LiteralString] = """
    WITH intervals AS (
        SELECT start AS start_interval, start + step AS end_interval FROM (
            SELECT
                date_trunc(%(unit)s, now(), %(zone)s) AS last, ('1 ' || %(unit)s)::interval AS step,
                CASE %(unit)s WHEN 'hour' THEN 23 ELSE 6 END AS steps
        ) AS period CROSS JOIN LATERAL generate_series(last - steps * step, last, step) AS start
    )
"""
_EVENTS: Final[LiteralString] = """
    SELECT start_interval, end_interval,
        count(*) FILTER (WHERE event_type = 'FAIL') AS fail, count(*) FILTER (WHERE event_type = 'START') AS start,
        count(*) FILTER (WHERE event_type = 'COMPLETE') AS complete,
        count(*) FILTER (WHERE event_type = 'ABORT') AS abort
    FROM intervals LEFT JOIN lineage_events ON event_at >= start_interval AND event_at < end_interval
    GROUP BY start_interval, end_interval ORDER BY start_interval
"""
_COUNT_FROM: Final[LiteralString] = """
    SELECT start_interval, end_interval, (SELECT count(*) FROM {} WHERE created_at < end_interval) AS count
    FROM intervals ORDER BY start_interval
"""


@router.get("/lineage-events")
async def count_events(connection: Connected, period: Period, timezone: str = "UTC") -> list[EventCount]:
    """Events of each type by hour or day."""
    cursor = await connection.execute(_INTERVALS + _EVENTS, _parameters(period, timezone))
    return [EventCount.model_validate(row) for row in await cursor.fetchall()]


@router.get("/jobs")
async def count_jobs(connection: Connected, period: Period, timezone: str = "UTC") -> list[TotalCount]:
    """Jobs there were at the end of each hour or day."""
    return await _totals(connection, _COUNT_FROM.format("jobs"), period, timezone)


@router.get("/datasets")
async def count_datasets(connection: Connected, period: Period, timezone: str = "UTC") -> list[TotalCount]:
    """Datasets there were at the end of each hour or day."""
    return await _totals(connection, _COUNT_FROM.format("datasets"), period, timezone)


@router.get("/sources")
async def count_sources(connection: Connected, period: Period, timezone: str = "UTC") -> list[TotalCount]:
    """Sources there were at the end of each hour or day."""
    return await _totals(connection, _COUNT_FROM.format("sources"), period, timezone)


async def _totals(connection: Connected, statement: LiteralString, period: Period, timezone: str) -> list[TotalCount]:
    cursor = await connection.execute(_INTERVALS + statement, _parameters(period, timezone))
    return [TotalCount.model_validate(row) for row in await cursor.fetchall()]


def _parameters(period: Period, timezone: str) -> dict[str, str]:
    try:
        zone = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Refused(f"query param timezone must be the name of a time zone: got {timezone[:100]!r}") from error
    return {"unit": "hour" if period is Period.DAY else "day", "zone": zone.key}
