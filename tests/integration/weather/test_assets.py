"""The assets one by one under Dagster: what they refuse, what they try again, and what they leave alone."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow.parquet as pq
import pytest

from tests.integration.sources.edr_server import KEY, EdrServer, edr_server, reading
from tests.integration.sources.misbehaving import Answer, Misbehaving, misbehaving
from tests.integration.store.observations import query
from tests.integration.weather.runs import CHAIN, EVERYTHING, HOUR, Runs, failed_checks, failure, retries
from tests.unit.sources.bodies import START, answer, encoded, without_readings
from weather_pipeline.defs.weather import assets, resources
from weather_pipeline.sources.knmi_stations import STATIONS
from weather_pipeline.sources.misbehaviour import Kind, Misbehaviour
from weather_pipeline.sources.replay import ReplayServer
from weather_pipeline.weather.layout import bronze_key
from weather_pipeline.weather.locations import LOCATIONS

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
    runs: Runs, warehouse: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resources, "_REPLACED_WAIT", 0.0)
    assert runs.run(*CHAIN).success
    before = query(warehouse, LOADED)
    path = tmp_path / "lake" / bronze_key(dg.HourlyPartitionsDefinition(HOUR).time_window_for_partition_key(HOUR).start)
    table = pq.read_table(path)
    pq.write_table(table.take(list(reversed(range(table.num_rows)))), path)
    message, again = runs.failure("clean_weather_data")
    assert "Run weather_quality_check for 2026-02-12T08:00Z first." in message
    assert again == 10, "a run in parallel may be about to judge it"
    assert runs.run(*CHAIN[1:]).success
    assert query(warehouse, LOADED) == before


@pytest.mark.parametrize("step", ["weather_quality_check", "clean_weather_data"])
def test_what_was_made_of_bronze_that_is_fetched_again_meanwhile_is_made_again(
    runs: Runs, warehouse: str, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """A parallel run's fetch, as another process would do it, between the step's reading and its storing."""
    monkeypatch.setattr(resources, "_REPLACED_WAIT", 0.0)
    name = {"weather_quality_check": "replace_quarantine", "clean_weather_data": "write_clean"}[step]
    store = getattr(assets, name)
    fetches = iter([True])

    def fetched_meanwhile(*arguments: Any, **options: Any) -> Any:
        if next(fetches, False):
            assert runs.run("raw_weather_data").success
            if step == "clean_weather_data":
                assert runs.run("weather_quality_check").success
        return store(*arguments, **options)

    monkeypatch.setattr(assets, name, fetched_meanwhile)
    result = runs.run(*CHAIN)
    assert result.success
    assert [event.step_key for event in result.all_events if event.is_step_up_for_retry] == [step]
    assert len(query(warehouse, LOADED)) == 14


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


def test_hours_that_the_source_does_not_have_are_refused_with_the_setting_that_helps(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEATHER_SOURCE", "open-meteo")
    message, again = runs.failure("raw_weather_data", hour="2026-01-01-00:00")
    assert "keeps 92 days" in message
    assert "2026-01-01T00:00Z to before 2026-01-01T01:00Z were asked for" in message
    assert "Set WEATHER_SOURCE=open-meteo-archive" in message
    assert again == 0


def test_a_spent_budget_stops_the_next_run_before_it_asks(
    runs: Runs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("WEATHER_SOURCE", "open-meteo")
    monkeypatch.setenv("WEATHER_OPEN_METEO_DAY_LIMIT", "20")
    with ReplayServer() as server:
        monkeypatch.setenv("WEATHER_OPEN_METEO_URL", server.url)
        assert runs.run("raw_weather_data").success
        result = runs.run("raw_weather_data", hour="2026-02-12-09:00")
        assert server.answered == 1
    data = result.failure_data_for_node("raw_weather_data")
    assert data is not None
    assert data.user_failure_data is not None
    assert "5 of 20 are left" in str(data.user_failure_data.description)
    assert isinstance(data.user_failure_data.metadata["retry_from"], dg.TimestampMetadataValue)
    assert retries(result) == 0
    assert len(list((tmp_path / "lake").rglob("*.parquet"))) == 1


def chain_against(kind: Kind, runs: Runs, monkeypatch: pytest.MonkeyPatch) -> tuple[dg.ExecuteInProcessResult, str]:
    """The chain on a server that misbehaves, which it gets through, and what raw_weather_data did not receive."""
    monkeypatch.setenv("WEATHER_SOURCE", "open-meteo")
    with ReplayServer(plan=[Misbehaviour(kind)]) as server:
        monkeypatch.setenv("WEATHER_OPEN_METEO_URL", server.url)
        result = runs.run(*CHAIN, hour="2026-05-01-10:00")
    assert result.success
    (raw,) = result.asset_materializations_for_node("raw_weather_data")
    return result, str(raw.metadata["not_received"].value)


@pytest.mark.parametrize("kind", [Kind.NOT_COVERED, Kind.NOT_COVERED_REFUSED])
def test_a_place_that_is_not_covered_is_reported_and_the_others_are_loaded(
    runs: Runs, warehouse: str, monkeypatch: pytest.MonkeyPatch, kind: Kind
) -> None:
    result, not_received = chain_against(kind, runs, monkeypatch)
    place = LOCATIONS[-1 if kind is Kind.NOT_COVERED else 0].id
    assert f"- {place}: " in not_received
    (gap,) = [check for check in result.get_asset_check_evaluations() if check.check_name == "no_gap"]
    assert not gap.passed
    assert gap.metadata["rows_failed"].value == 1
    loaded = {name for (name,) in query(warehouse, "SELECT location_id FROM weather.observations")}
    assert loaded == {location.id for location in LOCATIONS} - {place}


@pytest.mark.parametrize("kind", [Kind.NAN, Kind.MISSING_VARIABLE])
def test_a_reading_that_is_not_received_is_reported_and_costs_no_other(
    runs: Runs, warehouse: str, monkeypatch: pytest.MonkeyPatch, kind: Kind
) -> None:
    _, not_received = chain_against(kind, runs, monkeypatch)
    assert "visibility" in not_received
    statement = "SELECT location_id FROM weather.observations WHERE visibility_m IS NULL AND temperature_c IS NOT NULL"
    assert query(warehouse, statement) == [(LOCATIONS[-1].id,)]
    assert query(warehouse, "SELECT count(*) FROM weather.observations") == [(len(LOCATIONS),)]


def test_an_answer_of_nulls_fails_the_run_and_deletes_nothing(
    runs: Runs, warehouse: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    unchanged: list[bool] = []
    hour = f"{START:%Y-%m-%d-%H:%M}"
    monkeypatch.setenv("WEATHER_SOURCE", "open-meteo")
    whole = [answer(position) for position in range(len(LOCATIONS))]
    with misbehaving(Answer(body=encoded(whole))) as server:
        monkeypatch.setenv("WEATHER_OPEN_METEO_URL", server.url)
        assert runs.run(*CHAIN, hour=hour).success
    before = query(warehouse, LOADED)
    assert len(before) == len(LOCATIONS)
    nulls = Answer(body=encoded([without_readings(each, 0) for each in whole]))
    with misbehaving(nulls, nulls, Answer(body=encoded(whole))) as server:
        monkeypatch.setenv("WEATHER_OPEN_METEO_URL", server.url)
        result = runs.run(*CHAIN, hour=hour, on_retry=lambda: unchanged.append(query(warehouse, LOADED) == before))
    assert result.success
    assert (retries(result), unchanged) == (2, [True, True])


FOR_GOOD = (Kind.REFUSED, Kind.HOURLY, Kind.DAILY)
PASSING = (Kind.OVERLOADED, Kind.CUT, Kind.TRUNCATED, Kind.STREAMING_ERROR, Kind.WRONG_JSON, Kind.NO_JSON)


@pytest.mark.parametrize("kind", [*FOR_GOOD, *PASSING])
def test_an_hour_that_fails_leaves_the_others_alone_and_a_retry_brings_what_can_be_brought(
    runs: Runs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: Kind
) -> None:
    assert runs.run("raw_weather_data", hour="2026-02-12-07:00").success
    (before,) = (tmp_path / "lake").rglob("*.parquet")
    content = before.read_bytes()
    monkeypatch.setenv("WEATHER_SOURCE", "open-meteo")
    with ReplayServer(plan=[Misbehaviour(kind, 3)]) as server:
        monkeypatch.setenv("WEATHER_OPEN_METEO_URL", server.url)
        result = runs.run("raw_weather_data")
        assert result.success is (kind in PASSING)
        assert (retries(result), server.answered) == ((1, 4) if kind in PASSING else (0, 1))
    assert before.read_bytes() == content
    assert len(list((tmp_path / "lake").rglob("*.parquet"))) == (2 if kind in PASSING else 1)


def test_knmis_observations_go_through_the_whole_chain_and_a_silent_station_costs_its_own_places(
    runs: Runs, warehouse: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEATHER_SOURCE", "knmi")
    monkeypatch.setenv("WEATHER_KNMI_API_KEY", KEY)
    with edr_server([station for station in STATIONS if station.name != "Schiphol"]) as server:
        monkeypatch.setenv("WEATHER_KNMI_URL", server.url)
        result = runs.run(*EVERYTHING, hour="2026-05-01-10:00", until="2026-05-01-11:00")
    assert result.success
    assert len(server.requests) == 1
    (raw, *_) = result.asset_materializations_for_node("raw_weather_data")
    assert "- amsterdam: KNMI sent nothing of Schiphol for 2 of 2 hours" in str(raw.metadata["not_received"].value)
    (gap,) = [check for check in result.get_asset_check_evaluations() if check.check_name == "no_gap"]
    assert not gap.passed
    statement = "SELECT source, count(*), count(DISTINCT location_id), count(visibility_m) FROM weather.observations"
    assert query(warehouse, f"{statement} GROUP BY 1") == [("knmi", 28, 14, 28)]
    ten = datetime(2026, 5, 1, 10, tzinfo=UTC)
    utrecht = "SELECT temperature_c, wind_gust_ms FROM weather.observations WHERE location_id = 'utrecht'"
    assert query(warehouse, f"{utrecht} ORDER BY observed_at LIMIT 1") == [
        (reading("ta", ten), reading("fx", ten - timedelta(minutes=10)))
    ]


@pytest.mark.parametrize("variable", ["WEATHER_KNMI_API_KEY", "WEATHER_KNMI_API_KEY_FILE"])
def test_knmi_without_a_usable_key_stops_the_run_with_what_to_set(
    runs: Runs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str
) -> None:
    monkeypatch.setenv("WEATHER_SOURCE", "knmi")
    if variable.endswith("FILE"):
        monkeypatch.setenv(variable, str(tmp_path / "missing"))
    message, again = runs.failure("raw_weather_data")
    assert variable in message
    assert again == 0


def refusing(status: int, words: str) -> AbstractContextManager[Misbehaving]:
    return misbehaving(Answer.reason(status, words))


@pytest.mark.parametrize(
    ("source", "served"),
    [
        (
            "open-meteo",
            (ReplayServer, lambda: refusing(400, f"{KEY} is no key"), lambda: refusing(429, f"Daily {KEY}")),
        ),
        ("knmi", (edr_server, lambda: refusing(403, f"{KEY} is no key"), lambda: refusing(403, f"Quota of {KEY}"))),
    ],
)
def test_the_key_is_in_no_event_and_no_file(
    runs: Runs,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    source: str,
    served: tuple[Callable[[], AbstractContextManager[ReplayServer | EdrServer | Misbehaving]], ...],
) -> None:
    setting = f"WEATHER_{source.upper().replace('-', '_')}"
    monkeypatch.setenv("WEATHER_SOURCE", source)
    # Where the key goes into a URL, it has no sign that a URL escapes.
    monkeypatch.setenv(f"{setting}_API_KEY", KEY if source == "knmi" else KEY.rstrip("="))
    results = []
    for serve in served:
        with serve() as server:
            monkeypatch.setenv(f"{setting}_URL", server.url)
            results.append(runs.run("raw_weather_data"))
    assert [result.success for result in results] == [True, False, False]
    for result in results:
        entries = runs.instance.all_logs(result.run_id)
        assert entries
        assert KEY.rstrip("=") not in str([entry.to_json() for entry in entries])
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.suffix == ".parquet" for path in written)
    assert not [path for path in written if KEY.rstrip("=").encode() in path.read_bytes()]
