"""Articles from CSV files into an Iceberg table: `python -m weather_pipeline.spark.batch_write_raw_with_lineage`.

`SCRAPED_DATA_PATH` says which files, `ICEBERG_TABLE` which table. Rows that can't be let in go to the table beside it,
`…_rejected`, with the reason. Files that were read before add nothing, whole or in part.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from pyspark.sql import SparkSession
from pyspark.sql import functions as F  # noqa: N812  (Spark's own convention)

from weather_pipeline.settings import load_settings
from weather_pipeline.spark.article_columns import REJECTED
from weather_pipeline.spark.article_files import check_headers, csv_files, files_place
from weather_pipeline.spark.articles import AS_IT_COMES, CORRUPT, append_new, bad, create_tables, good
from weather_pipeline.spark.catalog import Table, catalog_of
from weather_pipeline.spark.openlineage_config import add_lineage_metadata, session_with_lineage
from weather_pipeline.spark.pipes import report
from weather_pipeline.spark.program import program
from weather_pipeline.spark.tables import one_at_a_time, row_count, snapshot_id

APPLICATION = "batch_write_raw_with_lineage"


@dataclass(frozen=True)
class Written:
    """What a run of the job did.

    Attributes:
        table: The table.
        files: CSV files that were read.
        rows: Rows that were added.
        rejected: Rows that were kept aside, and were not before.
        total: Rows that the table has now.
        snapshot: The table's snapshot, None where it has none yet.
        seconds: How long it took, without the start of Spark.
    """

    table: str
    files: int
    rows: int
    rejected: int
    total: int
    snapshot: int | None
    seconds: float


def main(arguments: Sequence[str] | None = None) -> Written:
    """Run the job as the settings say.

    Raises:
        ConfigurationError: A setting can't be used, or no file is there.
        DataError: A file has other columns.
    """
    parser = argparse.ArgumentParser(
        prog=APPLICATION,
        description=(__doc__ or "").splitlines()[0],
        epilog="SCRAPED_DATA_PATH says which files (a pattern; else articles that ship with the product), "
        "ICEBERG_TABLE which table.",
    )
    parser.parse_args(arguments)
    settings = load_settings()
    files = csv_files(settings)
    check_headers(files)
    table = Table.parsed(settings.iceberg_table)
    catalog = catalog_of(settings, table.catalog)
    spark = session_with_lineage(APPLICATION, catalog.configuration, places=[files_place(settings)])
    catalog.log_in(spark)
    add_lineage_metadata(spark, job_type="batch", source_system="csv", target_system="iceberg")
    try:
        with one_at_a_time(settings.home, table):
            # Two that look before both append would add rows twice.
            return write(spark, files, table)
    finally:
        spark.stop()


def write(spark: SparkSession, files: list[str], table: Table) -> Written:
    """Append what the table does not have.

    Args:
        spark: A session that knows the table's catalog.
        files: The CSV files, as URLs.
        table: The table.
    """
    begun = time.monotonic()
    rejected = table.beside(table.name + REJECTED)
    create_tables(spark, table, rejected)
    before = row_count(spark, table), row_count(spark, rejected)
    rows = spark.read.csv(
        files,
        header=True,
        enforceSchema=False,  # a header with other columns fails the job: by their places they would be mixed up
        schema=AS_IT_COMES,
        multiLine=True,
        escape='"',
        columnNameOfCorruptRecord=CORRUPT,
    )
    append_new(good(rows), table, ["id"])
    append_new(bad(rows, F.input_file_name()), rejected, ["origin", "record"])
    total = row_count(spark, table)
    return Written(
        table=str(table),
        files=len(files),
        rows=total - before[0],
        rejected=row_count(spark, rejected) - before[1],
        total=total,
        snapshot=snapshot_id(spark, table),
        seconds=round(time.monotonic() - begun, 3),
    )


if __name__ == "__main__":
    with program():
        written = asdict(main())
        known = {f"articles/{name}": value for name, value in written.items()}
        report(known | {"dagster/row_count": written["total"], "openlineage/row_count": written["rows"]})
        sys.stdout.write(json.dumps(written) + "\n")
