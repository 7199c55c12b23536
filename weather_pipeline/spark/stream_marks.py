"""Which micro-batches are in a table: each append of a stream says so in its snapshot.

A driver that died between the table's commit and the checkpoint makes the last micro-batch of its query again, and must
find it. Snapshots expire, so what they say of the last one is carried on before (`carry_on`).
"""

from __future__ import annotations

from datetime import datetime

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812  (Spark's own convention)

from weather_pipeline.spark.catalog import Table
from weather_pipeline.spark.stream_lineage import Added

_QUERY, _BATCH = "weather.query", "weather.batch"
"""Properties of a snapshot: the checkpoint's query, and the number of the micro-batch."""
_ROWS, _BYTES = "weather.rows", "weather.bytes"
"""Properties of a snapshot that carries a micro-batch on: what its own snapshot had added."""


def append_once(spark: SparkSession, rows: DataFrame, table: Table, query: str, number: int) -> Added | None:
    """Append a micro-batch, unless a snapshot says that it is there; None where there is nothing to append.

    Args:
        spark: The session.
        rows: Its rows.
        table: The table.
        query: The checkpoint's query.
        number: The micro-batch's number.
    """
    if (known := added_by(spark, table, query, number)) is not None:
        return known
    if rows.isEmpty():
        return None
    _append(rows, table, {_QUERY: query, _BATCH: str(number)})
    return added_by(spark, table, query, number)


def added_by(spark: SparkSession, table: Table, query: str, number: int) -> Added | None:
    """What the append of a micro-batch added; None where it is not there."""
    found = _marked(spark, table).where((F.col("query") == query) & (F.col("batch") == number)).first()
    return None if found is None else Added(int(found["rows"]), int(found["bytes"]), int(found["snapshot_id"]))


def carry_on(spark: SparkSession, table: Table, before: datetime) -> int:
    """Say anew, by an append of nothing, which was the last micro-batch of each query, where that is said long ago.

    The snapshots that said so may then expire. A snapshot alone could not be kept: those that expire between it and the
    current one would cut it off from the table's history, and it would look like one that was rolled back.

    Args:
        spark: The session.
        table: The table.
        before: What was said before it is said anew.

    Returns:
        How many queries it was said for.
    """
    newest = _marked(spark, table).groupBy("query").agg(F.max_by(F.struct("*"), "batch").alias("last")).select("last.*")
    old = newest.where(F.col("committed_at") < F.lit(before)).collect()
    for row in old:
        said = {_QUERY: row["query"], _BATCH: row["batch"], _ROWS: row["rows"], _BYTES: row["bytes"]}
        _append(spark.table(str(table)).limit(0), table, {name: str(value) for name, value in said.items()})
    return len(old)


def _marked(spark: SparkSession, table: Table) -> DataFrame:
    """The snapshots of micro-batches."""
    summary = F.col("summary")
    return (
        spark.table(f"{table}.snapshots")
        .where(summary[_QUERY].isNotNull())
        # One that was rolled back is none.
        .join(spark.table(f"{table}.history").where("is_current_ancestor").select("snapshot_id"), "snapshot_id")
        .select(
            "snapshot_id",
            "committed_at",
            summary[_QUERY].alias("query"),
            summary[_BATCH].cast("long").alias("batch"),
            F.coalesce(summary[_ROWS], summary["added-records"], F.lit("0")).cast("long").alias("rows"),
            F.coalesce(summary[_BYTES], summary["added-files-size"], F.lit("0")).cast("long").alias("bytes"),
        )
    )


def _append(rows: DataFrame, table: Table, properties: dict[str, str]) -> None:
    writer = rows.writeTo(str(table))
    for name, value in properties.items():
        writer = writer.option(f"snapshot-property.{name}", value)
    writer.append()
