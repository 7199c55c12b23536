"""Keep Iceberg tables small and fast: `python -m weather_pipeline.spark.maintain_tables [TABLE…]`.

Of each table small files are joined, snapshots that are older than `WEATHER_ICEBERG_KEEP_DAYS` expire, and files that
belong to no snapshot are removed. Without a table's name: all that our jobs write. A table that can't be maintained is
named, and the others are.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from typing import Any

from openlineage.client.uuid import generate_new_uuid
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import Row, SparkSession

from weather_pipeline.errors import DataError
from weather_pipeline.settings import Settings, load_settings
from weather_pipeline.spark.catalog import Table, catalog_of
from weather_pipeline.spark.events import data_source, dataset_version, facet, schema, tell
from weather_pipeline.spark.maintained import expiring, maintained_tables
from weather_pipeline.spark.openlineage_config import OwnLineageSession, session_with_own_lineage
from weather_pipeline.spark.pipes import report, report_error
from weather_pipeline.spark.program import program
from weather_pipeline.spark.root_cause import root_cause
from weather_pipeline.spark.stream_marks import carry_on
from weather_pipeline.spark.table_files import SharedLocation, check_alone
from weather_pipeline.spark.warehouse import is_on_s3

APPLICATION = "maintain_tables"
_JOB_TYPE = {"processingType": "BATCH", "jobType": "JOB"}

_CONFIGURATION = {
    # What is sorted are lists of files: Spark's 200 parts are slower than a few by far.
    "spark.sql.shuffle.partitions": "4",
    "spark.ui.showConsoleProgress": "false",
}

_Told = tuple[dict[str, Any], dict[str, Any] | None]
"""A table as an input of an event, and as an output where its files were joined."""


@dataclass
class Maintained:
    """What was done to a table; in a dry run, what would be.

    Attributes:
        table: The table.
        rows: Its rows.
        files_before: Data files before.
        files_after: Data files after.
        bytes_before: Bytes in them before.
        bytes_after: Bytes in them after.
        files_joined: How many of them were joined.
        snapshot: The snapshot of the joined files; None where there were none to join.
        carried_on: Queries of streams whose last micro-batch is said by a new snapshot.
        snapshots_expired: Snapshots that are gone.
        orphans_removed: Files that belonged to no snapshot.
        error: Why it could not be done, or not all of it.
    """

    table: str
    rows: int = 0
    files_before: int = 0
    files_after: int = 0
    bytes_before: int = 0
    bytes_after: int = 0
    files_joined: int = 0
    snapshot: int | None = None
    carried_on: int = 0
    snapshots_expired: int = 0
    orphans_removed: int = 0
    error: str | None = None


@dataclass
class Maintenance:
    """What a run of the job did."""

    dry_run: bool
    tables: list[Maintained] = field(default_factory=list)

    @property
    def rewritten(self) -> list[Maintained]:
        """The tables whose files were joined."""
        return [table for table in self.tables if table.snapshot is not None]

    @property
    def failed(self) -> list[Maintained]:
        """The tables that could not be maintained."""
        return [table for table in self.tables if table.error]


class NoTable(DataError):
    """The catalog has no such table."""

    def __init__(self, table: Table, beside: set[str]) -> None:
        """Name the table, and those of its namespace."""
        names = ", ".join(str(table.beside(name)) for name in sorted(beside))
        there = f"There are: {names}" if names else f"{table.catalog}.{table.namespace} has none"
        super().__init__(f"There is no table {table}. {there}.")


def main(arguments: Sequence[str] | None = None) -> Maintenance:
    """Run the job as the settings say.

    Raises:
        ConfigurationError: A setting or a table's name can't be used.
    """
    parser = argparse.ArgumentParser(prog=APPLICATION, description=(__doc__ or "").splitlines()[0])
    parser.add_argument("tables", nargs="*", metavar="TABLE", help="CATALOG.NAMESPACE.TABLE")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
    given = parser.parse_args(arguments)
    settings = load_settings()
    wanted = [Table.parsed(name) for name in given.tables]
    catalog = catalog_of(settings, Table.parsed(settings.iceberg_table).catalog)
    # The listener finds no table in what these procedures do, and calls their steps jobs.
    session = session_with_own_lineage(APPLICATION, {**_CONFIGURATION, **catalog.configuration})
    catalog.log_in(session.spark)
    try:
        return _maintain(session, settings, wanted, dry_run=given.dry_run)
    finally:
        session.spark.stop()


def _maintain(session: OwnLineageSession, settings: Settings, wanted: list[Table], *, dry_run: bool) -> Maintenance:
    spark, run_id, done = session.spark, str(generate_new_uuid()), Maintenance(dry_run)
    job, events = (settings.spark_namespace, APPLICATION), None if dry_run else session.events
    if events:
        tell(events, "START", run_id=run_id, job=job, job_type=_JOB_TYPE)
    names = cache(partial(_names, spark))
    tables = wanted or [
        table for table in maintained_tables(settings) if table.name in names(table.catalog, table.namespace)
    ]
    datasets: list[_Told] = []
    for table in tables:
        found = Maintained(str(table))
        done.tables.append(found)
        try:
            _check_there(table, names(table.catalog, table.namespace))
            if dry_run:
                _look(spark, settings, table, found)
            else:
                _maintain_table(spark, settings, table, found, datasets)
        except (NoTable, SharedLocation) as error:
            found.error = str(error)
        except (PySparkException, Py4JError) as error:
            found.error = root_cause(error)
        if found.error:
            sys.stderr.write(f"! {table}: {found.error}\n")
    if events:
        read, written = [each for each, _ in datasets], [each for _, each in datasets if each]
        tell(events, "COMPLETE", run_id=run_id, job=job, job_type=_JOB_TYPE, inputs=read, outputs=written)
    return done


def _check_there(table: Table, names: set[str]) -> None:
    """Check that a table is one of its namespace's.

    Raises:
        NoTable: It is not.
    """
    if table.name not in names:
        raise NoTable(table, names)


def _names(spark: SparkSession, catalog: str, namespace: str) -> set[str]:
    """The tables of a namespace; none where it is not there.

    They are listed: asked for a missing `history`, Iceberg looks for that of another table, and servers refuse it.
    """
    if namespace not in {row[0] for row in spark.sql(f"SHOW NAMESPACES IN {catalog}").collect()}:
        return set()
    return {row["tableName"] for row in spark.sql(f"SHOW TABLES IN {catalog}.{namespace}").collect()}


def _look(spark: SparkSession, settings: Settings, table: Table, done: Maintained) -> None:
    """Say what would be done to a table. Which files would be joined Iceberg does not tell."""
    done.rows, done.files_before, done.bytes_before = _figures(spark, table)
    done.files_after, done.bytes_after = done.files_before, done.bytes_before
    committed = list(_snapshots(spark, table).values())
    done.snapshots_expired = expiring(committed, _ago(settings.iceberg_keep_days), settings.iceberg_keep_snapshots)
    done.orphans_removed = _remove_orphans(spark, settings, table, dry_run=True)


def _maintain_table(spark: SparkSession, settings: Settings, table: Table, done: Maintained, told: list[_Told]) -> None:
    cut, snapshots = _ago(settings.iceberg_keep_days), _snapshots(spark, table)
    done.rows, done.files_before, done.bytes_before = _figures(spark, table)
    (joined,) = _call(spark, table, f"rewrite_data_files(table => '{table}')")
    done.files_joined = int(joined["rewritten_data_files_count"])
    summary: dict[str, str] = {}
    if done.files_joined:
        done.snapshot, summary = _newest_rewrite(spark, table)
    told.append(_datasets(spark, table, done.snapshot, summary))
    done.carried_on = carry_on(spark, table, cut)
    keep = settings.iceberg_keep_snapshots
    if expiring(list(_snapshots(spark, table).values()), cut, keep):
        _call(spark, table, f"expire_snapshots(table => '{table}', older_than => {_time(cut)}, retain_last => {keep})")
        done.snapshots_expired = len(snapshots.keys() - _snapshots(spark, table).keys())
    done.orphans_removed = _remove_orphans(spark, settings, table, dry_run=False)
    done.rows, done.files_after, done.bytes_after = _figures(spark, table)


def _remove_orphans(spark: SparkSession, settings: Settings, table: Table, *, dry_run: bool) -> int:
    """Remove files that belong to no snapshot, those of writes that go on excepted; how many.

    Raises:
        SharedLocation: Files of another table lie there: they would be taken for orphans.
    """
    check_alone(spark, table)
    older = _time(_ago(settings.iceberg_orphan_days))
    # Hadoop lists files by itself, and knows no S3 here.
    by_iceberg = ", prefix_listing => true" if is_on_s3(settings) else ""
    arguments = f"table => '{table}', older_than => {older}, dry_run => {str(dry_run).lower()}{by_iceberg}"
    return len(_call(spark, table, f"remove_orphan_files({arguments})"))


def _call(spark: SparkSession, table: Table, procedure: str) -> list[Row]:
    """Call a procedure of Iceberg's; what it says."""
    return spark.sql(f"CALL {table.catalog}.system.{procedure}").collect()


