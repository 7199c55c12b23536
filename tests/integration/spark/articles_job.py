"""A Spark job as a team has it: CSV to an Iceberg table. One line of it was changed for lineage, and one was added.

Prints what it saw as JSON. Arguments: the CSV file, the warehouse's directory.
"""

from __future__ import annotations

import json
import sys

from pyspark.sql import SparkSession
from pyspark.sql.functions import upper

from weather_pipeline.spark.openlineage_config import add_lineage_metadata, create_spark_session_with_lineage

NAME = "ArticlesToIceberg"


def settings_of(warehouse: str) -> dict[str, object]:
    return {
        "spark.master": "local[1]",
        "spark.driver.memory": "1g",
        "spark.ui.enabled": False,
        "spark.sql.shuffle.partitions": 1,
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
        "spark.sql.catalog.lake": "org.apache.iceberg.spark.SparkCatalog",
        "spark.sql.catalog.lake.type": "hadoop",
        "spark.sql.catalog.lake.warehouse": f"file://{warehouse}",
    }


def write(spark: SparkSession, csv: str) -> None:
    spark.sql("CREATE TABLE lake.news.articles (id string, published_at timestamp, title string) USING iceberg")
    articles = spark.read.csv(f"file://{csv}", header=True, schema="id string, published_at timestamp, title string")
    (
        articles.where("id IS NOT NULL")
        .select("id", "published_at", upper("title").alias("title"))
        .writeTo("lake.news.articles")
        .append()
    )


def main(csv: str, warehouse: str) -> dict[str, object]:
    spark = create_spark_session_with_lineage(NAME, additional_configs=settings_of(warehouse))
    add_lineage_metadata(spark, job_type="batch", source_system="csv", target_system="iceberg")
    write(spark, csv)
    rows = [
        [row.id, str(row.published_at), row.title] for row in spark.table("lake.news.articles").orderBy("id").collect()
    ]
    again = create_spark_session_with_lineage("Another", settings_of(warehouse))
    seen: dict[str, object] = {
        "rows": rows,
        "java": spark.sparkContext._jvm.System.getProperty("java.version"),  # type: ignore[union-attr]
        "same": again.sparkContext is spark.sparkContext,
    }
    spark.stop()
    return seen


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(*sys.argv[1:])) + "\n")
