"""Which tables are maintained, and which of their snapshots expire."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from weather_pipeline.settings import Settings
from weather_pipeline.spark.maintained import expiring, maintained_tables

CUT = datetime(2026, 11, 22, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_all_that_our_jobs_write_is_maintained() -> None:
    tables = maintained_tables(Settings(iceberg_table="lake.press.raw"))
    assert list(map(str, tables)) == [
        "lake.press.raw",
        "lake.press.raw_rejected",
        "lake.press.raw_dead_letters",
        "lake.weather.history",
    ]


@pytest.mark.parametrize(
    ("hours", "keep", "found"),
    [
        ([], 5, 0),
        ([1, 2, 3], 1, 0),
        ([-1, -2, -3], 5, 0),
        ([-1, -2, -3], 2, 1),
        ([1, -1, -2], 1, 2),
        ([-2, 1, -1], 2, 1),
        ([0], 0, 0),
    ],
)
def test_what_is_old_expires_but_for_the_newest(hours: list[int], keep: int, found: int) -> None:
    assert expiring([CUT + hour * HOUR for hour in hours], CUT, keep) == found


@pytest.mark.parametrize("change", [{"iceberg_orphan_days": 0.5}, {"iceberg_keep_snapshots": 0}])
def test_what_could_lose_a_write_that_goes_on_is_refused(change: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate(change)
