"""The weather platform on real PostgreSQL and recorded observations, and its lineage as the design's table has it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import dagster as dg
import psycopg
import pytest

from tests.collector import Collector
from tests.integration.lineage.test_shapes_of_work import check_sequences
from tests.integration.sources.edr_server import KEY, edr_server
from tests.integration.store.s3_server import ACCESS, S3ServerProcess
from weather_pipeline.definitions import defs
from weather_pipeline.sources.misbehaviour import Kind, Misbehaviour
from weather_pipeline.sources.replay import ReplayServer
from weather_pipeline.store.migrate import migrate
from weather_pipeline.store.warehouse import table_counts
from weather_pipeline.weather.tables import TABLES

pytestmark = pytest.mark.integration

POSTGRES = "postgres://localhost:5432 weather.weather."
BRONZE, SILVER = "file lake/bronze/weather", "file lake/silver/weather"
EXPECTED = {
    "raw_weather_data": ({"https://api.open-meteo.com v1/forecast"}, {BRONZE}),
    "weather_quality_check": ({BRONZE}, {POSTGRES + "quality_metrics", POSTGRES + "quarantine"}),
    "clean_weather_data": ({BRONZE, POSTGRES + "quarantine"}, {SILVER}),
    "weather_to_postgres": ({SILVER, POSTGRES + "locations"}, {POSTGRES + "observations"}),
    "weather_near_towers": ({POSTGRES + "observations", POSTGRES + "towers"}, {POSTGRES + "weather_near_towers"}),
}
OUTLIER_DAY = ("2026-02-12-00:00", "2026-02-12-23:00")


class Platform:
    """The whole code location on an instance of its own, and its lineage in a collector."""

    def __init__(self, instance: dg.DagsterInstance, backend: Collector, database_url: str) -> None:
        self.instance = instance
        self.backend = backend
        self.database_url = database_url
        self.definitions = defs()
        self.cursor: str | None = None

    def run(self, first: str, last: str) -> dg.ExecuteInProcessResult:
        tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
        job = self.definitions.resolve_job_def("weather_hourly")
        return job.execute_in_process(instance=self.instance, tags=tags, raise_on_error=False)

    def export(self) -> None:
        repository = self.definitions.get_repository_def()
        context = dg.build_sensor_context(instance=self.instance, repository_def=repository, cursor=self.cursor)
        self.cursor = repository.sensor_defs[0].evaluate_tick(context).cursor

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database_url) as connection:
            return connection.execute(statement.encode()).fetchall()


@pytest.fixture
def platform(tmp_path: Path, new_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Platform]:
    url = new_database()
    migrate(url)
    monkeypatch.setenv("WEATHER_DATABASE_URL", url)
    monkeypatch.setenv("WEATHER_HOME", str(tmp_path))
    monkeypatch.setenv("WEATHER_SOURCE", "replay")
    (tmp_path / "dagster").mkdir()
    (tmp_path / "dagster" / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    with Collector() as backend, dg.DagsterInstance.from_config(str(tmp_path / "dagster")) as instance:
        monkeypatch.setenv("MARQUEZ_URL", backend.url)
        yield Platform(instance, backend, url)


def names(datasets: list[dict[str, Any]]) -> set[str]:
    return {f"{dataset['namespace']} {dataset['name']}" for dataset in datasets}


def edges(backend: Collector) -> dict[str, tuple[set[str], set[str]]]:
    """What each asset's job read and wrote, by what its COMPLETE says."""
    return {
        event["job"]["name"].removesuffix("_dagster"): (names(event["inputs"]), names(event["outputs"]))
        for event in backend.events
        if event.get("eventType") == "COMPLETE" and event["job"]["facets"]["jobType"]["jobType"] == "ASSET"
    }


