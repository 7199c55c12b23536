"""The weather's history in Iceberg, by Spark: an asset, its daily job and schedule. Without PySpark there are none."""

from datetime import datetime, timedelta
from importlib.util import find_spec
from typing import Any

import dagster as dg

from weather_pipeline.defs.drivers import run_driver
from weather_pipeline.defs.weather.datasets import column_schema
from weather_pipeline.defs.weather.partitions import HOURLY
from weather_pipeline.lineage.naming import iceberg_table
from weather_pipeline.settings import Settings
from weather_pipeline.spark.history import COLUMNS, history_table
from weather_pipeline.stack.dagster_api import RANGE_END_TAG, RANGE_START_TAG
from weather_pipeline.weather.hours import HOUR

_SILVER = dg.AssetKey("clean_weather_data")
_DAY = timedelta(days=1)


@dg.asset(
    deps=[_SILVER],
    partitions_def=HOURLY,
    backfill_policy=dg.BackfillPolicy.single_run(),  # Spark starts once, however many hours there are
    kinds={"pyspark", "iceberg"},
    group_name="history",  # out of the hourly job: Spark takes longer to start than all of that takes to run
    owners=["team:weather"],
    tags={"layer": "gold"},
    pool="weather_history",
)
def weather_history(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    """Silver as an Iceberg table, partitioned by day, for what outgrows one machine; a rerun replaces its hours."""
    window = context.partition_time_window
    hours = "--start", window.start.isoformat(), "--end", window.end.isoformat()
    result, (rows,) = run_driver(context, "weather_pipeline.spark.weather_history", *hours)
    for hour, count in rows.items():
        partition = HOURLY.get_partition_key_for_timestamp(datetime.fromisoformat(hour).timestamp())
        context.add_asset_metadata({"dagster/partition_row_count": count}, partition_key=partition)
    return result


DAILY_JOB = dg.define_asset_job(
    "weather_history_daily",
    selection=dg.AssetSelection.assets(weather_history),
    description="A day of silver into the Iceberg table of the weather's history.",
)


@dg.schedule(
    job=DAILY_JOB,
    cron_schedule="30 1 * * *",
    execution_timezone="UTC",
    # Off by itself: it takes jars that are fetched on demand, and all hours of the day.
    default_status=dg.DefaultScheduleStatus.STOPPED,
)
def weather_history_daily_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """The day before, in one run."""
    end = context.scheduled_execution_time.replace(hour=0, minute=0, second=0, microsecond=0)
    first, last = (HOURLY.get_partition_key_for_timestamp(hour.timestamp()) for hour in (end - _DAY, end - HOUR))
    return dg.RunRequest(run_key=f"{end - _DAY:%Y-%m-%d}", tags={RANGE_START_TAG: first, RANGE_END_TAG: last})


def history_metadata(settings: Settings) -> dict[str, Any]:
    """Dataset identity, columns and column lineage of the table, as definition metadata."""
    table = history_table(settings)
    dataset = iceberg_table(table.catalog, str(table).partition(".")[2])
    origins = {column.name: [dg.TableColumnDep(_SILVER, column.name)] for column in COLUMNS}
    return {
        "openlineage/namespace": dataset.namespace,
        "openlineage/name": dataset.name,
        "dagster/table_name": str(table),
        "dagster/column_schema": column_schema("silver"),
        "dagster/column_lineage": dg.TableColumnLineage(deps_by_column=origins),
    }


def history_definitions(settings: Settings) -> dg.Definitions:
    """The asset that Spark writes, with its job and schedule.

    Args:
        settings: The settings, which name the table's catalog.
    """
    if find_spec("pyspark") is None:
        return dg.Definitions()
    described = weather_history.map_asset_specs(lambda spec: spec.merge_attributes(metadata=history_metadata(settings)))
    return dg.Definitions(
        assets=dg.with_source_code_references([described]),
        jobs=[DAILY_JOB],
        schedules=[weather_history_daily_schedule],
    )
