"""Fills tables as the batch and the stream do (`fill`), or does a stream's last micro-batches again (`again`).

Prints what it saw as JSON.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812  (Spark's own convention)

from weather_pipeline.settings import IcebergCatalog, load_settings
from weather_pipeline.spark import maintain_tables
from weather_pipeline.spark.article_columns import COLUMNS, REJECTED
from weather_pipeline.spark.article_files import csv_files
from weather_pipeline.spark.articles import create_stream_tables, create_tables
from weather_pipeline.spark.batch_write_raw_with_lineage import write
from weather_pipeline.spark.catalog import Table, catalog_of
from weather_pipeline.spark.openlineage_config import session_with_own_lineage
from weather_pipeline.spark.stream_marks import added_by, append_once

ARTICLES = Table.parsed("demo.news.articles_raw")
BATCHES = [("one", 0), ("one", 1), ("two", 0), ("one", 2), ("two", 1), ("one", 3)]


@contextmanager
def session() -> Iterator[SparkSession]:
    """A session that knows the catalog of the settings, and one of directories beside it."""
    settings = load_settings()
    catalog = catalog_of(settings, "demo")
    beside = catalog_of(settings.model_copy(update={"iceberg_catalog": IcebergCatalog.HADOOP}), "beside")
    configuration = {**catalog.configuration, **beside.configuration, "spark.sql.shuffle.partitions": "1"}
    spark = session_with_own_lineage("table_job", configuration).spark
    catalog.log_in(spark)
    try:
        yield spark
    finally:
        spark.stop()


def article(spark: SparkSession, name: str) -> DataFrame:
    """One article of a day of which the sample has none."""
    known = {"id": F.lit(name), "published_at": F.to_timestamp(F.lit("2020-01-01 08:00:00")), "title": F.lit("Rain")}
    return spark.range(1).select(*[known.get(name, F.lit(None).cast("string")).alias(name) for name in COLUMNS])


def fill() -> dict[str, Any]:
    with session() as spark:
        total = write(spark, csv_files(load_settings()), ARTICLES).total
        create_stream_tables(spark, ARTICLES, ARTICLES.beside("articles_raw_dead_letters"))
        for query, number in BATCHES:
            assert append_once(spark, article(spark, f"{query}-{number}"), ARTICLES, query, number)
        directories = Table.parsed("beside.press.articles")
        create_tables(spark, directories, directories.beside(directories.name + REJECTED))
        article(spark, "beside").writeTo(str(directories)).append()
    return {"total": total + len(BATCHES)}


def again() -> dict[str, Any]:
    done = maintain_tables.main(["demo.news.nothing", str(ARTICLES)])
    with session() as spark:
        last = {query: added_by(spark, ARTICLES, query, number) for query, number in (("one", 3), ("two", 1))}
        written = append_once(spark, article(spark, "twice"), ARTICLES, "one", 3)
        earlier = added_by(spark, ARTICLES, "one", 0)
        # The table of another catalog by the same name, at the same place.
        same = Table.parsed("beside.news.articles_raw")
        create_tables(spark, same, same.beside(same.name + REJECTED))
        article(spark, "beside").writeTo(str(same)).append()
    shared = maintain_tables.main([str(ARTICLES)])
    return {
        "maintained": asdict(done),
        "shared": asdict(shared)["tables"][0],
        "last": {query: found and asdict(found) for query, found in last.items()},
        "written": written and asdict(written),
        "earlier": earlier and asdict(earlier),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps({"fill": fill, "again": again}[sys.argv[1]]()) + "\n")
