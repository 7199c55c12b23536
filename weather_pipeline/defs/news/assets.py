"""Assets that are Spark jobs: each is launched as a process of its own."""

import dagster as dg

from weather_pipeline.defs.drivers import run_driver
from weather_pipeline.defs.news.datasets import FILES, TOPIC

SOURCES = [
    dg.AssetSpec(
        FILES,
        description="Articles as they were scraped: CSV files (SCRAPED_DATA_PATH).",
        group_name="sources",
        kinds={"csv"},
        owners=["team:news"],
    ),
    dg.AssetSpec(
        TOPIC,
        description="Articles as they come in: JSON messages of a Kafka topic (KAFKA_TOPIC).",
        group_name="sources",
        kinds={"kafka", "json"},
        owners=["team:news"],
    ),
]
"""Where articles come from, outside Dagster."""


@dg.asset(
    deps=[FILES],
    kinds={"pyspark", "iceberg"},
    group_name="news",
    owners=["team:news"],
    description="Articles from CSV files (SCRAPED_DATA_PATH) that the Iceberg table ICEBERG_TABLE did not have.",
    pool="articles_raw",
)
def articles_raw_batch(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    """Run `weather_pipeline.spark.batch_write_raw_with_lineage`."""
    return run_driver(context, "weather_pipeline.spark.batch_write_raw_with_lineage")[0]


@dg.asset(
    deps=[TOPIC],
    kinds={"pyspark", "iceberg"},
    group_name="news",
    owners=["team:news"],
    description="Articles that the Kafka topic KAFKA_TOPIC has and the Iceberg table ICEBERG_TABLE did not have yet: "
    "as many as there are as it starts, then it ends.",
    pool="articles_raw",
)
def articles_raw_stream(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    """Run `weather_pipeline.spark.stream_write_raw_with_lineage`, until all that is there is read."""
    return run_driver(context, "weather_pipeline.spark.stream_write_raw_with_lineage")[0]
