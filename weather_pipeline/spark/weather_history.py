"""Silver into the Iceberg table of weather's history: `python -m weather_pipeline.spark.weather_history`.

`--start` and `--end` say which hours (`2026-11-20T08`, UTC, the end excluded); without them all that silver has. The
table has for these hours what silver has, in one commit, however often it runs; all other hours stay.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

from py4j.protocol import Py4JJavaError
from pyspark.sql import Column, SparkSession
from pyspark.sql import functions as F  # noqa: N812  (Spark's own convention)

from weather_pipeline.errors import DataError
from weather_pipeline.settings import load_settings
from weather_pipeline.spark.catalog import Table, catalog_of
from weather_pipeline.spark.history import (
    COLUMNS,
    SPARK_TYPES,
    TIME,
    SilverFile,
    history_table,
    lake_directory,
    silver_files,
    silver_place,
)
from weather_pipeline.spark.openlineage_config import add_lineage_metadata, session_with_lineage
from weather_pipeline.spark.pipes import report
from weather_pipeline.spark.program import program
from weather_pipeline.spark.tables import PROPERTIES, create_namespace, one_at_a_time, row_count, snapshot_id
from weather_pipeline.weather.hours import HOUR, check_hours, unbroken

APPLICATION = "weather_history"

_DAY = timedelta(days=1)
_CHECKED = "spark.hadoop.parquet.page.verify-checksum.enabled"
"""Silver's pages have checksums: a damaged one is no reading."""
_CONFLICT = "org.apache.iceberg.exceptions.ValidationException"
_TABLE = """
    CREATE TABLE IF NOT EXISTS {table} ({columns}) USING iceberg PARTITIONED BY (days({time}))
    COMMENT 'Clean observations of the weather, hour by hour' {properties}
"""


@dataclass(frozen=True)
class Written:
    """What a run of the job did.

    Attributes:
        table: The table.
        hours: Hours that were replaced.
        rows: Rows that these hours have now.
        total: Rows that the table has now.
        snapshot: The table's snapshot.
        seconds: How long it took, without the start of Spark.
    """

    table: str
    hours: int
    rows: int
    total: int
    snapshot: int | None
    seconds: float


def main(arguments: Sequence[str] | None = None) -> tuple[Written, list[SilverFile]]:
    """Run the job as the settings and arguments say.

    Returns:
        What it did, and the hours' files.

    Raises:
        ConfigurationError: A setting can't be used.
        DataError: Silver lacks an hour, or has a file that can't be used.
    """
    hours = _hours(arguments)
    settings = load_settings()
    files = silver_files(lake_directory(settings), hours)
    table = history_table(settings)
    catalog = catalog_of(settings, table.catalog)
    configuration = {**catalog.configuration, _CHECKED: "true"}
    spark = session_with_lineage(APPLICATION, configuration, places=[silver_place(settings)])
    catalog.log_in(spark)
    add_lineage_metadata(spark, job_type="batch", source_system="parquet", target_system="iceberg")
    try:
        with one_at_a_time(settings.home, table):
            return write(spark, files, table), files
    finally:
        spark.stop()


def _hours(arguments: Sequence[str] | None) -> tuple[datetime, datetime] | None:
    """The range of hours that is asked for."""
    parser = argparse.ArgumentParser(prog=APPLICATION, description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--start", type=_moment, help="the first hour, as 2026-11-20T08, UTC")
    parser.add_argument("--end", type=_moment, help="the end, excluded")
    asked = parser.parse_args(arguments)
    if asked.start is None and asked.end is None:
        return None
    if asked.start is None or asked.end is None:
        parser.error("--start and --end belong together: give both, or none for all of silver")
    try:
        check_hours(asked.start, asked.end)
    except ValueError as error:
        parser.error(str(error))
    return asked.start, asked.end


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no time in ISO 8601, as 2026-11-20T08") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def write(spark: SparkSession, files: Sequence[SilverFile], table: Table) -> Written:
    """Replace the hours of these files.

    Iceberg replaces whole files, in which an hour lies beside the others of its day: so the days are replaced, and the
    rows of their other hours are written again as they are.

    Args:
        spark: A session that knows the table's catalog.
        files: The files, of an hour each.
        table: The table.

    Raises:
        DataError: Another writer changed the table meanwhile.
    """
    begun = time.monotonic()
    _create(spark, table)
    before = snapshot_id(spark, table)
    hours = unbroken((file.hour for file in files), HOUR)
    days = unbroken((file.hour.replace(hour=0) for file in files), _DAY)
    schema = ", ".join(f"{column.name} {SPARK_TYPES[column.sql_type]}" for column in COLUMNS)
    rows = spark.read.schema(schema).parquet(*(f"file://{file.path}" for file in files))
    if before is not None and hours != days:
        rows = rows.unionByName(spark.table(str(table)).where(_within(days) & ~_within(hours)))
    # What another writer adds meanwhile must not be lost: this write fails then. Without a snapshot to begin with,
    # Iceberg looks for it in all of the table's history.
    writer = rows.writeTo(str(table)).option("isolation-level", "serializable")
    if before is not None:
        writer = writer.option("validate-from-snapshot-id", str(before))
    try:
        writer.overwrite(_within(days))
    except Py4JJavaError as error:
        if _CONFLICT not in str(error):
            raise
        raise DataError(
            f"Another writer changed {table} meanwhile: nothing of these hours was written, none is lost. Run it again."
        ) from error
    return Written(
        table=str(table),
        hours=len(files),
        rows=sum(file.rows for file in files),
        total=row_count(spark, table),
        snapshot=snapshot_id(spark, table),
        seconds=round(time.monotonic() - begun, 3),
    )


def _create(spark: SparkSession, table: Table) -> None:
    create_namespace(spark, table)
    columns = ", ".join(
        f"{column.name} {SPARK_TYPES[column.sql_type]}{'' if column.nullable else ' NOT NULL'} "
        f"COMMENT '{column.described}'"
        for column in COLUMNS
    )
    spark.sql(_TABLE.format(table=table, columns=columns, time=TIME, properties=PROPERTIES))


def _within(ranges: Iterable[tuple[datetime, datetime]]) -> Column:
    """Whether a row's time lies in one of these ranges."""
    within = F.lit(False)
    for start, end in ranges:
        within = within | ((F.col(TIME) >= F.lit(start)) & (F.col(TIME) < F.lit(end)))
    return within


if __name__ == "__main__":
    with program():
        written, found = main()
        known = asdict(written)
        report(
            {f"history/{name}": value for name, value in known.items()} | {"dagster/row_count": written.total},
            {file.hour.isoformat(): file.rows for file in found},
        )
        sys.stdout.write(json.dumps(known) + "\n")
