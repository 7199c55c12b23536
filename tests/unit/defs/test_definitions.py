"""What the code location offers, pinned: a silent change of a key, an edge, an owner or a column breaks the build."""

from datetime import timedelta

import dagster as dg
import pytest
from dagster._core.definitions.freshness import CronFreshnessPolicy

from weather_pipeline.cli.quality_docs import quality_markdown
from weather_pipeline.definitions import defs
from weather_pipeline.defs.weather import weather_definitions
from weather_pipeline.defs.weather.datasets import TABLE_OF_ASSET, asset_metadata
from weather_pipeline.defs.weather.partitions import HOURLY
from weather_pipeline.settings import Settings, SourceName
from weather_pipeline.sources.catalog import source_dataset
from weather_pipeline.weather.hours import FIRST_HOUR
from weather_pipeline.weather.rules import RULES
from weather_pipeline.weather.tables import TABLES

EDGES = {
    "open_meteo_forecast": set(),
    "locations": set(),
    "towers": set(),
    "raw_weather_data": {"open_meteo_forecast"},
    "weather_quality_check": {"raw_weather_data"},
    "clean_weather_data": {"raw_weather_data", "weather_quality_check"},
    "weather_to_postgres": {"clean_weather_data", "locations"},
    "weather_near_towers": {"weather_to_postgres", "towers"},
}
MADE = {name for name in EDGES if name not in {"open_meteo_forecast", "locations", "towers"}}


@pytest.fixture(scope="module")
def specs() -> dict[str, dg.AssetSpec]:
    return {spec.key.to_user_string(): spec for spec in weather_definitions(Settings()).resolve_all_asset_specs()}


def test_the_asset_graph_is_the_designs(specs: dict[str, dg.AssetSpec]) -> None:
    found = {name: {dep.asset_key.to_user_string() for dep in spec.deps} for name, spec in specs.items()}
    assert found == EDGES


def test_every_asset_says_who_what_and_where(specs: dict[str, dg.AssetSpec]) -> None:
    for name, spec in specs.items():
        assert spec.owners == ["team:weather"], name
        assert spec.description, name
        assert spec.kinds, name
        assert spec.metadata["openlineage/namespace"], name
        if name in MADE:
            assert spec.freshness_policy, name
            assert spec.partitions_def, name
            assert spec.metadata["dagster/code_references"].code_references, name
        if name in TABLE_OF_ASSET:
            columns = [column.name for column in spec.metadata["dagster/column_schema"].columns]
            assert columns == [column.name for column in TABLES[TABLE_OF_ASSET[name]]]


def test_column_lineage_names_columns_that_exist(specs: dict[str, dg.AssetSpec]) -> None:
    followed = 0
    for name in MADE - {"raw_weather_data"}:
        lineage = specs[name].metadata["dagster/column_lineage"]
        for deps in lineage.deps_by_column.values():
            for dep in deps:
                upstream = TABLE_OF_ASSET[dep.asset_key.to_user_string()]
                assert dep.column_name in {column.name for column in TABLES[upstream]}
                followed += 1
    assert followed > 30


def test_dataset_names_do_not_depend_on_where_the_lake_and_the_database_are() -> None:
    here = Settings(home="/somewhere/.weather", port_offset=100)  # type: ignore[arg-type]
    there = Settings(home="/elsewhere", lake_url="file:///data/lake")  # type: ignore[arg-type]

    def named(asset: str, settings: Settings) -> tuple[str, str]:
        metadata = asset_metadata(asset, settings)
        return metadata["openlineage/namespace"], metadata["openlineage/name"]

    for asset in EDGES:
        assert named(asset, here) == named(asset, there)
    assert named("raw_weather_data", here) == ("file", "lake/bronze/weather")
    assert named("weather_to_postgres", here) == ("postgres://localhost:5432", "weather.weather.observations")
    assert named("clean_weather_data", Settings(lake_url="s3://anything")) == ("s3://silver", "weather")


def test_each_rule_is_a_check_and_only_file_errors_block() -> None:
    repository = weather_definitions(Settings()).get_repository_def()
    checks = {key.name: repository.asset_graph.get_check_spec(key) for key in repository.asset_graph.asset_check_keys}
    assert set(checks) == {rule.name for rule in RULES}
    assert {name for name, check in checks.items() if check.blocking} == {rule.name for rule in RULES if rule.blocks}


