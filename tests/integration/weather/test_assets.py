"""The assets one by one under Dagster: what they refuse, what they try again, and what they leave alone."""

from pathlib import Path

import dagster as dg
import pyarrow.parquet as pq
import pytest

from tests.integration.sources.misbehaving import Answer, misbehaving
from tests.integration.store.observations import query
from tests.integration.weather.runs import CHAIN, HOUR, Runs, failed_checks, failure, retries
from weather_pipeline.store.layout import bronze_key

pytestmark = pytest.mark.integration

LOADED = "SELECT *, xmin::text FROM weather.observations ORDER BY location_id"


def test_a_load_from_a_lake_that_lacks_the_hour_fails_and_deletes_nothing(
    runs: Runs, warehouse: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert runs.run(*CHAIN).success
    before = query(warehouse, LOADED)
    assert len(before) == 14
    monkeypatch.setenv("WEATHER_LAKE_URL", (tmp_path / "another lake").as_uri())
    message, again = runs.failure("weather_to_postgres")
    assert "weather_clean_20260212T0800Z.parquet. Run clean_weather_data for 2026-02-12T08:00Z first." in message
    assert again == 0
    assert query(warehouse, LOADED) == before


def test_cleaning_an_hour_that_was_never_fetched_fails_and_says_what_to_run(runs: Runs) -> None:
    message, again = runs.failure("clean_weather_data")
    assert "weather_20260212T0800Z.parquet. Run raw_weather_data for 2026-02-12T08:00Z first." in message
    assert again == 0


def test_checking_an_hour_that_was_never_fetched_reports_it(runs: Runs) -> None:
    result = runs.run("weather_quality_check")
    assert failed_checks(result) == {"rows_present": "no bronze file for 2026-02-12T08:00Z"}


def test_bronze_that_was_fetched_again_is_judged_again_before_it_is_cleaned(
    runs: Runs, warehouse: str, tmp_path: Path
) -> None:
    assert runs.run(*CHAIN).success
    before = query(warehouse, LOADED)
    path = tmp_path / "lake" / bronze_key(dg.HourlyPartitionsDefinition(HOUR).time_window_for_partition_key(HOUR).start)
    table = pq.read_table(path)
    pq.write_table(table.take(list(reversed(range(table.num_rows)))), path)
    message, again = runs.failure("clean_weather_data")
    assert "Run weather_quality_check for 2026-02-12T08:00Z first." in message
    assert again == 0
    assert runs.run(*CHAIN[1:]).success
    assert query(warehouse, LOADED) == before


@pytest.mark.parametrize(
    ("reason", "ends"),
    [("Hourly API request limit exceeded.", "00:00Z."), ("Daily API request limit exceeded.", "T00:00:00Z.")],
)
def test_the_limit_of_an_hour_or_a_day_stops_the_run_with_the_time_of_its_end(
    runs: Runs, monkeypatch: pytest.MonkeyPatch, reason: str, ends: str
) -> None:
    monkeypatch.setenv("WEATHER_SOURCE", "open-meteo")
    with misbehaving(Answer.reason(429, reason)) as server:
        monkeypatch.setenv("WEATHER_OPEN_METEO_URL", server.url)
        result = runs.run("raw_weather_data")
    assert len(server.requests) == 1
    assert retries(result) == 0
    data = result.failure_data_for_node("raw_weather_data")
    assert data is not None
    assert data.user_failure_data is not None
    assert reason in str(data.user_failure_data.description)
    assert str(data.user_failure_data.description).endswith(ends)
    assert isinstance(data.user_failure_data.metadata["retry_from"], dg.TimestampMetadataValue)


def test_a_limit_of_the_moment_is_waited_out_a_bounded_number_of_times(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEATHER_SOURCE", "open-meteo")
    at_once = Answer.reason(429, "Minutely API request limit exceeded.", **{"Retry-After": "0"})
    with misbehaving(at_once) as server:
        monkeypatch.setenv("WEATHER_OPEN_METEO_URL", server.url)
        result = runs.run("raw_weather_data")
    assert not result.success
    assert retries(result) == 5
    assert len(server.requests) == 6
    assert "Minutely API request limit exceeded." in failure(result, "raw_weather_data")


def test_the_wait_is_the_limits_and_not_the_policys(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEATHER_SOURCE", "open-meteo")
    with misbehaving(Answer.reason(429, "Too many", **{"Retry-After": "0"}), Answer.reason(400, "no")) as server:
        monkeypatch.setenv("WEATHER_OPEN_METEO_URL", server.url)
        result = runs.run("raw_weather_data")
    (waited,) = [event.step_retry_data for event in result.all_events if event.is_step_up_for_retry]
    assert waited.seconds_to_wait == 0
    assert "answered 400: no" in failure(result, "raw_weather_data")