def _ago(days: float) -> datetime:
    return datetime.now(UTC) - timedelta(days=days)


def _time(moment: datetime) -> str:
    """A time in SQL; sessions with our catalogs are in UTC."""
    return f"TIMESTAMP '{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}'"


def _figures(spark: SparkSession, table: Table) -> tuple[int, int, int]:
    """Rows, data files, and their bytes."""
    found = spark.sql(
        "SELECT coalesce(sum(record_count), 0) AS rows, count(*) AS files, "  # noqa: S608  (names are checked)
        f"coalesce(sum(file_size_in_bytes), 0) AS bytes FROM {table}.data_files"
    ).first()
    return (int(found.rows), int(found.files), int(found.bytes)) if found else (0, 0, 0)


def _snapshots(spark: SparkSession, table: Table) -> dict[int, datetime]:
    """The table's snapshots, and when each was committed."""
    rows = spark.table(f"{table}.snapshots").selectExpr("snapshot_id", "unix_micros(committed_at) AS at").collect()
    return {int(row["snapshot_id"]): datetime.fromtimestamp(row["at"] / 1_000_000, UTC) for row in rows}


def _newest_rewrite(spark: SparkSession, table: Table) -> tuple[int, dict[str, str]]:
    """The snapshot that has the joined files, and its summary."""
    (row,) = spark.table(f"{table}.snapshots").where("operation = 'replace'").orderBy("committed_at").tail(1)
    return int(row["snapshot_id"]), dict(row["summary"])


