"""The weather subject, composed."""

from __future__ import annotations

import dagster as dg

from weather_pipeline.defs.weather.assets import ASSETS, REFERENCE, http_source
from weather_pipeline.defs.weather.datasets import asset_metadata
from weather_pipeline.defs.weather.partitions import MINUTE_OF_SCHEDULE
from weather_pipeline.defs.weather.resources import WeatherPlatform
from weather_pipeline.settings import Settings
from weather_pipeline.sources.catalog import source_dataset

HOURLY_JOB = dg.define_asset_job(
    "weather_hourly",
    selection=dg.AssetSelection.groups("weather"),
    description="One hour of weather, from its source to the towers' table.",
)


def weather_definitions(settings: Settings) -> dg.Definitions:
    """Assets, job and schedule of the weather platform.

    Steps take a second or two: they run one after another in the run's own process, which saves starting a process
    for each.
    """
    read = source_dataset(settings)
    # A source that has an hour only days later would fail every hourly run, and never be fresh.
    scheduled = bool(settings.schedule) and not read.delay
    schedule = dg.build_schedule_from_partitioned_job(
        HOURLY_JOB,
        name="weather_hourly_schedule",
        minute_of_hour=MINUTE_OF_SCHEDULE,
        default_status=dg.DefaultScheduleStatus.RUNNING if scheduled else dg.DefaultScheduleStatus.STOPPED,
    )
    source = http_source(read)

    def described(spec: dg.AssetSpec) -> dg.AssetSpec:
        name = spec.key.to_user_string()
        spec = spec.merge_attributes(metadata=asset_metadata(name, settings))
        if read.delay:
            spec = spec.replace_attributes(freshness_policy=None)
        return spec.replace_attributes(deps=[source.key]) if name == "raw_weather_data" else spec

    assets = dg.map_asset_specs(described, [*ASSETS, *REFERENCE, source])
    return dg.Definitions(
        assets=dg.with_source_code_references(assets),
        jobs=[HOURLY_JOB],
        schedules=[schedule],
        resources={"platform": WeatherPlatform()},
        executor=dg.in_process_executor,
    )