def test_on_an_s3_lake_the_buckets_are_the_datasets(
    platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_buckets = {BRONZE: "s3://bronze weather", SILVER: "s3://silver weather"}
    with S3ServerProcess(tmp_path / "s3") as server:
        monkeypatch.setenv("WEATHER_LAKE_URL", server.url)
        monkeypatch.setenv("WEATHER_S3_ACCESS_KEY", ACCESS.access_key)
        monkeypatch.setenv("WEATHER_S3_SECRET_KEY", ACCESS.secret_key)
        monkeypatch.setenv("WEATHER_S3_SECURE", "false")
        platform.definitions = defs()
        assert platform.run("2026-11-20-09:00", "2026-11-20-10:00").success
        platform.export()
    assert edges(platform.backend) == {
        job: tuple({in_buckets.get(name, name) for name in side} for side in sides) for job, sides in EXPECTED.items()
    }
    assert table_counts(platform.database_url)["observations"] == 30
    assert ACCESS.secret_key not in str(platform.backend.events)


def test_the_lineage_is_exactly_the_designs_table(platform: Platform) -> None:
    assert platform.run("2026-11-20-09:00", "2026-11-20-11:00").success
    platform.export()
    assert edges(platform.backend) == EXPECTED
    assert {event["job"]["namespace"] for event in platform.backend.events if "job" in event} == {"weather-pipeline"}
    check_sequences(platform.backend)
    loaded = platform.backend.of("weather_to_postgres_dagster")[1]
    assert loaded["outputs"][0]["outputFacets"]["outputStatistics"]["rowCount"] == 45
    assert loaded["outputs"][0]["facets"]["columnLineage"]["fields"]["temperature_c"]["inputFields"] == [
        {"namespace": "file", "name": "lake/silver/weather", "field": "temperature_c"}
    ]
    assert table_counts(platform.database_url)["observations"] == 45


@contextmanager
def replayed(setting: str) -> Iterator[dict[str, str]]:
    with ReplayServer() as server:
        yield {setting: server.url}


@contextmanager
def measured() -> Iterator[dict[str, str]]:
    with edr_server() as server:
        yield {"WEATHER_KNMI_URL": server.url, "WEATHER_KNMI_API_KEY": KEY}


class Source(NamedTuple):
    """What a source is in lineage, and who answers for it here."""

    name: str
    namespace: str
    dataset: str
    served: Callable[[], AbstractContextManager[dict[str, str]]]
    temperature: str = "temperature_2m"
    missing: frozenset[str] = frozenset()


SOURCES = (
    Source("open-meteo", "https://api.open-meteo.com", "v1/forecast", lambda: replayed("WEATHER_OPEN_METEO_URL")),
    Source(
        "open-meteo-archive",
        "https://archive-api.open-meteo.com",
        "v1/archive",
        lambda: replayed("WEATHER_OPEN_METEO_ARCHIVE_URL"),
        missing=frozenset({"visibility"}),
    ),
    Source(
        "knmi",
        "https://api.dataplatform.knmi.nl",
        "edr/v1/collections/10-minute-in-situ-meteorological-observations",
        measured,
        temperature="ta",
        missing=frozenset({"elevation"}),
    ),
)


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_the_source_that_is_set_is_the_input_from_the_start_on(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, source: Source
) -> None:
    dataset = f"{source.namespace} {source.dataset}"
    monkeypatch.setenv("WEATHER_SOURCE", source.name)
    with source.served() as environment:
        for variable, value in environment.items():
            monkeypatch.setenv(variable, value)
        platform.definitions = defs()
        assert platform.run("2026-02-13-09:00", "2026-02-13-10:00").success
        platform.export()
    assert edges(platform.backend) == {**EXPECTED, "raw_weather_data": ({dataset}, {BRONZE})}
    start, complete = platform.backend.of("raw_weather_data_dagster")
    assert (start["eventType"], complete["eventType"]) == ("START", "COMPLETE")
    assert names(start["inputs"]) == names(complete["inputs"]) == {dataset}
    fields = complete["outputs"][0]["facets"]["columnLineage"]["fields"]
    origin = {"namespace": source.namespace, "name": source.dataset, "field": source.temperature}
    assert fields["temperature_2m"]["inputFields"] == [origin]
    assert {column.name for column in TABLES["bronze"]} - set(fields) == {"source", *source.missing}
    ((rows, sources),) = platform.query("SELECT count(*), min(source) FROM weather.observations")
    assert (rows, sources) == (30, source.name)
    assert KEY not in str(platform.backend.events)


def test_the_impossible_wind_is_quarantined_with_its_reason_and_the_good_rows_are_loaded(platform: Platform) -> None:
    assert platform.run(*OUTLIER_DAY).success
    ((reason, payload),) = platform.query("SELECT reason, payload->>'wind_speed_10m' FROM weather.quarantine")
    assert "1,048 mph" in reason
    assert "113.2 m/s" in reason
    assert float(payload) == pytest.approx(1687.2, abs=0.1)
    hour = "SELECT count(*), max(wind_speed_ms) FROM weather.observations WHERE observed_at = '2026-02-12T08:00Z'"
    ((rows, strongest),) = platform.query(hour)
    assert rows == 14
    assert strongest < 113.2
    platform.export()
    quality = platform.backend.of("weather_quality_check_dagster")[1]
    asserted = quality["inputs"][0]["inputFacets"]["dataQualityAssertions"]["assertions"]
    (wind,) = [assertion for assertion in asserted if assertion["assertion"] == "range_wind_speed_ms"]
    assert wind["success"] is False
    assert wind["column"] == "wind_speed_10m"
    columns = {column.name for column in TABLES["bronze"]}
    assert {assertion["column"] for assertion in asserted if "column" in assertion} <= columns
    assert "1,048 mph" in wind["description"]


def test_a_foreign_key_violation_is_a_failure_with_the_databases_words_and_nothing_half_loaded(
    platform: Platform,
) -> None:
    hours = ("2026-11-20-09:00", "2026-11-20-11:00")
    with psycopg.connect(platform.database_url) as connection:
        lost = connection.execute("DELETE FROM weather.locations WHERE location_id = 'utrecht' RETURNING *").fetchone()
    assert lost
    assert not platform.run(*hours).success
    assert table_counts(platform.database_url)["observations"] == 0
    platform.export()
    failed = platform.backend.of("weather_to_postgres_dagster")[-1]
    assert failed["eventType"] == "FAIL"
    message = failed["run"]["facets"]["errorMessage"]["message"]
    assert 'violates foreign key constraint "' in message
    assert failed["run"]["facets"]["dagster_run"]["attempts"] == 1, "what the database refuses is not tried again"
    assert platform.backend.of("weather_near_towers_dagster") == []

    migrate(platform.database_url)
    assert platform.run(*hours).success
    platform.export()
    assert platform.backend.kinds("weather_to_postgres_dagster") == ["START", "FAIL", "START", "COMPLETE"]
    assert table_counts(platform.database_url)["observations"] == 45
    check_sequences(platform.backend)


def test_a_step_that_is_tried_again_is_one_run_in_lineage(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    with ReplayServer(plan=[Misbehaviour(Kind.NO_JSON, 3)]) as server:  # as often as one attempt of the step asks
        monkeypatch.setenv("WEATHER_SOURCE", "open-meteo")
        monkeypatch.setenv("WEATHER_OPEN_METEO_URL", server.url)
        result = platform.run("2026-11-20-09:00", "2026-11-20-11:00")
    assert result.success
    assert [event.step_key for event in result.all_events if event.is_step_up_for_retry] == ["raw_weather_data"]
    platform.export()
    check_sequences(platform.backend)
    assert platform.backend.kinds("raw_weather_data_dagster") == ["START", "COMPLETE"]
    completed = platform.backend.of("raw_weather_data_dagster")[1]
    assert completed["run"]["facets"]["dagster_run"]["attempts"] == 2
    assert table_counts(platform.database_url)["observations"] == 45


def test_a_rerun_of_a_day_changes_nothing(platform: Platform) -> None:
    statements = (
        "SELECT xmin::text, * FROM weather.observations ORDER BY location_id, observed_at",
        "SELECT xmin::text, * FROM weather.weather_near_towers ORDER BY tower_id, observed_at",
        "SELECT * FROM weather.quarantine ORDER BY bronze_key, row_number, rule",
    )
    assert platform.run(*OUTLIER_DAY).success
    before = [platform.query(statement) for statement in statements]
    assert [len(rows) > 0 for rows in before] == [True] * 3
    assert platform.run(*OUTLIER_DAY).success
    assert [platform.query(statement) for statement in statements] == before


def test_without_a_warehouse_the_error_says_what_to_do(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WEATHER_DATABASE_URL")
    result = platform.run("2026-11-20-09:00", "2026-11-20-09:00")
    (failure,) = result.get_failed_step_keys()
    assert failure == "weather_quality_check"
    assert "weather up" in str(result.failure_data_for_node("weather_quality_check"))
