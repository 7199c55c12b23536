"""The maintenance of Iceberg's tables, composed. Without PySpark, which is an extra, there is none."""

from __future__ import annotations

from importlib.util import find_spec

import dagster as dg

from weather_pipeline.defs.iceberg.assets import iceberg_maintenance

MAINTENANCE_JOB = dg.define_asset_job(
    "iceberg_maintenance_job",
    selection=dg.AssetSelection.assets(iceberg_maintenance),
    description="Each table that our Spark jobs write, kept small.",
)


def iceberg_definitions() -> dg.Definitions:
    """The maintenance, and its schedule: off until somebody has tables that grow."""
    if find_spec("pyspark") is None:
        return dg.Definitions()
    schedule = dg.ScheduleDefinition(
        name="iceberg_maintenance_schedule",
        job=MAINTENANCE_JOB,
        cron_schedule="40 3 * * *",
        default_status=dg.DefaultScheduleStatus.STOPPED,
    )
    assets = dg.with_source_code_references([iceberg_maintenance])
    return dg.Definitions(assets=assets, jobs=[MAINTENANCE_JOB], schedules=[schedule])
