"""The whole chain on recorded observations: fetch, bronze, rules, quarantine, silver, warehouse, sites."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.integration.store.observations import query
from tests.integration.store.s3_server import ACCESS, S3ServerProcess
from weather_pipeline.errors import BronzeReplaced, DataError
from weather_pipeline.sources.open_meteo import OpenMeteoSource
from weather_pipeline.sources.replay import ReplayServer
from weather_pipeline.store.base import ObjectStore, open_store
from weather_pipeline.store.lake import bronze_files, silver_batches, write_bronze, write_clean
from weather_pipeline.store.local import LocalStore
from weather_pipeline.store.quality_tables import read_quarantine, replace_quality, replace_quarantine
from weather_pipeline.store.warehouse import LoadResult, refresh_near_towers, upsert_observations
from weather_pipeline.weather.cleaning import clean
from weather_pipeline.weather.locations import LOCATIONS
from weather_pipeline.weather.quality import QualityReport, evaluate
from weather_pipeline.weather.towers import TOWERS

pytestmark = pytest.mark.integration

OUTLIER = datetime(2026, 2, 12, 8, tzinfo=UTC)
CLOCK_CHANGE = datetime(2026, 11, 3, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Chain:
    """The assets' work without Dagster."""

    source: OpenMeteoSource
    store: ObjectStore
    url: str

    def run(self, start: datetime, end: datetime, run_id: str = "run-1") -> tuple[QualityReport, LoadResult]:
        write_bronze(self.store, self.source.fetch(LOCATIONS, start, end), start=start, end=end)
        with bronze_files(self.store, start, end) as files:
            report = evaluate(files, start=start, end=end)
            replace_quality(self.url, report, run_id=run_id)
            replace_quarantine(self.url, report)
            write_clean(self.store, files, read_quarantine(self.url, files), start=start, end=end)
        batches = silver_batches(self.store, start, end)
        return report, upsert_observations(self.url, batches, replace_hours=(start, end))


@pytest.fixture(params=["file", "s3"])
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ObjectStore]:
    if request.param == "file":
        yield LocalStore(tmp_path)
        return
    with S3ServerProcess(tmp_path / "s3") as server:
        yield open_store(server.url, ACCESS)


@pytest.fixture
def chain(warehouse: str, lake: ObjectStore) -> Iterator[Chain]:
    with ReplayServer() as server, OpenMeteoSource(server.url, name="replay") as source:
        yield Chain(source, lake, warehouse)


def test_the_famous_wind_is_quarantined_with_its_reason_and_the_good_rows_of_its_hour_are_loaded(chain: Chain) -> None:
    report, loaded = chain.run(OUTLIER, OUTLIER + HOUR)
    assert report.blocking == ()
    assert loaded.inserted == 14
    [(place, reason, value, unit)] = query(
        chain.url, "SELECT location_id, reason, received, unit FROM weather.quarantine"
    )
    assert (place, value, unit) == ("amsterdam", 1687.2, "km/h")
    for part in ("wind_speed_10m", "1,687.2 km/h", "1,048 mph", "113.2 m/s", "WMO", "Barrow Island"):
        assert part in reason
    places = query(chain.url, "SELECT location_id FROM weather.observations WHERE observed_at = %s", OUTLIER)
    assert {found for (found,) in places} == {location.id for location in LOCATIONS} - {"amsterdam"}
    assert refresh_near_towers(chain.url, OUTLIER, OUTLIER + HOUR) == len(TOWERS)


def test_the_hour_that_came_twice_is_loaded_once_and_the_missing_one_is_a_gap(chain: Chain) -> None:
    report, _ = chain.run(CLOCK_CHANGE, CLOCK_CHANGE + 2 * HOUR)
    duplicates, gaps = ([hour.counts[name].failed for hour in report.hours] for name in ("unique", "no_gap"))
    assert duplicates == [3, 0]
    assert gaps == [0, 3]
    kept = query(
        chain.url,
        "SELECT temperature_c FROM weather.observations WHERE location_id = 'amsterdam' AND observed_at = %s",
        CLOCK_CHANGE,
    )
    assert kept == [(10.0,)]
    reasons = {entry["reason"] for entry in report.quarantine.to_pylist()}
    assert reasons == {"no variable has a value: the source had no reading for this place and hour"}


def test_a_missing_pressure_warns_and_is_loaded_as_null(chain: Chain) -> None:
    report, loaded = chain.run(OUTLIER, OUTLIER + HOUR)
    [pressure] = [result for result in report.rules if result.rule.name == "not_null_pressure_hpa"]
    [(nulls,)] = query(chain.url, "SELECT count(*) FROM weather.observations WHERE pressure_hpa IS NULL")
    assert 0 < nulls == pressure.rows_failed
    assert loaded.inserted == report.rows - report.quarantined_rows


