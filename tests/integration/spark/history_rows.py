"""The job of the weather's history, made while another writer makes it too, then once more; prints what came of it.

Statements that fail stand between.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from pyspark.sql import SparkSession

from weather_pipeline.errors import DataError
from weather_pipeline.spark import weather_history as job
from weather_pipeline.spark.catalog import Table
from weather_pipeline.spark.history import SilverFile

IMPOSSIBLE = (
    "CREATE TABLE demo.weather.nothing USING iceberg AS SELECT null AS nothing FROM {table}",
    "CREATE TABLE demo.weather.hot USING iceberg AS SELECT assert_true(temperature_c > 99) IS NULL AS hot FROM {table}",
)
"""The first is refused before Spark makes a job of it: often before the listener has seen it begin. Of the second the
action within fails."""

write, look = job.write, job.snapshot_id


def write_beside_another(spark: SparkSession, files: Sequence[SilverFile], table: Table) -> str:
    """Write, and have another writer do so once it is known what the table has; why it was refused."""

    def look_and_let_another_write(spark: SparkSession, table: Table) -> int | None:
        found = look(spark, table)
        job.snapshot_id = look
        write(spark, files, table)
        return found

    job.snapshot_id = look_and_let_another_write
    try:
        write(spark, files, table)
    except DataError as refused:
        return str(refused)
    return ""


def fail(spark: SparkSession, table: Table) -> None:
    """Do what can't be done."""
    for statement in IMPOSSIBLE:
        try:
            spark.sql(statement.format(table=table))
        except Exception:  # noqa: BLE001  (whatever Spark and Iceberg raise)
            continue
        raise AssertionError(statement)


def write_twice(spark: SparkSession, files: Sequence[SilverFile], table: Table) -> job.Written:
    refused = write_beside_another(spark, files, table)
    fail(spark, table)
    written = write(spark, files, table)
    found = spark.sql(f"SELECT location_id, string(observed_at), temperature_c FROM {table} ORDER BY 1, 2").collect()
    sys.stdout.write(json.dumps({"refused": refused, "rows": [list(row) for row in found]}) + "\n")
    return written


if __name__ == "__main__":
    job.write = write_twice
    job.main()
