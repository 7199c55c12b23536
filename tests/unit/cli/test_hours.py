"""Complete hours and what is missing of them."""

from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from weather_pipeline.cli.hours import HOUR, complete_hours, missing_ranges, partition_key

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
