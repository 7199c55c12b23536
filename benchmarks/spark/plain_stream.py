"""What Spark does by itself: the same articles from the topic into a table, without dead letters and lineage."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from weather_pipeline.settings import load_settings
from weather_pipeline.spark.articles import create_stream_tables, parsed, received
from weather_pipeline.spark.catalog import Table, catalog_of
from weather_pipeline.spark.openlineage_config import session_with_own_lineage
from weather_pipeline.spark.stream_write_raw_with_lineage import messages_of


def main() -> dict[str, Any]:
    """Run it."""
    settings = load_settings()
    table = Table.parsed(settings.iceberg_table)
    spark = session_with_own_lineage("plain_stream", catalog_of(settings, table.catalog).configuration).spark
    begun = time.monotonic()
    create_stream_tables(spark, table, table.beside("unused"))
    (
        received(parsed(messages_of(spark, settings)))
        .writeStream.option("checkpointLocation", settings.effective_stream_checkpoint)
        .option("check-nullability", "false")  # Spark knows no column that is never null here
        .option("fanout-enabled", "true")
        .trigger(availableNow=True)
        .toTable(str(table))
        .awaitTermination()
    )
    seconds = time.monotonic() - begun
    rows = spark.table(str(table)).count()
    spark.stop()
    return {"seconds": seconds, "rows": rows}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main()) + "\n")
