"""Which hours `weather quality` shows."""

from datetime import UTC, datetime, timedelta

import click
import pytest

from weather_pipeline.cli.hours import complete_hours, hours_of_range
from weather_pipeline.cli.quality import hour_range

NOW = datetime(2026, 2, 14, 10, 40, 5, tzinfo=UTC)
DAY = timedelta(days=1)


def at(day: int, hour: int = 0) -> datetime:
    return datetime(2026, 2, day, hour, tzinfo=UTC)


def test_all_hours_of_a_demo_that_has_just_ended_are_shown() -> None:
    demo = complete_hours(NOW, 24)
    assert hour_range(None, None, now=NOW) == (demo[0], demo[-1] + timedelta(hours=1)) == (at(13, 10), at(14, 10))


@pytest.mark.parametrize(
    ("start", "end", "first", "past"),
    [
        ("2026-02-12", "2026-02-13", at(12), at(14)),
        ("2026-02-12T08", "2026-02-12T08:00Z", at(12, 8), at(12, 9)),
        ("2026-02-12", None, at(12), at(14, 10)),
        (None, "2026-02-12", at(12), at(13)),
        (None, "2026-02-12T08", at(11, 9), at(12, 9)),
        ("2026-02-14", "2026-02-14", at(14), at(14, 10)),
    ],
)
def test_days_and_hours_are_included(start: str | None, end: str | None, first: datetime, past: datetime) -> None:
    assert hour_range(start, end, now=NOW) == (first, past)


def test_a_range_means_the_hours_that_a_backfill_of_it_loads() -> None:
    hours = hours_of_range("2026-02-10T05", "2026-02-12", NOW)
    assert hour_range("2026-02-10T05", "2026-02-12", now=NOW) == (hours[0], hours[-1] + timedelta(hours=1))


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [
        ("2026-02-13", "2026-02-12", "The range is reversed"),
        ("yesterday", None, "'yesterday' is neither a day"),
        (None, "2026-02-15", "lies in the future"),
    ],
)
def test_a_range_that_cannot_be_is_wrong_usage(start: str | None, end: str | None, words: str) -> None:
    with pytest.raises(click.UsageError, match=words):
        hour_range(start, end, now=NOW)
