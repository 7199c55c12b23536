"""What the quality rules found, in the warehouse: metrics with their history, and the quarantine as it is now."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import psycopg
import pyarrow as pa

from weather_pipeline.store.errors import database_errors
from weather_pipeline.weather.hours import check_hours
from weather_pipeline.weather.quality import QUARANTINE_SCHEMA, QualityReport
from weather_pipeline.weather.rules import RULE_BY_NAME, Severity

OVERALL = "overall"
"""The rule name of an hour's total: rows received, rows quarantined, score."""

_LOCK = 3


def replace_quality(database_url: str, report: QualityReport, *, run_id: str) -> int:
    """Store every rule's count for every hour. A retry of a run replaces its own; other runs' stay as history.

    Args:
        database_url: postgresql://… of the warehouse.
        report: What was found.
        run_id: The run that judged.

    Returns:
        Rows stored.
    """
    rows = list(_metrics(report, run_id))
    with database_errors(), psycopg.connect(database_url) as connection, connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM weather.quality_metrics WHERE run_id = %s AND hour >= %s AND hour < %s",
            [run_id, report.start, report.end],
        )
        cursor.executemany(
            "INSERT INTO weather.quality_metrics "
            "(run_id, hour, rule, severity, rows_checked, rows_failed, passed, score) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
            rows,
        )
    return len(rows)


def replace_quarantine(database_url: str, report: QualityReport) -> int:
    """Make the quarantine of the report's hours what the report found.

    Returns:
        Rows stored: one for each row and rule that failed.
    """
    names = QUARANTINE_SCHEMA.names
    with database_errors(), psycopg.connect(database_url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, 0)", [_LOCK])
        cursor.execute("DELETE FROM weather.quarantine WHERE hour >= %s AND hour < %s", [report.start, report.end])
        with cursor.copy(f"COPY weather.quarantine ({', '.join(names)}) FROM STDIN".encode()) as copy:
            for batch in report.quarantine.to_batches():
                for row in batch.to_pylist():
                    copy.write_row([row[name] for name in names])
    return report.quarantine.num_rows


def read_quarantine(database_url: str, start: datetime, end: datetime) -> pa.Table:
    """The quarantine of a half-open range of UTC hours, as `clean` takes it.

    Returns:
        A table with `QUARANTINE_SCHEMA`.
    """
    check_hours(start, end)
    columns = ", ".join("payload::text" if name == "payload" else name for name in QUARANTINE_SCHEMA.names)
    statement = f"""
    SELECT {columns} FROM weather.quarantine WHERE hour >= %s AND hour < %s ORDER BY bronze_key, row_number, rule
    """  # noqa: S608  (constants)
    with database_errors(), psycopg.connect(database_url) as connection:
        rows = connection.execute(statement.encode(), [start, end]).fetchall()
    entries = [dict(zip(QUARANTINE_SCHEMA.names, row, strict=True)) for row in rows]
    return pa.Table.from_pylist(entries, schema=QUARANTINE_SCHEMA)


def _metrics(report: QualityReport, run_id: str) -> Iterable[tuple[object, ...]]:
    for hour in report.hours:
        for name, count in hour.counts.items():
            share = 1 - count.failed / count.checked if count.checked else 1.0
            severity = RULE_BY_NAME[name].severity.value
            yield run_id, hour.hour, name, severity, count.checked, count.failed, count.failed == 0, share
        passed = hour.quarantined == 0 and hour.score > 0
        error = Severity.ERROR.value
        yield run_id, hour.hour, OVERALL, error, hour.rows, hour.quarantined, passed, hour.score
