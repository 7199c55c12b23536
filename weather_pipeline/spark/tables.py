"""What is asked of an Iceberg table itself, and one writer at a time."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pyspark.sql import SparkSession

from weather_pipeline.spark.catalog import Table

PROPERTIES = """TBLPROPERTIES (
        'write.metadata.delete-after-commit.enabled' = 'true',
        'write.metadata.previous-versions-max' = '100'
    )"""
"""Each commit writes a metadata file, and a stream commits for days: without these all are kept for ever."""


@contextmanager
def one_at_a_time(home: Path, table: Table) -> Iterator[None]:
    """Wait for another job of this machine that looks into a table before it writes.

    Args:
        home: The state directory.
        table: The table.
    """
    locks = home / "locks"
    locks.mkdir(parents=True, exist_ok=True)
    with (locks / f"{table}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def create_namespace(spark: SparkSession, table: Table) -> None:
    """Make a table's namespace where it is missing."""
    spark.sql(f"CREATE NAMESPACE IF NOT EXISTS {table.catalog}.{table.namespace}")


def row_count(spark: SparkSession, table: Table) -> int:
    """Rows, from the table's own metadata: no file is read, and no action of it shows in the lineage."""
    found = spark.sql(f"SELECT sum(record_count) AS rows FROM {table}.data_files").first()  # noqa: S608  (names are checked)
    return int(found.rows or 0) if found else 0


def snapshot_id(spark: SparkSession, table: Table) -> int | None:
    """The table's snapshot; None where nothing was written yet."""
    found = spark.sql(f"SELECT max(snapshot_id) AS id FROM {table}.refs WHERE name = 'main'").first()  # noqa: S608
    return found.id if found else None