def test_the_deadline_of_freshness_fits_the_schedule(specs: dict[str, dg.AssetSpec]) -> None:
    policies = {specs[name].freshness_policy for name in MADE}
    (policy,) = policies
    assert isinstance(policy, CronFreshnessPolicy)
    (schedule,) = weather_definitions(Settings()).get_repository_def().schedule_defs
    assert schedule.cron_schedule == "5 * * * *"
    deadline = timedelta(minutes=int(policy.deadline_cron.split()[0]))
    assert deadline - policy.lower_bound_delta == timedelta(minutes=5), "what the schedule loads is in time"
    assert deadline == timedelta(minutes=20)
    assert "between five past, when the schedule runs, and twenty past the\n  hour" in quality_markdown()


def test_an_hour_is_a_partition_and_a_day_a_run_of_a_backfill(specs: dict[str, dg.AssetSpec]) -> None:
    assert {specs[name].partitions_def for name in MADE} == {HOURLY}
    assert HOURLY.get_first_partition_key() == f"{FIRST_HOUR:%Y-%m-%d-%H:%M}"
    graph = defs().get_repository_def().asset_graph
    for name in MADE:
        policy = graph.get(dg.AssetKey(name)).backfill_policy
        assert policy is not None
        assert policy.max_partitions_per_run == 24


def test_schedule_and_sensor(monkeypatch: pytest.MonkeyPatch) -> None:
    repository = defs().get_repository_def()
    schedule = repository.get_schedule_def("weather_hourly_schedule")
    maintenance = repository.get_schedule_def("iceberg_maintenance_schedule")
    sensor, spool = sorted(repository.sensor_defs, key=lambda each: each.name)
    assert schedule.default_status is maintenance.default_status is dg.DefaultScheduleStatus.STOPPED
    assert (sensor.name, sensor.sensor_type.value) == ("openlineage_run_status_sensor", "RUN_STATUS")
    assert spool.name == "spark_lineage_sensor"
    assert sensor.default_status is spool.default_status is dg.DefaultSensorStatus.RUNNING
    (in_stack,) = weather_definitions(Settings(schedule=True)).get_repository_def().schedule_defs
    assert in_stack.default_status is dg.DefaultScheduleStatus.RUNNING


def test_a_source_that_is_days_late_has_no_hourly_schedule_on_and_no_deadline() -> None:
    settings = Settings(schedule=True, source=SourceName.OPEN_METEO_ARCHIVE)
    definitions = weather_definitions(settings)
    (schedule,) = definitions.get_repository_def().schedule_defs
    assert schedule.default_status is dg.DefaultScheduleStatus.STOPPED
    assert {spec.freshness_policy for spec in definitions.resolve_all_asset_specs()} == {None}


def test_the_source_is_one_setting_and_changes_the_lineages_input() -> None:
    repository = weather_definitions(Settings(source=SourceName.OPEN_METEO_ARCHIVE)).get_repository_def()
    raw, archive = (repository.asset_graph.get(dg.AssetKey(key)) for key in ("raw_weather_data", "open_meteo_archive"))
    assert raw.parent_keys == {archive.key}
    assert not repository.asset_graph.has(dg.AssetKey("open_meteo_forecast"))
    metadata = archive.metadata
    assert metadata["openlineage/namespace"] == "https://archive-api.open-meteo.com"
    assert metadata["openlineage/name"] == "v1/archive"
    assert "CC BY 4.0" in str(archive.description)
    origins = raw.metadata["dagster/column_lineage"].deps_by_column
    assert origins["temperature_2m"] == [dg.TableColumnDep(archive.key, "temperature_2m")]
    assert "visibility" not in origins


def test_knmi_is_another_input_with_names_of_its_own() -> None:
    repository = weather_definitions(Settings(source=SourceName.KNMI, schedule=True)).get_repository_def()
    raw, knmi = (repository.asset_graph.get(dg.AssetKey(key)) for key in ("raw_weather_data", "knmi_observations"))
    assert raw.parent_keys == {knmi.key}
    assert knmi.metadata["openlineage/namespace"] == "https://api.dataplatform.knmi.nl"
    assert "CC BY 4.0" in str(knmi.description)
    origins = raw.metadata["dagster/column_lineage"].deps_by_column
    assert set(origins) == {column.name for column in TABLES["bronze"]} - {"elevation", "source"}
    assert origins["temperature_2m"] == [dg.TableColumnDep(knmi.key, "ta")]
    assert origins["location_id"] == [dg.TableColumnDep(knmi.key, axis) for axis in ("x", "y")]
    (schedule,) = repository.schedule_defs
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING


@pytest.mark.parametrize("source", [SourceName.AUTO, SourceName.OPEN_METEO, SourceName.REPLAY])
def test_the_recordings_stand_in_for_the_forecast(source: SourceName) -> None:
    assert source_dataset(Settings(source=source)).identity == ("https://api.open-meteo.com", "v1/forecast")
    assert asset_metadata("open_meteo_forecast", Settings(source=source))["openlineage/name"] == "v1/forecast"
