"""Assets that are Spark jobs: each is launched as a process of its own, by Dagster Pipes."""

import os
import sys

import dagster as dg

from weather_pipeline.lineage import asset_run_id
from weather_pipeline.lineage.naming import job_name
from weather_pipeline.lineage.spool.launch import launched
from weather_pipeline.settings import load_settings


@dg.asset(
    kinds={"pyspark", "iceberg"},
    group_name="news",
    owners=["team:news"],
    description="Articles from CSV files (SCRAPED_DATA_PATH) that the Iceberg table ICEBERG_TABLE did not have.",
    pool="articles_raw",
)
def articles_raw_batch(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    """Run `weather_pipeline.spark.batch_write_raw_with_lineage`."""
    return _run(context, "weather_pipeline.spark.batch_write_raw_with_lineage")


def _run(context: dg.AssetExecutionContext, module: str) -> dg.MaterializeResult:
    """Run a job in a driver of its own. How this step ends is how its application ends in the lineage."""
    settings, run_id = load_settings(), asset_run_id(context)
    parent = f"{settings.lineage_namespace}/{job_name(context.asset_key.path, suffix=settings.job_suffix)}/{run_id}"
    with launched(settings.effective_spark_events) as variables:
        environment = {**os.environ, "OPENLINEAGE_PARENT_ID": parent, **variables}
        done = dg.PipesSubprocessClient().run(
            context=context.op_execution_context, command=[sys.executable, "-m", module], env=environment
        )
        return done.get_materialize_result()
