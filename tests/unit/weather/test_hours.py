"""Ranges of hours."""

from datetime import UTC, datetime, timedelta

from weather_pipeline.weather.hours import HOUR, unbroken

NIGHT = datetime(2026, 2, 12, 22, tzinfo=UTC)


def test_moments_make_unbroken_ranges_in_whatever_order_and_however_often_they_come() -> None:
    hours = [NIGHT + HOUR * index for index in (5, 2, 0, 1, 2)]
    assert unbroken(hours, HOUR) == [(NIGHT, NIGHT + 3 * HOUR), (NIGHT + 5 * HOUR, NIGHT + 6 * HOUR)]
    days = [hour.replace(hour=0) for hour in hours]
    assert unbroken(days, timedelta(days=1)) == [(datetime(2026, 2, 12, tzinfo=UTC), datetime(2026, 2, 14, tzinfo=UTC))]
    assert unbroken([], HOUR) == []
