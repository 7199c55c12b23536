"""The maintenance of Iceberg's tables, as an asset that is a Spark job."""

import dagster as dg

from weather_pipeline.defs.drivers import run_driver


@dg.asset(
    kinds={"pyspark", "iceberg"},
    group_name="iceberg",
    owners=["team:news"],
    description="Small files of Iceberg's tables joined, old snapshots and orphan files gone.",
    pool="articles_raw",
)
def iceberg_maintenance(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    """Run `weather_pipeline.spark.maintain_tables`, which reports the tables that it rewrote."""
    done, _ = run_driver(context, "weather_pipeline.spark.maintain_tables")
    return done
