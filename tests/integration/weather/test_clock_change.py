"""Days on which clocks change: the platform counts UTC hours, whatever the machine's and the database's time zone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.integration.store.observations import execute, query
from tests.integration.weather.runs import EVERYTHING, Runs
from weather_pipeline.sources.open_meteo import OpenMeteoSource
from weather_pipeline.sources.replay import ReplayServer
from weather_pipeline.weather.locations import LOCATIONS

pytestmark = pytest.mark.integration

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
KEY = "%Y-%m-%d-%H:00"


@pytest.fixture(autouse=True)
def _local_time(monkeypatch: pytest.MonkeyPatch, warehouse: str) -> Iterator[None]:
    """The machine and the database live in Amsterdam."""
    monkeypatch.setenv("TZ", "Europe/Amsterdam")
    time.tzset()
    execute(warehouse, f"ALTER DATABASE {warehouse.rpartition('/')[2]} SET timezone TO 'Europe/Amsterdam'")
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(("day", "hours"), [((2026, 3, 29), 23), ((2026, 10, 25), 25)])
def test_a_day_on_which_the_clocks_change_has_each_of_its_hours_once(
    runs: Runs, warehouse: str, day: tuple[int, int, int], hours: int
) -> None:
    first = datetime(*day, tzinfo=AMSTERDAM).astimezone(UTC)
    expected = [first + timedelta(hours=index) for index in range(hours)]
    assert (expected[-1] + timedelta(hours=1)).astimezone(AMSTERDAM).time() == datetime.min.time(), "a local day"
    assert runs.run(*EVERYTHING, hour=f"{expected[0]:{KEY}}", until=f"{expected[-1]:{KEY}}").success
    found = query(
        warehouse,
        "SELECT observed_at AT TIME ZONE 'UTC', count(*), count(DISTINCT location_id) "
        "FROM weather.observations GROUP BY 1 ORDER BY 1",
    )
    assert [at.replace(tzinfo=UTC) for at, _, _ in found] == expected
    assert all(0 < rows == places for _, rows, places in found)
    [(in_local_day,)] = query(
        warehouse,
        "SELECT count(DISTINCT observed_at) FROM weather.observations WHERE observed_at::date = %s",
        first.astimezone(AMSTERDAM).date(),
    )
    assert in_local_day == hours
    towers = query(
        warehouse, "SELECT DISTINCT observed_at AT TIME ZONE 'UTC' FROM weather.weather_near_towers ORDER BY 1"
    )
    assert [at.replace(tzinfo=UTC) for (at,) in towers] == expected


def test_the_hours_around_a_change_have_the_values_that_the_source_gave_them(runs: Runs, warehouse: str) -> None:
    """02:00 does not exist in Amsterdam on this day, and it is an hour of UTC as any other."""
    assert runs.run(*EVERYTHING, hour="2026-03-29-00:00", until="2026-03-29-02:00").success
    stored = query(
        warehouse,
        "SELECT extract(epoch FROM observed_at)::bigint, location_id, temperature_c FROM weather.observations",
    )
    assert {(at, place, value) for at, place, value in stored} == set(_recorded())


def _recorded() -> list[tuple[int, str, float]]:
    start = datetime(2026, 3, 29, tzinfo=UTC)
    with ReplayServer() as server, OpenMeteoSource(server.url, name="replay") as source:
        table = source.fetch(LOCATIONS, start, start + timedelta(hours=3)).table
    return [
        (
            int(datetime.strptime(row["time"], "%Y-%m-%dT%H:%M").replace(tzinfo=UTC).timestamp()),
            row["location_id"],
            row["temperature_2m"],
        )
        for row in table.to_pylist()
    ]


def test_an_hour_that_the_source_sends_twice_is_stored_once(runs: Runs, warehouse: str) -> None:
    """The recordings' own clock change: 01:00 in New York came twice on 3 November, and the hour after it never."""
    result = runs.run(*EVERYTHING, hour="2026-11-03-04:00", until="2026-11-03-07:00")
    assert result.success
    counts = query(
        warehouse,
        "SELECT observed_at AT TIME ZONE 'UTC', count(*), count(DISTINCT location_id) FROM weather.observations "
        "GROUP BY 1 ORDER BY 1",
    )
    assert [at.hour for at, _, _ in counts] == [4, 5, 6, 7]
    assert all(rows == places for _, rows, places in counts)
    metrics = query(
        warehouse,
        "SELECT extract(hour FROM hour AT TIME ZONE 'UTC')::int, rule, rows_failed FROM weather.quality_metrics "
        "WHERE rule IN ('unique', 'no_gap') AND NOT passed ORDER BY hour",
    )
    assert {(5, "unique", 3), (6, "no_gap", 3)} <= set(metrics)
