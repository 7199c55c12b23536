"""The batch job, which says at its end how much memory its Java still holds: `python -m benchmarks.spark.batch_job`."""

from __future__ import annotations

import json
import sys
from typing import Any

from pyspark.sql import SparkSession

from weather_pipeline.settings import load_settings
from weather_pipeline.spark.article_files import csv_files, files_place
from weather_pipeline.spark.batch_write_raw_with_lineage import APPLICATION, write
from weather_pipeline.spark.catalog import Table, catalog_of
from weather_pipeline.spark.openlineage_config import session_with_lineage


def main() -> dict[str, Any]:
    """Run it."""
    settings = load_settings()
    table = Table.parsed(settings.iceberg_table)
    catalog = catalog_of(settings, table.catalog)
    spark = session_with_lineage(APPLICATION, catalog.configuration, places=[files_place(settings)])
    written = write(spark, csv_files(settings), table)
    held = held_mb(spark)
    spark.stop()
    return {"seconds": written.seconds, "rows": written.rows, "held_mb": held}


def held_mb(spark: SparkSession) -> float:
    """What Java holds once its garbage is collected: heap, classes and compiled code, MiB."""
    java: Any = spark._jvm  # noqa: SLF001  (there is no other way)
    for _ in range(2):
        java.System.gc()
    memory = java.java.lang.management.ManagementFactory.getMemoryMXBean()
    return (memory.getHeapMemoryUsage().getUsed() + memory.getNonHeapMemoryUsage().getUsed()) / 2**20


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main()) + "\n")