def _datasets(spark: SparkSession, table: Table, snapshot: int | None, summary: dict[str, str]) -> _Told:
    """A table as what was read and, where its files were joined, as what was written."""
    namespace = f"iceberg://{table.catalog}"
    columns = [(column.name, column.dataType.simpleString()) for column in spark.table(str(table)).schema]
    named = {"namespace": namespace, "name": str(table)}
    facets = {"dataSource": data_source(namespace), "schema": schema(columns)}
    if snapshot is None:
        return {**named, "facets": facets}, None
    read = _statistics(summary, "deleted-records", "deleted-data-files", "removed-files-size")
    written = _statistics(summary, "added-records", "added-data-files", "added-files-size")
    return (
        {
            **named,
            "facets": facets,
            "inputFacets": {"inputStatistics": facet("1-0-0/InputStatisticsInputDatasetFacet", **read)},
        },
        {
            **named,
            "facets": {**facets, "version": dataset_version(snapshot)},
            "outputFacets": {"outputStatistics": facet("1-0-2/OutputStatisticsOutputDatasetFacet", **written)},
        },
    )


def _statistics(summary: dict[str, str], *keys: str) -> dict[str, int]:
    return {
        name: int(summary[key])
        for name, key in zip(("rowCount", "fileCount", "size"), keys, strict=True)
        if key in summary
    }


def _metadata(done: Maintenance) -> dict[str, Any]:
    """What Dagster is told: the sums, each table, and which tables were read and written."""
    tables = [asdict(table) for table in done.tables]
    read, rewritten = ([_named(table.table) for table in some] for some in (done.tables, done.rewritten))
    sums = ("files_joined", "snapshots_expired", "orphans_removed")
    return {
        "iceberg/tables": tables,
        **{f"iceberg/{name}": sum(table[name] for table in tables) for name in sums},
        "openlineage/inputs": read,
        "openlineage/outputs": rewritten,
    }


def _named(table: str) -> dict[str, str]:
    return {"namespace": f"iceberg://{table.partition('.')[0]}", "name": table}


if __name__ == "__main__":
    with program():
        maintenance = main()
        sys.stdout.write(json.dumps(asdict(maintenance)) + "\n")
        if maintenance.failed:
            names = ", ".join(table.table for table in maintenance.failed)
            report_error(why := f"not maintained, or not wholly: {names}")
            sys.exit(f"Error: {why}")
        report(_metadata(maintenance))
