"""Complete hours and what is missing of them."""

from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weather_pipeline.cli.hours import HOUR, complete_hours, hour_of, hours_of_range, missing_ranges, partition_key

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def spans(*hours: int) -> list[tuple[float, float]]:
    return [((NOON + hour * HOUR).timestamp(), (NOON + (hour + 1) * HOUR).timestamp()) for hour in hours]


def test_the_running_hour_is_not_complete() -> None:
    now = NOON + timedelta(minutes=59, seconds=59)
    assert complete_hours(now, 2) == [NOON - 2 * HOUR, NOON - HOUR]
    amsterdam = now.astimezone(timezone(timedelta(hours=1)))
    assert complete_hours(amsterdam, 2) == complete_hours(now, 2)


def test_keys_are_dagsters() -> None:
    assert partition_key(NOON) == "2026-11-21-12:00"
    assert partition_key(NOON.astimezone(timezone(timedelta(hours=-5)))) == "2026-11-21-12:00"


@given(st.datetimes(min_value=datetime(2026, 1, 1), max_value=datetime(2036, 1, 1)))  # noqa: DTZ001
def test_a_key_is_read_back(moment: datetime) -> None:
    hour = moment.replace(minute=0, second=0, microsecond=0, tzinfo=UTC)
    assert hour_of(partition_key(hour)) == hour


@pytest.mark.parametrize(
    ("first", "last", "begin", "count"),
    [
        ("2026-10-01", "2026-10-30", "2026-10-01T00", 720),
        ("2026-10-01", "2026-10-01", "2026-10-01T00", 24),
        ("2026-10-01T06", "2026-10-01T09", "2026-10-01T06", 4),
        ("2026-10-01T06:00Z", "2026-10-01-06:00", "2026-10-01T06", 1),
        ("2026-10-01", "2026-10-02T05", "2026-10-01T00", 30),
        ("2026-01-01", "2026-01-01T00", "2026-01-01T00", 1),
        ("2026-11-20", "2026-11-21", "2026-11-20T00", 36),
    ],
)
def test_a_range_includes_both_its_ends(first: str, last: str, begin: str, count: int) -> None:
    hours = hours_of_range(first, last, NOON)
    assert f"{hours[0]:%Y-%m-%dT%H}" == begin
    assert len(hours) == count


def test_a_range_that_ends_today_ends_with_the_last_complete_hour() -> None:
    assert hours_of_range("2026-11-21", "2026-11-21", NOON)[-1] == NOON - HOUR
    just_after_midnight = datetime(2026, 11, 21, 0, 30, tzinfo=UTC)
    assert hours_of_range("2026-11-20", "2026-11-21", just_after_midnight)[-1].day == 20


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [
        ("2026-10-30", "2026-10-01", "reversed: 2026-10-30 is after 2026-10-01"),
        ("2026-10-01T05", "2026-10-01T04", "reversed"),
        ("2025-12-31", "2026-01-02", "2025-12-31 is before the first hour that there is, 2026-01-01T00"),
        ("2026-11-21", "2026-11-22", "2026-11-22 lies in the future: the last hour that is over is 2026-11-21T11"),
        ("2026-11-21T11", "2026-11-21T12", "no hour of 2026-11-21T12 is over yet: the last hour that is over is"),
        ("2026-11-21T11", "2026-11-21T13", "2026-11-21T13 lies in the future"),
        ("2026-11-22", "2026-11-23", "2026-11-22 lies in the future"),
        ("yesterday", "2026-11-20", "'yesterday' is neither a day, as 2026-10-01, nor an hour"),
        ("2026-02-30", "2026-03-01", "'2026-02-30' is neither"),
        ("2026-10-01", "2026-10-01T05:30", "'2026-10-01T05:30' is neither"),
    ],
)
def test_a_range_that_cannot_be_says_what_was_received(first: str, last: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        hours_of_range(first, last, NOON)


def test_a_day_that_has_just_begun_does_not_lie_in_the_future() -> None:
    half_past_midnight = datetime(2026, 11, 21, 0, 30, tzinfo=UTC)
    with pytest.raises(ValueError, match=r"no hour of 2026-11-21 is over yet: .* is 2026-11-20T23"):
        hours_of_range("2026-11-21", "2026-11-21", half_past_midnight)
    with pytest.raises(ValueError, match="2026-11-22 lies in the future"):
        hours_of_range("2026-11-22", "2026-11-22", half_past_midnight)


def test_an_hour_is_missing_where_one_asset_lacks_it() -> None:
    hours = [NOON + back * HOUR for back in range(5)]
    materialized = {"raw": spans(0, 1, 2, 3, 4), "loaded": spans(0, 2)}
    assert missing_ranges(hours, materialized) == [(hours[1], hours[1]), (hours[3], hours[4])]
    assert missing_ranges(hours, {"raw": spans(0, 1, 2, 3, 4)}) == []


@given(st.sets(st.integers(0, 47)))
def test_ranges_cover_exactly_what_is_missing(present: set[int]) -> None:
    hours = [NOON + number * HOUR for number in range(48)]
    ranges = missing_ranges(hours, {"asset": spans(*present)})
    covered = [hour for hour in hours if any(first <= hour <= last for first, last in ranges)]
    assert covered == [hours[number] for number in range(48) if number not in present]
    assert all(later[0] - earlier[1] > HOUR for earlier, later in pairwise(ranges))
