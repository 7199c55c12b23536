"""Times as people write them, and spans."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from weather_pipeline.lineage.history import Span, parse_time

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("24h", NOW - timedelta(hours=24)),
        ("90m", NOW - timedelta(minutes=90)),
        ("1.5d", NOW - timedelta(hours=36)),
        (" 2W ", NOW - timedelta(weeks=2)),
        ("30s", NOW - timedelta(seconds=30)),
        ("2026-11-01", datetime(2026, 11, 1, tzinfo=UTC)),
        ("2026-11-01T06:30", datetime(2026, 11, 1, 6, 30, tzinfo=UTC)),
        ("2026-11-01T06:30+01:00", datetime(2026, 11, 1, 6, 30, tzinfo=timezone(timedelta(hours=1)))),
        ("2026-11-01T06:30:00Z", datetime(2026, 11, 1, 6, 30, tzinfo=UTC)),
    ],
)
def test_times(text: str, at: datetime) -> None:
    assert parse_time(text, NOW) == at


@pytest.mark.parametrize("text", ["", "yesterday", "24", "h", "-1h", "2026-13-01", "99999999999d"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match="is no time: write"):
        parse_time(text, NOW)


def test_a_span_has_a_length() -> None:
    with pytest.raises(ValueError, match="empty or reversed"):
        Span(NOW, NOW)
