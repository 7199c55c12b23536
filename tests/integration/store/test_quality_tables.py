"""The quality tables: how a long range is stored."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.integration.store.observations import query
from tests.integration.store.round_trips import counting
from tests.unit.weather.bronze_rows import HOUR, bronze_file, row
from weather_pipeline.store.quality_tables import read_quarantine, replace_quality, replace_quarantine
from weather_pipeline.store.warehouse import refresh_near_towers, upsert_observations
from weather_pipeline.weather.cleaning import clean
from weather_pipeline.weather.quality import evaluate

pytestmark = pytest.mark.integration


def stored(url: str, directory: Path, hours: int) -> None:
    """Every statement that the assets send for a range, with a bad row in each hour."""
    times = [HOUR + timedelta(hours=index) for index in range(hours)]
    files = [
        bronze_file(
            directory,
            [
                row(time=f"{time:%Y-%m-%dT%H:%M}"),
                row(time=f"{time:%Y-%m-%dT%H:%M}", location_id="breda", wind_speed_10m=999),
            ],
            hour=time,
        )
        for time in times
    ]
    end = HOUR + timedelta(hours=hours)
    report = evaluate(files, start=HOUR, end=end)
    replace_quality(url, report, run_id=f"run of {hours}")
    replace_quarantine(url, report)
    table = clean(files, read_quarantine(url, files), start=HOUR, end=end)
    upsert_observations(url, table, replace_hours=(HOUR, end))
    refresh_near_towers(url, HOUR, end)


def test_a_long_range_takes_as_many_round_trips_as_an_hour(warehouse: str, tmp_path: Path) -> None:
    with counting(warehouse) as one:
        stored(one.url, tmp_path, 1)
    with counting(warehouse) as many:
        stored(many.url, tmp_path, 72)
    assert query(warehouse, "SELECT count(*) FROM weather.observations") == [(72,)]
    assert query(warehouse, "SELECT count(*) FROM weather.quarantine") == [(72,)]
    assert 0 < many.round_trips <= one.round_trips + 10, "a large result or COPY may take a few more packets"