def test_a_rerun_changes_nothing_but_adds_its_own_metrics(chain: Chain) -> None:
    _, first = chain.run(OUTLIER, OUTLIER + 3 * HOUR)
    tables = {
        "observations": "SELECT *, xmin::text FROM weather.observations ORDER BY location_id, observed_at",
        "quarantine": "SELECT * FROM weather.quarantine",
    }
    before = {name: query(chain.url, statement) for name, statement in tables.items()}
    keys = chain.store.list()
    _, second = chain.run(OUTLIER, OUTLIER + 3 * HOUR, run_id="run-2")
    assert (first.inserted, second.inserted, second.updated, second.deleted) == (44, 0, 0, 0)
    assert {name: query(chain.url, statement) for name, statement in tables.items()} == before
    assert chain.store.list() == keys
    scores = query(chain.url, "SELECT run_id, hour, score FROM weather.quality_metrics WHERE rule = 'overall'")
    assert len(scores) == 6
    assert {run for run, _, _ in scores} == {"run-1", "run-2"}


def test_a_retry_of_the_same_run_replaces_its_metrics(chain: Chain) -> None:
    report, _ = chain.run(OUTLIER, OUTLIER + HOUR)
    chain.run(OUTLIER, OUTLIER + HOUR)
    metrics = query(chain.url, "SELECT rule, severity, rows_checked, rows_failed, passed FROM weather.quality_metrics")
    assert len(metrics) == len(report.rules) + 1
    assert ("range_wind_speed_ms", "error", 15, 1, False) in metrics
    assert ("overall", "error", 15, 1, False) in metrics


def test_the_quarantine_comes_back_as_it_was_found(chain: Chain) -> None:
    report, _ = chain.run(OUTLIER, OUTLIER + HOUR)
    with bronze_files(chain.store, OUTLIER, OUTLIER + HOUR) as files:
        stored = read_quarantine(chain.url, files)
    assert stored.drop_columns(["payload"]).equals(report.quarantine.drop_columns(["payload"]))


def test_a_reading_that_is_good_after_a_rerun_leaves_the_quarantine(chain: Chain) -> None:
    chain.run(OUTLIER, OUTLIER + HOUR)
    empty = evaluate([], start=OUTLIER, end=OUTLIER + HOUR)
    assert replace_quarantine(chain.url, empty) == 0
    assert query(chain.url, "SELECT count(*) FROM weather.quarantine") == [(0,)]
    assert query(chain.url, "SELECT count(*) FROM weather.quarantine_hours") == [(0,)]


def test_bronze_that_was_written_again_in_another_order_is_not_cleaned_by_the_old_quarantine(chain: Chain) -> None:
    """Rows are quarantined by position: the impossible wind would pass and a good place would be dropped."""
    chain.run(OUTLIER, OUTLIER + HOUR)
    fetched = chain.source.fetch(LOCATIONS, OUTLIER, OUTLIER + HOUR)
    turned = replace(fetched, table=fetched.table.take(list(reversed(range(fetched.table.num_rows)))))
    write_bronze(chain.store, turned, start=OUTLIER, end=OUTLIER + HOUR)
    with bronze_files(chain.store, OUTLIER, OUTLIER + HOUR) as files:
        again = r"has changed since it was judged.*Run weather_quality_check for 2026-02-12T08:00Z first"
        with pytest.raises(BronzeReplaced, match=again):
            read_quarantine(chain.url, files)
        replace_quarantine(chain.url, evaluate(files, start=OUTLIER, end=OUTLIER + HOUR))
        table = clean(files, read_quarantine(chain.url, files), start=OUTLIER, end=OUTLIER + HOUR)
    assert set(table["location_id"].to_pylist()) == {place.id for place in LOCATIONS} - {"amsterdam"}
    assert max(speed for speed in table["wind_speed_ms"].to_pylist() if speed is not None) < 113.2


def test_bronze_that_was_never_judged_is_not_cleaned(chain: Chain) -> None:
    chain.run(OUTLIER + HOUR, OUTLIER + 2 * HOUR)
    fetched = chain.source.fetch(LOCATIONS, OUTLIER, OUTLIER + 2 * HOUR)
    write_bronze(chain.store, fetched, start=OUTLIER, end=OUTLIER + HOUR)
    with bronze_files(chain.store, OUTLIER, OUTLIER + 2 * HOUR) as files:
        never = r"T0800Z.parquet was never judged.*1 of 2 hours.*Run weather_quality_check for 2026-02-12T08:00Z first"
        with pytest.raises(DataError, match=never):
            read_quarantine(chain.url, files)
        assert read_quarantine(chain.url, files[1:]).num_rows == 0, "judged, without a bad row"


def test_a_load_from_a_lake_without_the_hour_deletes_nothing(chain: Chain, tmp_path: Path) -> None:
    chain.run(OUTLIER, OUTLIER + HOUR)
    everything = "SELECT *, xmin::text FROM weather.observations ORDER BY location_id"
    before = query(chain.url, everything)
    elsewhere = silver_batches(LocalStore(tmp_path / "empty"), OUTLIER, OUTLIER + HOUR)
    with pytest.raises(DataError, match=r"weather_clean_20260212T0800Z.parquet.*Run clean_weather_data"):
        upsert_observations(chain.url, elsewhere, replace_hours=(OUTLIER, OUTLIER + HOUR))
    assert len(before) == 14
    assert query(chain.url, everything) == before
